"""BTF: the types the kernel itself carries, read where gdb would search all debuginfo for them.

Format: Documentation/bpf/btf.rst of the kernel (magic eB9F, version 1).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

_HEADER = struct.Struct(
    "HBBIIIII"
)  # magic, version, flags, header, types at, long, strings at, long
_TYPE = struct.Struct("III")  # name, info, size or type
_TRIPLE = struct.Struct("III")  # a member: name, type, offset; an array: element, index, count
_MAGIC = 0xEB9F
_DEEPEST = 32  # of qualifiers over typedefs, and of structures within one another


class Kind(IntEnum):
    """What a type is; the numbers are the format's."""

    INT = 1
    PTR = 2
    ARRAY = 3
    STRUCT = 4
    UNION = 5
    ENUM = 6
    FWD = 7
    TYPEDEF = 8
    VOLATILE = 9
    CONST = 10
    RESTRICT = 11
    FUNC = 12
    FUNC_PROTO = 13
    VAR = 14
    DATASEC = 15
    FLOAT = 16
    DECL_TAG = 17
    TYPE_TAG = 18
    ENUM64 = 19


_FIXED = {Kind.INT: 4, Kind.ARRAY: 12, Kind.VAR: 4, Kind.DECL_TAG: 4}  # bytes behind the type
_EACH = {Kind.STRUCT: 12, Kind.UNION: 12, Kind.ENUM: 8, Kind.FUNC_PROTO: 8, Kind.DATASEC: 12,
         Kind.ENUM64: 12}  # bytes behind it per member  # fmt: skip
_OTHER_NAMES = (Kind.TYPEDEF, Kind.VOLATILE, Kind.CONST, Kind.RESTRICT, Kind.TYPE_TAG)


class BadBtf(ValueError):
    """The bytes are no BTF, or they contradict themselves."""


class Unclear(LookupError):
    """The types do not tell: no such structure, or several of one name."""


@dataclass(frozen=True, slots=True)
class _Field:
    """A member of a structure: its type, and where it begins."""

    type: int
    bits: int


class Btf:
    """The types of one kernel. Raises BadBtf on bytes that are none."""

    def __init__(self, raw: bytes, pointer: int = 8) -> None:
        self._pointer = pointer  # bytes
        try:
            self._index(raw)
        except (struct.error, ValueError, IndexError) as error:
            raise BadBtf(f"not readable as BTF: {error}") from error

    def offset_of(self, struct_name: str, path: str) -> int | None:
        """Where a member lies in `struct struct_name`, in bytes; `path` may be dotted.

        None: the structure has no such member. Unclear: nobody can say.
        """
        found = self._find(self._only(struct_name), path)
        if found is None:
            return None
        if found.bits % 8:
            raise Unclear(f"{path} does not begin at a byte")
        return found.bits // 8

    def size_of(self, struct_name: str, path: str = "") -> int | None:
        """How many bytes the structure has, or that member of it."""
        number = self._only(struct_name)
        if not path:
            return self._size(number)
        found = self._find(number, path)
        return None if found is None else self._size(found.type)

    def _index(self, raw: bytes) -> None:
        self._order = ">" if raw[:1] == b"\xeb" else "<"
        head = struct.Struct(self._order + _HEADER.format)
        magic, version, _, header, types_at, types, strings_at, strings = head.unpack_from(raw)
        if magic != _MAGIC or version != 1:
            raise BadBtf("the magic number eB9F is missing")
        self._raw = raw
        self._triple = struct.Struct(self._order + _TRIPLE.format)
        self._type = struct.Struct(self._order + _TYPE.format)
        self._strings = raw[header + strings_at : header + strings_at + strings]
        self._at = [0]  # by type number, which begins at 1
        self._structs: dict[int, list[int]] = {}  # by the place of the name
        at, end = header + types_at, header + types_at + types
        if end > len(raw) or len(self._strings) != strings:
            raise BadBtf("cut short")
        unpack, places, structs = self._type.unpack_from, self._at, self._structs
        while at < end:  # a hundred thousand turns
            name, info, _ = unpack(raw, at)
            kind = info >> 24 & 31
            if kind == Kind.STRUCT:
                structs.setdefault(name, []).append(len(places))
            places.append(at)
            at += 12 + (_FIXED.get(kind) or _EACH.get(kind, 0) * (info & 0xFFFF))
        if at != end:
            raise BadBtf("the last type is cut short")

    def _only(self, name: str) -> int:
        """The one structure of that name."""
        place = self._strings.find(b"\0%s\0" % name.encode()) + 1
        found = self._structs.get(place, []) if place else []
        if len(found) != 1:
            raise Unclear(f"{len(found)} structures are called {name}")
        return found[0]

    def _head(self, number: int) -> tuple[int, int, int, int]:
        """Kind, place behind the head, info, size or type."""
        if not 0 < number < len(self._at):
            raise Unclear(f"there is no type {number}")
        at = self._at[number]
        _, info, rest = self._type.unpack_from(self._raw, at)
        return info >> 24 & 31, at + _TYPE.size, info, rest

    def _bare(self, number: int) -> int:
        """The type below typedefs and qualifiers."""
        for _ in range(_DEEPEST):
            kind, _, _, rest = self._head(number)
            if kind not in _OTHER_NAMES:
                return number
            number = rest
        raise Unclear("typedefs without an end")

    def _find(self, number: int, path: str) -> _Field | None:
        field = _Field(number, 0)
        for name in path.split("."):
            inner = self._member(field.type, name.encode())
            if inner is None:
                return None
            field = _Field(inner.type, field.bits + inner.bits)
        return field

    def _member(self, number: int, name: bytes, depth: int = 0) -> _Field | None:
        """Looks into structures and unions without a name as C does."""
        if depth > _DEEPEST:
            raise Unclear("structures without an end")
        for told, field in self._members(self._bare(number)):
            if told == name:
                return field
            if not told and (inner := self._member(field.type, name, depth + 1)):
                return _Field(inner.type, field.bits + inner.bits)
        return None

    def _members(self, number: int) -> Iterator[tuple[bytes, _Field]]:
        kind, at, info, _ = self._head(number)
        if kind not in (Kind.STRUCT, Kind.UNION):
            return
        wide = info >> 31  # then the size of a bit field shares the word with its place
        for each in range(info & 0xFFFF):
            name, of, bits = self._triple.unpack_from(self._raw, at + each * _TRIPLE.size)
            yield self._name(name), _Field(of, bits & 0xFFFFFF if wide else bits)

    def _name(self, place: int) -> bytes:
        end = self._strings.find(b"\0", place)
        if end < 0:
            raise Unclear("a name lies outside the names")
        return self._strings[place:end]

    def _size(self, number: int) -> int:
        count = 1
        for _ in range(_DEEPEST):
            number = self._bare(number)
            kind, at, _, rest = self._head(number)
            if kind != Kind.ARRAY:
                break
            number, _, more = self._triple.unpack_from(self._raw, at)
            count *= more
        match kind:
            case Kind.INT | Kind.STRUCT | Kind.UNION | Kind.ENUM | Kind.ENUM64 | Kind.FLOAT:
                return count * rest
            case Kind.PTR:
                return count * self._pointer
            case _:
                raise Unclear(f"a type of kind {kind} has no size")


def of_vmlinux(path: Path) -> Btf | None:
    """The types in a vmlinux's own section .BTF; None where it has none that can be read."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        with path.open("rb") as file:
            elf = ELFFile(file)
            section = elf.get_section_by_name(".BTF")
            return Btf(section.data(), elf.elfclass // 8) if section else None
    except (OSError, ELFError, ValueError, KeyError, OverflowError):
        return None
