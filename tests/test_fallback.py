"""crash that fails in the middle: what the vmlinux is asked again, who goes on with the rest."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fake_crash import fake
from vmtriage.models.conditions import Conditions, RungName
from vmtriage.models.dump import Debuginfo, DumpInfo
from vmtriage.models.evidence import CommandStatus
from vmtriage.pipeline.beside import Beside
from vmtriage.pipeline.ladder import Ladder
from vmtriage.pipeline.ways import FoundLog, Started, Way
from vmtriage.session.commands import (
    BT,
    BT_A,
    KMEM_I,
    LOG,
    PS,
    RUNQ_G,
    SET,
    SYS,
    CrashCommand,
    bytes_at,
)
from vmtriage.session.crash import CrashSession
from vmtriage.session.record import RecordingSession, ReplaySession

DIES = "os.kill(os.getpid(), 11) if command in {!r} else out.write(command + ' by NAME')"
PLAN = (SYS, SET, BT, LOG, RUNQ_G, BT_A)
OK, FAILED, NOT_RUN = CommandStatus.OK, CommandStatus.FAILED, CommandStatus.NOT_RUN
Open = Callable[..., Ladder]


class Starts:
    """Opens stand-ins for crash and remembers which."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.opened: list[str] = []

    def way(self, name: RungName, namelist: str, answer: str, startup: str = "") -> Way:
        """A rung: crash on the namelist does `answer` for every command."""

        def start() -> Started:
            self.opened.append(f"{name} {namelist}")
            home = self.home / f"{name}-{namelist}"
            home.mkdir()
            answered = answer.replace("NAME", namelist)
            return Started(
                CrashSession(fake(home, answered, startup)),
                Debuginfo(path=namelist, found_by="the test"),
            )

        return Way(name, start, slim=namelist == "slim")


@pytest.fixture
def starts(tmp_path: Path) -> Starts:
    return Starts(tmp_path)


@contextmanager
def ladder_of(
    ways: list[Way], home: Path, whole: Way | None = None, log: str | None = None
) -> Iterator[Ladder]:
    """A slim rung, the vmlinux if there is one, and what else there is below."""
    beside = Beside(whole.open) if whole else None
    second = [Way("normal", beside.take)] if beside else []
    found = FoundLog(log, "elsewhere") if log else None
    ladder = Ladder(
        [ways[0], *second, *ways[1:]], home / "vmcore", lambda: found, beside=beside
    )  # fmt: skip
    try:
        yield ladder
    finally:
        ladder.close()


def texts(ladder: Ladder, plan: tuple[CrashCommand, ...] = PLAN) -> dict[str, str]:
    return {output.command: output.text or output.status.value for output in ladder.run(plan)}


def told(conditions: Conditions) -> str:
    return "\n".join(problem.message for problem in conditions.problems)


def test_a_command_that_kills_crash_is_asked_again_with_the_vmlinux(
    starts: Starts, tmp_path: Path
) -> None:
    slim = starts.way("normal", "slim", DIES.format(["bt", "runq -g"]))
    whole = starts.way("normal", "vmlinux", DIES.format([]))
    with ladder_of([slim], tmp_path, whole) as ladder:
        got = texts(ladder)
        found = ladder.conditions
    by = {name: text.rpartition(" by ")[2] for name, text in got.items()}
    assert by == {"sys": "slim", "set": "slim", "bt": "vmlinux", "log": "slim",
                  "runq -g": "vmlinux", "bt -a": "slim"}  # fmt: skip
    assert starts.opened == ["normal slim", "normal vmlinux"], "the vmlinux is opened once"
    assert found.rung is not None
    assert (found.rung.name, found.rung.reason) == ("normal", "")
    (tried,) = found.rung.tried
    assert (tried.slim, tried.commands) == (True, ("bt", "runq -g"))
    assert "bt (crash was killed by SIGSEGV); runq -g (crash" in told(found)
    assert found.debuginfo is not None
    assert found.debuginfo.path == "slim"


@pytest.mark.parametrize(
    "said",
    [
        'runq: cannot resolve \\"runqueues\\"', "crash: cannot resolve: x",
        "runq: gdb request failed: whatis tasks", "bt: cannot determine size of irq_desc_t",
        "runq: cannot determine root task_group",
        "kmem: nr_swapfiles doesn't exist in this kernel!",
    ],
)  # fmt: skip
def test_what_the_slim_namelist_lacks_is_asked_again(
    starts: Starts, tmp_path: Path, said: str
) -> None:
    slim = starts.way("normal", "slim", f'out.write("{said}")')
    whole = starts.way("normal", "vmlinux", DIES.format([]))
    with ladder_of([slim], tmp_path, whole) as ladder:
        (output,) = ladder.run([RUNQ_G])
        found = ladder.conditions
    assert (output.text, output.status) == ("runq -g by vmlinux", OK)
    assert output.reason.startswith("asked again with the vmlinux")
    assert said.replace("\\", "") in told(found)


@pytest.mark.parametrize(
    ("said", "command"),
    [
        ("vm: invalid structure member offset: mm_struct_mmap", RUNQ_G),  # the same in both
        ("rd: cannot resolve", bytes_at(1 << 63, 8)),  # one of hundreds
        ("nfs: cannot resolve host", LOG),  # the kernel's words, not crash's
        ("task: gdb cannot resolve", RUNQ_G),
        ("bt: cannot determine starting stack frame for task ffff888100", BT),  # the dump's fault
    ],
)
def test_what_the_vmlinux_would_not_know_better_is_not_asked_again(
    starts: Starts, tmp_path: Path, said: str, command: CrashCommand
) -> None:
    slim = starts.way("normal", "slim", f"out.write({said!r})")
    with ladder_of([slim], tmp_path, starts.way("normal", "vmlinux", "1")) as ladder:
        (output,) = ladder.run([command])
        assert not ladder.conditions.problems
    assert output.text == said
    assert starts.opened == ["normal slim"]


def test_a_slow_command_is_not_asked_again(starts: Starts, tmp_path: Path) -> None:
    slim = starts.way("normal", "slim", "time.sleep(60)")
    with ladder_of([slim], tmp_path, starts.way("normal", "vmlinux", "1")) as ladder:
        (output,) = ladder.run([CrashCommand("bt", 0.5)])
    assert output.status is CommandStatus.TIMEOUT
    assert starts.opened == ["normal slim"]


@pytest.mark.parametrize(
    ("answer", "startup", "but"),
    [
        (DIES.format(["bt", "runq -g"]), "", "killed by SIGSEGV"),
        ("out.write('bt: gdb request failed: p x')", "", "fails there as well"),
        ("1", "print('crash: no debugging data available'); sys.exit(1)", "no debugging data"),
    ],
)
def test_a_vmlinux_that_does_no_better_is_left_at_once(
    starts: Starts, tmp_path: Path, answer: str, startup: str, but: str
) -> None:
    slim = starts.way("normal", "slim", DIES.format(["bt", "runq -g"]))
    whole = starts.way("normal", "vmlinux", answer, startup)
    with ladder_of([slim], tmp_path, whole) as ladder:
        got = {output.command: output.status for output in ladder.run(PLAN)}
        found = ladder.conditions
    assert got == {"sys": OK, "set": OK, "bt": FAILED, "log": OK, "runq -g": FAILED, "bt -a": OK}
    assert starts.opened == ["normal slim", "normal vmlinux"]
    assert "bt was asked again with the vmlinux" in told(found)
    assert but in told(found)


def test_a_crash_that_dies_too_often_leaves_the_rest_to_the_vmlinux(
    starts: Starts, tmp_path: Path
) -> None:
    slim = starts.way("normal", "slim", "os._exit(3)")
    whole = starts.way("normal", "vmlinux", DIES.format([]))
    plan = (*PLAN, KMEM_I, PS)
    with ladder_of([slim], tmp_path, whole) as ladder:
        got = texts(ladder, plan)
        found = ladder.conditions
    assert got == {each.text: f"{each.text} by vmlinux" for each in plan if each is not LOG} | {
        "log": "failed"  # looked for without crash, which is quicker; there is none here
    }
    assert starts.opened == ["normal slim", "normal vmlinux"]
    assert found.rung is not None
    assert found.rung.name == "normal"
    assert "the rest was asked with the vmlinux" in told(found)


def test_a_quick_analysis_does_not_wait_for_the_vmlinux(starts: Starts, tmp_path: Path) -> None:
    slim = starts.way("normal", "slim", "os._exit(3)")
    whole = starts.way("normal", "vmlinux", DIES.format([]))
    minimal = starts.way("minimal", "slim", DIES.format([]))
    with ladder_of([slim, whole, minimal], tmp_path) as ladder:  # nobody beside it
        got = texts(ladder)
    assert starts.opened == ["normal slim", "minimal slim"]
    assert (got["bt"], got["bt -a"]) == ("failed", "not_run")


def test_without_a_vmlinux_the_rest_goes_to_the_minimal_mode_and_to_no_crash(
    starts: Starts, tmp_path: Path
) -> None:
    slim = starts.way("normal", "slim", DIES.format(["set", "bt", "runq -g", "bt -a"]))
    minimal = starts.way("minimal", "slim", DIES.format([]))
    memory = bytes_at(1 << 63, 8)
    with ladder_of([slim, minimal], tmp_path, log="a log") as ladder:
        got = {o.command: o for o in ladder.run((*PLAN, KMEM_I, PS))}
        (read,) = ladder.run([memory])
        found = ladder.conditions
    assert starts.opened == ["normal slim", "minimal slim"]
    assert got["log"].text == "log by slim"
    assert [got[each].status for each in ("kmem -i", "ps")] == [NOT_RUN] * 2
    assert "died too often" in got["ps"].reason
    assert "minimal mode" in got["ps"].reason
    assert read.text.startswith("rd -8")
    assert found.rung is not None
    assert found.rung.name == "normal"
    assert found.rung.tried[0].commands == ("set", "bt", "runq -g", "bt -a", "kmem -i")
    assert "at set, bt, runq -g, bt -a; of the rest, its minimal mode" in told(found)
    assert found.rung.log_from is None


def test_a_crash_that_dies_at_everything_still_leaves_the_log(
    starts: Starts, tmp_path: Path
) -> None:
    ways = [
        starts.way("normal", "slim", "os._exit(3)"),
        starts.way("minimal", "slim", "os._exit(3)"),
    ]
    plan = (SYS, SET, BT, RUNQ_G, BT_A, LOG, PS)
    with ladder_of(ways, tmp_path, log="a log") as ladder:
        got = texts(ladder, plan)
        found = ladder.conditions
    assert got["log"] == "a log"
    assert got["ps"] == "not_run"
    assert found.rung is not None
    assert (found.rung.name, found.rung.log_from) == ("normal", "elsewhere")
    assert found.rung.exit_code == 0


def test_a_recording_says_the_same_of_it(starts: Starts, tmp_path: Path) -> None:
    slim = starts.way("normal", "slim", DIES.format(["set", "bt", "log", "runq -g"]))
    minimal = starts.way("minimal", "slim", DIES.format([]))
    dump = DumpInfo(path="vmcore", format="kdump")
    with ladder_of([slim, minimal], tmp_path, log="a log") as ladder:
        home = tmp_path / "session"
        recorder = RecordingSession(ladder, home, dump, None, lambda: ladder.conditions)
        live = [(o.command, o.text, o.status, o.reason) for o in recorder.run(PLAN)]
        went = ladder.conditions
        recorder.close()
    replay = ReplaySession(home)
    assert [(o.command, o.text, o.status, o.reason) for o in replay.run(PLAN)] == live
    assert replay.recording.conditions == went
