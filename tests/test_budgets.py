"""A crash that hangs, floods, eats memory or breeds is stopped; the rest of the plan goes on."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fake_crash import fake, sandboxes
from tests.patience import alive, until
from vmtriage.errors import NoPrompt, SessionError
from vmtriage.models.evidence import CommandStatus
from vmtriage.session.base import CommandOutput
from vmtriage.session.commands import BT, LOG, SYS, CrashCommand
from vmtriage.session.crash import CrashSession, CrashTarget
from vmtriage.session.limits import Limits, family_of, orphans_of
from vmtriage.session.sandbox import Wanted

OK, FAILED, TIMEOUT = CommandStatus.OK, CommandStatus.FAILED, CommandStatus.TIMEOUT
SMALL = Limits(memory_bytes=256 << 20, output_bytes=8 << 20, console_bytes=1 << 20, processes=16)
# what `bt` does; every other command answers with its name
MISDEEDS = {
    "loops": ("while True: pass", TIMEOUT, "no answer within"),
    "loops, deaf": (
        "signal.signal(signal.SIGINT, signal.SIG_IGN); signal.signal(signal.SIGTERM,"
        " signal.SIG_IGN)\n        while True: pass",
        TIMEOUT, "no answer within",
    ),
    "floods its answer": (
        "signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n"
        "        while True: out.write('y' * 30000)",
        FAILED, "its answer was",
    ),
    "floods the terminal": (
        "while True: print('y' * 4000)", FAILED, "stopped: it flooded its terminal",
    ),
    "eats memory": (
        "held = []\n        while True: held.append(bytearray(8 << 20)); time.sleep(0.01)",
        FAILED, "more than its 256 MB",
    ),
    "leaps for memory": ("bytearray(1 << 40)", FAILED, "crash ended with exit code 1"),
    "breeds": (
        "for _ in range(40): os.fork() or time.sleep(60)\n        time.sleep(60)",
        FAILED, "stopped: it started",
    ),
    "dies": ("os.kill(os.getpid(), signal.SIGSEGV)", FAILED, "crash was killed by SIGSEGV"),
}  # fmt: skip


def misbehaving(tmp_path: Path, deed: str, wanted: Wanted) -> CrashTarget:
    answer = """if command != "bt":
                out.write(command); continue
            out.flush()
            misbehave(out)"""
    startup = f"def misbehave(out):\n        {deed}"
    target = fake(tmp_path, answer, startup, wanted)
    return replace(target, limits=SMALL)


def ran(target: CrashTarget) -> list[CommandOutput]:
    commands = [SYS, CrashCommand("bt", 3.0), LOG]
    with CrashSession(target) as session:
        return list(session.run(commands))


@pytest.mark.parametrize("wanted", sandboxes())
@pytest.mark.parametrize("name", MISDEEDS)
def test_a_crash_that_misbehaves_costs_one_answer(
    name: str, wanted: Wanted, tmp_path: Path
) -> None:
    deed, status, reason = MISDEEDS[name]
    before, bad, after = ran(misbehaving(tmp_path, deed, wanted))
    assert (before.text, before.status) == ("sys", OK)
    assert (bad.status, reason in bad.reason) == (status, True), bad.reason
    assert len(bad.text) <= SMALL.output_bytes
    assert (after.text, after.status) == ("log", OK)


@pytest.mark.parametrize("wanted", sandboxes())
def test_children_that_left_for_a_session_of_their_own_are_ended_too(
    wanted: Wanted, tmp_path: Path
) -> None:
    deed = "os.fork() or (os.setsid(), os.fork() and os._exit(0), time.sleep(600)); os.wait()"
    with CrashSession(misbehaving(tmp_path, deed, wanted)) as session:
        list(session.run([SYS, BT]))
        scratch, process = session._scratch, session._process
        assert process is not None
        started = set(family_of(process.pid)) | set(orphans_of(scratch))
        assert len(started) >= 2
    assert not set(orphans_of(scratch))
    until(lambda: not any(map(alive, started)))  # what was killed needs a moment to die


def test_the_time_for_the_whole_analysis_ends_it(tmp_path: Path) -> None:
    target = replace(fake(tmp_path, "time.sleep(60)"), deadline=time.monotonic() + 6)
    with CrashSession(target) as session:
        late, never = session.run([SYS, BT])
    assert late.status is TIMEOUT
    assert "whole analysis" in late.reason
    assert (never.status, "whole analysis" in never.reason) == (CommandStatus.NOT_RUN, True)


def test_a_crash_that_eats_memory_while_it_starts_is_stopped(tmp_path: Path) -> None:
    eats = "held = []\nwhile True: held.append(bytearray(8 << 20)); time.sleep(0.01)"
    target = replace(fake(tmp_path, startup=eats), limits=SMALL)
    with CrashSession(target) as session, pytest.raises(SessionError, match="of memory") as caught:
        list(session.run([SYS]))
    assert "VMTRIAGE_MEMORY_BYTES" in caught.value.next_step


def test_what_crash_said_at_its_start_outlives_it(tmp_path: Path) -> None:
    """A crash that dies, and does not start again, does not take its warnings with it."""
    once = "import pathlib; pathlib.Path('tmp-started').exists() and sys.exit(1);"
    startup = f"{once} pathlib.Path('tmp-started').touch(); print('WARNING: lost tasks')"
    with CrashSession(fake(tmp_path, "os._exit(3)", startup)) as session:
        assert next(each.status for each in session.run([SYS, BT])) is FAILED
        assert session.startup == "WARNING: lost tasks"


def test_a_start_that_never_ends_has_an_error_of_its_own(tmp_path: Path) -> None:
    target = replace(fake(tmp_path, startup="time.sleep(60)"), deadline=time.monotonic() + 1)
    with CrashSession(target) as session, pytest.raises(NoPrompt, match="no prompt"):
        list(session.run([SYS]))


def test_the_kernel_enforces_the_rest(tmp_path: Path) -> None:
    """What the kernel enforces, as the child sees it."""
    answer = "out.write(open('/proc/self/limits').read() + open('/proc/self/status').read())"
    with CrashSession(replace(fake(tmp_path, answer), limits=SMALL)) as session:
        (said,) = session.run([SYS])
    limits = {line[:25].strip(): line[26:].split()[0] for line in said.text.splitlines()[:17]}
    assert limits["Max core file size"] == "0"
    assert limits["Max file size"] == str(SMALL.output_bytes)
    assert int(limits["Max data size"]) == SMALL.memory_bytes + (1 << 30)
    assert "NoNewPrivs:\t1" in said.text
