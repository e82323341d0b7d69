"""What the name of a directory or file says of a crash: whose, and when."""

import ipaddress
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from vmtriage.fleet.namemap import HOST_NAME

# A share served by Samba has no colons: they become _ or -, or are left out.
_DATE = r"(?P<y>\d{4})(?P<d1>[-.])(?P<mo>\d\d)(?P=d1)(?P<d>\d\d)"
_TIME = r"(?P<h>\d\d)[:._-]?(?P<mi>\d\d)(?:[:._-]?(?P<s>\d\d))?"
_DATED = re.compile(rf"(?:(?P<host>.+?)[-_])?{_DATE}[-_T]{_TIME}", re.DOTALL)
# Debian's and Ubuntu's kdump-tools: %Y%m%d%H%M
_STAMPED = re.compile(
    r"(?:(?P<host>.+?)[-_.])?(?P<y>(?:19|20)\d\d)(?P<mo>\d\d)(?P<d>\d\d)(?P<h>\d\d)(?P<mi>\d\d)"
    r"(?P<s>\d\d)?",
    re.DOTALL,
)
# What directories are called that are no host's.
_NO_HOST = frozenset({
    "crash", "crashes", "kdump", "dump", "dumps", "vmcore", "vmcores", "var", "nfs", "share", "log",
    "logs", "export", "srv", "incoming", "new", "old", "archive", "tmp", "core", "cores",
})  # fmt: skip
_NO_NAME = frozenset({
    "localhost", "localhost.localdomain", "localhost4", "localhost6", "none", "kdump", "unknown",
    "linux", "unassigned", "crash", "vmcore",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class PlaceName:
    """None: the name does not say. seconds: the time has them (RHEL's does, SLES's does not)."""

    host: str | None = None
    time: datetime | None = None  # taken as UTC
    seconds: bool = False
    stamp: str | None = None  # kdump-tools' date, as it stands


def parse(name: str) -> PlaceName:
    """HOST-YYYY-MM-DD-HH:MM:SS and its likes, with `.`, `_` or `-` for `-` and `:`."""
    for form in (_DATED, _STAMPED):
        found = form.fullmatch(name)
        if found is None:
            continue
        time = _time(found)
        if time is None:
            continue
        digits = name[found.start("y") :]
        return PlaceName(
            host=host(found["host"] or ""), time=time, seconds=found["s"] is not None,
            stamp=digits if form is _STAMPED else None,
        )  # fmt: skip
    return PlaceName()


def _time(found: re.Match[str]) -> datetime | None:
    year, month, day, hour, minute = (int(found[part]) for part in ("y", "mo", "d", "h", "mi"))
    try:
        return datetime(year, month, day, hour, minute, int(found["s"] or 0), tzinfo=UTC)
    except ValueError:  # the 13th month, or digits of some other meaning
        return None


def host(text: str) -> str | None:
    """A host's name or address in a name; None where it says nothing (127.0.0.1, localhost)."""
    told = address(text)
    if told is not None:
        parsed = ipaddress.ip_address(told)
        return None if parsed.is_loopback or parsed.is_unspecified else told
    return text if is_name(text) and text.lower() not in _NO_HOST else None


def address(text: str) -> str | None:
    """An address in its usual form; IPv6 also with `_` or `-` for `:`, in brackets, with a zone."""
    text = text.removeprefix("[").removesuffix("]").partition("%")[0]
    forms = [text]
    if "_" in text:
        forms.append(text.replace("_", ":"))
    if "--" in text or text.count("-") == 7:
        forms.append(text.replace("-", ":"))
    for each in forms:
        try:
            return str(ipaddress.ip_address(each))
        except ValueError:
            continue
    return None


def is_name(text: str) -> bool:
    """Whether this can be a host's own name: no address, none that every host has."""
    plain = text.lower().rstrip(".")
    return (
        HOST_NAME.fullmatch(text.rstrip(".")) is not None and plain not in _NO_NAME
        and any(char.isalpha() for char in plain) and address(text) is None
    )  # fmt: skip
