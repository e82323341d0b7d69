"""The driver, against a crash that misbehaves in ways the real one cannot be made to."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.fake_crash import fake
from vmtriage.errors import BadDump, SessionError, TriageError
from vmtriage.models.evidence import CommandStatus
from vmtriage.session.child import find_crash
from vmtriage.session.commands import (
    BT,
    LOG,
    SYS,
    CrashCommand,
    bytes_at,
    offset,
    queued_on,
    size_of,
)
from vmtriage.session.crash import CrashSession, CrashTarget


def test_every_command_gets_its_own_answer(tmp_path: Path) -> None:
    with CrashSession(fake(tmp_path)) as session:
        answers = list(session.run([SYS, BT, LOG]))
        assert session.crash_version == "9.9.9"
    assert [(a.text, a.status) for a in answers] == [
        (name, CommandStatus.OK) for name in ("sys", "bt", "log")
    ]


def test_a_prompt_inside_the_output_ends_nothing(tmp_path: Path) -> None:
    answer = "out.write('crash> \\ncrash> q\\nhexadecimal: 1\\nend'); print('crash> fooled?')"
    with CrashSession(fake(tmp_path, answer)) as session:
        texts = [a.text for a in session.run([SYS, BT])]
    assert texts == ["crash> \ncrash> q\nhexadecimal: 1\nend"] * 2


def test_a_command_out_of_time_is_interrupted_and_the_next_goes_on(tmp_path: Path) -> None:
    answer = "out.write('part'); out.flush(); time.sleep(60 if command == 'bt' else 0)"
    commands = [SYS, CrashCommand("bt", 1.0), LOG]
    with CrashSession(fake(tmp_path, answer)) as session:
        got = [(a.text, a.status) for a in session.run(commands)]
    assert got == [
        ("part", CommandStatus.OK),
        ("part", CommandStatus.TIMEOUT),
        ("part", CommandStatus.OK),
    ]


def test_a_crash_deaf_to_ctrl_c_is_killed_and_started_again(tmp_path: Path) -> None:
    answer = (
        "signal.signal(signal.SIGINT, signal.SIG_IGN) if command == 'bt' else None;"
        " time.sleep(60 if command == 'bt' else 0); out.write(command)"
    )
    commands = [SYS, CrashCommand("bt", 1.0), LOG]
    with CrashSession(fake(tmp_path, answer)) as session:
        got = [(a.command, a.status) for a in session.run(commands)]
    assert got == [
        ("sys", CommandStatus.OK),
        ("bt", CommandStatus.TIMEOUT),
        ("log", CommandStatus.OK),
    ]


def test_a_crash_that_dies_says_how_and_the_rest_goes_on(tmp_path: Path) -> None:
    answer = "os.kill(os.getpid(), 9) if command == 'bt' else out.write(command)"
    with CrashSession(fake(tmp_path, answer)) as session:
        got = [(a.command, a.status, a.reason) for a in session.run([SYS, BT, LOG])]
    assert got == [
        ("sys", CommandStatus.OK, ""),
        ("bt", CommandStatus.FAILED, "crash was killed by SIGKILL"),
        ("log", CommandStatus.OK, ""),
    ]


def test_a_crash_that_dies_always_is_not_started_for_ever(tmp_path: Path) -> None:
    with CrashSession(fake(tmp_path, "os._exit(3)")) as session:
        got = [a.status for a in session.run([SYS, BT, LOG, SYS, BT, LOG])]
    assert got[:3] == [CommandStatus.FAILED] * 3
    assert got[-1] is CommandStatus.NOT_RUN


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        ("crash: vmlinux and vmcore do not match!", BadDump, "do not match"),
        ("crash: x: not a supported file format", BadDump, "not a supported"),
        ("crash: invalid structure member offset: foo_bar", SessionError, "too old"),
        ("", BadDump, "without a word"),
        ("cannot realloc resized ELF header buffer", BadDump, "copy it again"),
        (
            "crash: error while loading shared libraries: libz.so.9: cannot open it:"
            " No such file or directory",
            SessionError,
            "VMTRIAGE_SANDBOX=limits",
        ),
        ("bwrap: execvp /opt/crash: No such file or directory", SessionError, "without bubblewrap"),
    ],
)
def test_why_crash_did_not_start_is_told_with_a_next_step(
    tmp_path: Path, said: str, error: type[TriageError], words: str
) -> None:
    startup = f"print({said!r}); sys.exit(1)"
    with CrashSession(fake(tmp_path, startup=startup)) as session, pytest.raises(error) as caught:
        list(session.run([SYS]))
    assert words in str(caught.value)
    assert caught.value.next_step


def test_what_to_type_by_hand_is_still_there_when_the_session_has_ended(tmp_path: Path) -> None:
    target = replace(fake(tmp_path, startup="sys.exit(1)"), remade_of=tmp_path / "vmcore")
    with CrashSession(target) as session, pytest.raises(BadDump) as caught:
        list(session.run([SYS]))
    assert str(target.vmlinux) not in caught.value.next_step
    assert f"`vmtriage namelist build {target.dump} -o slim`" in caught.value.next_step
    assert f"`crash -d1 slim {target.dump}`" in caught.value.next_step


def test_a_crash_without_a_prompt_times_out(tmp_path: Path) -> None:
    target = fake(tmp_path, startup="time.sleep(60)")
    slow = CrashTarget(target.crash, target.vmlinux, target.dump, start_timeout_s=1)
    with CrashSession(slow) as session, pytest.raises(SessionError, match="no prompt"):
        list(session.run([SYS]))


def test_warnings_at_the_start_are_kept(tmp_path: Path) -> None:
    startup = "print('WARNING: active task ffff not found in PID hash')"
    with CrashSession(fake(tmp_path, startup=startup)) as session:
        assert session.startup == "WARNING: active task ffff not found in PID hash"


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    with CrashSession(fake(tmp_path)) as session:
        list(session.run([SYS]))
        scratch = session._scratch
        assert scratch.is_dir()
    assert not scratch.exists()


def test_a_missing_crash_is_said_with_the_package() -> None:
    with pytest.raises(SessionError, match="apt install crash"):
        find_crash("no-such-crash")


@pytest.mark.parametrize("text", ["ffff8800; !id", "ffff | sh", "", "xyz", "ffff88000000000000"])
def test_only_addresses_and_names_get_into_a_command(text: str) -> None:
    for command in (lambda: queued_on(text, 16), lambda: offset("task_struct", text + "!"),
                    lambda: offset(text + ";", "pid"), lambda: size_of(text + "|")):  # fmt: skip
        with pytest.raises(TriageError, match="refused"):
            command()


@pytest.mark.parametrize(("address", "count"), [(0, 8), (-1, 8), (1 << 64, 8), (1 << 63, 0)])
def test_only_memory_is_read(address: int, count: int) -> None:
    with pytest.raises(TriageError, match="refused"):
        bytes_at(address, count)
