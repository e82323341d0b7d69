"""All symbols a kernel carries for itself, out of its dump.

The tables of scripts/kallsyms.c: names compressed by tokens, offsets relative to a base. Since
6.0 (and in many older distribution kernels) VMCOREINFO says where they lie; before that they
are found by their form.
"""

from collections.abc import Sequence
from struct import Struct
from typing import NamedTuple

from vmtriage.source.dumpfile import Dump, Missing
from vmtriage.source.kallsyms_search import find_tables

_MOST = 4_000_000  # symbols; a kernel with everything built in has 500,000
_MOST_NAMES = 64 << 20  # bytes of all names, compressed
_MOST_TEXT = 256 << 20  # characters of all names
_TABLES = ("names", "num_syms", "token_table", "token_index", "offsets", "relative_base")
_TOKENS = 256
_TOKEN = 512  # characters, as long as a name may be
_TOKEN_TABLE = 16 << 10  # bytes; it has about 1000


class Symbol(NamedTuple):
    """One symbol. `kind` is nm's letter: lower case for local ones.

    `address` is the linker's: the one at run time minus KERNELOFFSET; those of per-CPU
    variables before 6.15 count from 0.
    """

    name: str
    kind: str
    address: int


class NoSymbols(LookupError):
    """The dump does not give its symbol table; the text says why."""


def symbols(dump: Dump) -> Sequence[Symbol]:
    """Every symbol, in the kernel's order (per-CPU ones first). Raises NoSymbols."""
    told = {name: dump.info.symbols.get(f"kallsyms_{name}") for name in _TABLES}
    at = {name: address for name, address in told.items() if address is not None}
    if lacking := [name for name in _TABLES if name not in at]:
        at = dict(find_tables(dump))  # as before kernel 6.0
        if not at:
            raise NoSymbols(
                f"VMCOREINFO has no kallsyms_{lacking[0]}, and they are not where older kernels"
                " have them"
            )
    try:
        (count,) = Struct(f"{dump.order}I").unpack(dump.read_virtual(at["num_syms"], 4))
        if not 0 < count <= _MOST:
            raise NoSymbols(f"kallsyms_num_syms is {count}")
        tokens = _tokens(dump, at["token_table"], at["token_index"])
        after = min((place for place in at.values() if place > at["names"]), default=0)
        if not 0 < after - at["names"] <= _MOST_NAMES:
            raise NoSymbols("nothing says where kallsyms_names ends")
        names = _names(dump.read_virtual(at["names"], after - at["names"]), count, tokens)
        (base,) = Struct(f"{dump.order}Q").unpack(dump.read_virtual(at["relative_base"], 8))
        raw = dump.read_virtual(at["offsets"], 4 * count)
    except Missing as missing:
        raise NoSymbols(f"the symbol tables are not all in the dump: {missing}") from missing
    offsets = Struct(f"{dump.order}{count}i").unpack(raw)
    found = [
        Symbol(name[1:], name[0], address)
        for name, address in zip(names, _addresses(offsets, base, dump.info.kaslr), strict=True)
    ]
    _check(dump, found)
    return found


def _tokens(dump: Dump, table_at: int, index_at: int) -> list[str]:
    """What each byte of a compressed name stands for."""
    index = Struct(f"{dump.order}{_TOKENS}H").unpack(dump.read_virtual(index_at, 2 * _TOKENS))
    size = index_at - table_at  # the index follows the table
    if not max(index) < size <= _TOKEN_TABLE:
        raise NoSymbols("the tables of kallsyms' tokens are damaged")
    raw = dump.read_virtual(table_at, size)
    return [raw[at : max(raw.find(b"\0", at, at + _TOKEN), at)].decode("latin-1") for at in index]


def _names(raw: bytes, count: int, tokens: Sequence[str]) -> Sequence[str]:
    """The kind's letter and the name of each: a length of one byte or, if long, two; tokens."""
    names: list[str] = []
    token, join, add, at, total = tokens.__getitem__, "".join, names.append, 0, 0
    try:
        for _ in range(count):
            length = raw[at]
            at += 1
            if length & 0x80:
                length = length & 0x7F | raw[at] << 7
                at += 1
            end = at + length
            name = join(map(token, raw[at:end]))
            total += len(name)
            if total > _MOST_TEXT:  # tokens as long as only a damaged table has them
                break
            add(name)
            at = end
    except IndexError:
        at = len(raw) + 1
    if at > len(raw) or len(names) < count or not all(names):
        raise NoSymbols("kallsyms_names is damaged")
    return names


def _addresses(offsets: Sequence[int], base: int, kaslr: int) -> Sequence[int]:
    """By CONFIG_KALLSYMS_ABSOLUTE_PERCPU below zero means relative, else all are."""
    linked = base - kaslr
    if sum(offset < 0 for offset in offsets) * 2 > len(offsets):
        return [linked - 1 - offset if offset < 0 else offset for offset in offsets]
    return [linked + (offset & 0xFFFFFFFF) for offset in offsets]


def _check(dump: Dump, found: Sequence[Symbol]) -> None:
    """One symbol is known from elsewhere: it proves the tables."""
    expected = dump.info.symbols.get("_stext")
    address = next((symbol.address for symbol in found if symbol.name == "_stext"), None)
    if None not in (expected, address) and address != (expected or 0) - dump.info.kaslr:
        raise NoSymbols(f"kallsyms puts _stext at {address:x}, VMCOREINFO elsewhere")
