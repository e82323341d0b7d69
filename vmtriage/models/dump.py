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


class Debuginfo(Model):
    """The vmlinux used, and how it was found and checked."""

    path: str
    build_id: str | None = None
    build_id_matches: bool | None = None  # None: one side has no build-id
    found_by: str  # "--vmlinux", "beside the dump", "/usr/lib/debug/boot" ...
