"""Recognises a dump by its first bytes and reads what its header says. Never by its name.

Formats: compressed kdump (diskdump), makedumpfile's flattened form, ELF core. Layouts from
makedumpfile's diskdump_mod.h and the ELF specification.
"""

import os
import struct
from pathlib import Path

from vmtriage.errors import BadDump, NoInput
from vmtriage.models.dump import DumpInfo
from vmtriage.source import vmcoreinfo
from vmtriage.source.vmcoreinfo import VmcoreInfo

_FLAT_HEADER = 4096
_HEAD_BYTES = 1 << 16
_MAX_NOTES = 16 << 20
_COMPRESSION = ((0x1, "zlib"), (0x2, "lzo"), (0x4, "snappy"), (0x20, "zstd"))
_INCOMPLETE = 0x8
_ARCHIVES = (
    (b"\x1f\x8b", "gzip", "gunzip"),
    (b"\xfd7zXZ\x00", "xz", "unxz"),
    (b"BZh", "bzip2", "bunzip2"),
    (b"\x28\xb5\x2f\xfd", "zstd", "unzstd"),
)


def identify(path: Path) -> DumpInfo:
    """Format, size, dump level, compression, release, build-id and crash time of a dump."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            head = file.read(_HEAD_BYTES)
            if head.startswith(b"makedumpfile"):
                return _flattened(path, size)
            if head.startswith(b"KDUMP   "):
                file.seek(0)
                return _kdump(path, size, file.read(1 << 20), "kdump")
            if head.startswith(b"\x7fELF"):
                return _elf(path, size, head)
    except IsADirectoryError:
        raise NoInput(f"{path} is a directory", next_step="give the dump itself") from None
    except OSError as error:
        raise NoInput(
            f"cannot read {path}: {error.strerror}",
            next_step="check the path, and that you may read it",
        ) from error
    raise _not_a_dump(path, size, head)


def _not_a_dump(path: Path, size: int, head: bytes) -> BadDump:
    if size == 0:
        return BadDump(
            f"{path} is empty",
            next_step="kdump did not get to write it; look at the"
            " capture kernel's log (kexec-dmesg.log) beside it",
        )
    for magic, name, tool in _ARCHIVES:
        if head.startswith(magic):
            return BadDump(f"{path} is compressed with {name}", next_step=f"unpack it: {tool}")
    return BadDump(
        f"{path} is not a kernel dump (neither kdump, flattened kdump nor ELF core)",
        next_step="was it copied whole? a dump begins with KDUMP, makedumpfile or ELF",
    )


def _kdump(path: Path, size: int, head: bytes, form: str) -> DumpInfo:
    """A compressed kdump from its first block on; `head` may be short."""
    wide_at = 424  # 64-bit layout: 8 signature, 4 version, 390 utsname, pad, 16 timeval
    found = next(
        (
            (order, status_at)
            for order in "<>"
            for status_at in (wide_at, 412)
            if len(head) >= status_at + 8
            and struct.unpack_from(f"{order}i", head, status_at + 4)[0] in (4096, 16384, 65536)
        ),
        None,
    )
    if found is None:
        raise BadDump(
            f"{path}: the kdump header is damaged near byte {min(len(head), wide_at + 4)}",
            next_step="copy the dump again; if it was cut while written, only the log may be left",
        )
    order, status_at = found
    status, block_size = struct.unpack_from(f"{order}Ii", head, status_at)
    level = _number(head, f"{order}i", block_size + (8 if status_at == wide_at else 4))
    info = _vmcoreinfo_in(head)
    stamp = _number(head, f"{order}{'q' if status_at == wide_at else 'i'}", 408)
    return DumpInfo(
        path=str(path),
        format="flattened" if form == "flattened" else "kdump",
        size=size,
        partial=None if level is None else level > 0,
        incomplete=bool(status & _INCOMPLETE),
        dump_level=level if level is not None and 0 <= level <= 31 else None,
        compression=next((name for bit, name in _COMPRESSION if status & bit), "none"),
        build_id=info.build_id,
        release=info.release or _utsname_release(head),
        crash_time=info.crash_time or vmcoreinfo.epoch(str(stamp)),
        kaslr_offset=info.kaslr_offset,
    )


def _number(data: bytes, form: str, at: int) -> int | None:
    if at + struct.calcsize(form) > len(data):
        return None
    return int(struct.unpack_from(form, data, at)[0])


def _utsname_release(head: bytes) -> str | None:
    field = head[12 + 2 * 65 : 12 + 3 * 65].split(b"\0")[0]
    return vmcoreinfo.parse(b"OSRELEASE=" + field).release


def _vmcoreinfo_in(data: bytes) -> VmcoreInfo:
    """The VMCOREINFO text wherever it lies in these bytes: it starts with OSRELEASE=."""
    at = data.find(b"OSRELEASE=")
    if at < 0:
        return VmcoreInfo()
    end = data.find(b"\0", at)
    return vmcoreinfo.parse(data[at : end if end > 0 else at + 65536])


def _flattened(path: Path, size: int) -> DumpInfo:
    """makedumpfile -F: big-endian records of offset, size, bytes; puts the first in place."""
    whole = bytearray(1 << 20)
    with path.open("rb") as file:
        file.seek(_FLAT_HEADER)
        for _ in range(4096):  # the header's records come first
            record = file.read(16)
            if len(record) < 16:
                break
            offset, length = struct.unpack(">qq", record)
            if offset < 0 or not 0 < length <= _MAX_NOTES:
                break
            data = file.read(length)
            if offset < len(whole):
                end = min(len(whole), offset + len(data))
                whole[offset:end] = data[: end - offset]
            if offset >= len(whole):
                break
    if not whole.startswith(b"KDUMP   "):
        if whole.startswith(b"\x7fELF"):
            return _elf(path, size, bytes(whole)).model_copy(update={"format": "flattened"})
        raise BadDump(
            f"{path}: flattened dump without a header near byte {min(size, _FLAT_HEADER + 16)}",
            next_step="the transfer was cut; copy it again",
        )
    return _kdump(path, size, bytes(whole), "flattened")


def _elf(path: Path, size: int, head: bytes) -> DumpInfo:
    """An ELF core: VMCOREINFO is one of its notes. Section headers and page data are not read."""
    wide, order = head[4:5] == b"\x02", "<" if head[5:6] == b"\x01" else ">"
    try:
        kind = struct.unpack_from(f"{order}H", head, 16)[0]
        if wide:
            (table,) = struct.unpack_from(f"{order}Q", head, 32)
            entry, count = struct.unpack_from(f"{order}HH", head, 54)
        else:
            (table,) = struct.unpack_from(f"{order}I", head, 28)
            entry, count = struct.unpack_from(f"{order}HH", head, 42)
    except struct.error:
        raise BadDump(
            f"{path}: the ELF header ends at byte {len(head)}", next_step="copy it again"
        ) from None
    if kind != 4:  # ET_CORE
        raise BadDump(
            f"{path} is an ELF file but no core dump", next_step="did you swap vmlinux and vmcore?"
        )
    notes, end = _elf_notes(path, size, order, wide, table, entry, min(count, 65535))
    info = _vmcoreinfo_in(notes)
    return DumpInfo(
        path=str(path),
        format="elf",
        size=size,
        partial=None,
        incomplete=end > size,
        dump_level=None,
        compression="none",
        build_id=info.build_id,
        release=info.release,
        crash_time=info.crash_time,
        kaslr_offset=info.kaslr_offset,
    )


def _elf_notes(
    path: Path, size: int, order: str, wide: bool, table: int, entry: int, count: int
) -> tuple[bytes, int]:
    """The bytes of all PT_NOTE segments, and where the last segment's data should end."""
    notes, end = b"", 0
    with path.open("rb") as file:
        for index in range(count):
            if table + index * entry >= size:
                return notes, size + 1  # the table itself is cut off
            file.seek(table + index * entry)
            header = file.read(56 if wide else 32)
            try:
                if wide:
                    kind, _, offset, _, _, length = struct.unpack_from(f"{order}IIQQQQ", header)
                else:
                    kind, offset, _, _, length = struct.unpack_from(f"{order}IIIII", header)
            except struct.error:
                break
            end = max(end, offset + length)
            if kind == 4 and offset < size:  # PT_NOTE
                file.seek(offset)
                notes += file.read(min(length, _MAX_NOTES))
    return notes, end
