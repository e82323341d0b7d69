"""The kernel's own symbol table, looked for in an image that nobody describes.

The tables of scripts/kallsyms.c stand one behind the other in rodata: number of symbols, names,
markers, tokens, token index; offsets and their base before or behind.
"""

import re
import struct
from collections.abc import Iterator
from itertools import pairwise

from vmtriage.namelist.ingredients import Section, Symbol
from vmtriage.namelist.kallsyms import Named, per_cpu, placed
from vmtriage.namelist.vmlinux import Reader, nm_letter

_DIGITS = re.compile(b"0\x001\x002\x003\x004\x005\x006\x007\x008\x009\x00")
_TOKENS = 256
_LEAST, _MOST = 5_000, 4_000_000  # symbols of a kernel
_TRIED = 30  # names that tell names from other bytes
_LETTERS = tuple(bytes((each,)) for each in b"aAbBdDrRtTvVwWu")
_KERNEL = 1 << 63


def symbols_within(reader: Reader, sections: tuple[Section, ...]) -> tuple[Symbol, ...]:
    """All symbols; () where no table is found."""
    for section in sections:
        if section.empty or not section.name.startswith(".rodata"):
            continue
        raw = reader.read(section.address, section.size)
        for index_at, tokens in _token_tables(raw, reader.order):
            named = _symbols(raw, reader.order, index_at, tokens)
            if named:
                known = [each for each in sections if each.name == ".data..percpu"]
                own = (
                    Symbol(each.name.encode(), nm_letter(each), each.address, 0, place)
                    for place, each in enumerate(sections)
                )
                return (*own, *placed([*per_cpu(named, known)], sections))
    return ()


def _token_tables(raw: bytes, order: str) -> Iterator[tuple[tuple[int, int], list[bytes]]]:
    """Where a table of tokens begins and its index ends; what the tokens are."""
    for match in _DIGITS.finditer(raw):
        # 256 texts, of which "0" is number 48: the first begins 48 texts before
        start = match.start()
        for _ in range(ord("0")):
            start = raw.rfind(b"\0", 0, start - 1) + 1
        places, at = [], start
        for _ in range(_TOKENS):
            places.append(at - start)
            at = raw.find(b"\0", at) + 1
        index = struct.pack(f"{order}{_TOKENS}H", *(place & 0xFFFF for place in places))
        index_at = raw.find(index, at, at + len(index) + 64)
        if index_at >= 0:
            texts = [raw[start + place : raw.find(b"\0", start + place)] for place in places]
            yield (start, index_at + len(index)), texts


def _symbols(raw: bytes, order: str, ends: tuple[int, int], tokens: list[bytes]) -> list[Named]:
    start, end = ends
    for count, count_at, names_at in _counts(raw, order, start, tokens):
        named = _names(raw, names_at, count, tokens)
        for offsets_at, base_at in _offsets(end, count_at, count) if named else ():
            addresses = _addresses(raw, order, offsets_at, base_at, count)
            if addresses:
                return [Named(name[1:].decode("latin-1"), chr(name[0]), address)
                        for name, address in zip(named, addresses, strict=True)]  # fmt: skip
    return []


def _counts(
    raw: bytes, order: str, end: int, tokens: list[bytes]
) -> Iterator[tuple[int, int, int]]:
    """Numbers that may be that of the symbols: behind each stand names with a kind's letter."""
    letters = frozenset(code for code, text in enumerate(tokens) if text[:1] in _LETTERS)
    for place, count in enumerate(struct.unpack(f"{order}{end // 4}I", raw[: end // 4 * 4])):
        at = place * 4
        if _LEAST < count < _MOST and at + 3 * count < end:
            for names_at in (at + 8, at + 4):
                if _sound(raw, names_at, letters):
                    yield count, at, names_at


def _sound(raw: bytes, at: int, letters: frozenset[int]) -> bool:
    for _ in range(_TRIED):
        length = raw[at]
        if not 1 < length < 128 or raw[at + 1] not in letters:
            return False
        at += 1 + length
    return True


def _names(raw: bytes, at: int, count: int, tokens: list[bytes]) -> list[bytes]:
    names, join, token = [], b"".join, tokens.__getitem__
    try:
        for _ in range(count):
            length = raw[at]
            at += 1
            if length & 0x80:
                length = length & 0x7F | raw[at] << 7
                at += 1
            names.append(join(map(token, raw[at : at + length])))
            at += length
    except IndexError:
        return []
    return names if all(names) else []


def _offsets(end: int, count_at: int, count: int) -> Iterator[tuple[int, int]]:
    """Where the offsets and their base may stand: since 6.4 behind the tokens."""
    behind = -(-end // 8) * 8
    yield behind, -(-(behind + 4 * count) // 8) * 8
    base = (count_at - 8) & ~7
    yield base - -(-4 * count // 8) * 8, base


def _addresses(raw: bytes, order: str, at: int, base_at: int, count: int) -> list[int]:
    if at < 0 or base_at + 8 > len(raw):
        return []
    (base,) = struct.unpack_from(order + "Q", raw, base_at)
    offsets = struct.unpack_from(f"{order}{count}i", raw, at)
    if base < _KERNEL:
        return []
    if sum(offset < 0 for offset in offsets) * 2 > count:
        found = [base - 1 - offset if offset < 0 else offset for offset in offsets]
    else:
        found = [base + (offset & 0xFFFFFFFF) for offset in offsets]
    order_kept = sum(a <= b for a, b in pairwise(found))
    return found if order_kept >= count - 2 else []
