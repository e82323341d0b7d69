"""kmem, ps and mod tables: odd columns, hostile names, cut text, speed."""

from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmtriage.errors import ParseError
from vmtriage.models.base import NoteKind
from vmtriage.parsers import kmem_i, kmem_s, kmem_v, mod_t, ps, ps_m
from vmtriage.parsers.table import Parser

FIXTURES = Path(__file__).parent.parent / "fixtures" / "crash"
MODULES = (kmem_i, kmem_s, kmem_v, mod_t, ps, ps_m)
COMM = st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]), max_size=15)


def _memory(pages: int, size: str) -> str:
    return f"    TOTAL MEM  {pages}     {size}         ----\n"


@pytest.mark.parametrize(
    ("pages", "size", "want"),
    [
        (1974231, "7.5 GB", 1974231 << 12),
        (65536, "512 MB", 65536 << 13),
        (32765, "2 GB", 32765 << 16),
        (5, "20 KB", 20480),
        (1000, "3 MB", 3 << 20),
        (0, "0", 0),
    ],
    ids=["4k", "8k", "64k", "kb", "no-page-size-fits", "zero"],
)
def test_size_is_as_exact_as_the_pages_allow(pages: int, size: str, want: int) -> None:
    assert kmem_i.parse(_memory(pages, size)).total == want


def test_missing_rows_are_none() -> None:
    info = kmem_i.parse(_memory(1000, "3.9 MB"))
    assert (info.free, info.swap_total, info.committed) == (None, None, None)


def test_header_alone_is_no_memory() -> None:
    with pytest.raises(ParseError):
        kmem_i.parse("                 PAGES        TOTAL      PERCENTAGE\n")


def test_slab_names_keep_blanks() -> None:
    row = "ffff89cf02132b00  64   5   9  1   4k  a  b(1:c) d\n"
    assert kmem_s.parse(row).caches[0].name == "a  b(1:c) d"


def test_counter_before_any_section_is_noted() -> None:
    model = kmem_v.parse("   NR_FREE_PAGES: 1\n  VM_STAT:\n   NR_MLOCK: 2\n")
    assert [counter.name for counter in model.counters] == ["NR_MLOCK"]
    assert [(note.kind, note.line) for note in model.notes] == [(NoteKind.UNKNOWN, 1)]


@pytest.mark.parametrize(
    "text", ["no tainted modules\n", "no modules installed\n", "NAME  TAINTS\n"]
)
def test_no_tainted_module_is_an_answer(text: str) -> None:
    assert mod_t.parse(text).modules == ()


def test_error_in_place_of_the_table_is_told() -> None:
    with pytest.raises(ParseError, match="slab subsystem not available"):
        kmem_s.parse("\nkmem: kmem cache slab subsystem not available\n\n")


def _ps_row(comm: str) -> str:
    return f">    7       2   0  ffffffffbae1aa40  RU   0.1       12        8  {comm}\n"


@pytest.mark.parametrize(
    ("printed", "comm", "bracketed"),
    [
        ("[kworker/0:1]", "kworker/0:1", True),
        ("[a\nb]", "a\nb", True),
        ("[a] b", "[a] b", False),
        (" lead", " lead", False),
        ("[", "[", False),
        ("crash> quit", "crash> quit", False),
    ],
)
def test_ps_names(printed: str, comm: str, bracketed: bool) -> None:
    model = ps.parse(_ps_row(printed) + _ps_row("next"))
    assert [(task.comm, task.bracketed) for task in model.tasks] == [
        (comm, bracketed),
        ("next", False),
    ]
    assert (model.tasks[0].vsz, model.tasks[0].rss, model.tasks[0].active) == (12288, 8192, True)
    assert model.notes == ()


def test_row_without_a_name_is_kept_and_noted() -> None:
    model = ps.parse(_ps_row("").rstrip())
    assert (model.tasks[0].comm, len(model.notes)) == ("", 1)


@given(COMM)
def test_any_comm_in_ps_m(comm: str) -> None:
    def row(name: str) -> str:
        return f'[1 02:03:04.005] [UN]  PID: 7  TASK: ffff88  CPU: 1  COMMAND: "{name}"\n'

    model = ps_m.parse(row(comm) + row("next"))
    assert [(task.comm, task.ago_ms) for task in model.tasks] == [
        (comm, 93784005),
        ("next", 93784005),
    ]


ALL: list[tuple[Parser, str]] = [
    (module.parse, path.read_text(encoding="utf-8"))
    for module in MODULES
    for path in sorted((FIXTURES / module.COMMAND.replace(" ", "_")).glob("*.txt"))
]


@given(st.sampled_from(ALL), st.data())
def test_cut_output_gives_facts_and_notes_or_a_parse_error(
    case: tuple[Parser, str], data: st.DataObject
) -> None:
    parse, text = case
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), min_size=1, max_size=6)))
    pieces = [text[left:right] for left, right in pairwise([0, *cuts])]
    with suppress(ParseError):
        parse("".join(data.draw(st.permutations(pieces))))


@given(st.sampled_from(MODULES), st.text(max_size=200))
def test_any_text_at_all(module: ModuleType, text: str) -> None:
    with suppress(ParseError):
        module.parse(text)


@pytest.mark.timeout(60)  # quadratic work on a text this long takes minutes
@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.COMMAND)
@pytest.mark.parametrize("piece", [" ", "9 ", "A", "[", "ffffffff 1 "])
def test_hostile_text_takes_linear_time(module: ModuleType, piece: str) -> None:
    ended = 0
    for text in (piece * 150_000, piece * 150_000 + "!"):
        with suppress(ParseError):
            module.parse(text)
        ended += 1
    assert ended == 2
