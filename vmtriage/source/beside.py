"""The kernel log that kdump wrote into a file of its own beside the dump."""

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

# RHEL and Fedora; SLES; netdump; a capture that died at once
_NAMES = ("vmcore-dmesg.txt", "dmesg.txt", "log", "vmcore-dmesg-incomplete.txt")
# Debian: dump.202601021504, maybe packed, and dmesg.202601021504; by FTP both begin with HOST-
_DEBIAN = re.compile(r"(.+-)?(?:dump|vmcore)\.([0-9]+)(?:\.[a-z0-9]+)?", re.DOTALL)
_MAX_BYTES = 64 << 20


@dataclass(frozen=True)
class LogBeside:
    """The file's name and its text."""

    name: str
    text: str


def log_beside(dump: Path) -> LogBeside | None:
    """The log that belongs to this dump, by its name; None where there is none to read."""
    names = list(_NAMES)
    if found := _DEBIAN.fullmatch(dump.name):
        names.insert(0, f"{found[1] or ''}dmesg.{found[2]}")
    for name in names:
        text = _text(dump.with_name(name))
        if text.strip():
            return LogBeside(name, text)
    return None


def _text(path: Path) -> str:
    """A link is not followed: it could lead to what the dump's owner may not read."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return ""
        raw = file.read(_MAX_BYTES)
    return raw.replace(b"\0", b"").decode("utf-8", "backslashreplace")
