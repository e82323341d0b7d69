"""`vmtriage scan` over real dumps, with crash really running, and killed."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from fixtures import lab
from tests.live import NEW, crash_of, misread_parts, vmtriage
from tests.scanning import Site, aged, nobody_lives, tracker
from vmtriage.session.limits import family_of
from vmtriage.store.opening import open_store

pytestmark = pytest.mark.live

SCENARIOS = ("sysrq", "null")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path, {"VMTRIAGE_CRASH": str(crash_of(NEW))})
    for number, name in enumerate(SCENARIOS):
        directory = site.share / f"192.0.2.{number}-2026-01-02-15:00:00"
        directory.mkdir(parents=True)
        vmcore = lab.build(name).vmcore.resolve()
        try:
            os.link(vmcore, directory / "vmcore")
        except OSError:
            (directory / "vmcore").write_bytes(vmcore.read_bytes())
    return site


def test_parts_that_crash_would_misread_are_done_by_their_log(tmp_path: Path) -> None:
    site = Site(tmp_path, {"VMTRIAGE_CRASH": str(crash_of(NEW))})
    directory = site.share / "192.0.2.7-2026-01-02-15:00:00"
    directory.mkdir(parents=True)
    misread_parts(directory)
    ends = [(each["stage"], each["outcome"]) for each in site.events("--settle", "0")
            if each["kind"] == "ended"]  # fmt: skip
    assert ends == [("log", "ok"), ("full", "ok")]  # no namelist to come would change that
    site.is_whole()


def crash_below(pid: int) -> int | None:
    """A crash that works for a scan."""
    for each in family_of(pid):
        try:
            if Path(f"/proc/{each}/comm").read_text().strip() == "crash":
                return each
        except OSError:
            continue
    return None


def test_the_log_first_then_crash_and_the_ticket_hears_of_both(site: Site) -> None:
    with tracker() as tickets:
        site.config = tickets.config
        site.environment["TRACKER_TOKEN"] = "secret-of-the-test"
        told = site.events("--settle", "0")
        assert set(tickets.problems().values()) == {1}
        assert site.events("--settle", "0")[-1]["reason"] == "0 new of 2 crashes"
    ends = [(each["stage"], each["outcome"]) for each in told if each["kind"] == "ended"]
    assert ends == [("log", "ok")] * 2 + [("full", "ok")] * 2
    published = [number for number, each in enumerate(told) if each["kind"] == "published"]
    first_crash = [each.get("stage") for each in told].index("full")
    assert published[0] < first_crash  # a ticket does not wait for crash
    site.is_whole()
    for each in site.occurrences().values():
        assert each.stage == "full"
        report = json.loads((site.out / "d" / each.dump / "report.json").read_text())
        assert report["rung"]["name"] == "normal"
    assert set(site.attempts().values()) == {2}  # one by log, one in full
    nobody_lives(site.home)


def test_without_crash_the_logs_are_read_all_the_same(site: Site) -> None:
    site.environment["VMTRIAGE_CRASH"] = "no-such-crash"
    done = site.scan("--settle", "0")
    assert (done.returncode, "2 by log" in done.stdout) == (75, True)
    assert "crash(8) not found" in done.stderr
    del site.environment["VMTRIAGE_CRASH"]
    assert "2 in full" in site.scan("--settle", "0", "--crash", crash_of(NEW)).stdout
    site.is_whole()


def test_a_killed_crash_or_scan_loses_nothing(site: Site) -> None:
    site.scan("--settle", "0", "--limit", "1")
    for victim in ("crash", "scan"):
        scan = site.start("--settle", "0")
        while scan.poll() is None and (crash := crash_below(scan.pid)) is None:
            time.sleep(0.01)
        if victim == "crash" and crash is not None:
            os.kill(crash, signal.SIGKILL)
        else:
            scan.kill()
        scan.communicate(timeout=600)
        nobody_lives(site.home)
    site.scan("--settle", "0")
    site.is_whole()
    assert {each.stage for each in site.occurrences().values()} == {"full"}


def test_reports_are_made_anew_without_the_dumps(site: Site, tmp_path: Path) -> None:
    site.scan("--settle", "0")
    before = site.occurrences()
    for path in site.share.glob("*/vmcore"):
        path.unlink()
    pack = tmp_path / "pack" / "other" / "asked-for"
    pack.mkdir(parents=True)
    (pack / "signature.yaml").write_text(
        "id: asked-for\ntitle: somebody asked for it\nstatus: draft\n"
        "crash_class: sysrq\nsubsystem: other\nwhat: w\nrecognised_by: r\nusually_caused_by: u\n"
        "match: {stack: [sysrq_handle_crash]}\ndo_now: n\ndo_for_good: g\nrefuted_by: x\n"
    )
    done = site.scan("--retriage", "--pack", tmp_path / "pack")
    assert "2 from recordings" in done.stdout, done.stderr
    after = site.occurrences()
    assert {p: (e.dump, e.problem) for p, e in after.items()} == {
        p: (e.dump, e.problem) for p, e in before.items()
    }
    assert "asked-for" in {known.id for each in after.values() for known in each.known}
    with open_store(site.store) as store:
        assert not store.dumps.quarantined()


def test_without_a_namelist_the_log_stands_until_there_is_one(site: Site) -> None:
    site.environment |= {"VMTRIAGE_SLIM": "0", "VMTRIAGE_FETCH": "0"}
    first = site.scan("--settle", "0")
    assert first.returncode == 0
    assert "2 of these without a namelist" in first.stdout
    assert {each.stage for each in site.occurrences().values()} == {"log"}
    site.is_whole()
    assert site.scan("--settle", "0").stdout == ""  # it waits
    del site.environment["VMTRIAGE_SLIM"]
    new = site.share / "192.0.2.9-2026-01-02-15:00:00"
    new.mkdir()
    (new / "vmcore").write_bytes(lab.build("panic").vmcore.read_bytes())
    done = site.scan("--settle", "0")  # another dump of this kernel can be read: so can these
    assert "1 new of 3 crashes, 1 by log, 3 in full" in done.stdout
    assert {each.stage for each in site.occurrences().values()} == {"full"}


def test_a_vmcore_that_comes_after_its_log_is_the_same_crash(site: Site, tmp_path: Path) -> None:
    """kdump writes the log first; where the vmcore takes its time, the log is told before."""
    dump = lab.build("null").vmcore.resolve()
    told = vmtriage("analyze", dump, "--crash", crash_of(NEW), "--record", tmp_path / "recorded")
    assert told.returncode == 0, told.stderr
    for path in (*site.share.glob("*/vmcore"), *site.share.iterdir()):
        path.unlink() if path.is_file() else path.rmdir()
    directory = site.share / "192.0.2.1-2026-01-02-15:00:00"
    directory.mkdir()
    log = directory / "vmcore-dmesg.txt"
    log.write_bytes((tmp_path / "recorded" / "log.txt").read_bytes())
    aged(log)
    with tracker() as tickets:
        site.config = tickets.config
        site.environment["TRACKER_TOKEN"] = "secret-of-the-test"
        site.scan()
        (first,) = site.occurrences().values()
        (directory / "vmcore").write_bytes(dump.read_bytes())
        done = site.scan("--settle", "0")
        assert "1 in full" in done.stdout, done.stdout + done.stderr
        assert len(tickets.issues) == 1
    (second,) = site.occurrences().values()
    assert (first.stage, second.stage) == ("log", "full")
    site.is_whole()
    link = (site.out / "d" / first.dump / "index.html").read_text()
    assert second.dump in link  # the old link leads on
