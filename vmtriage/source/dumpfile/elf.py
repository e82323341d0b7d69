"""Physical memory in an ELF core: /proc/vmcore, makedumpfile -E, QEMU's dump-guest-memory."""

from bisect import bisect_right

from vmtriage.errors import BadDump
from vmtriage.source.dumpfile.elf_header import PT_LOAD, ElfHeader
from vmtriage.source.dumpfile.missing import Missing, Why
from vmtriage.source.dumpfile.spans import visible
from vmtriage.source.dumpfile.stored import Stored

_END = 1 << 64


class ElfCore:
    """The PT_LOAD segments by physical address. BadDump for a 32-bit kernel's."""

    def __init__(self, name: str, stored: Stored, header: ElfHeader) -> None:
        if not header.wide:
            raise BadDump(
                f"{name} is of a 32-bit kernel", next_step="look at it with a crash of its kind"
            )
        self._stored = stored
        loads = [s for s in header.segments if s.kind == PT_LOAD and s.physical + s.size < _END]
        # memory without bytes in the file lies below whatever has some
        spans = [(s.physical, s.physical + max(s.size, s.stored), None) for s in loads]
        kept = [(s.physical, s.physical + s.stored, s.offset) for s in loads if s.stored]
        layers = [*spans, *kept]
        pieces = visible([begin for begin, _, _ in layers], [end for _, end, _ in layers])
        self._begins = [piece.begin for piece in pieces]
        self._ends = [piece.end for piece in pieces]
        self._places: list[int | None] = []
        for piece in pieces:
            begin, _, offset = layers[piece.which]
            self._places.append(None if offset is None else offset + piece.begin - begin)

    def read(self, address: int, count: int) -> bytes:
        """Physical memory; Missing names the first byte that is not there."""
        if count <= 0:
            return b""
        found: list[bytes] = []
        index = bisect_right(self._begins, address) - 1
        while count > 0:
            if not (0 <= index < len(self._begins)
                    and self._begins[index] <= address < self._ends[index]):  # fmt: skip
                raise Missing(Why.OUTSIDE, address)
            place = self._places[index]
            if place is None:
                raise Missing(Why.EXCLUDED, address, "the segment has no bytes for it")
            length = min(count, self._ends[index] - address)
            place += address - self._begins[index]
            data = self._stored.read(place, length)
            if len(data) < length:
                there = len(data)
                raise Missing(Why.DAMAGED, address + there, f"cut off at byte {place + there}")
            found.append(data)
            address, count, index = address + length, count - length, index + 1
        return found[0] if len(found) == 1 else b"".join(found)

    def close(self) -> None:
        """Closes the file."""
        self._stored.close()
