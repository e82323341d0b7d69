"""Children of a scan: whatever one does, it ends, and the others go on."""

import os
import signal
import subprocess
import sys
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.patience import alive, until
from vmtriage.fleet.scan import local
from vmtriage.fleet.scan.executor import Ended, Job
from vmtriage.fleet.scan.local import Bounds, LocalExecutor
from vmtriage.session.limits import family_of


@dataclass
class Everyone:
    """Lets all in, and sees how many there are."""

    refused: tuple[str, ...] = ()
    stop: list[str] = field(default_factory=list)
    admitted: list[str] = field(default_factory=list)

    def admit(self, job: Job) -> bool:
        if job.key in self.refused:
            return False
        self.admitted.append(job.key)
        return True

    def tick(self) -> Collection[str]:
        return self.stop


def job(home: Path, deed: str, key: str = "", deadline_s: float = 60.0, **more: object) -> Job:
    key = key or deed
    (home / key).mkdir()
    argv = ("tests.scan_children", deed, str(home / key / "told"))
    return Job(key, argv, home / key, deadline_s, **more)  # type: ignore[arg-type]


def ends(bounds: Bounds, jobs: Sequence[Job], overseer: Everyone) -> list[Ended]:
    with closing(LocalExecutor(bounds)) as executor:
        return list(executor.run(jobs, overseer))


def run(*jobs: Job) -> dict[str, Ended]:
    return {each.job.key: each for each in ends(Bounds(2, 8 << 30), jobs, Everyone())}


def read_pid(path: Path) -> int:
    until(lambda: path.exists() and path.read_text(), what=f"nobody wrote {path}")
    return int(path.read_text())


def test_every_end_is_told_and_none_stops_the_others(tmp_path: Path) -> None:
    told = run(
        job(tmp_path, "dies"), job(tmp_path, "fails"), job(tmp_path, "fine"),
        job(tmp_path, "floods"), job(tmp_path, "fine", "last"),
    )  # fmt: skip
    assert {key: each.code for key, each in told.items()} == {
        "dies": -signal.SIGSEGV, "fails": 65, "fine": 0, "floods": 70, "last": 0,
    }  # fmt: skip
    assert told["fails"].words == "vmtriage: not a dump\n  copy it again"
    assert told["floods"].words.endswith("vmtriage: the end")
    assert len(told["floods"].words) <= 8192


def test_a_deadline_ends_the_child_and_its_grandchild(tmp_path: Path) -> None:
    told = run(job(tmp_path, "parent", deadline_s=8.0))
    assert told["parent"].killed == "deadline"
    assert not alive(read_pid(tmp_path / "parent" / "told"))


def test_a_child_deaf_to_sigterm_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_GRACE_S", 0.3)
    told = run(job(tmp_path, "deaf", deadline_s=5.0))
    assert (told["deaf"].killed, told["deaf"].code) == ("deadline", -signal.SIGKILL)


def test_a_child_that_eats_memory_is_killed(tmp_path: Path) -> None:
    told = run(job(tmp_path, "eats", limit=256 << 20), job(tmp_path, "fine"))
    assert told["eats"].killed == "memory"
    assert told["fine"].code == 0


def test_leaving_ends_all_that_run(tmp_path: Path) -> None:
    jobs = [job(tmp_path, "parent"), job(tmp_path, "fine", weight=-1)]
    with (
        closing(LocalExecutor(Bounds(2, 8 << 30))) as executor,
        closing(executor.run(jobs, Everyone())) as first,
    ):
        assert next(first).job.key == "fine"
        grandchild = read_pid(tmp_path / "parent" / "told")
    assert not alive(grandchild)


def test_a_claim_that_is_lost_stops_its_job(tmp_path: Path) -> None:
    overseer = Everyone(stop=["parent"])
    (ended,) = ends(Bounds(1, 8 << 30), [job(tmp_path, "parent")], overseer)
    assert ended.killed == "stopped"


def test_smallest_first_and_the_refused_never(tmp_path: Path) -> None:
    jobs = [job(tmp_path, "fine", f"{size}", weight=size) for size in (3, 1, 2, 4)]
    overseer = Everyone(refused=("2",))
    told = ends(Bounds(1, 8 << 30), jobs, overseer)
    assert [each.job.key for each in told] == ["1", "3", "4"] == overseer.admitted


def is_job(pid: int) -> bool:
    """And not the nursery, nor, say, a server that another test has started."""
    try:
        born = b"fleet/scan/nursery.py" in Path(f"/proc/{pid}/cmdline").read_bytes()
        return born and os.getsid(pid) == pid
    except OSError:  # gone meanwhile
        return False


@pytest.mark.parametrize(
    ("bounds", "most"),
    [
        (Bounds(3, 8 << 30), 3),
        (Bounds(3, 2 << 30), 2),
        (Bounds(3, 1), 1),
        (Bounds(3, 8 << 30, per_group=1), 1),
    ],
)
def test_never_more_at_once_than_cores_memory_and_share_bear(
    tmp_path: Path, bounds: Bounds, most: int
) -> None:
    jobs = [job(tmp_path, "waits", str(number), group="share") for number in range(5)]
    seen: list[int] = []

    class Counting(Everyone):
        def tick(self) -> Collection[str]:
            seen.append(sum(alive(pid) and is_job(pid) for pid in family_of(os.getpid())))
            if seen[-1] >= max(most, len(self.admitted)):
                (tmp_path / "go").touch()  # none ends before
            return super().tick()

    assert len(ends(bounds, jobs, Counting())) == 5
    assert max(seen) == most


def test_killing_the_scan_kills_child_and_crash(tmp_path: Path) -> None:
    """SIGKILL leaves no time to clean up: the kernel does it."""
    program = (
        "from tests.test_scan_executor import *\n"
        f"list(LocalExecutor(Bounds(1, 8 << 30)).run([job(Path({str(tmp_path)!r}), 'deaf')],"
        " Everyone()))"
    )
    scan = subprocess.Popen([sys.executable, "-c", program])
    child = read_pid(tmp_path / "deaf" / "told")
    assert alive(child)
    scan.kill()
    scan.wait()
    until(lambda: not alive(child), what="the child did not die")
