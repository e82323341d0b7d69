"""A dump that makedumpfile --split wrote as several files."""

from bisect import bisect_right
from collections.abc import Sequence

from vmtriage.errors import BadDump
from vmtriage.source.dumpfile.kdump import Kdump
from vmtriage.source.dumpfile.kdump_header import KdumpHeader


class Parts:
    """Several files as one memory. BadDump if they do not belong together."""

    def __init__(self, names: Sequence[str], parts: Sequence[Kdump]) -> None:
        self._parts = sorted(parts, key=lambda part: (part.header.start_pfn, part.header.end_pfn))
        self.page_size = self._parts[0].page_size
        self._starts = [part.header.start_pfn for part in self._parts]
        first = self._parts[0].header
        for name, part in zip(names, parts, strict=True):
            header = part.header
            if not header.split:
                raise BadDump(f"{name} is a whole dump, not a part", next_step="give it alone")
            if (header.block_size, header.max_mapnr, header.release, header.timestamp) != (
                *(first.block_size, first.max_mapnr, first.release, first.timestamp),
            ):
                raise BadDump(
                    f"{name} is a part of another dump than {names[0]}",
                    next_step="give the parts of one dump only",
                )
        for before, after in zip(self._parts, self._parts[1:], strict=False):
            if after.header.start_pfn < before.header.end_pfn:
                raise BadDump(
                    f"two parts have the page {after.header.start_pfn:x}",
                    next_step="give each part once",
                )

    def read(self, address: int, count: int) -> bytes:
        """Physical memory; Missing names the first byte that is not there."""
        if count <= 0:
            return b""
        first, skip = divmod(address, self.page_size)
        last = (address + count - 1) // self.page_size
        found: list[bytes] = []
        while first <= last:
            part = self._parts[max(bisect_right(self._starts, first) - 1, 0)]
            end = min(last + 1, max(part.header.end_pfn, first + 1))
            found.append(part.read(first * self.page_size, (end - first) * self.page_size))
            first = end
        return b"".join(found)[skip : skip + count]

    def close(self) -> None:
        """Closes the files."""
        for part in self._parts:
            part.close()


def lacking(headers: Sequence[KdumpHeader]) -> bool:
    """Are there pages that none of these parts was to hold?"""
    reached = 0
    for header in sorted(headers, key=lambda header: header.start_pfn):
        if header.start_pfn > reached:
            return True
        reached = max(reached, header.end_pfn)
    return reached < max(header.max_mapnr for header in headers)
