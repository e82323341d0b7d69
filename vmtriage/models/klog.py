"""The kernel log, record by record."""

from vmtriage.models.base import Model, Note


class LogRecord(Model):
    """One line of the log. time_s: seconds since boot; None where the line carries none."""

    text: str
    time_s: float | None = None
    level: int | None = None  # 0 emergency .. 7 debug
    caller: str | None = None  # T123 (task) or C2 (CPU), with PRINTK_CALLER
    line: int


class KernelLog(Model):
    """The whole log in order. A continuation line keeps its record's time."""

    records: tuple[LogRecord, ...]
    notes: tuple[Note, ...] = ()
