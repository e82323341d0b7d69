"""A vmlinux made by hand: an ELF file with what the search for one looks at."""

import struct
from pathlib import Path

from vmtriage.models.dump import DumpInfo

BUILD_ID = "00112233445566778899aabbccddeeff00112233"
OTHER_ID = "ff" * 20
RELEASE = "6.1.0-9-amd64"


def dump_of(
    directory: Path, release: str | None = RELEASE, build_id: str | None = BUILD_ID
) -> DumpInfo:
    """A dump that lies in this directory, as its header would tell of it."""
    path = str(directory / "vmcore")
    return DumpInfo(path=path, format="kdump", release=release, build_id=build_id)


def vmlinux(
    build_id: str | None = BUILD_ID, *, debuginfo: bool = True, code: bool = True, filler: int = 0
) -> bytes:
    """Sections as the kernel has them: a Xen note of type 3 stands before the GNU build-id."""
    notes = struct.pack("<III", 4, 8, 3) + b"Xen\0" + b"\0\0\0\x80\xff\xff\xff\xff"
    if build_id is not None:
        notes += struct.pack("<III", 4, len(build_id) // 2, 3) + b"GNU\0" + bytes.fromhex(build_id)
    nobits, progbits, note, strtab = 8, 1, 7, 3
    sections = [(".text", progbits if code else nobits, b"\x90" * 64), (".notes", note, notes)]
    if debuginfo:
        sections.append((".debug_info", progbits, b"DWARF" + bytes(filler)))
    names = b"\0" + b"".join(name.encode() + b"\0" for name, _, _ in sections) + b".shstrtab\0"
    sections.append((".shstrtab", strtab, names))
    body, table = b"", bytes(64)
    for name, kind, content in sections:
        at = 64 + len(body)
        where = names.index(b"\0" + name.encode() + b"\0") + 1
        table += struct.pack("<IIQQQQIIQQ", where, kind, 0, 0, at, len(content), 0, 0, 4, 0)
        body += b"" if kind == nobits else content
    count = len(sections) + 1
    head = b"\x7fELF\x02\x01\x01" + bytes(9)
    head += struct.pack(
        "<HHIQQQIHHHHHH", 2, 62, 1, 0, 0, 64 + len(body), 0, 64, 0, 0, 64, count, count - 1
    )
    return head + body + table
