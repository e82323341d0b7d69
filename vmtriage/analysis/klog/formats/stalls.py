"""Nothing moves: lockups, stalls, tasks that wait for ever.

Sources: kernel/watchdog.c, kernel/watchdog_hld.c, kernel/watchdog_perf.c,
arch/powerpc/kernel/watchdog.c, kernel/rcu/tree_stall.h (kernel/rcutree.c before 3.19),
kernel/hung_task.c, kernel/workqueue.c, kernel/exit.c, kernel/irq/spurious.c,
kernel/time/clocksource.c, net/core/dev.c.
"""

from vmtriage.analysis.klog.formats.form import Blame, Format
from vmtriage.models.finding import CrashClass as C

_TRACE = 400

STALLS: tuple[Format, ...] = (
    Format(
        "hard-lockup", C.HARD_LOCKUP, "hard LOCKUP",
        ("hard LOCKUP", "Hard LOCKUP", "detected LOCKUP on CPU"),
        r"Watchdog detected hard LOCKUP on cpu ?(?P<cpu>\d+)|CPU (?P<cpu2>\d+) Hard LOCKUP"
        r"|CPU (?P<cpu3>\d+) detected hard LOCKUP|Watchdog CPU:(?P<cpu4>\d+) Hard LOCKUP"
        r"|^(?:NMI )?[Ww]atchdog.*[Hh]ard LOCKUP(?: on cpu ?(?P<cpu6>\d+))?"
        r"|NMI Watchdog detected LOCKUP on CPU ?(?P<cpu5>\d+)",
        "panic", Blame.LOOP, _TRACE,
    ),
    Format(
        "soft-lockup", C.SOFT_LOCKUP, "soft lockup",
        ("soft lockup",),
        r"BUG: soft lockup - CPU#(?P<cpu>\d+) stuck for \d+s?!?(?: \[(?P<comm>.*?):(?P<pid>\d+)\])?"
        r"|BUG: soft lockup",
        "serious", Blame.LOOP, _TRACE,
    ),
    Format(
        "rcu-stall", C.RCU_STALL, "RCU stall",
        ("detected stall", "detected expedited stall", "self-detected", "_state detected",
         "INFO: RCU detected"),
        r"INFO: rcu_\w+ (?:self-)?detected (?:expedited )?stalls?|INFO: RCU detected CPU"
        r"|rcu: INFO: \w+ (?:self-)?detected (?:expedited )?stalls?"
        r"|rcu_\w+_state detected stalls?",
        "serious", Blame.LOOP, 600,
    ),
    Format(
        "rcu-starved", C.RCU_STALL, "RCU's own thread did not run",
        ("kthread starved for", "kthread timer wakeup"),
        r"rcu_\w+ kthread (?:starved for|timer wakeup didn.t happen for) \d+ jiffies",
        "serious", Blame.NOBODY, 60, tail=True,
    ),
    Format(
        "hung-task", C.HUNG_TASK, "task blocked",
        ("blocked for more than", "blocked in I/O wait", "can't die for more than"),
        r"INFO: task (?P<comm>.+):(?P<pid>\d+) (?:blocked|can't die)"
        r"(?: in I/O wait)? for more than \d+ seconds",
        "serious", Blame.WAIT, 150,
    ),
    Format(
        "workqueue-lockup", C.WATCHDOG, "workqueue stuck",
        ("workqueue lockup",),
        r"BUG: workqueue lockup - pool(?: cpus=(?P<cpu>\d+))?",
        "serious", Blame.NOBODY, 60,
    ),
    Format(
        "workqueue-hog", C.UNKNOWN, "work item {what} holds its CPU for long",
        (" hogged CPU for",), r"workqueue: (?P<what>\S+)(?: \[\S+\])? hogged CPU for ?>", "noise",
    ),
    Format(
        "spinlock", C.SPINLOCK, "spinlock misuse: {what}",
        ("BUG: spinlock", "BUG: rwlock"),
        r"BUG: (?:spinlock|rwlock) (?P<what>(?:[a-z-]+ ?)+) on CPU#(?P<cpu>\d+)"
        r"|BUG: (?:spinlock|rwlock) (?P<what2>(?:[a-z]+ ?)+)",
        "serious", Blame.TRACE, _TRACE,
    ),
    Format(
        "atomic-sleep", C.ATOMIC_SLEEP, "sleeping in atomic context",
        ("scheduling while atomic", "called from invalid context"),
        r"BUG: scheduling while atomic: (?P<comm>.+)/(?P<pid>\d+)/"
        r"|scheduling while atomic|BUG: sleeping function called from invalid context",
        "serious", Blame.TRACE, _TRACE,
    ),
    Format(
        "exited-atomic", C.UNKNOWN, "task died with preemption or interrupts still off",
        ("exited with preempt_count", "exited with irqs"),
        r"note: (?P<comm>.+)\[(?P<pid>\d+)\] exited with (?:preempt_count \d|irqs disabled)",
        "notable",
    ),
    Format(
        "preemptible", C.ATOMIC_SLEEP, "per-CPU data used where the task may move",
        (" in preemptible",),
        r"BUG: using \w+\(\) in preemptible.* code: (?P<comm>.+)/(?P<pid>\d+)$"
        r"|BUG: using \w+\(\) in preemptible",
        "notable", Blame.TRACE, _TRACE,
    ),
    Format(
        "netdevice-held", C.HUNG_TASK, "network device {device} is never released",
        ("unregister_netdevice: waiting",),
        r"unregister_netdevice: waiting for (?P<device>\S+) to become free",
        "serious", Blame.NOBODY,
    ),
    Format(
        "irq-nobody", C.WATCHDOG, "interrupt nobody cared for",
        ("nobody cared",), r"^irq (?P<device>\d+): nobody cared",
        "serious", Blame.NOBODY, 60,
    ),
    Format(
        "clocksource", C.WATCHDOG, "clock source became unstable",
        ("Clocksource ", "clocksource: ", "TSC unstable due to"),
        r"[Cc]locksource:? '?\w+'? unstable|[Mm]arking (?:unstable )?clocksource.* unstable"
        r"|clocksource: timekeeping watchdog.*[Mm]arking|Marking TSC unstable due to",
        "notable",
    ),
    Format(
        "rt-throttling", C.SOFT_LOCKUP, "real-time tasks used up their share of a CPU",
        ("RT throttling activated",), r"sched: RT throttling activated", "notable",
    ),
)  # fmt: skip
