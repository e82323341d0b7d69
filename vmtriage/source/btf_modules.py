"""The types of modules behind the kernel's own, in one table.

Each module counts its types and names on from where the kernel's end, as if it were alone: here
they get numbers and places of their own. What a name means is never changed by a module.
"""

import struct
import sys
from array import array
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from vmtriage.source.btf import BadBtf, Kind
from vmtriage.source.btf_names import Names, Numbered
from vmtriage.source.btf_table import TypeTable, parts_of, sizes_of_kinds

MOST_BYTES = 16 << 20  # of split BTF; all 1121 modules of a cloud kernel have 8, a server loads 2
_REFERRING = frozenset(
    {Kind.PTR, Kind.TYPEDEF, Kind.VOLATILE, Kind.CONST, Kind.RESTRICT, Kind.FUNC, Kind.FUNC_PROTO,
     Kind.VAR, Kind.DECL_TAG, Kind.TYPE_TAG}
)  # fmt: skip
# words behind a type's head, per member: how many, which is a name, which is a type
_MEMBERS: Mapping[int, tuple[int, int | None, int | None]] = {
    Kind.STRUCT: (3, 0, 1), Kind.UNION: (3, 0, 1), Kind.ENUM: (2, 0, None),
    Kind.ENUM64: (3, 0, None), Kind.FUNC_PROTO: (2, 0, 1), Kind.DATASEC: (3, None, 0),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class WithModules:
    """first: number of the first type that is a module's; modules: those that are in;
    left_out: the others, each with the reason."""

    table: TypeTable
    first: int
    modules: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def with_modules(
    base: TypeTable, modules: Mapping[str, bytes], reserved: Collection[bytes] = (),
    most: int = MOST_BYTES,
) -> WithModules:  # fmt: skip
    """All of them, the small ones first, as long as they are not more than `most` bytes.

    A name that the kernel uses otherwise, or two modules differently, gets `__MODULE` behind it;
    so does an enumerator that is called like something `reserved`: a symbol of the kernel.
    """
    if not modules:
        return WithModules(base, len(base))
    taken: list[_Module] = []
    left_out: list[str] = []
    numbers, place, held = len(base), len(base.strings), 0
    for name, raw in sorted(modules.items(), key=lambda each: (len(each[1]), each[0])):
        held += len(raw)
        if held > most:
            left_out.append(f"{name}: the modules' types are more than {most >> 20} MB")
            continue
        try:
            one = _Module(name, raw, base, numbers, place)
        except (BadBtf, struct.error, LookupError, ValueError, OverflowError) as error:
            left_out.append(f"{name}: its types cannot be used: {error}")
            continue
        taken.append(one)
        numbers += len(one)
        place += len(one.strings)
    strings = b"".join((base.strings, *(each.strings for each in taken)))
    names = Names(base, strings, reserved)
    for one in taken:
        names.look(one.types)
    for one in taken:
        names.rename(one.name, one.types)
    table = _joined(base, taken, names.strings)
    return WithModules(table, len(base), tuple(each.name for each in taken), tuple(left_out))


class _Module:
    """A module's types, read, checked and numbered anew."""

    def __init__(self, name: str, raw: bytes, base: TypeTable, number: int, place: int) -> None:
        self.name = name
        order, types, self.strings = parts_of(raw)
        if order != base.order:
            raise BadBtf("its bytes are ordered otherwise than the kernel's")
        words = _words(raw[types], order)
        self.types = Numbered(number, list(_rows(words)), words)
        ends = len(base) + len(self), len(base.strings) + len(self.strings)
        to_type = _shift(len(base), ends[0], number - len(base), "type")
        to_name = _shift(len(base.strings), ends[1], place - len(base.strings), "name")
        for at, kind, count in self.types.rows:
            words[at] = to_name(words[at])
            if kind in _REFERRING:
                words[at + 2] = to_type(words[at + 2])
            if kind == Kind.ARRAY:
                words[at + 3], words[at + 4] = to_type(words[at + 3]), to_type(words[at + 4])
            elif kind in _MEMBERS:
                self._members(at + 3, kind, count, to_name, to_type)

    def __len__(self) -> int:
        return len(self.types.rows)

    def _members(
        self, at: int, kind: int, count: int, to_name: Callable[[int], int],
        to_type: Callable[[int], int],
    ) -> None:  # fmt: skip
        words, (each, name, of) = self.types.words, _MEMBERS[kind]
        for start in range(at, at + each * count, each):
            if name is not None:
                words[start + name] = to_name(words[start + name])
            if of is not None:
                words[start + of] = to_type(words[start + of])


def _shift(first: int, end: int, by: int, what: str) -> Callable[[int], int]:
    def shifted(number: int) -> int:
        if number >= end:
            raise BadBtf(f"a {what} lies outside of all {what}s")
        return number + by if number >= first else number

    return shifted


def _words(types: bytes, order: str) -> "array[int]":
    words = array("I")
    words.frombytes(types)
    if (order == "<") != (sys.byteorder == "little"):
        words.byteswap()
    return words


def _rows(words: "array[int]") -> Iterator[tuple[int, int, int]]:
    fixed, each = sizes_of_kinds()
    at, end = 0, len(words)
    while at < end:
        info = words[at + 1]
        kind, count = info >> 24 & 31, info & 0xFFFF
        yield at, kind, count
        at += 3 + (fixed[kind] + each[kind] * count) // 4
    if at != end:
        raise BadBtf("the last type is cut short")


def _joined(base: TypeTable, modules: list[_Module], strings: bytes) -> TypeTable:
    kinds, counts, flags, rests, names, places = (list(each) for each in base.columns)
    raws, size = [base.raw], len(base.raw)
    for one in modules:
        words, rows = one.types.words, one.types.rows
        kinds += [kind for _, kind, _ in rows]
        counts += [count for _, _, count in rows]
        flags += [words[at + 1] >> 31 for at, _, _ in rows]
        rests += [words[at + 2] for at, _, _ in rows]
        names += [words[at] for at, _, _ in rows]
        places += [size + 4 * at + 12 for at, _, _ in rows]
        if (base.order == "<") != (sys.byteorder == "little"):
            words.byteswap()
        raws.append(words.tobytes())
        size += len(raws[-1])
    return TypeTable(b"".join(raws), base.order, strings, kinds, counts, flags, rests, names,
                     places)  # fmt: skip
