"""What lies on a crash share: the files of one crash, and which dump they are."""

from datetime import datetime
from typing import Literal

from vmtriage.models.base import Model

# who wrote the directory: kdump-utils, kdump-tools (Debian, Ubuntu), SLES, netdump, a flat file
Layout = Literal["rhel", "debian", "ubuntu", "sles", "netdump", "flat", "unknown"]
FoundKind = Literal["vmcore", "incomplete", "flattened", "split", "log"]


class FoundFile(Model):
    """One file as stat(2) saw it. `path` is absolute, `mtime_ns` of the server's clock."""

    path: str
    size: int
    mtime_ns: int


class Found(Model):
    """One crash on a share, by the names and sizes of its files; nothing was opened yet.

    place: the crash's directory, or its flat file, below `share`.
    """

    share: str
    place: str
    layout: Layout
    kind: FoundKind
    files: tuple[FoundFile, ...] = ()  # the dump, its parts in order; empty: only a log is there
    log: FoundFile | None = None  # vmcore-dmesg.txt, dmesg.DATE, kexec-dmesg.log ...
    host: str | None = None  # as the directory's name has it: may be an address
    named_time: datetime | None = None  # as the name has it, taken as UTC

    @property
    def stamp(self) -> str:
        """Changes when a file does: by it a known crash is known again without opening it."""
        files = (*self.files, *((self.log,) if self.log else ()))
        return ";".join(f"{each.path.rpartition('/')[2]}:{each.size}:{each.mtime_ns}"
                        for each in files)  # fmt: skip


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
