"""`vmtriage scan` over a real NFS mount: read through it by crash, and its server killed."""

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fixtures import lab
from tests.live import NEW, crash_of
from tests.nfs import Server, mounted
from tests.scanning import Site
from tests.test_live_scan import crash_below

pytestmark = pytest.mark.live


@dataclass
class Share:
    """A share as its server has it (`on_server.share`), and as the site's machine sees it."""

    server: Server
    on_server: Site
    site: Site


@pytest.fixture
def share(tmp_path: Path) -> Iterator[Share]:
    on_server = Site(tmp_path / "server")
    on_server.share.mkdir(parents=True)
    site = Site(tmp_path / "here", {"VMTRIAGE_CRASH": str(crash_of(NEW))})
    with mounted(tmp_path / "nfs", on_server.share, site.share) as server:
        yield Share(server, on_server, site)


def put(share: Share, name: str, scenario: str) -> Path:
    """A dump that kdump has just left on the server."""
    directory = share.on_server.share / name
    directory.mkdir()
    return Path(shutil.copy(lab.build(scenario).vmcore, directory / "vmcore"))


def test_dumps_and_logs_are_triaged_through_nfs(share: Share) -> None:
    put(share, "192.0.2.1-2026-01-02-15:00:00", "null")
    share.on_server.log(1)
    done = share.site.scan("--settle", "0")
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 new of 2 crashes" in done.stdout
    share.site.is_whole()
    told = share.site.occurrences()
    assert [each.stage for each in told.values()].count("full") == 1
    assert share.site.scan().stdout == ""


def test_a_file_server_that_dies_loses_no_dump(share: Share) -> None:
    share.on_server.log(1)
    assert share.site.scan("--settle", "0").returncode == 0
    put(share, "192.0.2.1-2026-01-02-15:00:00", "null")
    share.server.kill()
    away = share.site.scan("--settle", "0")
    assert (away.returncode, "Input/output error" in away.stderr) == (75, True)
    assert len(share.site.occurrences()) == 1
    share.server.start()
    assert share.site.scan("--settle", "0").returncode == 0
    share.site.is_whole()
    assert len(share.site.occurrences()) == 2


def test_a_file_server_that_dies_while_crash_reads_is_tried_again(share: Share) -> None:
    put(share, "192.0.2.1-2026-01-02-15:00:00", "null")
    running = share.site.start("--settle", "0")
    while running.poll() is None and crash_below(running.pid) is None:
        time.sleep(0.005)
    share.server.kill()
    _, said = running.communicate(timeout=600)
    assert "Traceback" not in said
    assert running.returncode in (0, 75)  # 0: what crash needed had been read
    share.server.start()
    assert share.site.scan("--settle", "0", "--retry-quarantined").returncode == 0
    share.site.is_whole()
    (told,) = share.site.occurrences().values()
    assert (told.stage, told.function) == ("full", "crashlab_null")


def test_a_store_on_nfs_is_refused(share: Share) -> None:
    share.on_server.log(1)
    share.site.url = str(share.site.share / "store.sqlite")
    done = share.site.scan("--settle", "0")
    assert done.returncode == 78
    assert "is on a network filesystem (fuse.nfs" in done.stderr
