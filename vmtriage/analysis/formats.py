"""The kernel's crash messages, one row each: what a line looks like and what it means.

Order is rank: the first row that fits a line claims it. Patterns are searched in the record's text
(no timestamp). Sources: printk formats in the kernel tree, named in each row's comment where they
moved; samples in fixtures/crash/log.
"""

import re
from dataclasses import dataclass

from vmtriage.models.finding import CrashClass, Severity

C = CrashClass


@dataclass(frozen=True)
class Format:
    """One message form. Named groups cpu, pid, comm and fn fill the incident."""

    crash_class: CrashClass
    title: str
    pattern: re.Pattern[str]
    severity: Severity = "serious"


def _f(crash_class: CrashClass, title: str, pattern: str, severity: Severity = "serious") -> Format:
    return Format(crash_class, title, re.compile(pattern), severity)


FORMATS: tuple[Format, ...] = (
    _f(
        C.SYSRQ,
        "crash asked for by sysrq",
        r"sysrq triggered crash|[Ss]ys[Rr]q\s?: Trigger a crash",
    ),
    _f(
        C.HARD_LOCKUP,
        "hard LOCKUP",
        r"(?:Watchdog detected hard LOCKUP on cpu ?(?P<cpu>\d+)|Hard LOCKUP\b"
        r"|CPU (?P<cpu2>\d+) detected hard LOCKUP)",
    ),
    _f(
        C.SOFT_LOCKUP,
        "soft lockup",
        r"BUG: soft lockup - CPU#(?P<cpu>\d+) stuck for \d+s!(?: \[(?P<comm>.*):(?P<pid>\d+)\])?",
    ),
    _f(
        C.RCU_STALL,
        "RCU stall",
        r"rcu: INFO: rcu_\w+ (?:self-)?detected (?:expedited )?stalls?"
        r"|INFO: rcu_\w+ (?:self-)?detected stalls?|INFO: rcu_\w+ detected expedited stalls?",
    ),
    _f(
        C.HUNG_TASK,
        "task blocked",
        r"INFO: task (?P<comm>.+):(?P<pid>\d+) blocked (?:in I/O wait )?for more than \d+ seconds",
    ),
    _f(C.KASAN, "KASAN report", r"BUG: KASAN: [\w-]+ in (?P<fn>[\w.]+)"),
    _f(C.KMSAN, "KMSAN report", r"BUG: KMSAN: [\w-]+ in (?P<fn>[\w.]+)"),
    _f(C.KCSAN, "KCSAN report", r"BUG: KCSAN: [\w-]+ in (?P<fn>[\w.]+)"),
    _f(C.KFENCE, "KFENCE report", r"BUG: KFENCE: [\w -]+ in (?P<fn>[\w.]+)"),
    _f(C.UBSAN, "UBSAN report", r"UBSAN: [\w-]+ in "),
    _f(
        C.NULL_POINTER,
        "NULL pointer dereference",
        r"(?:BUG: )?[Uu]nable to handle kernel NULL pointer dereference"
        r"|BUG: kernel NULL pointer dereference, address"
        r"|[Kk]ernel NULL pointer dereference on (?:read|write) at",
    ),
    _f(
        C.PAGE_FAULT,
        "bad kernel paging request",
        r"(?:BUG: )?[Uu]nable to handle kernel (?:paging request|access to user memory|read|write)"
        r"|BUG: unable to handle page fault for address|Unable to handle kernel pointer dereference"
        r"|BUG: Unable to handle kernel data access|kernel tried to execute NX-protected page",
    ),
    _f(C.GENERAL_PROTECTION, "general protection fault", r"^general protection fault\b"),
    _f(C.DOUBLE_FAULT, "double fault", r"^(?:PANIC: )?double fault\b|DOUBLE FAULT"),
    _f(
        C.STACK_OVERFLOW,
        "kernel stack overflow",
        r"kernel stack overflow|stack guard page was hit|Thread overran stack"
        r"|stack-protector: Kernel stack is corrupted|Insufficient stack space",
    ),
    _f(C.DIVIDE_ERROR, "divide error", r"^divide error: "),
    _f(C.LIST_CORRUPTION, "list corruption", r"list_(?:add|del) corruption"),
    _f(C.REFCOUNT, "refcount misuse", r"refcount_t: \w+"),
    _f(
        C.SLAB_CORRUPTION,
        "slab corruption",
        r"^BUG \S+ (?:\([^)]*\))?:? ?.*(?:[Rr]edzone|[Pp]oison|[Oo]verwritten"
        r"|[Ff]reelist|[Pp]adding"
        r"|already free|Object already|Invalid object)|[Ss]lab corruption|slab error in",
    ),
    _f(C.BAD_PAGE, "bad page state", r"BUG: Bad (?:page (?:state|map|cache)|rss-counter)"),
    _f(
        C.ATOMIC_SLEEP,
        "sleeping in atomic context",
        r"BUG: (?:scheduling while atomic|sleeping function called from invalid context)",
    ),
    _f(C.SPINLOCK, "spinlock misuse", r"BUG: spinlock (?:\w+ ?)+ on CPU#(?P<cpu>\d+)"),
    _f(
        C.LOCKDEP,
        "lockdep report",
        r"(?:WARNING|INFO): possible (?:circular|recursive|irq lock inversion)|INFO: possible"
        r"|WARNING: (?:inconsistent lock state|bad unlock balance|suspicious RCU usage)",
    ),
    _f(C.SLAB_CORRUPTION, "slab corruption", r"kernel BUG at mm/sl[aou]b(?:_common)?\.c"),
    _f(C.BUG, "kernel BUG", r"kernel BUG at (?P<at>\S+)"),
    _f(C.BUG, "invalid opcode", r"^invalid opcode: "),
    _f(
        C.OOM,
        "out of memory",
        r"(?P<comm>\S.*?) invoked oom-killer|Out of memory: (?:Kill|compulsory|system-wide)"
        r"|Memory cgroup out of memory|System is deadlocked on memory",
    ),
    _f(
        C.MCE,
        "machine check",
        r"\[Hardware Error\]: (?:CPU (?P<cpu>\d+): Machine Check|Machine check"
        r"|Fatal|event severity)"
        r"|Fatal machine check|Fatal Machine check|Uncorrected hardware memory error",
    ),
    _f(
        C.NMI,
        "NMI",
        r"NMI: (?:Not continuing|PCI system error|memory parity|IOCK error)"
        r"|Uhhuh\. NMI received|Unrecovered NMI",
    ),
    _f(C.WATCHDOG, "watchdog device", r"[Ww]atchdog.*(?:pretimeout|NMI on CPU|hard reset)"),
    _f(C.INIT_KILLED, "init killed", r"Attempted to kill (?:init|the idle task)"),
    _f(
        C.NO_ROOT, "no root file system", r"VFS: Unable to mount root fs|No (?:working )?init found"
    ),
    _f(
        C.IO_ERROR,
        "I/O error",
        r"(?:Buffer )?I/O error[, ].*(?:dev|on device)|blk_update_request: .*error|EXT4-fs error"
        r"|XFS \(.*\): .*(?:[Cc]orruption|shut)|BTRFS: error|critical (?:medium|target) error",
        "notable",
    ),
    _f(
        C.WARNING,
        "kernel warning",
        r"^WARNING: (?:CPU: (?P<cpu>\d+) PID: (?P<pid>\d+) )?at (?:\S+ )?(?P<fn>[\w.]*)",
        "notable",
    ),
    _f(C.PANIC, "panic", r"Kernel panic - not syncing: ?", "panic"),
)

# Any line a row could claim holds one of these: most lines are passed by with one search.
TRIGGER = re.compile(
    r"ysrq|ysRq|LOCKUP|lockup|rcu_|blocked |BUG|ernel NULL|nable to handle|UBSAN|protection fault"
    r"|ouble fault|DOUBLE FAULT|stack|divide error|corruption|refcount_t|lab |possible|WARNING"
    r"|invalid opcode|oom-killer|emory|ardware|achine check|NMI|atchdog|to kill|VFS|init found"
    r"|error|panic|kernel tried"
)
