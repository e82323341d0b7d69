"""Types as DWARF entries: one to one from BTF, in the same order."""

import struct
from collections.abc import Mapping

from vmtriage.namelist.dwarf.abbreviations import Code
from vmtriage.namelist.dwarf.layout import Layout, array, bit_fields, members
from vmtriage.source.btf import Kind
from vmtriage.source.btf_table import TypeTable

_BOOLEAN, _FLOAT, _SIGNED, _SIGNED_CHAR, _UNSIGNED, _UNSIGNED_CHAR = 2, 4, 5, 6, 7, 8
_WORD = 0xFFFFFFFFFFFFFFFF
Fields = list[tuple[int, int, int]]
_REFERRING = {
    Kind.TYPEDEF: (Code.TYPEDEF, Code.TYPEDEF_VOID),
    Kind.VOLATILE: (Code.VOLATILE, Code.VOLATILE_VOID),
    Kind.CONST: (Code.CONST, Code.CONST_VOID),
    Kind.RESTRICT: (Code.RESTRICT, Code.RESTRICT_VOID),
}


class TypeWriter:
    """Writes the entries `lay_out` made places for."""

    def __init__(self, table: TypeTable, layout: Layout, pointer: int,
                 sizes: Mapping[int, int]) -> None:  # fmt: skip
        """sizes: of structures whose size is to be told otherwise than BTF has it."""
        self._table, self._layout, self._pointer, self._sizes = table, layout, pointer, sizes
        form = table.order
        self._one = struct.Struct(form + "BI")
        self._two = struct.Struct(form + "BII")
        self._member = struct.Struct(form + "BIII")
        self._bits = struct.Struct(form + "BIIBI")
        self._referring = struct.Struct(form + "BIB")
        self._base = struct.Struct(form + "BIBB")
        self._value = struct.Struct(form + "BIQ")
        self._signs_told = any(  # before pahole 1.24 nobody told an enumeration's sign
            kind == Kind.ENUM64 or (kind == Kind.ENUM and flag)
            for kind, flag in zip(table.kinds, table.flags, strict=True)
        )

    def write(self, rows: range) -> bytes:
        """The types that were laid out together, one behind the other."""
        out: list[bytes] = []
        put, offsets = out.append, self._layout.offsets
        other = {
            Kind.INT: self._integer, Kind.FLOAT: self._integer, Kind.ARRAY: self._array,
            Kind.ENUM: self._enum, Kind.ENUM64: self._enum, Kind.FWD: self._told,
            Kind.FUNC_PROTO: self._prototype, Kind.PTR: self._pointer_to,
            **dict.fromkeys((Kind.STRUCT, Kind.UNION), self._structure),
            **dict.fromkeys(_REFERRING, self._refer),
        }  # fmt: skip
        for number in rows:
            kind = self._table.kinds[number]
            if offsets[number] and kind != Kind.TYPE_TAG:
                put(other[Kind(kind)](number, kind))
        return b"".join(out)

    def _pointer_to(self, number: int, _: int) -> bytes:
        target = self._layout.targets[number]
        if not target:
            return bytes((Code.POINTER_VOID, self._pointer))
        return self._referring.pack(Code.POINTER, self._layout.offsets[target], self._pointer)

    def _refer(self, number: int, kind: int) -> bytes:
        target = self._layout.targets[number]
        code = _REFERRING[Kind(kind)][not target]
        if kind == Kind.TYPEDEF:
            name = self._table.names[number]
            if not target:
                return self._one.pack(code, name)
            return self._two.pack(code, name, self._layout.offsets[target])
        return self._one.pack(code, self._layout.offsets[target]) if target else bytes((code,))

    def _integer(self, number: int, kind: int) -> bytes:
        table = self._table
        size = table.rests[number]
        if kind == Kind.FLOAT:
            return self._base.pack(Code.BASE, table.names[number], size, _FLOAT)
        (info,) = struct.unpack_from(table.order + "I", table.raw, table.places[number])
        if info >> 24 & 4:
            encoding = _BOOLEAN
        elif info >> 24 & 1:
            encoding = _SIGNED_CHAR if size == 1 else _SIGNED
        else:
            encoding = _UNSIGNED_CHAR if size == 1 else _UNSIGNED
        return self._base.pack(Code.BASE, table.names[number], size, encoding)

    def _array(self, number: int, _: int) -> bytes:
        element, count = array(self._table, number)
        head = self._one.pack(Code.ARRAY, self._layout.offsets[element])
        told = head + self._one.pack(Code.BOUND, count) + b"\0"
        return told if count else head + bytes((Code.BOUNDLESS, 0)) + told

    def _structure(self, number: int, kind: int) -> bytes:
        table, offsets = self._table, self._layout.offsets
        code = Code.STRUCT if kind == Kind.STRUCT else Code.UNION
        size = self._sizes.get(number, table.rests[number])
        out, every = [self._two.pack(code, table.names[number], size)], members(table, number)
        pack, bits = self._member.pack, self._bits.pack
        fields = bit_fields(table, number, self._layout.narrow)
        if not self._layout.empty.keys().isdisjoint(each[1] for each in every):
            every = self._empty_arrays(every, kind)
        if fields:
            out += [
                bits(Code.BITS, name, offsets[of], fields[place], at & 0xFFFFFF if at >> 24 else at)
                if place in fields
                else pack(Code.MEMBER, name, offsets[of], at >> 3)
                for place, (name, of, at) in enumerate(every)
            ]
        else:
            mask = 0xFFFFFF if table.flags[number] else 0xFFFFFFFF
            out += [pack(11, name, offsets[of], (at & mask) >> 3) for name, of, at in every]
        out.append(b"\0")
        return b"".join(out)

    def _empty_arrays(self, every: Fields, kind: int) -> Fields:
        """C allows x[] at a structure's end only: elsewhere it is x[0], and gdb prints which."""
        last = len(every) - 1 if kind == Kind.STRUCT else -1
        empty = self._layout.empty
        return [
            (name, of if place == last else empty.get(of, of), at)
            for place, (name, of, at) in enumerate(every)
        ]

    def _enum(self, number: int, kind: int) -> bytes:
        table, count = self._table, self._table.counts[number]
        head = (table.names[number], table.rests[number] & 0xFF)
        if not count:
            return self._referring.pack(Code.ENUM_TOLD, *head)
        at, pack = table.places[number], self._value.pack
        signed = table.flags[number] or not self._signs_told
        if kind == Kind.ENUM:
            each = struct.Struct(table.order + ("Ii" if signed else "II"))
            rows = each.iter_unpack(table.raw[at : at + 8 * count])
            values = [pack(Code.ENUMERATOR, name, value & _WORD) for name, value in rows]
        else:
            each = struct.Struct(table.order + "III")
            rows = each.iter_unpack(table.raw[at : at + 12 * count])
            values = [pack(Code.ENUMERATOR, name, high << 32 | low) for name, low, high in rows]
        return b"".join((self._referring.pack(Code.ENUM, *head), *values, b"\0"))

    def _told(self, number: int, _: int) -> bytes:
        code = Code.UNION_TOLD if self._table.flags[number] else Code.STRUCT_TOLD
        return self._one.pack(code, self._table.names[number])

    def _prototype(self, number: int, _: int) -> bytes:
        table, offsets = self._table, self._layout.offsets
        target = self._layout.targets[number]
        head = self._one.pack(Code.PROTO, offsets[target]) if target else bytes((Code.PROTO_VOID,))
        at = table.places[number]
        raw = table.raw[at : at + 8 * table.counts[number]]
        pack = self._one.pack
        given = [
            pack(Code.PARAMETER, offsets[of]) if of else bytes((Code.UNSPECIFIED,))
            for _, of in struct.iter_unpack(table.order + "II", raw)
        ]
        return head + b"".join(given) + b"\0"
