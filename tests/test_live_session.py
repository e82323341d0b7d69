"""The traps of driving crash, provoked on the real one."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures import lab
from tests.fake_crash import sandboxes
from vmtriage.models.evidence import CommandStatus
from vmtriage.session.commands import KMEM_V, PLAN, RUNQ, RUNQ_G, SYS, CrashCommand
from vmtriage.session.crash import CrashSession, CrashTarget
from vmtriage.session.sandbox import Wanted, choose

pytestmark = pytest.mark.live


def target(version: str, scenario: str = "cfs_lockup", wanted: Wanted = "auto") -> CrashTarget:
    dump = lab.build(scenario)
    crash, files = lab.crash_binaries()[version], (dump.vmlinux.resolve(), dump.vmcore.resolve())
    return CrashTarget(crash, *files, sandbox=choose(wanted, crash, files))


@pytest.fixture(scope="module", params=sandboxes())
def session(request: pytest.FixtureRequest) -> Iterator[CrashSession]:
    with CrashSession(target("8.0.6", wanted=request.param)) as opened:
        yield opened


def test_no_pager_no_escape_no_prompt_gets_into_an_answer(session: CrashSession) -> None:
    for answer in session.run(PLAN):
        assert answer.status is CommandStatus.OK
        assert answer.text.strip(), answer.command
        assert not {"\r", "\x1b", "\b"} & set(answer.text)
        assert "crash> " not in answer.text
        assert "MORE" not in answer.console


def test_the_zone_is_utc_whatever_the_host_says(session: CrashSession) -> None:
    (answer,) = session.run([SYS])
    (date,) = [line for line in answer.text.splitlines() if "DATE:" in line]
    assert " UTC " in date


def test_a_second_command_with_a_cpu_list_still_works(session: CrashSession) -> None:
    """In an -i file the second `-c` fails with `only one -c option allowed`; not on a pty."""
    one, two = session.run([CrashCommand("runq -g -c 0"), CrashCommand("runq -g -c 1")])
    assert one.text.lstrip().startswith("CPU 0")
    assert two.text.lstrip().startswith("CPU 1")


def test_an_error_is_part_of_the_answer_and_the_next_goes_on(session: CrashSession) -> None:
    bad, good = session.run([CrashCommand("struct no_such_type"), RUNQ])
    assert "invalid data structure reference" in bad.text
    assert "RUNQUEUE" in good.text


def test_a_command_out_of_time_leaves_crash_usable(session: CrashSession) -> None:
    slow = CrashCommand("foreach bt -f", 0.001)
    late, good = session.run([slow, RUNQ_G])
    assert late.status is CommandStatus.TIMEOUT
    assert good.status is CommandStatus.OK
    assert "THROTTLED" in good.text


def test_warnings_of_an_old_crash_are_kept() -> None:
    with CrashSession(target("8.0.2", "sysrq")) as old:
        assert "not found in PID hash" in old.startup
        assert old.crash_version == "8.0.2"


def test_a_killed_crash_is_started_again() -> None:
    with CrashSession(target("8.0.6")) as opened:
        list(opened.run([SYS]))
        process = opened._process
        assert process is not None
        os.kill(process.pid, 9)
        time.sleep(0.2)
        dead, good = opened.run([KMEM_V, SYS])
        assert dead.status is CommandStatus.FAILED
        assert "RELEASE" in good.text


def test_nothing_of_crash_outlives_its_session() -> None:
    with CrashSession(target("8.0.6")) as opened:
        list(opened.run([SYS]))
        process = opened._process
        assert process is not None
        pid, scratch = process.pid, opened._scratch
    assert not Path(f"/proc/{pid}").exists()
    assert not scratch.exists()
