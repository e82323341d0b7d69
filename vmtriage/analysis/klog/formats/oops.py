"""The CPU refused to go on: faults, traps, BUG() and WARN().

Sources: arch/x86/mm/fault.c, arch/x86/kernel/{traps,dumpstack}.c, arch/arm{,64}/mm/fault.c,
arch/powerpc/{mm/fault.c,kernel/traps.c}, arch/s390/mm/fault.c, arch/riscv/mm/fault.c,
arch/mips/mm/fault.c, lib/bug.c, kernel/panic.c; wordings of 2.6.32 to 6.17.
"""

from vmtriage.analysis.klog.formats.form import Blame, Format
from vmtriage.models.finding import CrashClass as C

_TRACE = 400

FAULTS: tuple[Format, ...] = (
    Format(
        "null-pointer", C.NULL_POINTER, "NULL pointer dereference",
        ("NULL pointer dereference", "kernel pointer dereference at", "kernel paging request ",
         "(NULL pointer?)"),
        r"[Uu]nable to handle kernel NULL pointer dereference"
        r"|BUG: [Kk]ernel NULL pointer dereference|kernel pointer dereference at .* \(null\)"
        r"|[Uu]nable to handle kernel instruction fetch \(NULL pointer\?\)"
        r"|kernel paging request (?:for data )?at (?:virtual )?address (?:0x)?0{5,13}[0-9a-f]{3}\b",
        "panic", Blame.FAULT, _TRACE,
    ),
    Format(
        "stack-guard", C.STACK_OVERFLOW, "kernel stack overflow",
        ("stack guard page", "kernel stack overflow", "Insufficient stack space",
         "overran stack", "stack overflow", "has overflown the kernel", "Kernel stack overflow"),
        r"stack guard page was hit|kernel stack overflow \(|Insufficient stack space"
        r"|Thread overran stack|do_IRQ: (?:\S+ has overflown|stack overflow)"
        r"|^(?:CPU \d+: )?[Kk]ernel stack overflow",
        "panic", Blame.LOOP, _TRACE,
    ),
    Format(
        "stack-near", C.STACK_OVERFLOW, "kernel stack nearly used up",
        ("near stack overflow",), r"do_IRQ: (?P<comm>.*\S) near stack overflow \(cur:",
        "serious", Blame.TRACE, 200,
    ),
    Format(
        "bad-address", C.PAGE_FAULT, "bad kernel memory access",
        ("nable to handle", "Unhandled fault", "kernel tried to execute",
         "attempted to read user", "attempted to write user", "attempted to execute"),
        r"[Uu]nable to handle kernel (?:paging request|access|read|write|pointer|execut|virtual)"
        r"|[Uu]nable to handle (?:page fault|kernel$)|[Uu]nable to handle kernel[^a-z]*$"
        r"|BUG: [Uu]nable to handle|[Uu]nable to handle kernel (?:data access|instruction fetch)"
        r"|Unhandled fault(?:: | at 0x)|kernel tried to execute (?:NX-protected|user)"
        r"|Kernel attempted to (?:read|write|execute) user page",
        "panic", Blame.FAULT, _TRACE,
    ),
    Format(
        "general-protection", C.GENERAL_PROTECTION, "general protection fault",
        ("general protection fault",),
        r"^(?:traps: |Oops: |segment-related )*general protection fault\b",
        "panic", Blame.FAULT, _TRACE,
    ),
    Format(
        "double-fault", C.DOUBLE_FAULT, "double fault",
        ("double fault",), r"^(?:traps: |Oops: )?(?:PANIC: )?double fault\b",
        "panic", Blame.FAULT, _TRACE,
    ),
    Format(
        "divide-error", C.DIVIDE_ERROR, "divide error",
        ("divide error", "divide_error: ", "point divide exception"),
        r"^(?:Oops: )?divide[ _]error: |^(?:fixed|floating) point divide exception: ",
        "panic", Blame.FAULT, _TRACE,
    ),
    Format(
        "cfi", C.BUG, "control flow check failed",
        ("CFI failure", "Missing ENDBR", "control protection: "),
        r"^CFI failure (?:at (?P<fn>[\w.]+)|\()|Missing ENDBR: (?P<fn2>[\w.]+)"
        r"|^(?:Oops: )?control protection: [0-9a-f]{4}",
        "panic", Blame.TITLE, _TRACE,
    ),
    Format(
        "kernel-bug", C.BUG, "kernel BUG",
        ("ernel BUG at", "ernel bug detected", "Kernel BUG ["),
        r"[Kk]ernel BUG at (?P<where>[^\s!]+)|[Kk]ernel bug detected\[|Kernel BUG \[#",
        "panic", Blame.FAULT, _TRACE,
    ),
    Format(
        "oops-bug", C.BUG, "kernel BUG",
        ("Oops - BUG", "Oops - undefined", "Oops - Undefined", "Oops - illegal",
         "invalid opcode", "illegal operation"),
        r"Oops - (?:BUG|[Uu]ndefined instruction|illegal instruction)|^(?:Oops: )?invalid opcode: "
        r"|^illegal operation: ",
        "panic", Blame.FAULT, _TRACE,
    ),
    Format(
        "trap", C.BUG, "processor trap in the kernel",
        ("segment: ", "segment not present: ", "int3: ", "alignment check: ", "bounds: ",
         "invalid TSS: ", "monitor event: ", "exception: ", "Oops - bad mode", "Bad mode in"),
        r"^(?:Oops: )?(?:stack segment|int3|alignment check|bounds|invalid TSS|segment not present"
        r"|monitor event|fpu exception|simd exception|iret exception|specification exception"
        r"|addressing exception|protection exception|operand exception): [0-9a-f]{2,4} .*\[#\d"
        r"|^Bad mode in |Oops - bad mode",
        "panic", Blame.FAULT, _TRACE,
    ),
    Format(
        "serror", C.MCE, "asynchronous system error",
        ("SError Interrupt", "Oops: Machine check"),
        r"SError Interrupt on CPU ?(?P<cpu>\d+)|Oops: Machine check, sig",
        "panic", Blame.FAULT, _TRACE,
    ),
    Format(
        "oops", C.PAGE_FAULT, "oops",
        ("Oops", "Internal error", "Unhandled kernel unaligned", "in kernel code[",
         "kernel context!["),
        r"^Oops(?: - [\w ]+)?:? ?[\[0-9a-fA-FKE].*|^Internal error: |^\S{0,30} ?Oops: [0-9a-f]{4}"
        r"|(?:^|: )Oops ?\[#\d|^Unhandled kernel unaligned access"
        r"|^(?:Reserved instruction in kernel code"
        r"|do_cpu invoked from kernel context!)\[#\d",
        "panic", Blame.FAULT, _TRACE,
    ),
)  # fmt: skip

# A WARN() that says which subsystem's rule was broken: by file, or by the line beside it.
WARNINGS: tuple[Format, ...] = (
    Format(
        "refcount", C.REFCOUNT, "reference count misuse",
        ("refcount_t", "lib/refcount.c", "include/linux/refcount"),
        r"refcount_t: |WARNING: (?:.*at )?(?:lib/refcount\.c|include/linux/refcount\.h)",
        "serious", Blame.TRACE, _TRACE,
    ),
    Format(
        "netdev-watchdog", C.WATCHDOG, "network transmit timed out on {device}",
        ("NETDEV WATCHDOG",),
        r"NETDEV WATCHDOG: (?:CPU: (?P<cpu>\d+): )?(?P<device>\S+) .*transmit (?:queue|timed)"
        r"|NETDEV WATCHDOG: (?P<device2>\S+)",
        "serious", Blame.NOBODY, 120,
    ),
    Format(
        "lockdep-warning", C.LOCKDEP, "locking bug",
        ("kernel/locking/lockdep.c", "kernel/lockdep.c", "DEBUG_LOCKS_WARN_ON"),
        r"WARNING: (?:.*at )?kernel/(?:locking/)?lockdep\.c:|DEBUG_LOCKS_WARN_ON\(",
        "serious", Blame.TRACE, _TRACE,
    ),
    Format(
        "warning-at", C.WARNING, "kernel warning",
        ("WARNING: ",),
        r"^WARNING: (?:CPU: (?P<cpu>\d+) PID: (?P<pid>\d+) )?at (?P<where>\S+?\.(?:[chS]|rs):\d+)"
        r"[ ,]+(?P<fn>[A-Za-z_][\w.]*)?"
        r"|^WARNING: (?:CPU: (?P<cpu2>\d+) PID: (?P<pid2>\d+) )?at (?P<fn2>[A-Za-z_][\w.]*)\+"
        r"|^WARNING: .* at (?P<where3>\S+:\d+),? CPU#(?P<cpu3>\d+): ?(?P<comm>.+)/(?P<pid3>\d+)$"
        r"|^WARNING: (?P<where4>\S+\.(?:[chS]"
        r"|rs):\d+) at (?P<fn4>[A-Za-z_][\w.]*)\+?.*, CPU#(?P<cpu4>\d+)"
        r": (?P<comm4>.+)/(?P<pid4>\d+)",
        "notable", Blame.TITLE, _TRACE,
    ),
    Format(
        "warning", C.WARNING, "kernel warning: {what}",
        ("WARNING: ", "sysfs: cannot create duplicate", "Badness at"),
        r"^WARNING: (?P<what>kernel stack (?:regs|frame pointer))"
        r"|^(?P<what2>sysfs: cannot create duplicate \w+)"
        r"|^Badness at |(?:^|: )WARNING: (?P<what3>[^:\n]{1,60})",
        "notable", Blame.TRACE, 200,
    ),
)  # fmt: skip
