"""Panic texts that tell who asked for the dump, as data.

Sources: kernel/panic.c, kernel/watchdog*.c, kernel/hung_task.c, kernel/rcu/tree_stall.h,
mm/oom_kill.c, arch/x86/kernel/{nmi,dumpstack,irq_32,irq_64}.c, arch/x86/kernel/cpu/mce/core.c,
arch/arm64/kernel/traps.c, drivers/watchdog/{hpwdt,softdog,pretimeout_panic}.c,
drivers/char/ipmi/ipmi_watchdog.c, drivers/acpi/apei/ghes.c, fs/ext4/super.c,
fs/ocfs2/cluster/quorum.c.
"""

import re
from typing import NamedTuple

from vmtriage.models.trigger import TriggerKind

_SENDERS = (
    "a hypervisor's operator (virsh inject-nmi), a BMC (ipmitool power diag, iLO, iDRAC) or broken"
    " hardware can send one"
)


ERRORS_PANIC = "the mount option errors=panic"


class Form(NamedTuple):
    """A panic text. says: the sentence; {0} is the setting."""

    pattern: re.Pattern[str]
    kind: TriggerKind
    setting: str | None
    says: str


def _row(pattern: str, kind: TriggerKind, setting: str | None, says: str) -> Form:
    return Form(re.compile(pattern), kind, setting, says)


def _on(pattern: str, setting: str, what: str) -> Form:
    return _row(pattern, "panic_on", setting, f"the setting {{0}} made a panic of {what}")


# The first that fits wins.
FORMS: tuple[Form, ...] = (
    _on("panic_on_warn set", "kernel.panic_on_warn", "a warning"),
    _on("softlockup: hung tasks", "kernel.softlockup_panic", "a soft lockup"),
    _on("hung_task: blocked tasks", "kernel.hung_task_panic", "a task that was blocked too long"),
    _on("[Hh]ard LOCKUP", "kernel.hardlockup_panic", "a hard lockup (boot: nmi_watchdog=panic)"),
    _on(r"RCU Stall\s*$", "kernel.panic_on_rcu_stall", "an RCU stall"),
    _on("panic_on_oom is (?:enabled|selected)", "vm.panic_on_oom",
        "a lack of memory instead of killing a task"),
    _on("low stack detected by irq handler", "kernel.panic_on_stackoverflow",
        "a kernel stack nearly used up"),
    _on("NMI IOCK error: Not continuing", "kernel.panic_on_io_nmi",
        "an NMI for an I/O check: hardware reported an error"),
    _row("NMI: Not continuing", "nmi",
         "kernel.unknown_nmi_panic or kernel.panic_on_unrecovered_nmi",
         f"an NMI that no driver claimed, and {{0}}, brought the machine down; {_SENDERS}"),
    _row(r"An NMI occurred\. Depending on your system", "watchdog", None,
         "the driver hpwdt panicked over an NMI: the watchdog ran out, somebody pressed the NMI"
         " button (iLO: Generate NMI to System), or hardware failed; iLO's log (IML) says which"),
    _row("Software Watchdog Timer expired", "watchdog", "softdog soft_panic=1",
         "user space stopped feeding the software watchdog, and {0} made a panic of it"),
    _row("watchdog pretimeout event", "watchdog", "the pretimeout governor `panic`",
         "user space stopped feeding the hardware watchdog, and {0} made a panic of it"),
    _row(r"Watchdog pre-timeout|: pre-timeout\s*$", "watchdog", "ipmi_watchdog preop=preop_panic",
         "user space stopped feeding the BMC's watchdog, and {0} made a panic of it"),
    _row(r"EXT[34]-fs .*panic forced after error", "panic_on", ERRORS_PANIC,
         "{0} made a panic of a file system error"),
    _row("ocfs2 is very sorry to be fencing", "fence", None,
         "OCFS2 fenced this node on purpose: it lost its peers or its heartbeat disk"),
    _row(r"[Mm]achine check|Fatal hardware error|Asynchronous SError", "hardware", None,
         "the hardware reported an error that cannot be survived"),
    _row("Attempted to kill (?:init|the idle task)", "init", None,
         "a task without which the kernel cannot run has died"),
    _row(r"VFS: Unable to mount root|No (?:working )?init found|Requested init", "no_root", None,
         "the kernel had no root file system or no init to go on with"),
    _row("no killable processes|deadlocked on memory", "panic_call", None,
         "memory ran out and no task was left to kill: no setting prevents this panic"),
    _row("Fatal exception in interrupt", "oops", None,
         "the oops hit an interrupt: no setting prevents this panic"),
    _on(r"Fatal exception", "kernel.panic_on_oops", "an oops"),
)  # fmt: skip

# What crash's `sys` calls the panic where the dump was taken before panic() was reached.
OOPS = re.compile(
    r"^Oops|^BUG: |unable to handle|NULL pointer dereference|general protection fault|kernel BUG at"
    r"|invalid opcode|divide error|double fault|Internal error"
)
SYSRQ = re.compile(r"sysrq triggered crash|[Ss]ys[Rr]q ?: (?:SysRq : )?Trigger a crash")

# An NMI the chipset raised for a hardware error: where the CPU was then means nothing.
HARDWARE_NMI = re.compile(r"NMI: (?:PCI system error|IOCK error|memory parity)|NMI IOCK error")

# How the request came, by functions of the stack: a pattern fits the whole name.
CONSOLES: tuple[tuple[str, str, re.Pattern[str]], ...] = (
    ("keyboard", "the keyboard (of a person at the console, or a virtual one: BMC, virsh send-key)",
     re.compile(r"sysrq_filter|sysrq_handle_keypress|kbd_event|kbd_keycode")),
    ("serial console", "the serial console (BREAK, then c)",
     re.compile(r"serial8250_\w+|uart_\w+|pl011_\w+|sbsa_uart_\w+|(?:__)?hvc_poll")),
    ("Xen toolstack", "the Xen toolstack (xl sysrq)", re.compile("sysrq_handler")),
)  # fmt: skip
