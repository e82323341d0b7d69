"""Whose a name is: what the kernel calls so, else what all modules mean by it alike."""

import re
import struct
from array import array
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from vmtriage.source.btf import Kind
from vmtriage.source.btf_table import TypeTable

Key = tuple[bool, bytes]  # whether it follows struct, union or enum; the name
_STRUCTURES = frozenset({Kind.STRUCT, Kind.UNION})
_ENUMS = frozenset({Kind.ENUM, Kind.ENUM64})
_PLAIN = frozenset({Kind.TYPEDEF, Kind.INT, Kind.FLOAT})
_WORDS = {Kind.STRUCT: 3, Kind.UNION: 3, Kind.ENUM: 2, Kind.ENUM64: 3}  # per member
_THE_KERNELS = "the kernel's"
_OTHER = re.compile(rb"\W")


@dataclass(frozen=True, slots=True)
class Numbered:
    """A module's types as 32-bit words. rows: place of the head, kind, members of each type, the
    first of which has the number `first`."""

    first: int
    rows: Sequence[tuple[int, int, int]]
    words: "array[int]"


class Names:
    """Looks at all modules first, then gives new names where one would mean two things."""

    def __init__(self, base: TypeTable, strings: bytes, reserved: Collection[bytes]) -> None:
        """strings: of the kernel and all modules."""
        self._strings, self._reserved = strings, reserved
        self._core = dict(_of_kernel(base))
        self._meanings: dict[Key, object] = {}
        self._unclear: set[Key] = set()
        self._places: dict[bytes, int] = {}
        self._added = bytearray()

    @property
    def strings(self) -> bytes:
        """All names, the new ones last."""
        return self._strings + self._added

    def look(self, types: Numbered) -> None:
        """Notes what one module means by its names."""
        for key, meaning, _ in self._named(types):
            ours = self._core.get(key)
            if ours is None and not key[0] and key[1] in self._reserved:
                ours = _THE_KERNELS
            if (ours or self._meanings.setdefault(key, meaning)) != meaning:
                self._unclear.add(key)

    def rename(self, module: str, types: Numbered) -> None:
        """Writes the new names' places into the module's words."""
        end = b"__" + _OTHER.sub(b"_", module.encode("ascii", "replace"))
        for (_, name), _, at in [e for e in self._named(types) if e[0] in self._unclear]:
            types.words[at] = self._place(name + end)

    def _named(self, types: Numbered) -> Iterator[tuple[Key, object, int]]:
        """Each name that can be looked up, what it means, and which word has its place."""
        words, text = types.words, self._text
        for at, kind, count in types.rows:
            named = words[at]
            if kind in _ENUMS:
                for place in range(at + 3, at + 3 + count * _WORDS[Kind(kind)], _WORDS[Kind(kind)]):
                    value = words[place + 1], words[place + 2] if kind == Kind.ENUM64 else 0
                    yield (False, text(words[place])), value, place
            if named and (kind in _STRUCTURES or (kind in _ENUMS and count)):
                yield (True, text(named)), self._shape(types, at, kind, count), at
            elif named and kind in _PLAIN:
                yield (False, text(named)), self._alias(types, at, kind), at

    def _shape(self, types: Numbered, at: int, kind: int, count: int) -> object:
        words, each = types.words, _WORDS[Kind(kind)]
        members = words[at + 3 : at + 3 + count * each]
        names = [self._text(place) for place in members[::each]]
        return kind, words[at + 2], names, members[each - 1 :: each]

    def _alias(self, types: Numbered, at: int, kind: int) -> object:
        """What a typedef of one module says in the words of all."""
        target = types.words[at + 2]
        if kind != Kind.TYPEDEF or target < types.first:
            return kind, target
        place, inner, count = types.rows[target - types.first]
        if inner in _STRUCTURES or inner in _ENUMS:
            return kind, self._shape(types, place, inner, count)
        return kind, inner, self._text(types.words[place])

    def _text(self, place: int) -> bytes:
        return self._strings[place : self._strings.find(b"\0", place)]

    def _place(self, name: bytes) -> int:
        place = self._places.get(name)
        if place is None:
            place = self._places[name] = len(self._strings) + len(self._added)
            self._added += name + b"\0"
        return place


def _of_kernel(base: TypeTable) -> Iterator[tuple[Key, object]]:
    """Only an enumerator's meaning counts: a module may not say anything else of a type's name."""
    strings = base.strings
    for number, kind in enumerate(base.kinds):
        name = base.names[number]
        if kind in _ENUMS:
            form = struct.Struct(base.order + "I" * _WORDS[Kind(kind)])
            at = base.places[number]
            for place, *value in form.iter_unpack(
                base.raw[at : at + form.size * base.counts[number]]
            ):
                text = strings[place : strings.find(b"\0", place)]
                yield (False, text), (value[0], value[1] if kind == Kind.ENUM64 else 0)
        if name and (kind in _STRUCTURES or kind in _ENUMS or kind in _PLAIN):
            text = strings[name : strings.find(b"\0", name)]
            yield (kind not in _PLAIN, text), _THE_KERNELS
