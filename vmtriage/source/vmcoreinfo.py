"""VMCOREINFO: the lines the kernel leaves for dump tools.

Form: Documentation/admin-guide/kdump/vmcoreinfo.rst of the kernel.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from vmtriage.models.base import Model

_SAFE_RELEASE = re.compile(r"[\w.+~-]{1,64}")
_BUILD_ID = re.compile(r"[0-9a-f]{8,128}")
_ENTRY = re.compile(
    r"^(SYMBOL|NUMBER|OFFSET|LENGTH|SIZE)\(([\w.:]{1,128})\)=(-?(?:0x)?[0-9a-fA-F]{1,20})\s*$",
    re.MULTILINE,
)
_MOST = 1 << 64


class VmcoreInfo(Model):
    """What identifies a kernel, and where its memory's first things lie.

    None, or no entry: not there, or not of a safe form.
    """

    release: str | None = None
    build_id: str | None = None
    crash_time: datetime | None = None
    kaslr_offset: str | None = None  # hex
    page_size: int | None = None  # bytes
    symbols: Mapping[str, int] = {}  # SYMBOL(...): addresses at run time
    numbers: Mapping[str, int] = {}  # NUMBER(...)
    offsets: Mapping[str, int] = {}  # OFFSET(struct.member): bytes
    lengths: Mapping[str, int] = {}  # LENGTH(...): elements
    sizes: Mapping[str, int] = {}  # SIZE(...): bytes

    @property
    def kaslr(self) -> int:
        """By how much the kernel was moved; 0 if it was not."""
        return int(self.kaslr_offset or "0", 16)


def parse(raw: bytes) -> VmcoreInfo:
    """Reads the note's text. Values are checked: a release becomes part of file names later."""
    text = raw.decode("ascii", "replace")
    lines = dict(line.split("=", 1) for line in text.splitlines() if line.count("=") >= 1)
    release = lines.get("OSRELEASE", "").strip()
    build_id = lines.get("BUILD-ID", "").strip().lower()
    kaslr = lines.get("KERNELOFFSET", "").strip().lower()
    page_size = lines.get("PAGESIZE", "").strip()
    entries = _entries(text)
    return VmcoreInfo(
        release=release if _SAFE_RELEASE.fullmatch(release) else None,
        build_id=build_id if _BUILD_ID.fullmatch(build_id) else None,
        crash_time=epoch(lines.get("CRASHTIME", "")),
        kaslr_offset=kaslr if re.fullmatch(r"[0-9a-f]{1,16}", kaslr) else None,
        page_size=int(page_size) if page_size in ("4096", "8192", "16384", "65536") else None,
        symbols=entries["SYMBOL"],
        numbers=entries["NUMBER"],
        offsets=entries["OFFSET"],
        lengths=entries["LENGTH"],
        sizes=entries["SIZE"],
    )


def within(data: bytes) -> VmcoreInfo:
    """The VMCOREINFO text wherever it lies in these bytes: it starts with OSRELEASE=."""
    at = data.find(b"OSRELEASE=")
    if at < 0:
        return VmcoreInfo()
    end = data.find(b"\0", at)
    return parse(data[at : end if end > 0 else at + 65536])


def _entries(text: str) -> Mapping[str, dict[str, int]]:
    """The entries with a name; a SYMBOL's value is hex, others are decimal unless 0x says so."""
    found: dict[str, dict[str, int]] = {
        kind: {} for kind in ("SYMBOL", "NUMBER", "OFFSET", "LENGTH", "SIZE")
    }
    for kind, name, value in _ENTRY.findall(text):
        hexadecimal = kind == "SYMBOL" or "0x" in value
        try:
            number = int(value, 16 if hexadecimal else 10)
        except ValueError:
            continue
        if -_MOST < number < _MOST and (kind == "NUMBER" or number >= 0):
            found[kind][name] = number
    return found


def epoch(text: str) -> datetime | None:
    """Seconds since 1970 as UTC; None for 0, nonsense, or years no server has seen."""
    if not re.fullmatch(r"[0-9]{1,12}", text.strip()):
        return None
    seconds = int(text)
    if not 315_532_800 <= seconds < 4_102_444_800:  # 1980 .. 2100
        return None
    return datetime.fromtimestamp(seconds, UTC)
