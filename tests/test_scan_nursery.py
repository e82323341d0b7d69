"""Where jobs are born: ready, tied to the scan, with nothing of the current directory in them."""

import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.live import NEW, built, crash_of
from tests.patience import alive, until
from tests.scanning import Site
from tests.test_scan_executor import job, read_pid
from vmtriage.fleet.scan import births
from vmtriage.fleet.scan.births import Nursery

CAPTURE = Path("fixtures/captures/lab-6.1-uaf").absolute()


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def born(nursery: Nursery, home: Path, deed: str) -> int:
    with Path(os.devnull).open("wb") as words:
        return nursery.bear(job(home, deed), words.fileno())


def test_children_of_a_nursery_that_is_killed_are_dead_and_the_next_is_born(tmp_path: Path) -> None:
    with closing(Nursery()) as nursery:
        child = born(nursery, tmp_path, "deaf")
        read_pid(tmp_path / "deaf" / "told")
        os.kill(parent_of(child), signal.SIGKILL)
        assert nursery.code(child, 20.0) == -signal.SIGKILL
        until(lambda: not alive(child), what="the child of the dead nursery to end")
        assert nursery.code(born(nursery, tmp_path, "fails"), 20.0) == 65


def test_the_dead_of_one_nursery_are_no_business_of_the_next(tmp_path: Path) -> None:
    with closing(Nursery()) as nursery:
        lost = born(nursery, tmp_path, "deaf")
        os.kill(parent_of(lost), signal.SIGKILL)
        assert nursery.code(lost, 20.0) == -signal.SIGKILL
        other = born(nursery, tmp_path, "parent")
        nursery.forget(lost)
        assert nursery.code(born(nursery, tmp_path, "fine"), 20.0) == 0
        assert nursery.code(other) is None, "it lives on"


def test_a_nursery_that_hangs_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(births, "_START_S", 0.5)
    hanging = Nursery(["tests.scan_children:hang"])
    with closing(hanging), pytest.raises(OSError, match="does not answer"):
        born(hanging, tmp_path, "fine")


def test_a_pid_is_not_given_to_anybody_else_before_its_end_was_heard_of(tmp_path: Path) -> None:
    with closing(Nursery()) as nursery:
        child = born(nursery, tmp_path, "fine")
        assert nursery.code(child, 20.0) == 0
        assert Path(f"/proc/{child}").exists(), "still in the table of processes"
        nursery.forget(child)
        until(lambda: not Path(f"/proc/{child}").exists(), what="its burial")


def test_nothing_of_the_current_directory_is_run(tmp_path: Path) -> None:
    """Somebody calls the scan from within a dump's directory."""
    site, evil, mark = Site(tmp_path / "site"), tmp_path / "evil", tmp_path / "mark"
    site.log(1)
    for name in ("ctypes.py", "json.py", "resource.py", "sitecustomize.py", "vmtriage/__init__.py"):
        path = evil / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"open({str(mark)!r}, 'a').write(__file__ + '\\n')\n")
    program = Path(sys.executable).with_name("vmtriage")
    words = site.command("--settle", "0")
    done = subprocess.run(
        [program, *words[words.index("scan") :]], cwd=evil, capture_output=True, text=True,
        check=False, env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PWD": str(evil)},
    )  # fmt: skip
    assert "1 by log" in done.stdout, done.stdout + done.stderr
    assert not mark.exists(), mark.read_text()


_LATE = """
import sys
import vmtriage.cli
from vmtriage.pipeline.everything import get_ready
get_ready()
known = set(sys.modules)
vmtriage.cli.main(sys.argv[1:], standalone_mode=False)
print(*sorted(name for name in set(sys.modules) - known if name.startswith("vmtriage")))
"""


def imported_late(*words: str | Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", _LATE, "analyze", *map(str, words), "-q"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.splitlines()[-1].split()


def test_an_analysis_of_a_recording_finds_everything_imported(tmp_path: Path) -> None:
    assert imported_late(CAPTURE, "-o", tmp_path / "out") == []


@pytest.mark.live
def test_an_analysis_of_a_dump_finds_everything_imported(tmp_path: Path) -> None:
    dump = built("null", "6.1", 1)
    words = (dump.vmcore, "--crash", crash_of(NEW), "--record", tmp_path / "recording")
    assert imported_late(*words, "-o", tmp_path / "out") == []
    assert imported_late(dump.vmcore, "--log-only", "-o", tmp_path / "log") == []
