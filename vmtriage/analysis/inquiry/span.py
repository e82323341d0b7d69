"""Some members of one structure, read as one piece: a question per member is too slow."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from vmtriage.analysis.inquiry.layout import Member
from vmtriage.analysis.inquiry.memory import Memory
from vmtriage.session.commands import MAX_READ


@dataclass(frozen=True, slots=True)
class Number:
    """A member that is a number of so many bytes."""

    where: Member
    count: int = 8
    signed: bool = False


class Span:
    """Reads the same members of many structures."""

    def __init__(self, memory: Memory, numbers: Mapping[str, Number]) -> None:
        self._memory, self._numbers = memory, numbers
        found = {name: memory.layout[each.where] for name, each in numbers.items()}
        self._places = {name: place for name, place in found.items() if place is not None}
        self._first = min(self._places.values(), default=0)
        ends = [place + numbers[name].count for name, place in self._places.items()]
        self._size = max(ends, default=0) - self._first

    def prefetch(self, bases: Iterable[int]) -> None:
        """Reads all of them with one wait."""
        if 0 < self._size <= MAX_READ:
            self._memory.prefetch((base + self._first, self._size) for base in bases)

    def of(self, base: int) -> dict[str, int | None]:
        """Every number by its name; None what this kernel has not, or the dump does not hold."""
        found: dict[str, int | None] = dict.fromkeys(self._numbers)
        whole = 0 < self._size <= MAX_READ and self._first >= 0
        raw = self._memory.read(base + self._first, self._size) if whole else None
        if raw is None:
            return found
        for name, place in self._places.items():
            number = self._numbers[name]
            at = place - self._first
            found[name] = int.from_bytes(
                raw[at : at + number.count], self._memory.byte_order, signed=number.signed
            )
        return found
