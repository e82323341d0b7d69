"""What a dump file says of itself, read from its header without crash."""

from datetime import datetime
from typing import Literal

from vmtriage.models.base import Model

DumpFormat = Literal["kdump", "flattened", "elf", "session", "transcript", "log", "unknown"]


class DumpInfo(Model):
    """The contract's `dump` object. None: the header does not say, or could not be read."""

    path: str
    format: DumpFormat
    size: int | None = None  # bytes
    partial: bool | None = None  # pages were left out on purpose (dump level > 0)
    incomplete: bool | None = None  # the dump was cut while being written
    dump_level: int | None = None  # makedumpfile -d
    compression: str | None = None  # zlib, lzo, snappy, zstd, none
    build_id: str | None = None
    release: str | None = None
    crash_time: datetime | None = None  # UTC
    kaslr_offset: str | None = None  # hex


class LookedAt(Model):
    """One place where the vmlinux was looked for."""

    place: str  # a path, a URL or a command
    found_by: str  # why it was looked at, in the words of Debuginfo.found_by
    outcome: Literal["used", "absent", "rejected"]
    reason: str = ""  # why it was rejected; what was read from it


class Adapted(Model):
    """A type told otherwise than it is, where an old crash misreads it as it is."""

    name: str
    why: str
    source: str


class Namelist(Model):
    """The slim namelist that crash read instead: symbols, and types from the kernel's own BTF."""

    path: str
    made_from: str  # vmlinux, vmlinuz, vmcore
    cached: bool
    seconds: float  # until it was there
    kept: bool = True  # False: it went with the session
    adapted: tuple[Adapted, ...] = ()


class Debuginfo(Model):
    """The vmlinux used, and how it was found and checked; where none was needed, the namelist."""

    path: str
    namelist: Namelist | None = None  # None: crash read the vmlinux itself
    debug_path: str | None = None  # its debuginfo, where that is a file of its own (SLES)
    build_id: str | None = None
    build_id_matches: bool | None = None  # None: one side has no build-id
    found_by: str  # "--vmlinux", "beside the dump", "the usual place" ...
    looked: tuple[LookedAt, ...] = ()  # every place, in order
