"""The header and the program headers of an ELF core, 32 and 64 bits, both byte orders."""

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct

from vmtriage.errors import BadDump
from vmtriage.source.dumpfile.stored import Stored

MAGIC = b"\x7fELF"
PT_LOAD, PT_NOTE = 1, 4
_ET_CORE = 4
_PN_XNUM = 0xFFFF  # then the count is in the first section header
_MAX_NOTES = 16 << 20
MACHINES = {62: "x86_64", 183: "aarch64", 21: "ppc64", 22: "s390x", 243: "riscv64"}


@dataclass(frozen=True, slots=True)
class Segment:
    """One program header; bytes."""

    kind: int
    offset: int  # in the file
    virtual: int
    physical: int
    stored: int  # p_filesz
    size: int  # p_memsz


@dataclass(frozen=True, slots=True)
class ElfHeader:
    """What the headers say. Offsets and sizes are as they stand, maybe beyond the file."""

    order: str
    wide: bool
    machine: str
    segments: Sequence[Segment]
    whole: bool  # all program headers are there

    @property
    def end(self) -> int:
        """Where the last segment's data should end, in bytes of the file."""
        return max((each.offset + each.stored for each in self.segments), default=0)


def parse(name: str, stored: Stored) -> ElfHeader:
    """Reads the headers. BadDump with the byte where they are cut, or no core dump."""
    head = stored.read(0, 64)
    wide, order = head[4:5] == b"\x02", "<" if head[5:6] == b"\x01" else ">"
    if len(head) < (64 if wide else 52):
        raise BadDump(f"{name}: the ELF header ends at byte {len(head)}", next_step="copy it again")
    kind, machine = Struct(f"{order}HH").unpack_from(head, 16)
    if kind != _ET_CORE:
        raise BadDump(
            f"{name} is an ELF file but no core dump", next_step="did you swap vmlinux and vmcore?"
        )
    word = Struct(f"{order}{'Q' if wide else 'I'}")
    (table,) = word.unpack_from(head, 32 if wide else 28)
    (sections,) = word.unpack_from(head, 40 if wide else 32)
    each, count = Struct(f"{order}HH").unpack_from(head, 54 if wide else 42)
    if count == _PN_XNUM and sections:
        info = stored.read(sections + (44 if wide else 28), 4)
        count = Struct(f"{order}I").unpack(info)[0] if len(info) == 4 else count
    entry = Struct(f"{order}IIQQQQQQ" if wide else f"{order}IIIIIIII")
    each = max(each, entry.size)
    there = max(0, min(count, (stored.size - table) // each, stored.held // each))
    raw = stored.read(table, there * each)
    there = len(raw) // each
    segments = [_segment(wide, entry.unpack_from(raw, n * each)) for n in range(there)]
    return ElfHeader(
        order, wide, MACHINES.get(machine, f"ELF machine {machine}"), segments, there == count
    )


def _segment(wide: bool, fields: Sequence[int]) -> Segment:
    if wide:
        kind, _, offset, virtual, physical, stored, size, _ = fields
    else:
        kind, offset, virtual, physical, stored, size, _, _ = fields
    return Segment(kind, offset, virtual, physical, stored, size)


def notes(header: ElfHeader, stored: Stored) -> bytes:
    """The bytes of all PT_NOTE segments, 16 MiB at most."""
    found = b""
    for segment in header.segments:
        if segment.kind == PT_NOTE and len(found) < _MAX_NOTES:
            found += stored.read(segment.offset, min(segment.stored, _MAX_NOTES - len(found)))
    return found
