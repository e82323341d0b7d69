"""Recognises a dump by its first bytes and reads what its header says. Never by its name.

Formats: compressed kdump (diskdump), makedumpfile's flattened form, ELF core. The headers
themselves are read by `dumpfile`.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from vmtriage.errors import BadDump
from vmtriage.models.dump import DumpFormat, DumpInfo
from vmtriage.source import vmcoreinfo
from vmtriage.source.dumpfile import elf_header, kdump_header
from vmtriage.source.dumpfile.codecs import Packing
from vmtriage.source.dumpfile.flattened import MAGIC as FLATTENED
from vmtriage.source.dumpfile.flattened import Flattened, ends_whole
from vmtriage.source.dumpfile.info import of_kdump
from vmtriage.source.dumpfile.kdump import Kdump
from vmtriage.source.dumpfile.kdump_header import INCOMPLETE, KdumpHeader
from vmtriage.source.dumpfile.parts import lacking
from vmtriage.source.dumpfile.refused import not_a_dump, open_file
from vmtriage.source.dumpfile.stored import PlainFile, Stored

_SOME_RECORDS = 64  # of a flattened dump: the headers are among the very first
_FIRST_RECORDS = 4096  # of a flattened dump: the headers are among them


def identify(path: Path, *others: Path) -> DumpInfo:
    """Format, size, dump level, compression, release, build-id and crash time of a dump.

    Several files are the parts of one split dump. Page data is not read.
    """
    found = [_identify(each) for each in (path, *others)]
    info, header = found[0]
    headers = [each for _, each in found if each]
    if len(headers) < len(found) > 1:
        raise BadDump(
            "several files, but not all are compressed kdumps",
            next_step="give the parts that makedumpfile --split wrote, and nothing else",
        )
    incomplete = any(each.incomplete for each, _ in found)
    if header and header.split:
        incomplete = incomplete or bool(lacking(headers))
    sizes = sum(each.size or 0 for each, _ in found)
    return info.model_copy(update={"size": sizes, "incomplete": incomplete})


@dataclass(frozen=True)
class Origin:
    """Where a dump comes from, as its headers say. None: they do not say."""

    release: str | None
    build_id: str | None
    crash_time: datetime | None  # UTC
    nodename: str | None


def origin(path: Path) -> Origin:
    """Less than `identify` and of one file, in a few reads: for dumps beyond a network.

    BadDump if it is none; NoInput if it cannot be opened.
    """
    file = open_file(path)
    try:
        head = file.read(0, 16)
        stored: Stored = file
        if head.startswith(FLATTENED):
            stored = Flattened(file, _SOME_RECORDS)
            head = stored.read(0, 16)
        if head.startswith(kdump_header.MAGIC):
            header = kdump_header.parse(str(path), stored)
            info = _kdump(path, stored, header, "kdump", False)
            return Origin(info.release, info.build_id, info.crash_time, header.nodename or None)
        if head.startswith(elf_header.MAGIC):
            info = _elf(path, stored, "elf")
            return Origin(info.release, info.build_id, info.crash_time, None)
        raise not_a_dump(path, file.size, head) if stored is file else _headless(path, file)
    finally:
        file.close()


def _identify(path: Path) -> tuple[DumpInfo, KdumpHeader | None]:
    file = open_file(path)
    try:
        head = file.read(0, 16)
        if head.startswith(FLATTENED):
            return _flattened(path, file)
        if head.startswith(kdump_header.MAGIC):
            header = kdump_header.parse(str(path), file)
            return _kdump(path, file, header, "kdump", not _complete(path, file, header)), header
        if head.startswith(elf_header.MAGIC):
            return _elf(path, file, "elf"), None
        raise not_a_dump(path, file.size, head)
    finally:
        file.close()


def _complete(path: Path, stored: Stored, header: KdumpHeader) -> bool:
    if not header.wide:
        return not header.status & INCOMPLETE
    return Kdump(str(path), stored, header).complete


def _kdump(
    path: Path, stored: Stored, header: KdumpHeader, form: DumpFormat, incomplete: bool
) -> DumpInfo:
    info = of_kdump(header, stored)
    level = header.dump_level
    return DumpInfo(
        path=str(path),
        format=form,
        size=stored.held,
        partial=None if level is None else level > 0,
        incomplete=incomplete,
        dump_level=level if level is not None and 0 <= level <= 31 else None,
        compression=next((each.name.lower() for each in Packing
                          if each.name and header.status & each), "none"),
        build_id=info.build_id,
        release=info.release or vmcoreinfo.parse(b"OSRELEASE=" + header.release.encode()).release,
        crash_time=info.crash_time or vmcoreinfo.epoch(str(header.timestamp)),
        kaslr_offset=info.kaslr_offset,
    )  # fmt: skip


def _flattened(path: Path, file: PlainFile) -> tuple[DumpInfo, KdumpHeader | None]:
    """The form inside the records; the cut of a transfer shows at the end of the file."""
    inside = Flattened(file, _FIRST_RECORDS)
    head = inside.read(0, 16)
    if head.startswith(kdump_header.MAGIC):
        header = kdump_header.parse(str(path), inside)
        cut = bool(header.status & INCOMPLETE) or not ends_whole(file)
        return _kdump(path, inside, header, "flattened", cut), header
    if head.startswith(elf_header.MAGIC):
        found = _elf(path, inside, "flattened")
        return found.model_copy(update={"incomplete": not ends_whole(file)}), None
    raise _headless(path, file)


def _headless(path: Path, file: PlainFile) -> BadDump:
    return BadDump(
        f"{path}: flattened dump without a header near byte {min(file.size, 4096 + 16)}",
        next_step="the transfer was cut; copy it again",
    )


def _elf(path: Path, stored: Stored, form: DumpFormat) -> DumpInfo:
    """An ELF core: VMCOREINFO is one of its notes. Section headers and page data are not read."""
    header = elf_header.parse(str(path), stored)
    info = vmcoreinfo.within(elf_header.notes(header, stored))
    return DumpInfo(
        path=str(path),
        format=form,
        size=stored.held,
        partial=None,
        incomplete=not header.whole or header.end > stored.size,
        dump_level=None,
        compression="none",
        build_id=info.build_id,
        release=info.release,
        crash_time=info.crash_time,
        kaslr_offset=info.kaslr_offset,
    )
