"""The kernel's last words, and the alarm for words nobody has claimed yet.

Sources: kernel/panic.c, kernel/exit.c, init/do_mounts.c, init/main.c, drivers/tty/sysrq.c.
"""

from vmtriage.analysis.klog.formats.form import Blame, Format
from vmtriage.models.finding import CrashClass as C

_TRACE = 200
# The line that ends a panic, `---[ end Kernel panic - not syncing: ...`, says it once more: the
# scanner takes it for a panic only where the first words are lost.
_PANIC = r"[Kk]ernel panic - not syncing: ?"


def _panic(identifier: str, crash_class: C, title: str, text: str, blame: Blame) -> Format:
    return Format(
        identifier, crash_class, title, ("ernel panic - not syncing",), _PANIC + f"(?:{text})",
        "panic", blame, _TRACE, final=True,
    )  # fmt: skip


ENDS: tuple[Format, ...] = (
    Format(
        "sysrq", C.SYSRQ, "crash asked for by sysrq",
        ("ysRq : Trigger a crash", "ysrq: Trigger a crash"),
        r"[Ss]ys[Rr]q ?: Trigger a crash",
        "panic", Blame.NOBODY, _TRACE,
    ),
    _panic("panic-sysrq", C.SYSRQ, "crash asked for by sysrq", "sysrq triggered", Blame.NOBODY),
    _panic("panic-hard", C.HARD_LOCKUP, "hard LOCKUP",
           r".*[Hh]ard LOCKUP(?: on cpu (?P<cpu>\d+))?", Blame.LOOP),
    _panic("panic-soft", C.SOFT_LOCKUP, "soft lockup", "softlockup|.*soft lockup", Blame.LOOP),
    _panic("panic-hung", C.HUNG_TASK, "task blocked", "hung_task", Blame.NOBODY),
    _panic("panic-rcu", C.RCU_STALL, "RCU stall", "RCU [Ss]tall", Blame.LOOP),
    _panic("panic-oom", C.OOM, "out of memory",
           "[Oo]ut of memory|System is deadlocked on memory", Blame.NOBODY),
    _panic("panic-stack-end", C.STACK_OVERFLOW, "stack used up",
           "corrupted stack end|.*stack overflow|low stack detected|.*overran stack", Blame.LOOP),
    _panic("panic-stack", C.STACK_OVERFLOW, "stack is corrupted",
           r"stack-protector: Kernel stack is corrupted in: (?P<fn>[A-Za-z_][\w.]*)\+0x"
           r"|stack-protector|kernel: stack is corrupted", Blame.TITLE),
    _panic("panic-mce", C.MCE, "machine check",
           "(?:Fatal |Unrecoverable )?[Mm]achine check|Asynchronous SError|.*[Hh]ardware [Ee]rror"
           "|Uncorrected|Timeout:? (?:Not all CPUs|synchronizing machine check)|Memory failure",
           Blame.NOBODY),
    _panic("panic-nmi", C.NMI, "NMI", ".*NMI", Blame.NOBODY),
    _panic("panic-init", C.INIT_KILLED, "init was killed",
           "Attempted to kill (?:init|the idle task)", Blame.NOBODY),
    _panic("panic-root", C.NO_ROOT, "no root file system",
           "VFS: Unable to mount root|No (?:working )?init found|Requested init", Blame.NOBODY),
    _panic("panic-warn", C.WARNING, "kernel warning", "panic_on_warn|.*: panic_on_warn set",
           Blame.NOBODY),
    _panic("panic-oops", C.PANIC, "fatal exception", "Fatal exception|Oops", Blame.NOBODY),
    _panic("panic", C.PANIC, "panic: {what}", r"(?P<what>.{0,80})", Blame.TRACE),
    Format(
        "no-root", C.NO_ROOT, "no root file system",
        ("Unable to mount root fs",), r"VFS: Unable to mount root fs", "serious",
    ),
    Format(
        "recursive-fault", C.PANIC, "fault while a crashed task was cleaned up",
        ("Fixing recursive fault",), r"Fixing recursive fault but reboot is needed", "panic",
    ),
)  # fmt: skip

# Looks like a crash, and no row above claims it: said aloud, never passed over.
ALARM: tuple[Format, ...] = (
    Format(
        "unclaimed-bug", C.UNKNOWN, "a BUG message of no known form",
        ("BUG: ", " BUG at "), r"^(?:\[ )?BUG: (?P<what>.{0,60})| BUG at (?P<where>[^\s!]+:\d+)",
        "serious", Blame.TRACE, _TRACE,
    ),
    Format(
        "unclaimed-oops", C.UNKNOWN, "an oops of no known form",
        ("Oops", "anic", "PANIC: "),
        r"^(?:[\w .#-]{0,20}[ :])?Oops\b.*[#:\[]|^(?:\*+ )?(?:[Pp]anic|PANIC)\b[^=_.]*:"
        r"|^(?:[^-].*: )?[Kk]ernel [Pp]anic(?: ?-|:)",
        "serious", Blame.FAULT, _TRACE,
    ),
    Format(
        "unclaimed-trace", C.UNKNOWN, "a call trace no message announces",
        ("Call Trace", "Call trace"), r"^\s*Call [Tt]race:", "notable", Blame.TRACE, 100,
    ),
)  # fmt: skip
