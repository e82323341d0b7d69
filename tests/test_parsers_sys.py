"""`sys`, `set` and `log` on real and synthetic outputs."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import Golden
from vmtriage.errors import ParseError
from vmtriage.models.base import Model, NoteKind
from vmtriage.parsers import context, log, sys

FIXTURES = Path(__file__).parent.parent / "fixtures" / "crash"
PARSERS: dict[str, Callable[[str], Model]] = {
    "sys": sys.parse,
    "set": context.parse,
    "log": log.parse,
}
CASES = sorted(path for name in PARSERS for path in (FIXTURES / name).glob("*.txt"))


def _text(name: str) -> str:
    return (FIXTURES / f"{name}.txt").read_bytes().decode()


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_golden(path: Path, golden: Golden) -> None:
    text = path.read_bytes().decode()
    got = PARSERS[path.parent.name](text)
    golden(path.with_suffix(".json"), got.model_dump_json(indent=1) + "\n")


def test_sys_units() -> None:
    got = sys.parse(_text("sys/all-labels-split-dump-offline"))
    assert got.dumpfiles == ("dump 1 of 2", "dump2")
    assert got.dump_tags == ("PARTIAL DUMP", "INCOMPLETE")
    assert got.kernel_tags == ("LIVEPATCH", "TRANSITION", "TAINTED")
    assert (got.cpus, got.cpus_offline, got.mhz) == (8, 3, None)
    assert (got.uptime_s, got.memory) == (86401, 3 << 39)
    assert (got.panic, got.panic_check_log) == ('say "cheese" Oops: 0002 [#1]', True)
    assert got.time is None  # second 60 is no time of day for Python


def test_sys_time_needs_a_known_zone() -> None:
    known = sys.parse("DATE: Sat Nov 21 05:11:18 UTC 2026").time
    assert known == datetime(2026, 11, 21, 5, 11, 18, tzinfo=UTC)
    assert sys.parse("DATE: Wed Mar 30 15:34:31 CEST 2022").time is None
    assert sys.parse("DATE: Thu Dec 7 02:59:00 2017").time is None


def test_sys_context_wrapped_panic_and_notes() -> None:
    got = sys.parse(_text("sys/left-stripped-and-wrapped-with-context"))
    assert got.panic == "BUG: unable to handle kernel NULL pointer dereference at 0000000000000020"
    assert got.context is not None
    assert (got.context.shared_by, got.context.activity) == (48, "HARDWARE RESET")
    assert [note.kind for note in got.notes] == [NoteKind.WARNING, NoteKind.UNKNOWN]


def test_a_cut_context_is_no_fact() -> None:
    got = sys.parse(_text("sys/cut-inside-the-context"))
    assert (got.panic, got.context) == ("", None)
    assert [note.line for note in got.notes] == [3, 4]


def test_log_continuations_keep_the_time() -> None:
    got = log.parse(_text("log/continuations-callers-errors"))
    by_line = {record.line: record for record in got.records}
    assert (by_line[6].time_s, by_line[6].text) == (12.345678, "its second line")
    assert by_line[7].text == "  indented further"
    assert (by_line[8].caller, by_line[8].level, by_line[9].time_s) == ("T123", 3, 12.3457)
    assert (by_line[11].text, by_line[12].text) == ("", '"crash> " is only text here')
    assert (by_line[13].time_s, by_line[13].text) == (6373.634681, "from syslog")
    assert [note.line for note in got.notes] == [2, 3, 14]


def test_log_without_times_keeps_every_line() -> None:
    got = log.parse(_text("log/byte-buffer-without-times"))
    assert [record.level for record in got.records] == [None, 4, None, None, None]
    assert got.records[2].text.startswith(" [<ffff")
    assert [note.kind for note in got.notes] == [NoteKind.ELIDED]


@pytest.mark.timeout(60)
def test_a_log_of_200_000_lines_is_read_whole() -> None:
    text = "".join(f"[{n / 1000:12.6f}] some message number {n}\n" for n in range(200_000))
    assert len(log.parse(text).records) == 200_000


@pytest.mark.parametrize("name", PARSERS)
@pytest.mark.parametrize("text", ["", "\n \n", "{}: page excluded: physical address: 5000000\n"])
def test_nothing_of_the_form_is_an_error(name: str, text: str) -> None:
    with pytest.raises(ParseError):
        PARSERS[name](text.format(name))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(CASES), st.floats(0, 1), st.text(max_size=6))
def test_cut_anywhere(path: Path, where: float, tail: str) -> None:
    text = path.read_bytes()
    cut = text[: int(len(text) * where)].decode(errors="surrogateescape") + tail
    with suppress(ParseError):
        PARSERS[path.parent.name](cut).model_dump_json()


@pytest.mark.timeout(60)  # quadratic work on a text this long takes minutes
@pytest.mark.parametrize(
    "head", ["PANIC: ", "KERNEL: ", "COMMAND: ", "STATE: ", "[", "<4>", "TASK: "]
)
@pytest.mark.parametrize("unit", [" ", "[", "[A ", '"', "(A", "PANIC: ", "a", "1 "])
def test_long_lines_take_linear_time(head: str, unit: str) -> None:
    ended = 0
    for parse in PARSERS.values():
        with suppress(ParseError):
            parse(head + unit * 100_000 + "\n")
        ended += 1
    assert ended == len(PARSERS)
