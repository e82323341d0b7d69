"""Physical memory in a compressed kdump.

Two bitmaps say which pages exist and which were dumped; each dumped page has a descriptor
(where, how long, how compressed); the n-th set bit has the n-th descriptor.
"""

from functools import lru_cache
from struct import Struct

from vmtriage.errors import BadDump
from vmtriage.source.dumpfile import codecs
from vmtriage.source.dumpfile.bitmap import Bitmap
from vmtriage.source.dumpfile.codecs import BadPage
from vmtriage.source.dumpfile.kdump_header import INCOMPLETE, KdumpHeader
from vmtriage.source.dumpfile.missing import Missing, Why
from vmtriage.source.dumpfile.stored import Stored

_DESCRIPTOR = 24
_TOGETHER = 170  # descriptors read at once, about a page of them
_CACHE = 4 << 20  # bytes of pages kept


class Kdump:
    """One file's pages. Raises BadDump if the header cannot be that of a 64-bit kernel."""

    def __init__(self, name: str, stored: Stored, header: KdumpHeader) -> None:
        if not header.wide:
            raise BadDump(
                f"{name} is of a 32-bit kernel", next_step="look at it with a crash of its kind"
            )
        self.header, self.page_size = header, header.block_size
        self._stored = stored
        half = header.bitmap_blocks * header.block_size // 2
        needed = min(half, -(-header.max_mapnr // 8))
        self._exists = Bitmap(stored, header.bitmap_at, needed)
        self._dumped = Bitmap(stored, header.bitmap_at + half, needed)
        self._whole = half <= stored.held and header.bitmap_at + 2 * half <= stored.size
        self._entry = Struct(f"{header.order}qIIQ")
        self._descriptors = lru_cache(32)(self._read_descriptors)
        self._page = lru_cache(max(16, _CACHE // self.page_size))(self.page)
        self._skipped = self._dumped.rank(header.start_pfn) if header.split else 0

    def read(self, address: int, count: int) -> bytes:
        """Physical memory; Missing names the first byte that is not there."""
        if count <= 0:
            return b""
        first, skip = divmod(address, self.page_size)
        last = (address + count - 1) // self.page_size
        if first == last:
            return self._page(first)[skip : skip + count]
        return b"".join(map(self._page, range(first, last + 1)))[skip : skip + count]

    def page(self, pfn: int) -> bytes:
        """One page, decompressed."""
        header, address = self.header, pfn * self.page_size
        if not 0 <= pfn < header.max_mapnr:
            raise Missing(Why.OUTSIDE, address, f"the last page is {header.max_mapnr - 1:x}")
        if not self._dumped.has(pfn):
            raise self._absent(pfn, address)
        if header.split and not header.start_pfn <= pfn < header.end_pfn:
            raise Missing(Why.DAMAGED, address, "it is in a part that was not given")
        index = self._dumped.rank(pfn) - self._skipped
        block = self._descriptors(index // _TOGETHER)
        at = index % _TOGETHER * _DESCRIPTOR
        if at + _DESCRIPTOR > len(block):
            raise Missing(Why.DAMAGED, address, "the dump ends before its descriptor")
        offset, size, flags, _ = self._entry.unpack_from(block, at)
        if offset <= 0:
            raise Missing(Why.DAMAGED, address, "it was never written")
        if not 0 < size <= self.page_size:
            raise Missing(Why.DAMAGED, address, f"a page of {size} bytes")
        data = self._stored.read(offset, size)
        if len(data) < size:
            raise Missing(Why.DAMAGED, address, f"cut off at byte {offset + len(data)}")
        try:
            return codecs.expand(flags, data, self.page_size)
        except BadPage as error:
            raise Missing(Why.DAMAGED, address, f"at byte {offset}: {error}") from None

    @property
    def complete(self) -> bool:
        """Are bitmaps, descriptors and the last page's bytes there? Reads no page."""
        if self.header.status & INCOMPLETE or not self._whole:
            return False
        begin, end = (
            (self.header.start_pfn, self.header.end_pfn)
            if self.header.split
            else (0, self.header.max_mapnr)
        )
        count = self._dumped.rank(min(end, self.header.max_mapnr)) - self._dumped.rank(begin)
        if count <= 0:
            return True
        last = count - 1
        at = last % _TOGETHER * _DESCRIPTOR
        block = self._descriptors(last // _TOGETHER)
        if at + _DESCRIPTOR > len(block):
            return False
        offset, size, *_ = self._entry.unpack_from(block, at)
        return bool(0 < offset <= self._stored.size - size)

    @property
    def reach(self) -> int:
        """Pages that its bitmaps speak of, whatever the header claims."""
        return min(self.header.max_mapnr, self._dumped.bits)

    def dumped_below(self, pfn: int) -> int:
        """How many pages below this one the whole dump holds, in all its parts."""
        return self._dumped.rank(pfn)

    def _absent(self, pfn: int, address: int) -> Missing:
        if self._exists.has(pfn):
            return Missing(Why.EXCLUDED, address, f"dump level {self.header.dump_level}")
        if pfn >= self._dumped.bits and not self._whole:
            return Missing(Why.DAMAGED, address, "the dump ends within its bitmap")
        return Missing(Why.OUTSIDE, address)

    def _read_descriptors(self, block: int) -> bytes:
        length = _TOGETHER * _DESCRIPTOR
        return self._stored.read(self.header.descriptors_at + block * length, length)

    def close(self) -> None:
        """Closes the file."""
        self._stored.close()
