"""Numbers and names as people say them."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from vmtriage.models.conditions import RungName
from vmtriage.models.finding import CrashClass

_CLASS = {
    CrashClass.NULL_POINTER: "NULL pointer dereference",
    CrashClass.RCU_STALL: "RCU stall",
    CrashClass.OOM: "out of memory",
    CrashClass.BUG: "kernel BUG",
    CrashClass.MCE: "machine check",
    CrashClass.NMI: "NMI",
    CrashClass.IO_ERROR: "I/O error",
    CrashClass.SYSRQ: "crash on request (sysrq)",
    CrashClass.NO_ROOT: "no root file system",
    CrashClass.INIT_KILLED: "init killed",
    CrashClass.UNKNOWN: "unknown kind of crash",
}
_RUNG: Mapping[RungName, str] = {
    "normal": "normally",
    "zero_excluded": "with missing pages read as zeros",
    "minimal": "in crash's minimal mode",
    "log": "the kernel log alone",
    "header": "the header alone",
}
_SANITIZERS = {"kasan", "kmsan", "kcsan", "kfence", "ubsan"}


def crash_class(kind: CrashClass) -> str:
    """The class in words."""
    if kind.value in _SANITIZERS:
        return kind.value.upper()
    return _CLASS.get(kind, kind.value.replace("_", " "))


def rung(name: RungName) -> str:
    """How far a dump was opened, in words."""
    return _RUNG[name]


def size(count: int) -> str:
    """Bytes as crash prints them: units of 1024, one decimal from KB on."""
    value = float(count)
    for unit in ("bytes", "KB", "MB", "GB"):
        if abs(value) < 1024:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TB"


def duration(seconds: float) -> str:
    """An uptime: 15 d 18:17, or 18:17:54 within the first day."""
    days, rest = divmod(int(seconds), 86400)
    hours, minutes = rest // 3600, rest // 60 % 60
    return f"{days} d {hours:02}:{minutes:02}" if days else f"{hours}:{minutes:02}:{rest % 60:02}"


def seconds(value: float) -> str:
    """A short time with as many digits as matter."""
    if value >= 100:
        return f"{value:,.0f} s"
    return f"{value:.1f} s" if value >= 10 else f"{value:.3f} s"


def utc(when: datetime) -> datetime:
    """The same instant in UTC; a time without zone is taken as UTC."""
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)


def iso(when: datetime) -> str:
    """ISO 8601 in UTC, to the second."""
    return utc(when).strftime("%Y-%m-%dT%H:%M:%SZ")


def cpu_list(cpus: Iterable[int]) -> str:
    """CPU numbers the kernel's way: 0-3,7,34."""
    runs: list[list[int]] = []
    for cpu in sorted(set(cpus)):
        if runs and cpu == runs[-1][1] + 1:
            runs[-1][1] = cpu
        else:
            runs.append([cpu, cpu])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)


def count(number: int, noun: str, plural: str | None = None) -> str:
    """1 task, 2 tasks, 2,101 tasks."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
