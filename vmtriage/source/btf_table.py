"""Every type of a kernel, one row each, in the order of their numbers: what a writer goes through.

`source.btf.Btf` answers single questions; this lays everything out once, in a fifth of a second.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vmtriage.source.btf import BadBtf, Kind

_HEADER = "HBBIIIII"
_MAGIC = 0xEB9F
_FIXED = {Kind.INT: 4, Kind.ARRAY: 12, Kind.VAR: 4, Kind.DECL_TAG: 4}
_EACH = {Kind.STRUCT: 12, Kind.UNION: 12, Kind.ENUM: 8, Kind.FUNC_PROTO: 8, Kind.DATASEC: 12,
         Kind.ENUM64: 12}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TypeTable:
    """Columns by type number; row 0 is void.

    kinds: Kind; counts: members, parameters or enumerators; flags: the format's kind_flag;
    rests: size in bytes or the number of the type pointed to; names: place in `strings`;
    places: where the members begin in `raw`.
    """

    raw: bytes
    order: str  # of bytes: < or >
    strings: bytes
    kinds: list[int]
    counts: list[int]
    flags: list[int]
    rests: list[int]
    names: list[int]
    places: list[int]

    def __len__(self) -> int:
        return len(self.kinds)

    @property
    def columns(self) -> tuple[list[int], ...]:
        """kinds, counts, flags, rests, names, places."""
        return self.kinds, self.counts, self.flags, self.rests, self.names, self.places

    def name(self, number: int) -> str:
        """A type's name; "" for one without."""
        at = self.names[number]
        return self.strings[at : self.strings.find(b"\0", at)].decode("utf-8", "replace")

    def place_of(self, name: str) -> int | None:
        """Where a name stands among the strings; None: no type or member is called so."""
        found = self.strings.find(b"\0%s\0" % name.encode())
        return None if found < 0 else found + 1


def table_of(raw: bytes) -> TypeTable:
    """Reads BTF. Raises BadBtf on bytes that are none, or that are cut short."""
    try:
        return _table(raw)
    except (struct.error, LookupError, ValueError) as error:
        raise BadBtf(f"not readable as BTF: {error}") from error


def parts_of(raw: bytes) -> tuple[str, slice, bytes]:
    """The order of bytes, where the types are, and the names. BadBtf; struct.error if too short."""
    order = ">" if raw[:1] == b"\xeb" else "<"
    head = struct.Struct(order + _HEADER)
    magic, version, _, header, types_at, types, strings_at, strings = head.unpack_from(raw)
    if magic != _MAGIC or version != 1:
        raise BadBtf("the magic number eB9F is missing")
    names_from, types_from = header + strings_at, header + types_at
    if len(raw) < max(names_from + strings, types_from + types):
        raise BadBtf("cut short")
    text = raw[names_from : names_from + strings]
    if text and text[-1:] != b"\0":
        raise BadBtf("a name lies outside the names")
    return order, slice(types_from, types_from + types), text


def sizes_of_kinds() -> tuple[Mapping[int, int], Sequence[int]]:
    """Bytes behind a type's head, by kind: fixed, and per member. KeyError: a kind that is none."""
    fixed = {int(kind): _FIXED.get(kind, 0) for kind in Kind}
    return fixed, [_EACH.get(Kind(kind), 0) if kind in fixed else 0 for kind in range(32)]


def _table(raw: bytes) -> TypeTable:
    order, types, text = parts_of(raw)
    table = TypeTable(raw, order, text, [0], [0], [0], [0], [0], [0])
    _fill(table, types.start, types.stop)
    if not text or max(table.names) >= len(text):
        raise BadBtf("a name lies outside the names")
    return table


def _fill(table: TypeTable, at: int, end: int) -> None:
    unpack, raw = struct.Struct(table.order + "III").unpack_from, table.raw
    fixed, each = sizes_of_kinds()
    kinds, counts, flags, rests, names, places = (column.append for column in table.columns)
    while at < end:  # a hundred thousand turns
        name, info, rest = unpack(raw, at)
        kind, count = info >> 24 & 31, info & 0xFFFF
        at += 12
        kinds(kind)
        counts(count)
        flags(info >> 31)
        rests(rest)
        names(name)
        places(at)
        at += fixed[kind] + each[kind] * count
    if at != end:
        raise BadBtf("the last type is cut short")
