"""What `sys` and the context block of `set` say about the machine and the panic task."""

from datetime import datetime

from vmtriage.models.base import Address, Model, Note


class PanicContext(Model):
    """The context block: the task crash took for the panic task (`set`, or the start-up text)."""

    pid: int
    comm: str
    task: Address
    thread_info: Address | None = None
    cpu: int | None
    state: str  # "TASK_RUNNING"
    activity: str | None = None  # PANIC, ACTIVE, SYSRQ, NMI ... in brackets after the state
    shared_by: int | None = None  # (1 of N): N tasks have this pid
    line: int = 1


class SystemInfo(Model):
    """The `sys` block. Sizes in bytes, times in seconds; None: the line was not there."""

    kernel: str | None = None
    debuginfo: str | None = None
    dumpfiles: tuple[str, ...] = ()
    dump_tags: tuple[str, ...] = ()  # PARTIAL DUMP, INCOMPLETE, EXCLUDED VMEMMAP, LIVE DUMP
    kernel_tags: tuple[str, ...] = ()  # LIVEPATCH, TRANSITION, TAINTED
    cpus: int | None = None
    cpus_offline: int | None = None
    date: str | None = None  # as printed
    time: datetime | None = None  # UTC; None when the zone is not known
    uptime: str | None = None
    uptime_s: int | None = None
    load_average: tuple[float, float, float] | None = None
    tasks: int | None = None
    nodename: str | None = None
    release: str | None = None
    version: str | None = None
    machine: str | None = None
    mhz: int | None = None
    memory: int | None = None
    memory_text: str | None = None
    panic: str | None = None  # "" when crash found no panic message
    panic_check_log: bool = False
    panic_line: int | None = None
    release_line: int | None = None
    context: PanicContext | None = None
    notes: tuple[Note, ...] = ()
