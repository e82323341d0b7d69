"""VMCOREINFO: the lines the kernel leaves for dump tools (OSRELEASE=, BUILD-ID=, CRASHTIME=)."""

import re
from datetime import UTC, datetime

from vmtriage.models.base import Model

_SAFE_RELEASE = re.compile(r"[\w.+~-]{1,64}")
_BUILD_ID = re.compile(r"[0-9a-f]{8,128}")


class VmcoreInfo(Model):
    """The few lines that identify a kernel. None: not there, or not of a safe form."""

    release: str | None = None
    build_id: str | None = None
    crash_time: datetime | None = None
    kaslr_offset: str | None = None  # hex


def parse(raw: bytes) -> VmcoreInfo:
    """Reads the note's text. Values are checked: a release becomes part of file names later."""
    lines = dict(
        line.split("=", 1)
        for line in raw.decode("ascii", "replace").splitlines()
        if line.count("=") >= 1
    )
    release = lines.get("OSRELEASE", "").strip()
    build_id = lines.get("BUILD-ID", "").strip().lower()
    kaslr = lines.get("KERNELOFFSET", "").strip().lower()
    return VmcoreInfo(
        release=release if _SAFE_RELEASE.fullmatch(release) else None,
        build_id=build_id if _BUILD_ID.fullmatch(build_id) else None,
        crash_time=epoch(lines.get("CRASHTIME", "")),
        kaslr_offset=kaslr if re.fullmatch(r"[0-9a-f]{1,16}", kaslr) else None,
    )


def epoch(text: str) -> datetime | None:
    """Seconds since 1970 as UTC; None for 0, nonsense, or years no server has seen."""
    if not re.fullmatch(r"[0-9]{1,12}", text.strip()):
        return None
    seconds = int(text)
    if not 315_532_800 <= seconds < 4_102_444_800:  # 1980 .. 2100
        return None
    return datetime.fromtimestamp(seconds, UTC)
