"""Files that cannot be opened, or are no dumps: what the user is told."""

from pathlib import Path

from vmtriage.errors import BadDump, NoInput, unreadable
from vmtriage.source.dumpfile.stored import PlainFile

_ARCHIVES = (
    (b"\x1f\x8b", "gzip", "gunzip"),
    (b"\xfd7zXZ\x00", "xz", "unxz"),
    (b"BZh", "bzip2", "bunzip2"),
    (b"\x28\xb5\x2f\xfd", "zstd", "unzstd"),
)


def open_file(path: Path) -> PlainFile:
    """The file. NoInput if it cannot be read, or is a directory or a pipe; ShareAway if that may
    pass."""
    try:
        return PlainFile(path)
    except IsADirectoryError:
        raise NoInput(f"{path} is a directory", next_step="give the dump itself") from None
    except OSError as error:
        raise unreadable(str(path), error) from error


def not_a_dump(path: Path, size: int, head: bytes) -> BadDump:
    """What a file is that is no dump, as far as its first bytes tell."""
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
