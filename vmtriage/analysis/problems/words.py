"""A problem's title: the class in the kernel's words and the function, nothing of any host."""

from vmtriage.models.finding import CrashClass

C = CrashClass
_WORDS = {
    C.RCU_STALL: "RCU stall",
    C.HUNG_TASK: "task blocked",
    C.NULL_POINTER: "NULL pointer dereference",
    C.PAGE_FAULT: "bad memory access",
    C.GENERAL_PROTECTION: "general protection fault",
    C.BUG: "kernel BUG",
    C.WARNING: "kernel warning",
    C.OOM: "out of memory",
    C.REFCOUNT: "reference count misuse",
    C.SPINLOCK: "spinlock misuse",
    C.ATOMIC_SLEEP: "sleep in atomic context",
    C.LOCKDEP: "locking bug",
    C.KASAN: "KASAN report",
    C.KMSAN: "KMSAN report",
    C.KCSAN: "KCSAN report",
    C.KFENCE: "KFENCE report",
    C.UBSAN: "UBSAN report",
    C.MCE: "machine check",
    C.NMI: "NMI",
    C.IO_ERROR: "I/O error",
    C.WATCHDOG: "watchdog ran out",
    C.INIT_KILLED: "init was killed",
    C.NO_ROOT: "no root file system",
    C.SYSRQ: "crash asked for by sysrq",
    C.UNKNOWN: "crash of an unknown kind",
}


def class_words(kind: CrashClass) -> str:
    """The class as it begins a title: "hard lockup", "NULL pointer dereference"."""
    return _WORDS.get(kind, kind.value.replace("_", " "))


def title(kind: CrashClass, function: str | None, scope: str) -> str:
    """ "hard lockup in unthrottle_cfs_rq"; where no function is known, by what sets it apart."""
    words = class_words(kind)
    if function and kind not in (C.OOM, C.SYSRQ, C.NMI):
        return f"{words} in {function}"
    apart, _, value = scope.partition(" ")
    if apart == "text":
        return value if kind is C.PANIC else f"{words}: {value}"
    if apart == "memcg":
        return f"{words} in the memory cgroup of {value}"
    return f"{words} of {value}" if apart == "cache" else words
