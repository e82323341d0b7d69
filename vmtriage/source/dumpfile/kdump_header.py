"""The headers of a compressed kdump, by makedumpfile's diskdump_mod.h, versions 1 to 6."""

from dataclasses import dataclass
from struct import Struct

from vmtriage.errors import BadDump
from vmtriage.source.dumpfile.stored import Stored

MAGIC = b"KDUMP   "
INCOMPLETE = 0x8  # a flag of the status: the disk was full before the end
BLOCK_SIZES = (4096, 8192, 16384, 65536)
_UTSNAME, _FIELD = 12, 65  # sysname, nodename, release, version, machine, domainname
_WIDE, _NARROW = 424, 412  # where `status` lies with a 64-bit or a 32-bit time before it
_NEEDED = 4096


@dataclass(frozen=True, slots=True)
class KdumpHeader:
    """What the two headers say. Nothing in it is proved: sizes may be anything."""

    order: str  # "<" or ">"
    wide: bool  # of a 64-bit kernel
    version: int
    nodename: str
    release: str
    machine: str
    timestamp: int  # seconds since 1970
    status: int
    block_size: int  # bytes, one of BLOCK_SIZES; also the size of a page
    sub_header_blocks: int
    bitmap_blocks: int
    max_mapnr: int  # pages
    dump_level: int | None
    split: bool
    start_pfn: int
    end_pfn: int
    vmcoreinfo_at: int
    vmcoreinfo_size: int

    @property
    def bitmap_at(self) -> int:
        """Byte of the dump at which the two bitmaps begin."""
        return (1 + self.sub_header_blocks) * self.block_size

    @property
    def descriptors_at(self) -> int:
        """Byte of the dump at which the page descriptors begin."""
        return self.bitmap_at + self.bitmap_blocks * self.block_size


def parse(name: str, stored: Stored) -> KdumpHeader:
    """Reads both headers. BadDump, with the byte, where they cannot be what they should."""
    head = stored.read(0, _NEEDED)
    order, status_at = _layout(name, head)
    wide = status_at == _WIDE
    status, block, sub_blocks, bitmap_blocks, max_mapnr = Struct(f"{order}IiiII").unpack(
        head[status_at : status_at + 20].ljust(20, b"\0")
    )
    version, *_ = Struct(f"{order}i").unpack_from(head, 8)
    stamp, *_ = Struct(f"{order}{'q' if wide else 'i'}").unpack_from(head, 408 if wide else 404)
    sub = stored.read(block, 104)
    level = None
    if version >= 1 and len(sub) >= (12 if wide else 8):
        (level,) = Struct(f"{order}i").unpack_from(sub, 8 if wide else 4)
    sub = sub.ljust(104, b"\0") if wide else bytes(104)
    (split,) = Struct(f"{order}i").unpack_from(sub, 12)
    start, end, info_at, info_size = Struct(f"{order}QQqQ").unpack_from(sub, 16)
    start_64, end_64, max_64 = Struct(f"{order}QQQ").unpack_from(sub, 80)
    if version >= 6:
        start, end, max_mapnr = start_64, end_64, max_64 or max_mapnr
    return KdumpHeader(
        order=order,
        wide=wide,
        version=version,
        nodename=_text(head, 1),
        release=_text(head, 2),
        machine=_text(head, 4),
        timestamp=stamp,
        status=status,
        block_size=block,
        sub_header_blocks=max(sub_blocks, 1),
        bitmap_blocks=bitmap_blocks,
        max_mapnr=max_mapnr,
        dump_level=level,
        split=version >= 2 and split != 0,
        start_pfn=start,
        end_pfn=end,
        vmcoreinfo_at=info_at if version >= 3 else 0,
        vmcoreinfo_size=info_size if version >= 3 else 0,
    )


def _layout(name: str, head: bytes) -> tuple[str, int]:
    """Byte order, and where `status` lies: told by the one place that has a block size."""
    for order in "<>":
        for status_at in (_WIDE, _NARROW):
            if len(head) >= status_at + 8:
                (block,) = Struct(f"{order}i").unpack_from(head, status_at + 4)
                if block in BLOCK_SIZES:
                    return order, status_at
    raise BadDump(
        f"{name}: the kdump header is damaged near byte {min(len(head), _WIDE + 4)}",
        next_step="copy the dump again; if it was cut while written, only the log may be left",
    )


def _text(head: bytes, field: int) -> str:
    at = _UTSNAME + field * _FIELD
    return head[at : at + _FIELD].split(b"\0")[0].decode("ascii", "replace")
