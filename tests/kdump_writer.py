"""Writes dumps by hand, by makedumpfile's layout: any byte order, compression and damage."""

import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import cramjam
import lzallright

Pages = Mapping[int, bytes | None]  # by pfn; None: it exists, but was left out


def _lzo(page: bytes) -> bytes:
    return bytes(lzallright.LZOCompressor().compress(page))


def _zstd(page: bytes) -> bytes:
    return bytes(cramjam.zstd.compress(page))


def _snappy(page: bytes) -> bytes:
    return bytes(cramjam.snappy.compress_raw(page))


PACK: Mapping[int, Callable[[bytes], bytes]] = {
    0: bytes, 1: zlib.compress, 2: _lzo, 4: _snappy, 0x20: _zstd,
}  # fmt: skip


@dataclass(frozen=True)
class Written:
    """A compressed kdump to be written."""

    pages: Pages
    order: str = "<"
    block: int = 4096
    version: int = 6
    packings: Sequence[int] = (0x2,)  # used by turns
    info: bytes = b""
    machine: bytes = b"x86_64"
    max_mapnr: int = 0
    part: tuple[int, int] | None = None
    status: int | None = None
    release: bytes = b"6.1.0-9-amd64"

    @property
    def raw(self) -> bytes:
        order, block = self.order, self.block
        top = self.max_mapnr or max(self.pages, default=0) + 1
        half = -(-top // (block * 8)) * block
        head = struct.pack(f"{order}8si", b"KDUMP   ", self.version)
        for text in (b"Linux", b"host", self.release, b"#1", self.machine, b""):
            head += text.ljust(65, b"\0")
        status = self.packings[0] if self.status is None else self.status
        head = head.ljust(408, b"\0") + struct.pack(
            f"{order}qqIiiIIIIIii", 1700000000, 0, status, block, 1, 2 * half // block,
            top if self.version < 6 else 0, 0, 0, 0, 0, 1,
        )  # fmt: skip
        begin, end = self.part or (0, 0)
        info_at = block + 512
        fields: list[tuple[int, bytes]] = [
            (0, struct.pack(f"{order}Q", 0)),
            (1, struct.pack(f"{order}i", 31)),
            (2, struct.pack(f"{order}iQQ", self.part is not None, begin, end)),
            (3, struct.pack(f"{order}qQ", info_at, len(self.info))),
            (4, bytes(16)),
            (5, bytes(16)),
            (6, struct.pack(f"{order}QQQ", begin, end, top)),
        ]
        sub = b"".join(raw for version, raw in fields if version <= self.version)
        assert 512 + len(self.info) <= block, "the sub header has one block"
        front = head.ljust(block, b"\0") + sub.ljust(512, b"\0") + self.info
        return front.ljust(2 * block, b"\0") + self._bitmaps(half) + self._data(half)

    def _bitmaps(self, half: int) -> bytes:
        exists, dumped = bytearray(half), bytearray(half)
        for pfn, page in self.pages.items():
            exists[pfn >> 3] |= 1 << (pfn & 7)
            dumped[pfn >> 3] |= (page is not None) << (pfn & 7)
        return bytes(exists + dumped)

    def _data(self, half: int) -> bytes:
        begin, end = self.part or (0, 1 << 60)
        kept = [(pfn, page) for pfn, page in sorted(self.pages.items())
                if page is not None and begin <= pfn < end]  # fmt: skip
        at = 2 * self.block + 2 * half + 24 * len(kept)
        descriptors, data, zero = bytearray(), bytearray(), None
        for number, (_, page) in enumerate(kept):
            flags = self.packings[number % len(self.packings)]
            packed = PACK[flags](page)
            if len(packed) >= self.block:
                flags, packed = 0, page
            if not any(page) and zero:
                descriptors += zero  # all zero pages share one
                continue
            entry = struct.pack(f"{self.order}qIIQ", at + len(data), len(packed), flags, 0)
            zero = zero or (None if any(page) else entry)
            descriptors += entry
            data += packed
        return bytes(descriptors + data)


def flattened(content: bytes, cuts: Sequence[int] = (), backwards: bool = False) -> bytes:
    """makedumpfile -F: records that end at the cuts, maybe the last one first."""
    edges = sorted({0, len(content), *(cut % len(content) for cut in cuts)})
    records = [
        struct.pack(">qq", begin, end - begin) + content[begin:end]
        for begin, end in pairwise(edges)
    ]
    head = b"makedumpfile".ljust(16, b"\0") + struct.pack(">qq", 1, 1)
    body = records[::-1] if backwards else records
    return head.ljust(4096, b"\0") + b"".join(body) + b"\xff" * 16


@dataclass(frozen=True)
class Load:
    """A PT_LOAD: bytes at a physical address, and how much memory it stands for."""

    physical: int
    data: bytes
    size: int | None = None
    virtual: int = 0


@dataclass(frozen=True)
class Core:
    """An ELF core to be written."""

    loads: Sequence[Load]
    order: str = "<"
    info: bytes = b""
    machine: int = 62
    xnum: bool = False  # the count of program headers in the first section header
    empty: int = field(default=0)  # PT_NULL entries before all others

    @property
    def raw(self) -> bytes:
        order, count = self.order, self.empty + 1 + len(self.loads)
        note = struct.pack(f"{order}III", 11, len(self.info), 0) + b"VMCOREINFO\0\0" + self.info
        sections = 64 + 56 * count
        at = sections + 64
        table = bytes(56 * self.empty)
        table += struct.pack(f"{order}IIQQQQQQ", 4, 0, at, 0, 0, len(note), len(note), 0)
        data = note
        for load in self.loads:
            size = len(load.data) if load.size is None else load.size
            table += struct.pack(
                f"{order}IIQQQQQQ", 1, 7, at + len(data), load.virtual, load.physical,
                len(load.data), size, 0,
            )  # fmt: skip
            data += load.data
        head = b"\x7fELF\x02" + (b"\x01" if order == "<" else b"\x02") + b"\x01" + bytes(9)
        head += struct.pack(
            f"{order}HHIQQQIHHHHHH", 4, self.machine, 1, 0, 64, sections if self.xnum else 0, 0, 64,
            56, 0xFFFF if self.xnum else count, 64, self.xnum, 0,
        )  # fmt: skip
        section = bytes(44) + struct.pack(f"{order}I", count if self.xnum else 0) + bytes(16)
        return head + table + section + data
