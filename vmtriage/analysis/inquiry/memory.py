"""Kernel memory as values: pointers, numbers, texts, lists. What cannot be read is None."""

from collections.abc import Iterable, Iterator

from vmtriage.analysis.inquiry.desk import ByteOrder, Desk
from vmtriage.analysis.inquiry.layout import Layout, Member
from vmtriage.session.commands import MAX_READ

_CHUNK = 64  # texts are short
_WINDOW = 128  # bytes; no page ends within
_LONGEST_LIST = 4096


class Memory:
    """Reads structures by the layout of this kernel, each place once."""

    def __init__(self, desk: Desk, layout: Layout) -> None:
        self._desk, self.layout = desk, layout
        self._seen: dict[tuple[int, int], bytes | None] = {}
        self._windows: dict[int, bytes] = {}

    @property
    def word_size(self) -> int:
        """Bytes of a pointer."""
        return self._desk.word

    @property
    def byte_order(self) -> ByteOrder:
        """Of the machine."""
        return self._desk.byte_order

    def read(self, address: int, count: int) -> bytes | None:
        """All `count` bytes, or None."""
        found = self._partly(address, count)
        return found if found is not None and len(found) == count else None

    def prefetch(self, places: Iterable[tuple[int, int]]) -> None:
        """Reads many places with one wait for the answers; `read` finds them then."""
        new = [each for each in dict.fromkeys(places) if each not in self._seen]
        new = [each for each in new if _readable(*each)]
        self._seen.update(zip(new, self._desk.read_all(new), strict=True))

    def pointer(self, base: int | None, where: Member) -> int | None:
        """The pointer in a structure at `base`."""
        return self.unsigned(base, where, self._desk.word)

    def unsigned(self, base: int | None, where: Member, count: int = 4) -> int | None:
        """A number of `count` bytes."""
        address = self.at(base, where)
        return None if address is None else self.number(address, count, signed=False)

    def signed(self, base: int | None, where: Member, count: int = 4) -> int | None:
        """The same, below zero too."""
        address = self.at(base, where)
        return None if address is None else self.number(address, count, signed=True)

    def at(self, base: int | None, where: Member) -> int | None:
        """The address of a member of the structure at `base`."""
        offset = self.layout[where] if base else None
        return base + offset if base and offset is not None else None

    def word(self, address: int) -> int | None:
        """The pointer that lies at an address."""
        return self.number(address, self._desk.word, signed=False)

    def words(self, address: int, count: int) -> tuple[int, ...]:
        """As many of the pointers there as the dump holds."""
        size = self._desk.word
        raw = self._partly(address, count * size) or b""
        return tuple(
            int.from_bytes(raw[at : at + size], self._desk.byte_order)
            for at in range(0, len(raw) - size + 1, size)
        )

    def text(self, address: int | None, limit: int = 256) -> str | None:
        """The text that ends with a NUL, or at the limit."""
        found = b""
        while address and len(found) < limit:
            more = self._partly(address + len(found), min(_CHUNK, limit - len(found)))
            if not more:
                return None
            found += more
            if b"\0" in more:
                break
        return found.partition(b"\0")[0].decode("utf-8", "backslashreplace") if found else None

    def linked(
        self, head: int, limit: int = _LONGEST_LIST, backwards: bool = False
    ) -> Iterator[int]:
        """The addresses of the list_heads behind `head`, as far as the list can be read."""
        seen = {head}
        link = self._desk.word if backwards else 0
        node = self.word(head + link)
        while node and node not in seen and len(seen) <= limit:
            yield node
            seen.add(node)
            node = self.word(node + link)

    def number(self, address: int, count: int = 4, signed: bool = False) -> int | None:
        """The number that lies at an address."""
        raw = self.read(address, count)
        return None if raw is None else int.from_bytes(raw, self._desk.byte_order, signed=signed)

    def _partly(self, address: int, count: int) -> bytes | None:
        if not _readable(address, count):
            return None
        key = (address, count)
        if key not in self._seen:
            self._seen[key] = self._within(address, count) or self._desk.read(address, count)
        return self._seen[key]

    def _within(self, address: int, count: int) -> bytes | None:
        """Read with what lies around it: the next question is often for its neighbour."""
        start, skip = address - address % _WINDOW, address % _WINDOW
        if count > self._desk.word or skip + count > _WINDOW:
            return None
        if start not in self._windows:
            self._windows[start] = self._desk.read(start, _WINDOW) or b""
        found = self._windows[start][skip : skip + count]
        return found if len(found) == count else None


def _readable(address: int, count: int) -> bool:
    """No kernel has anything at NULL; a size from lying memory may be anything."""
    return 0x1000 <= address < 1 << 64 and 0 < count <= MAX_READ
