"""What lies on a crash share: the files of one crash, and which dump they are."""

import os
from datetime import datetime
from pathlib import Path
from typing import Literal

from vmtriage.models.base import Model

# who wrote the directory: kdump-utils, kdump-tools (Debian, Ubuntu), SLES, netdump, a flat file
Layout = Literal["rhel", "debian", "ubuntu", "sles", "netdump", "flat", "unknown"]
FoundKind = Literal["vmcore", "incomplete", "flattened", "split", "log"]


_OCTET = 0xEF00  # U+EF80..U+EFFF of the private use area stand for bytes that are no UTF-8


def path_text(path: str | Path) -> str:
    """A path as text that JSON, databases and UTF-8 can hold; `path_of` turns it back.

    File names are bytes. What of them is no UTF-8 becomes U+EF80 to U+EFFF, as does a name that
    has these characters itself, byte by byte; every other path stays as it is.
    """
    text = str(path)
    if text.isascii():
        return text
    return "".join(map(_held, text))


def _held(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # surrogateescape
        return chr(_OCTET + code - 0xDC00)
    if _OCTET + 0x80 <= code <= _OCTET + 0xFF:
        return "".join(chr(_OCTET + byte) for byte in char.encode())
    return char


def path_of(text: str) -> Path:
    """The path to open, of `path_text`."""
    if text.isascii():
        return Path(text)
    raw = b"".join(
        bytes((ord(char) - _OCTET,)) if _OCTET + 0x80 <= ord(char) <= _OCTET + 0xFF
        else char.encode("utf-8", "surrogateescape")
        for char in text
    )  # fmt: skip
    return Path(os.fsdecode(raw))


class FoundFile(Model):
    """One file as stat(2) saw it. `path` is absolute, `mtime_ns` of the server's clock.

    `path` is for showing and keeping (`path_text`), `real` for opening.
    """

    path: str
    size: int
    mtime_ns: int

    @property
    def real(self) -> Path:
        """The path to open: names on a share need not be UTF-8."""
        return path_of(self.path)


class Found(Model):
    """One crash on a share, by the names and sizes of its files; nothing was opened yet.

    place: the crash's directory, or its flat file, below `share`; as `path_text`, like all paths.
    """

    share: str
    place: str
    layout: Layout
    kind: FoundKind
    files: tuple[FoundFile, ...] = ()  # the dump, its parts in order; empty: only a log is there
    # vmcore-dmesg.txt, dmesg.DATE, kexec-dmesg.log ...; beside a dump it costs no stat(2): 0 bytes
    log: FoundFile | None = None
    host: str | None = None  # as the directory's name has it: may be an address
    named_time: datetime | None = None  # as the name has it, taken as UTC

    @property
    def stamp(self) -> str:
        """Changes when a file does: by it a known crash is known again without opening it."""
        files = (*self.files, *((self.log,) if self.log else ()))
        return ";".join(f"{each.path.rpartition('/')[2]}:{each.size}:{each.mtime_ns}"
                        for each in files)  # fmt: skip

    @property
    def newest_ns(self) -> int:
        """When the last of its files was written, by the server's clock."""
        files = self.files or ((self.log,) if self.log else ())
        return max((each.mtime_ns for each in files), default=0)


class Identity(Model):
    """Which dump it is, whatever its name and wherever it was copied to.

    id: 16 hex digits of build-id, crash time, size and a sample of the content; of a log alone:
    of its text. It stands in links for ever.
    """

    id: str
    build_id: str | None = None
    release: str | None = None
    crash_time: datetime | None = None  # UTC
    nodename: str | None = None  # the dump's own
    size: int
    damage: str | None = None  # why it cannot be opened; the id is of size and sample alone
