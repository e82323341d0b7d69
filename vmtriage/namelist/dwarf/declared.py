"""Types written as C writes them, found among the kernel's, or made from them."""

import re
import struct
from dataclasses import dataclass, field, replace

from vmtriage.namelist.dwarf.abbreviations import Code
from vmtriage.namelist.dwarf.layout import Layout, array, members
from vmtriage.source.btf import Kind
from vmtriage.source.btf_table import TypeTable

_DECLARED = re.compile(
    r"(?P<qualifiers>(?:const |volatile )*)(?:(?P<tag>struct|union|enum) )?"
    r"(?P<name>[A-Za-z_][\w ]*?)\s*"
    r"(?P<pointers>(?:\*|const|\s)*)(?P<bounds>(?:\[[\w*]*\])*)"
)
_TAGS = {"struct": (Kind.STRUCT,), "union": (Kind.UNION,), "enum": (Kind.ENUM, Kind.ENUM64),
         None: (Kind.TYPEDEF, Kind.INT, Kind.FLOAT)}  # fmt: skip
_QUALIFIERS = {
    "const": (Code.CONST, Code.CONST_VOID), "volatile": (Code.VOLATILE, Code.VOLATILE_VOID)
}  # fmt: skip
_THROUGH = (Kind.TYPEDEF, Kind.VOLATILE, Kind.CONST, Kind.RESTRICT, Kind.TYPE_TAG)
_DEEPEST = 32
_SPELLED = {  # C's words and those of BTF, which has them from DWARF
    "unsigned long": "long unsigned int", "long": "long int", "bool": "_Bool",
    "unsigned long long": "long long unsigned int", "unsigned char": "unsigned char",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Made:
    """A type's entry, its size in bytes (None: nobody can say), and whether a variable of it may
    be larger: its last member is an array without a length."""

    offset: int
    size: int | None
    open_ended: bool = False


@dataclass
class Declarations:
    """Finds and makes types. What it made is in `entries`, to stand at `start` of .debug_info.

    core: how many of the types are the kernel's own; those of modules are not looked at.
    """

    table: TypeTable
    layout: Layout
    pointer: int
    start: int
    core: int
    entries: bytearray = field(default_factory=bytearray)
    _made: dict[bytes, int] = field(default_factory=dict)
    _enumerators: dict[bytes, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._by_name: dict[tuple[int, int], int] = {}
        kinds = {each for group in _TAGS.values() for each in group}
        for number, kind in enumerate(self.table.kinds[: self.core]):
            if kind in kinds and self.table.names[number]:
                self._by_name.setdefault((self.table.names[number], kind), number)

    def of(self, text: str, size: int | None = None) -> Made | None:
        """`const struct x *[3]`; None where this kernel has no such type.

        [NAME] takes an enumerator's value, [*] as many as `size` bytes hold, [] says nothing.
        """
        match = _DECLARED.fullmatch(text)
        if match is None:
            raise ValueError(f"not a declared type: {text!r}")
        made = self._base(match["tag"], match["name"])
        if made is None:
            return None
        for word in reversed(match["qualifiers"].split()):
            made = replace(made, offset=self._qualified(_QUALIFIERS[word], made.offset))
        for token in re.findall(r"\*|const", match["pointers"]):
            if token == "*":
                made = self._pointer_to(made)
            else:
                made = Made(self._qualified(_QUALIFIERS[token], made.offset), made.size)
        for bound in reversed(re.findall(r"\[([\w*]*)\]", match["bounds"])):
            count = self._count(bound, made.size, size)
            if count is None:
                return None
            made = self._array_of(made, count)
        return made

    def sized(self, number: int) -> Made:
        """A type of the table."""
        return Made(self.layout.offsets[number], self._size(number), self._open_ended(number))

    def _base(self, tag: str | None, name: str) -> Made | None:
        if name == "void":
            return Made(0, None)
        place = self.table.place_of(_SPELLED.get(name, name) if tag is None else name)
        for kind in _TAGS[tag] if place is not None else ():
            number = self._by_name.get((place or 0, kind))
            if number is not None:
                return self.sized(number)
        return None

    def _size(self, number: int) -> int | None:
        kinds, count = self.table.kinds, 1
        for _ in range(_DEEPEST):
            kind = kinds[number]
            if kind == Kind.ARRAY:
                number, each = array(self.table, number)
                count *= each
            elif kind in _THROUGH:
                number = self.table.rests[number]
            elif kind == Kind.PTR:
                return count * self.pointer
            elif kind in (Kind.INT, Kind.FLOAT, Kind.STRUCT, Kind.UNION, Kind.ENUM, Kind.ENUM64):
                return count * self.table.rests[number]
            else:
                return None
        return None

    def _open_ended(self, number: int) -> bool:
        if self.table.kinds[number] != Kind.STRUCT or not self.table.counts[number]:
            return False
        return members(self.table, number)[-1][1] in self.layout.empty

    def _count(self, bound: str, each: int | None, size: int | None) -> int | None:
        if not bound:
            return 0
        if bound == "*":
            return size // each if size and each else 0
        return int(bound) if bound.isdigit() else self._enumerator(bound)

    def _enumerator(self, name: str) -> int | None:
        if not self._enumerators:
            self._enumerators.update(_enumerators(self.table, self.core))
        return self._enumerators.get(name.encode())

    def _pointer_to(self, made: Made) -> Made:
        form = self.table.order
        if not made.offset:
            return Made(self._add(bytes((Code.POINTER_VOID, self.pointer))), self.pointer)
        entry = struct.pack(form + "BIB", Code.POINTER, made.offset, self.pointer)
        return Made(self._add(entry), self.pointer)

    def _array_of(self, made: Made, count: int) -> Made:
        head = struct.pack(self.table.order + "BI", Code.ARRAY, made.offset)
        if not count:
            return Made(self._add(head + bytes((Code.BOUNDLESS, 0))), None)
        bound = struct.pack(self.table.order + "BI", Code.BOUND, count)
        return Made(self._add(head + bound + b"\0"), made.size and made.size * count)

    def _qualified(self, codes: tuple[Code, Code], target: int) -> int:
        code, without = codes
        if not target:
            return self._add(bytes((without,)))
        return self._add(struct.pack(self.table.order + "BI", code, target))

    def _add(self, entry: bytes) -> int:
        if entry not in self._made:
            self._made[entry] = self.start + len(self.entries)
            self.entries += entry
        return self._made[entry]


def _enumerators(table: TypeTable, core: int) -> dict[bytes, int]:
    found = {}
    text = table.strings
    for number, kind in enumerate(table.kinds[:core]):
        if kind == Kind.ENUM:
            at = table.places[number]
            raw = table.raw[at : at + 8 * table.counts[number]]
            for name, value in struct.iter_unpack(table.order + "II", raw):
                found[text[name : text.find(b"\0", name)]] = value
    return found
