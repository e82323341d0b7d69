"""What a file is, by its first bytes, and what an ELF file holds for crash."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from vmtriage.errors import NoDebuginfo, NoInput

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile


class Kind(StrEnum):
    """What a file's first bytes say it is."""

    ELF = "an ELF file"
    GZIP = "gzip"
    XZ = "xz"
    ZSTD = "zstd"
    BZIP2 = "bzip2"
    DEB = "a Debian package"
    RPM = "an RPM package"
    BOOT_IMAGE = "a boot image (vmlinuz)"
    OTHER = "no ELF file"


COMPRESSED = frozenset({Kind.GZIP, Kind.XZ, Kind.ZSTD, Kind.BZIP2})
PACKAGES = frozenset({Kind.DEB, Kind.RPM})
_MAGIC = (  # (offset, bytes, kind)
    (0, b"\x7fELF", Kind.ELF),
    (0x202, b"HdrS", Kind.BOOT_IMAGE),  # x86
    (56, b"ARM\x64", Kind.BOOT_IMAGE),
    (56, b"RSC\x05", Kind.BOOT_IMAGE),
    (4, b"zimg", Kind.BOOT_IMAGE),  # EFI, compressed
    (0, b"\x1f\x8b", Kind.GZIP),
    (0, b"\xfd7zXZ\x00", Kind.XZ),
    (0, b"\x28\xb5\x2f\xfd", Kind.ZSTD),
    (0, b"BZh", Kind.BZIP2),
    (0, b"!<arch>\n", Kind.DEB),
    (0, b"\xed\xab\xee\xdb", Kind.RPM),
)
_SHT_NOBITS = "SHT_NOBITS"


def kind_of(path: Path) -> Kind:
    """By content, never by name. NoInput if it cannot be read."""
    try:
        with path.open("rb") as file:
            return kind_of_bytes(file.read(1024))
    except OSError as error:
        raise _unreadable(path, error) from error


def kind_of_bytes(head: bytes) -> Kind:
    """The same of a stream's first bytes; 1024 are enough."""
    return next((kind for at, magic, kind in _MAGIC if head.startswith(magic, at)), Kind.OTHER)


@dataclass(frozen=True)
class Elf:
    """An ELF file as crash will see it."""

    build_id: str | None  # hex
    has_debuginfo: bool
    has_code: bool  # False: only the debuginfo of a vmlinux that lies elsewhere
    cut: bool  # a section reaches beyond the end of the file


def read_elf(path: Path) -> Elf:
    """Build-id and kind of a vmlinux. NoDebuginfo if it is no ELF."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile
    from elftools.elf.sections import NoteSection

    build_id, debuginfo, code, cut = None, False, True, False
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            for section in ELFFile(file).iter_sections():
                here = section["sh_type"] != _SHT_NOBITS
                cut |= here and section["sh_offset"] + section["sh_size"] > size
                debuginfo |= here and section.name in (".debug_info", ".zdebug_info")
                if section.name == ".text":
                    code = here
                if isinstance(section, NoteSection) and here and build_id is None:
                    build_id = _build_id(section)
    except OSError as error:
        raise _unreadable(path, error) from error
    except (ELFError, ValueError, LookupError, OverflowError, TypeError, AttributeError) as error:
        raise NoDebuginfo(
            f"{path} is not a vmlinux: {error or 'a damaged ELF file'}",
            next_step="give the vmlinux of the debuginfo package, copied whole",
        ) from error
    return Elf(build_id, debuginfo, code, cut)


def read_build_id(path: Path) -> str | None:
    """The GNU build-id of a vmlinux, hex; None when it has none. NoDebuginfo if it is no ELF."""
    return read_elf(path).build_id


def build_id_of(elf: "ELFFile") -> str | None:
    """The GNU build-id of an ELF file that is open already."""
    from elftools.elf.sections import NoteSection

    notes = (each for each in elf.iter_sections("SHT_NOTE") if isinstance(each, NoteSection))
    return next((found for each in notes if (found := _build_id(each))), None)


def _build_id(section: object) -> str | None:
    for note in section.iter_notes():  # type: ignore[attr-defined]
        if note["n_name"] == "GNU" and note["n_type"] == "NT_GNU_BUILD_ID":
            return str(note["n_desc"]) or None
    return None


def _unreadable(path: Path, error: OSError) -> NoInput:
    return NoInput(f"cannot read {path}: {error.strerror}", next_step="check its permissions")
