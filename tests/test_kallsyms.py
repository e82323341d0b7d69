"""The kernel's own symbol table, packed as scripts/kallsyms.c does, comes out whole."""

import struct
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.test_paging import BASE, KERNEL, Ram
from vmtriage.source import vmcoreinfo
from vmtriage.source.carried import carried
from vmtriage.source.dumpfile import Dump
from vmtriage.source.kallsyms import NoSymbols, Symbol, symbols

KASLR = 0x1200_0000
TEXT = KERNEL + 0x100_0000  # where it was linked to
_TOKENS = ["_", "sys_", "init", "read_", "Tsys_", "lock"]  # bytes from 128 on


def packed(name: str) -> bytes:
    """A name as the kernel keeps it: the longest token first."""
    for number, token in enumerate(_TOKENS, start=128):
        before, found, after = name.partition(token)
        if found and len(token) > 1:
            return packed(before) + bytes([number]) + packed(after)
    return name.encode("latin-1")


def length(count: int) -> bytes:
    return bytes([count]) if count < 128 else bytes([count & 0x7F | 0x80, count >> 7])


def memory(found: Sequence[Symbol], percpu: bool = True, without: str = "",
           old: int = 0) -> tuple[Ram, Dump]:  # fmt: skip
    """A kernel's image with the tables, in 6.4's order or, with markers of `old` bytes, 5.x's.

    Page tables are not needed: the image lies in one piece.
    """
    tokens = [chr(byte) for byte in range(128)] + _TOKENS + [""] * (128 - len(_TOKENS))
    index, table = [], b""
    for token in tokens:
        index.append(len(table))
        table += token.encode("latin-1") + b"\0"
    rows = [length(len(raw)) + raw for raw in (packed(s.kind + s.name) for s in found)]
    names = b"".join(rows)
    marks = [len(b"".join(rows[:at])) for at in range(0, len(rows), 256)]
    base = TEXT
    offsets = [
        each.address - base if not percpu else
        each.address if each.address < 1 << 31 else base - 1 - each.address
        for each in found
    ]  # fmt: skip
    tables = {
        "num_syms": struct.pack("<I", len(found)),
        "names": names,
        "token_table": table,
        "token_index": struct.pack("<256H", *index),
        "offsets": struct.pack(f"<{len(offsets)}i", *offsets),
        "relative_base": struct.pack("<Q", base + KASLR),
    }
    if old:
        tables["markers"] = b"".join(mark.to_bytes(old, "little") for mark in marks)
        order = "offsets relative_base num_syms names markers token_table token_index"
        tables = {name: tables[name] for name in order.split()}
    ram, at, text = Ram(frame=1 << 24), BASE + TEXT + KASLR - KERNEL, "OSRELEASE=6.9.0\n"
    at += 0x1230 if old else 0  # other read-only data comes first
    text += f"KERNELOFFSET={KASLR:x}\nNUMBER(phys_base)={BASE}\nSYMBOL(init_top_pgt)={KERNEL:x}\n"
    text += f"SYMBOL(_stext)={TEXT + KASLR:x}\n"
    for name, raw in tables.items():
        ram.write(at, raw)
        if name != without and not old:
            text += f"SYMBOL(kallsyms_{name})={at - BASE + KERNEL:x}\n"
        at += len(raw) + 7 & ~7
    return ram, Dump(ram, "x86_64", "<", vmcoreinfo.parse(text.encode()))


_NAME = st.text(st.sampled_from("_abcinitlockred.$0"), min_size=1, max_size=20) | st.sampled_from(
    ["sys_read_lock", "x" * 126, "y" * 127, "z" * 511, "sys_" * 100]
)
_PERCPU = st.builds(Symbol, _NAME, st.just("A"), st.integers(0, 0x30000))
_LINKED = st.builds(Symbol, _NAME, st.sampled_from("tTdDbBrRA"),
                    st.integers(TEXT, TEXT + 0x3000_0000))  # fmt: skip


@given(st.lists(_LINKED, min_size=3, max_size=60), st.lists(_PERCPU, max_size=2), st.booleans())
def test_names_kinds_and_addresses_come_back(
    linked: list[Symbol], early: list[Symbol], percpu: bool
) -> None:
    found = [*(early if percpu else []), *linked]
    assert symbols(memory(found, percpu)[1]) == found


_FEW = [Symbol("_stext", "T", TEXT), Symbol("sys_read", "T", TEXT + 16), Symbol("x", "d", TEXT + 9)]


@pytest.mark.parametrize("width", [4, 8])
@pytest.mark.parametrize("count", [257, 700, 1025])
def test_tables_of_an_old_kernel_are_found_by_their_form(width: int, count: int) -> None:
    """4.18 and 5.x do not tell where they are; 4.18 has wide markers."""
    early = [Symbol(f"cpu_{number}", "A", number) for number in range(5)]
    later = [Symbol(f"sys_read_{number}", "tT"[number % 2], TEXT + 16 * number)
             for number in range(count - 5)]  # fmt: skip
    assert symbols(memory([*early, *later], old=width)[1]) == [*early, *later]


@pytest.mark.parametrize("table", ["num_syms", "names", "token_table", "token_index", "offsets",
                                   "relative_base"])  # fmt: skip
def test_a_kernel_that_does_not_tell_of_a_table_is_named(table: str) -> None:
    with pytest.raises(NoSymbols, match=f"kallsyms_{table}"):
        symbols(memory(_FEW, without=table)[1])


def test_tables_that_contradict_vmcoreinfo_are_refused() -> None:
    with pytest.raises(NoSymbols, match="_stext"):
        symbols(memory([Symbol("_stext", "T", TEXT + 8), *_FEW[1:]])[1])


@given(st.integers(0, 3000), st.binary(min_size=1, max_size=300))
def test_damaged_tables_give_symbols_or_a_reason(at: int, noise: bytes) -> None:
    ram, dump = memory(_FEW * 20)
    ram.write(BASE + TEXT + KASLR - KERNEL + at, noise)
    told: object
    try:
        told = symbols(dump)
    except NoSymbols as error:
        told = str(error)
    assert told


def test_a_kernel_without_types_still_has_its_symbols() -> None:
    parts = carried(memory(_FEW)[1])
    assert list(parts.symbols) == _FEW
    assert (parts.release, parts.kaslr, parts.btf, parts.hz) == ("6.9.0", KASLR, None, None)
    said = "\n".join(parts.lacking)
    for word in ("banner", "HZ", "types"):
        assert word in said


def test_a_dump_of_an_old_kernel_says_why_it_has_no_symbols() -> None:
    parts = carried(memory(_FEW, without="names")[1])
    assert not parts.symbols
    assert "not where older kernels" in parts.lacking[0]
