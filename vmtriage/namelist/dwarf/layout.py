"""Where each type's entry will stand in .debug_info, before any of them is written."""

import struct
from dataclasses import dataclass

from vmtriage.source.btf import BadBtf, Kind
from vmtriage.source.btf_table import TypeTable

MEMBER_BYTES, BITS_BYTES, ENUMERATOR_BYTES, PARAMETER_BYTES = 13, 14, 13, 5
OPEN_ENDED_BYTES = 7  # x[]; behind it stands x[0], which BTF does not tell from it

_ALIASES_LIMIT = 32
_REFER = (Kind.PTR, Kind.TYPEDEF, Kind.VOLATILE, Kind.CONST, Kind.RESTRICT, Kind.FUNC_PROTO)
_POINTERS = (Kind.PTR, Kind.TYPEDEF, Kind.VOLATILE, Kind.CONST, Kind.RESTRICT, Kind.TYPE_TAG)
# with a type and without
_SIZES = {Kind.PTR: (6, 2), Kind.TYPEDEF: (9, 5), Kind.VOLATILE: (5, 1), Kind.CONST: (5, 1),
          Kind.RESTRICT: (5, 1)}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Layout:
    """By type number: where the entry stands in .debug_info (0: it has none), and its target."""

    offsets: list[int]
    targets: list[int]  # `rests` of the table, with type tags taken away
    empty: dict[int, int]  # of arrays without a length, x[]: the number of x[0] in `offsets`
    narrow: frozenset[int]  # integers of fewer bits than their bytes hold: bit fields of old
    end: int


def lay_out(table: TypeTable, start: int, rows: range, before: Layout | None = None) -> Layout:
    """Places for the types of `rows` from byte `start` on; `before`: those laid out already.

    BadBtf where type tags have no end.
    """
    kinds, rests = table.kinds, table.rests
    if before is None:
        targets = _without_tags(table) if Kind.TYPE_TAG in kinds else rests
        narrow, offsets = frozenset(_narrow(table)), [0] * len(kinds)
    else:
        targets, narrow, offsets = before.targets, before.narrow, list(before.offsets)
    # nobody asks for a function's type by name: only those that are pointed to are written
    wanted = {targets[n] for n, kind in enumerate(kinds) if kind in _POINTERS}
    at = start
    for number in rows:
        kind = kinds[number]
        if kind in _SIZES:
            size = _SIZES[Kind(kind)][not targets[number]]
        elif kind == Kind.FUNC_PROTO:
            size = _prototype(table, number, targets) if number in wanted else 0
        else:
            size = _size(table, number, kind, narrow)
        if size:
            offsets[number] = at
            at += size
    if targets is not rests:
        for number in rows:
            if kinds[number] == Kind.TYPE_TAG:
                offsets[number] = offsets[targets[number]]
    empty = dict(before.empty) if before else {}
    for number in rows:
        if kinds[number] == Kind.ARRAY and not array(table, number)[1]:
            empty[number] = len(offsets)
            offsets.append(offsets[number] + OPEN_ENDED_BYTES)
    return Layout(offsets, targets, empty, narrow, at)


def _size(table: TypeTable, number: int, kind: int, narrow: frozenset[int]) -> int:
    count = table.counts[number]
    match kind:
        case Kind.STRUCT | Kind.UNION:
            wide = len(bit_fields(table, number, narrow))
            return 10 + count * MEMBER_BYTES + wide * (BITS_BYTES - MEMBER_BYTES)
        case Kind.ENUM | Kind.ENUM64:
            return 7 + count * ENUMERATOR_BYTES if count else 6
        case Kind.INT | Kind.FLOAT:
            return 7
        case Kind.ARRAY:
            return 11 if array(table, number)[1] else OPEN_ENDED_BYTES + 11
        case Kind.FWD:
            return 5
        case _:
            return 0  # void, functions, variables and tags are no types of their own


def array(table: TypeTable, number: int) -> tuple[int, int]:
    """Type of the elements, and how many."""
    element, _, count = struct.unpack_from(table.order + "III", table.raw, table.places[number])
    return element, count


def members(table: TypeTable, number: int) -> list[tuple[int, int, int]]:
    """Of a structure: name's place, type, and offset as BTF has it."""
    at = table.places[number]
    end = at + 12 * table.counts[number]
    return list(struct.iter_unpack(table.order + "III", table.raw[at:end]))


def bit_fields(table: TypeTable, number: int, narrow: frozenset[int]) -> dict[int, int]:
    """Bits by member's place in the structure, of those that are bit fields."""
    if table.flags[number]:
        every = enumerate(members(table, number))
        return {place: bits >> 24 for place, (_, _, bits) in every if bits >> 24}
    if not narrow:
        return {}
    return {
        place: table.raw[table.places[of]]
        if table.order == "<"
        else table.raw[table.places[of] + 3]
        for place, (_, of, _) in enumerate(members(table, number))
        if of in narrow
    }


def _prototype(table: TypeTable, number: int, targets: list[int]) -> int:
    size = 6 if targets[number] else 2
    count = table.counts[number]
    if not count:
        return size
    last = table.places[number] + 8 * (count - 1) + 4
    open_end = table.raw[last : last + 4] == b"\0\0\0\0"
    return size + count * PARAMETER_BYTES - (PARAMETER_BYTES - 1 if open_end else 0)


def _narrow(table: TypeTable) -> list[int]:
    found = []
    for number, kind in enumerate(table.kinds):
        if kind == Kind.INT:
            (info,) = struct.unpack_from(table.order + "I", table.raw, table.places[number])
            if info & 0xFF != table.rests[number] * 8:
                found.append(number)
    return found


def _without_tags(table: TypeTable) -> list[int]:
    """What each type refers to, below type tags, which DWARF does not know."""
    kinds, rests = table.kinds, table.rests
    targets = list(rests)
    for number, kind in enumerate(kinds):
        if kind in _REFER or kind == Kind.TYPE_TAG:
            for _ in range(_ALIASES_LIMIT):
                if kinds[targets[number]] != Kind.TYPE_TAG:
                    break
                targets[number] = rests[targets[number]]
            else:
                raise BadBtf("type tags without an end")
    return targets
