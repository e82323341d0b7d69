"""`bt` on real and synthetic outputs; the goldens beside the fixtures were checked by eye."""

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.conftest import Golden
from vmtriage.errors import ParseError
from vmtriage.models.backtrace import Backtrace, Backtraces
from vmtriage.models.base import NoteKind
from vmtriage.parsers import bt

FIXTURES = Path(__file__).parent.parent / "fixtures" / "crash"
CASES = sorted([*(FIXTURES / "bt").glob("*.txt"), *(FIXTURES / "bt_-a").glob("*.txt")])


def _case(name: str) -> tuple[Backtrace, ...]:
    return bt.parse((FIXTURES / "bt" / f"{name}.txt").read_bytes().decode()).backtraces


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_golden(path: Path, golden: Golden) -> None:
    got = bt.parse(path.read_bytes().decode())
    golden(path.with_suffix(".json"), got.model_dump_json(indent=1) + "\n")


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_every_numbered_line_is_a_frame_or_a_note(path: Path) -> None:
    text = path.read_bytes().decode()
    got = bt.parse(text)
    known = {frame.line for stack in got.backtraces for frame in stack.frames}
    noted = {note.line for stack in got.backtraces for note in stack.notes}
    numbered = {n for n, line in enumerate(text.split("\n"), 1) if line.lstrip().startswith("#")}
    # The first #0 of the i386 case is printed twice by crash; the second one counts.
    assert len(numbered - known - noted) == ("cannot-resolve" in path.stem)


def test_a_bogus_frame_is_marked_and_noted() -> None:
    (stack,) = _case("bogus-exception-frame")
    assert [block.bogus for block in stack.exceptions] == [True]
    assert [note.kind for note in stack.notes] == [NoteKind.WARNING]
    assert stack.frames[-1].function == "do_idle"


def test_registers_before_frame_0_belong_to_no_frame() -> None:
    (stack,) = _case("elf-note-registers-before-frame-0")
    assert (stack.exceptions[0].after_level, stack.exceptions[0].user_mode) == (None, True)


def test_arm64_mode_is_read_from_pstate() -> None:
    (stack,) = _case("arm64-overflow-stack-and-user-registers")
    kernel, user = stack.exceptions
    assert (kernel.function, kernel.offset, kernel.user_mode) == ("touch_irq_thread", 148, False)
    assert (user.rip, user.user_mode) == ("0000007f9cb3a1c4", True)


def test_ppc64_block_has_its_kind_and_symbol() -> None:
    (stack,) = _case("ppc64-exception-frame-and-unreliable")
    (block,) = stack.exceptions
    assert (block.kind, block.function) == ("System Reset [100]", "queued_spin_lock_slowpath")
    assert [frame.reliable for frame in stack.frames] == [True, True, True, False, False]
    assert stack.frames[4].module == "vscsi"


def test_s390x_psw_gives_address_and_mode() -> None:
    (stack,) = _case("s390x-lowcore-and-interrupt")
    lowcore, kernel, user = stack.exceptions
    assert (lowcore.kind, lowcore.function, lowcore.rip) == (
        "LOWCORE",
        "vtime_stop_cpu",
        "00000000001133ac",
    )
    assert (kernel.function, kernel.module, kernel.after_level) == ("arch_cpu_idle", "idle_s390", 1)
    assert (user.function, user.user_mode) == (None, True)
    assert kernel.registers["R7"] == "0000000000000004"


def test_comm_reaches_from_the_first_quote_to_the_last() -> None:
    one, two, three = _case("hostile-comm")
    assert (one.comm, one.cpu) == ('a" CPU: 9 ]"b', 0)
    assert (two.comm, two.cpu) == ("x\ncrash> y", None)
    assert (three.comm, three.notes[0].text) == ("", "(active)")


def test_an_error_keeps_its_indented_details() -> None:
    _, failed, cut = _case("page-excluded-cuts-the-trace")
    assert [note.kind for note in failed.notes] == [NoteKind.ERROR] * 4 + [NoteKind.WARNING]
    assert (cut.pid, cut.comm, cut.notes[0].kind) == (503, None, NoteKind.UNKNOWN)


@pytest.mark.parametrize("text", ["", "\n", "hello\n", "bt: invalid task or pid value: 9\n", "#1"])
def test_nothing_of_the_form_is_an_error(text: str) -> None:
    with pytest.raises(ParseError):
        bt.parse(text)


def _survives(text: str) -> None:
    try:
        got = bt.parse(text)
    except ParseError:
        return
    assert Backtraces.model_validate_json(got.model_dump_json()) == got


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(CASES), st.floats(0, 1))
def test_cut_anywhere(path: Path, where: float) -> None:
    text = path.read_bytes()
    _survives(text[: int(len(text) * where)].decode(errors="surrogateescape"))


_PIECES = st.sampled_from(
    ["PID: 1  ", "TASK: ff  ", 'COMMAND: "', '"', "\n", " #0 [ff] a at ff", " [", "]", "RIP: 0 ",
     "[exception RIP: ", "--- <x> ---", " PSW: ", "GPRS: ", "0000000000000000 ", "\r", "\x00",
     "\udc80", "bt: x", "...", "crash> ", "    ", "CS: ", "R1: 1 ", "LOWCORE INFO:\n", " -a: "]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(_PIECES, st.text(max_size=8)), max_size=40).map("".join))
@example("PID: 99999999999999999999 TASK: fffffffffffffffffffffffff")
@example("#99999999999999999999 [ff] a at ff")
def test_any_text_at_all(text: str) -> None:
    _survives(text)


@pytest.mark.timeout(60)  # quadratic work on a text this long takes minutes
@pytest.mark.parametrize(
    "unit", [" ", "[", "]", "PID: ", '"', "a.a/", " at ", "RIP: ", "#0 [", "- ", "> ", "+1", ": "]
)
@pytest.mark.parametrize("head", ["", " #0 [ff] ", "    [exception RIP: ", " -", "--- <", "["])
def test_long_lines_take_linear_time(head: str, unit: str) -> None:
    _survives(head + unit * 100_000 + "\n")
