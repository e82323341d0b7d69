"""The bitmap of a compressed kdump: which pages it holds, and the how manieth each one is."""

from functools import lru_cache

from vmtriage.source.dumpfile.stored import Stored

_BLOCK = 256  # bytes counted together
_BITS = _BLOCK * 8
_CHUNK = 1 << 20


class Bitmap:
    """Bits in the file, lowest first in each byte; never more of it in memory than is asked."""

    def __init__(self, stored: Stored, at: int, size: int) -> None:
        self._stored, self._at = stored, at
        self._size = max(0, min(size, stored.size - at, stored.held))  # bytes
        self.bits = self._size * 8
        self._before = [0]  # set bits before each block, as far as counted
        self._block = lru_cache(64)(self._read_block)

    def has(self, bit: int) -> bool:
        """Is it set? False beyond the bitmap."""
        if not 0 <= bit < self.bits:
            return False
        return bool(self._block(bit // _BITS) >> bit % _BITS & 1)

    def rank(self, bit: int) -> int:
        """How many bits below this one are set."""
        block, rest = divmod(min(bit, self.bits), _BITS)
        while len(self._before) <= block:
            self._count()
        if not rest:
            return self._before[block]
        return self._before[block] + (self._block(block) & (1 << rest) - 1).bit_count()

    def _read_block(self, block: int) -> int:
        at = block * _BLOCK
        raw = self._stored.read(self._at + at, min(_BLOCK, self._size - at))
        return int.from_bytes(raw, "little")

    def _count(self) -> None:
        """Counts one chunk more."""
        at = (len(self._before) - 1) * _BLOCK
        raw = self._stored.read(self._at + at, min(_CHUNK, self._size - at))
        total = self._before[-1]
        for begin in range(0, min(_CHUNK, max(self._size - at, 1)), _BLOCK):
            total += int.from_bytes(raw[begin : begin + _BLOCK], "little").bit_count()
            self._before.append(total)
