"""Finds kallsyms' tables by their form, in kernels that do not say where they lie (4.6 to 5.x).

They are 8-aligned and follow one another: offsets, relative_base, num_syms, names, markers,
token_table, token_index (scripts/kallsyms.c). A marker is the place of every 256th name.
Proved on 6.12 with its addresses hidden, and on tables in the older order made by hand.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from struct import Struct
from typing import NamedTuple

from vmtriage.source.dumpfile import Dump

_IMAGE = 48 << 20  # bytes behind _stext that are searched
_DIGITS = b"".join(b"%d\0" % digit for digit in range(10))  # each always has a token of its own
_MOST_DIGITS = 64  # places with such digits; a kernel has less than ten
_TABLE = 16 << 10
_BLOCK = 256  # names per marker
_NAME = 514  # bytes of the longest name with its length
_MOST_MARKERS = 20_000


class _Markers(NamedTuple):
    at: int
    values: Sequence[int]


def find_tables(dump: Dump) -> Mapping[str, int]:
    """Addresses by the names that VMCOREINFO uses, without kallsyms_; empty if not found."""
    begin = dump.info.symbols.get("_stext")
    if begin is None:
        return {}
    raw = b"".join(
        bytes(stretch.size) if stretch.data is None else stretch.data
        for stretch in dump.stretches(begin & ~4095, _IMAGE)
    )
    for table, index in _tokens(raw, dump.order):
        for markers in _markers(raw, dump.order, table):
            if (names := _names(raw, dump.order, markers)) is not None:
                return {name: (begin & ~4095) + at for name, at in
                        _all(raw, dump.order, names, table, index, begin).items()}  # fmt: skip
    return {}


def _all(
    raw: bytes, order: str, names: int, table: int, index: int, text: int
) -> Mapping[str, int]:
    """All tables; offsets come first, or since 6.4 last: their base proves where they are."""
    (count,) = Struct(f"{order}I").unpack_from(raw, names - 8)
    size = 4 * count + 7 & ~7
    found = {"num_syms": names - 8, "names": names, "token_table": table, "token_index": index}
    for offsets, base_at in ((names - 16 - size, names - 16), (index + 512, index + 512 + size)):
        if offsets >= 0 and base_at + 8 <= len(raw):
            (base,) = Struct(f"{order}Q").unpack_from(raw, base_at)
            if 0 <= text - base < _IMAGE:
                return {**found, "offsets": offsets, "relative_base": base_at}
    return {}


def _tokens(raw: bytes, order: str) -> Iterator[tuple[int, int]]:
    """Where token_table and token_index may lie."""
    words, zero = Struct(f"{order}256H"), ord("0")
    at = raw.find(_DIGITS)
    for _ in range(_MOST_DIGITS):
        if at < 0:
            return
        for index in range(at + len(_DIGITS) + 7 & ~7, min(at + _TABLE, len(raw) - 512), 8):
            told = words.unpack_from(raw, index)
            table = at - told[zero]
            if (told[0] == 0 and told[zero + 9] - told[zero] == 18 and table >= 0
                    and table % 8 == 0 and table + told[-1] < index
                    and all(a < b for a, b in pairwise(told))):  # fmt: skip
                yield table, index
        at = raw.find(_DIGITS, at + 1)


def _markers(raw: bytes, order: str, end: int) -> Iterator[_Markers]:
    """The ascending numbers before token_table, of 4 bytes each or, before 5.0, of 8."""
    for form in (Struct(f"{order}I"), Struct(f"{order}Q")):
        at, values = end - form.size, list[int]()
        if at >= 0 and form.size == 4 and not form.unpack_from(raw, at)[0]:
            at -= form.size  # makes their number even
        while at >= 0 and len(values) < _MOST_MARKERS:
            (value,) = form.unpack_from(raw, at)
            if values and not _BLOCK < values[-1] - value < _BLOCK * _NAME:
                break
            values.append(value)
            if not value:
                yield _Markers(at, values[::-1])
                break
            at -= form.size


def _names(raw: bytes, order: str, markers: _Markers) -> int | None:
    """Where the names begin, if there are that many and the first 256 end at a marker."""
    count, blocks = Struct(f"{order}I"), len(markers.values)
    if blocks < 2:
        return None
    last = (markers.at - markers.values[-1]) & ~7
    for at in range(last, max(last - _BLOCK * _NAME, 16), -8):
        (told,) = count.unpack_from(raw, at - 8)
        if _BLOCK * (blocks - 1) < told <= _BLOCK * blocks and _walks(raw, at, markers):
            return at
    return None


def _walks(raw: bytes, names: int, markers: _Markers) -> bool:
    at, end = names, names + markers.values[1]
    for _ in range(_BLOCK):
        if at + 1 >= len(raw) or at > end:
            return False
        length = raw[at]
        at += 1
        if length & 0x80:
            length = length & 0x7F | raw[at] << 7
            at += 1
        at += length
    return at == end
