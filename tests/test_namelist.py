"""Namelists made by hand: what DWARF tells of them, by a reader that is not ours."""

import io
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
from elftools.dwarf.die import DIE
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.test_btf import Types, made
from vmtriage.namelist.adaptations import ADAPTATIONS, needed_by
from vmtriage.namelist.build import build
from vmtriage.namelist.ingredients import Ingredients, Section, Symbol
from vmtriage.namelist.kallsyms import Named, in_sections
from vmtriage.source.btf import BadBtf, Kind

_TEXT, _DATA = 0xFFFFFFFF81000000, 0xFFFFFFFF82000000
_SECTIONS = (Section(".text", _TEXT, 0x1000, 6), Section(".data", _DATA, 0x1000, 3))


def symbol(name: str, address: int, size: int = 8, kind: str = "D") -> Symbol:
    return Symbol(name.encode(), kind, address, size, 0 if address < _DATA else 1)


def ingredients(btf: bytes, *symbols: Symbol, hz: int | None = None) -> Ingredients:
    banner = symbol("linux_banner", _DATA + 64, 16)
    return Ingredients(btf, b"Linux version 6\n", (banner, *symbols), _SECTIONS, "ab" * 20, hz=hz)


def entries(path: Path) -> tuple[list[DIE], list[tuple[str, int]]]:
    """All of the DWARF, and names and values of the symbol table."""
    elf = ELFFile(io.BytesIO(path.read_bytes()))
    found = [die for unit in elf.get_dwarf_info().iter_CUs() for die in unit.iter_DIEs()]
    table = elf.get_section_by_name(".symtab")
    assert isinstance(table, SymbolTableSection)
    return found, [(each.name, each["st_value"]) for each in table.iter_symbols()]


def named(found: list[DIE], name: str) -> DIE:
    return next(die for die in found if value(die, "name") == name.encode())


def value(die: DIE, attribute: str) -> object:
    told = die.attributes.get(f"DW_AT_{attribute}")
    return told.value if told else None


def bounds(die: DIE) -> list[object]:
    """Of the array that is the type of a member or variable."""
    array = die.get_DIE_from_attribute("DW_AT_type")
    return [value(each, "count") for each in array.iter_children()]


@pytest.mark.parametrize("order", ["<", ">"])
def test_members_lie_where_btf_puts_them(order: str, tmp_path: Path) -> None:
    build(ingredients(made(order).raw), tmp_path / "out")
    found, _ = entries(tmp_path / "out")
    task = named(found, "task")
    assert value(task, "byte_size") == 56
    children = {value(each, "name"): each for each in task.iter_children()}
    places = {name: value(die, "data_member_location") for name, die in children.items()}
    assert places == {b"pid": 0, b"": 8, b"flag": None, b"next": 26, b"stats": 50}
    assert value(children[b"flag"], "bit_size") == 1
    assert value(children[b"flag"], "data_bit_offset") == 193


def test_every_kind_of_type_is_told(tmp_path: Path) -> None:
    types = made()
    types.add(Kind.ENUM, "state", 4, types.name("GONE"), 0xFFFFFFFF, types.name("ON"), 1,
              members=2, wide=True)  # fmt: skip
    types.add(Kind.ENUM64, "mask", 8, types.name("HIGH"), 0, 1, members=1)
    types.add(Kind.FWD, "hidden", 0)
    types.add(Kind.FUNC_PROTO, "", 1, 0, 1, 0, 0, members=2)
    types.add(Kind.TYPEDEF, "call_t", types.count)
    types.add(Kind.FLOAT, "double", 8)
    types.add(Kind.TYPE_TAG, "user", 1)
    types.add(Kind.PTR, "", types.count)
    types.add(Kind.VOLATILE, "", 0)
    build(ingredients(types.raw), tmp_path / "out")
    found, _ = entries(tmp_path / "out")
    assert value(named(found, "GONE"), "const_value") == 0xFFFFFFFFFFFFFFFF  # -1 of 64 bits
    assert value(named(found, "HIGH"), "const_value") == 1 << 32
    assert value(named(found, "hidden"), "declaration")
    tags = {die.tag for die in found}
    assert {
        "DW_TAG_subroutine_type",
        "DW_TAG_unspecified_parameters",
        "DW_TAG_volatile_type",
    } <= tags
    assert value(named(found, "double"), "encoding") == 4


def test_an_array_without_a_length_is_empty_but_at_the_end(tmp_path: Path) -> None:
    types = Types()
    byte = types.add(Kind.INT, "char", 1, 8)
    none = types.add(Kind.ARRAY, "", 0, byte, byte, 0)
    types.struct("open", 1, ("head", none, 0), ("one", byte, 0), ("tail", none, 8))
    build(ingredients(types.raw), tmp_path / "out")
    found, _ = entries(tmp_path / "out")
    counts = {
        value(member, "name"): bounds(member)
        for member in named(found, "open").iter_children()
        if value(member, "name") != b"one"
    }
    assert counts == {b"head": [0], b"tail": [None]}


def test_a_variable_takes_the_first_type_that_has_its_size(tmp_path: Path) -> None:
    types = Types()
    types.add(Kind.INT, "long unsigned int", 8, 64)
    types.add(Kind.INT, "unsigned int", 4, 32)
    here = [
        symbol("avenrun", _DATA, 24),
        symbol("jiffies", _DATA + 32),
        symbol("max_pfn", _DATA, 3),
    ]
    build(ingredients(types.raw, *here), tmp_path / "out")
    found, table = entries(tmp_path / "out")
    variables = {value(die, "name") for die in found if die.tag == "DW_TAG_variable"}
    assert variables == {b"avenrun", b"jiffies"}  # three bytes are no unsigned long
    assert ("jiffies", _DATA + 32) in table
    assert bounds(named(found, "avenrun")) == [3]


def test_ticks_stand_where_crash_looks_for_them(tmp_path: Path) -> None:
    scope = symbol("dd_init_sched", _TEXT + 64, 32, "t")
    types = Types()
    types.add(Kind.INT, "int", 4, 1 << 24 | 32)
    build(ingredients(types.raw, scope, hz=250), tmp_path / "out")
    found, _ = entries(tmp_path / "out")
    expire = named(found, "write_expire")
    assert value(expire, "const_value") == 1250
    unit = expire.cu.get_top_DIE()
    assert (value(unit, "low_pc"), value(unit, "high_pc")) == (_TEXT + 64, 32)


def test_symbols_nobody_asks_for_are_left_out(tmp_path: Path) -> None:
    types = Types()
    types.add(Kind.INT, "int", 4, 32)
    names = {"__kstrtab_x": "r", "__pfx_schedule": "t", "schedule": "T", "event_sched_in": "t",
             "event_sched": "d", "__already_done.1": "d"}  # fmt: skip
    made_of = [symbol(name, _TEXT if kind in "tT" else _DATA, 8, kind)
               for name, kind in names.items()]  # fmt: skip
    build(ingredients(types.raw, *made_of), tmp_path / "out")
    _, table = entries(tmp_path / "out")
    assert {name for name, _ in table if name} == {"linux_banner", "schedule", "event_sched_in",
                                                   "__already_done.1"}  # fmt: skip


@given(at=st.integers(0, len(made().raw) - 1), byte=st.integers(0, 255))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_types_are_refused_or_written(tmp_path: Path, at: int, byte: int) -> None:
    raw = bytearray(made().raw)
    raw[at] = byte
    with suppress(BadBtf):
        build(ingredients(bytes(raw)), tmp_path / "out", ADAPTATIONS)
        assert (tmp_path / "out").read_bytes()[:4] == b"\x7fELF"


@pytest.mark.parametrize(
    ("version", "names"),
    [("8.0.2", ["pid-numbers"]), ("8.0.4", []), ("8.0.6", []), ("7.3.2++", ["pid-numbers"]),
     ("9.0.0", []), (None, [])],
)  # fmt: skip
def test_adaptations_are_for_crashes_that_need_them(version: str | None, names: list[str]) -> None:
    assert [each.name for each in needed_by(version)] == names


@pytest.mark.parametrize(("count", "size"), [(0, 16 + 8), (1, 16)])
def test_struct_pid_is_told_larger_only_if_its_end_is_open(
    count: int, size: int, tmp_path: Path
) -> None:
    types = Types()
    number = types.add(Kind.INT, "int", 4, 32)
    upid = types.struct("upid", 8, ("nr", number, 0))
    array = types.add(Kind.ARRAY, "", 0, upid, number, count)
    types.struct("pid", 16, ("level", number, 0), ("numbers", array, 64))
    adapted = build(ingredients(types.raw), tmp_path / "out", ADAPTATIONS).adapted
    found, _ = entries(tmp_path / "out")
    assert value(named(found, "pid"), "byte_size") == size
    assert len(adapted) == (1 if size > 16 else 0)


@given(
    st.lists(
        st.tuples(st.sampled_from("tTdDbBrRW"), st.integers(_TEXT, _TEXT + 0x3000000)),
        min_size=1, max_size=40,
    )
)  # fmt: skip
def test_every_symbol_lies_in_a_section_of_its_own_range(given_: list[tuple[str, int]]) -> None:
    ends = (("_stext", _TEXT), ("_etext", _TEXT + 0x1000), ("_sdata", _DATA), ("_edata", _DATA + 9))
    names = [Named(name, "T", at) for name, at in ends]
    names += [Named(f"s{n}", kind, at) for n, (kind, at) in enumerate(given_)]
    sections, symbols = in_sections(names)
    for first, second in pairwise(sections):
        assert first.address + first.size <= second.address
    for each in symbols:
        assert each.section is not None
        section = sections[each.section]
        assert section.address <= each.address <= section.address + section.size


def test_per_cpu_variables_become_data() -> None:
    names = [Named("__per_cpu_start", "A", 0), Named("runqueues", "A", 64),
             Named("__per_cpu_end", "A", 4096), Named("absolute", "A", 1 << 20)]  # fmt: skip
    sections, symbols = in_sections(names)
    told = {each.name: each for each in symbols}
    place = told[b"runqueues"].section
    assert place is not None
    assert sections[place].name == ".data..percpu"
    assert told[b"runqueues"].kind == "D"
    assert told[b"absolute"].section is None


def test_the_end_of_the_text_is_text_though_data_begin_there() -> None:
    names = [Named("_stext", "T", 0x1000), Named("_etext", "T", 0x3000),
             Named("__start_rodata", "D", 0x3000), Named("__end_rodata", "D", 0x5000)]  # fmt: skip
    sections, symbols = in_sections(names)
    placed = {
        each.name: sections[each.section].name for each in symbols if each.section is not None
    }
    assert (placed[b"_etext"], placed[b"__start_rodata"]) == (".text", ".rodata")
