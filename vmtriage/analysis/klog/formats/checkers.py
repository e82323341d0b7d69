"""The kernel's own bug finders: KASAN and its family, lockdep, object and list debugging.

Sources: mm/kasan/report.c, mm/kmsan/report.c, kernel/kcsan/report.c, mm/kfence/report.c,
lib/ubsan.c, mm/kmemleak.c, kernel/locking/lockdep.c, kernel/exit.c, lib/list_debug.c,
mm/usercopy.c, fs/dcache.c.
"""

from vmtriage.analysis.klog.formats.form import Blame, Format
from vmtriage.models.finding import CrashClass as C

_TRACE = 400
_LONG = 800

CHECKERS: tuple[Format, ...] = (
    Format(
        "kasan-null", C.NULL_POINTER, "NULL pointer dereference",
        ("KASAN: null-ptr-deref in",), r"BUG: KASAN: null-ptr-deref in (?P<fn>[A-Za-z_][\w.]*)",
        "panic", Blame.TITLE, _TRACE,
    ),
    Format(
        "kasan", C.KASAN, "KASAN {what}",
        ("BUG: KASAN:",),
        r"BUG: KASAN: (?P<what>[\w -]+?)\s(?:on address|in\s(?P<fn>[A-Za-z_][\w.]*))"
        r"|BUG: KASAN: (?P<what2>[\w-]+)",
        "panic", Blame.TITLE, _TRACE,
    ),
    Format(
        "kmsan", C.KMSAN, "KMSAN {what}",
        ("BUG: KMSAN:",), r"BUG: KMSAN: (?P<what>[\w-]+)\sin\s(?P<fn>[A-Za-z_][\w.]*)",
        "serious", Blame.TITLE, _TRACE,
    ),
    Format(
        "kcsan", C.KCSAN, "KCSAN {what}",
        ("BUG: KCSAN:",),
        r"BUG: KCSAN: (?P<what>[\w -]+|assert: race)\sin\s(?P<fn>[A-Za-z_][\w.]*)"
        r"|BUG: KCSAN: (?P<what2>assert: race)\sin\s (?P<fn2>[\w.]+)|BUG: KCSAN: ",
        "notable", Blame.TITLE, _TRACE,
    ),
    Format(
        "kfence", C.KFENCE, "KFENCE {what}",
        ("BUG: KFENCE:",), r"BUG: KFENCE: (?P<what>[\w -]+)\sin\s(?P<fn>[A-Za-z_][\w.]*)",
        "serious", Blame.TITLE, _TRACE,
    ),
    Format(
        "ubsan", C.UBSAN, "UBSAN {what}",
        ("UBSAN: ",), r"UBSAN: (?P<what>[\w -]+)\sin\s(?P<where>\S+)",
        "notable", Blame.TRACE, 200,
    ),
    Format(
        "ubsan-trap", C.UBSAN, "UBSAN {what}",
        ("Internal error: UBSAN", "UBSAN: "),
        r"Internal error: UBSAN: (?P<what>[\w -]+)"
        r"|^UBSAN: (?P<what2>[\w -]+)\sat\s(?P<fn>[A-Za-z_][\w.]*)\+0x",
        "panic", Blame.TITLE, _TRACE,
    ),
    Format(
        "kmemleak", C.MEMORY_LEAK, "memory leak",
        ("BUG: memory leak", "unreferenced object 0x"),
        r"^BUG: memory leak|^unreferenced object 0x[0-9a-f]+ \((?P<what>size \d+|percpu)",
        "notable", Blame.ALLOC, 120,
    ),
    Format(
        "kmemleak-summary", C.MEMORY_LEAK, "{what}",
        ("new suspected memory leak",), r"kmemleak: (?P<what>\d+ new suspected memory leaks?)",
        "notable", Blame.NOBODY, 8,
    ),
    Format(
        "deadlock", C.LOCKDEP, "possible deadlock, {what}",
        ("possible circular", "possible recursive", "irq lock inversion"),
        r"possible (?P<what>circular locking dependency|recursive locking"
        r"|irq lock inversion dependency) detected",
        "serious", Blame.ORDER, _LONG,
    ),
    Format(
        "irq-deadlock", C.LOCKDEP, "possible deadlock, {what}",
        ("lock order detected",), r"(?P<what>\w+-safe -> \w+-unsafe lock order) detected",
        "serious", Blame.CHAIN, _LONG,
    ),
    Format(
        "lock-state", C.LOCKDEP, "{what}",
        ("inconsistent lock state", "Invalid wait context", "bad unlock balance",
         "bad contention detected", "held lock freed", "lock held at task exit",
         "ested lock was not taken", "still has locks held", "returning to user space"),
        r"(?P<what>inconsistent lock state|Invalid wait context|bad unlock balance|held lock freed"
        r"|bad contention detected|lock held at task exit|[Nn]ested lock was not taken"
        r"|still has locks held|lock held when returning to user space)",
        "serious", Blame.LOCK, _LONG,
    ),
    Format(
        "suspicious-rcu", C.LOCKDEP, "suspicious RCU usage",
        ("suspicious RCU usage", "suspicious rcu_dereference"),
        r"(?:WARNING|INFO): suspicious RCU usage|suspicious rcu_dereference_check\(\) usage",
        "serious", Blame.TRACE, _TRACE,
    ),
    Format(
        "lock-key", C.LOCKDEP, "lock was never set up",
        ("non-static key", "not in .data!", "has not been registered!"),
        r"INFO: trying to register non-static key|BUG: key \S+ (?:not in \.data|has not been reg)",
        "notable", Blame.TRACE, _TRACE,
    ),
    Format(
        "workqueue-leak", C.ATOMIC_SLEEP, "work item left a lock or a preemption count behind",
        ("workqueue leaked",), r"BUG: workqueue leaked (?:lock or )?atomic",
        "serious", Blame.TITLE, _TRACE,
    ),
    Format(
        "lockdep-full", C.LOCKDEP, "lockdep ran out of room",
        ("too low!",), r"BUG: MAX_(?:LOCK|STACK)\w+ too low!",
        "notable", Blame.NOBODY, 60,
    ),
    Format(
        "usercopy", C.BUG, "forbidden copy between kernel and user memory",
        ("usercopy: ",),
        r"usercopy: [Kk]ernel memory (?:exposure|overwrite) attempt",
        "panic", Blame.TRACE, _TRACE,
    ),
    Format(
        "usercopy-whitelist", C.WARNING, "copy outside an object's usercopy region",
        ("Bad or missing usercopy",), r"Bad or missing usercopy whitelist",
        "notable", Blame.TRACE, _TRACE,
    ),
    Format(
        "list-corruption", C.LIST_CORRUPTION, "list corruption",
        ("list_add corruption", "list_del corruption", "list_add double add",
         "lib/list_debug.c"),
        r"list_(?:add|del) corruption|list_add double add"
        r"|(?:WARNING: (?:.*at )?|[Kk]ernel BUG at )(?P<where>lib/list_debug\.c:\d+)",
        "panic", Blame.TRACE, _TRACE,
    ),
    Format(
        "object-debug", C.WARNING, "object misused: {what}",
        ("ODEBUG: ", "kobject_add_internal failed"),
        r"ODEBUG: (?P<what>[a-z]+ (?:active|not available|destroyed|init))"
        r"|^(?:kobject: )?(?P<what2>kobject_add_internal failed)|ODEBUG: (?P<what3>\w+)",
        "notable", Blame.TRACE, _TRACE,
    ),
    Format(
        "dentry-in-use", C.BUG, "dentry still in use at unmount",
        ("still in use",), r"BUG: Dentry \S+(?:\{[^}]*\})? +still in use",
        "panic", Blame.TRACE, _TRACE,
    ),
)  # fmt: skip
