"""What each CPU was at: by its stack, idle, in a program, spinning or in kernel code.

Sources: kernel/locking/qspinlock.c, kernel/locking/mutex.c, kernel/smp.c, kernel/softirq.c,
kernel/time/hrtimer.c, kernel/kthread.c, arch/x86/entry/.
"""

import re
from collections.abc import Iterator, Sequence

from vmtriage.analysis import plumbing, skip
from vmtriage.analysis.function import fault_frame, panic_stack, relevant_frames
from vmtriage.models.backtrace import Backtrace, ExceptionFrame
from vmtriage.models.evidence import Facts
from vmtriage.models.finding import CrashClass
from vmtriage.models.lockup import CpuGroup, CpuState, Entry

_SPINS = re.compile(
    r"(?:native_|pv_|__pv_)?queued_spin_lock_slowpath|pv_wait|kvm_wait|pv_wait_head_or_lock"
    r"|_raw_(?:spin|read|write)_(?:try)?lock\w*|_?_?(?:spin|read|write)_lock\w*"
    r"|queued_(?:read|write)_lock_slowpath|__ticket_spin_lock\w*|ticket_spin_lock\w*"
    r"|do_raw_(?:spin|read|write)_lock\w*|raw_spin_rq_lock_nested|osq_lock|rwsem_spin_on_owner"
    r"|mutex_(?:spin_on_owner|optimistic_spin)|rwsem_optimistic_spin|_raw_spin_rq_lock_\w+"
    r"|(?:do_)?double_rq_lock|__task_rq_lock|task_rq_lock|lock_timer_base|lock_hrtimer_base"
)
_WAITS_FOR_CPUS = re.compile(
    r"smp_call_function\w*|generic_exec_single|__?csd_lock_wait|csd_lock_wait|on_each_cpu\w*"
)
# the function that stands in them is what they are for; the frame above it on the stack
_HRTIMER = re.compile(r"__hrtimer_run_queues|__run_hrtimer|hrtimer_run_softirq")
_TIMER = re.compile(r"call_timer_fn|expire_timers|__run_timers")
_SOFTIRQ = re.compile(r"__do_softirq|__softirqentry_text_start|handle_softirqs")
_INTERRUPT = re.compile(
    r"asm_sysvec_\w+|asm_common_interrupt|common_interrupt|do_IRQ|\w*apic_timer_interrupt"
    r"|(?:call_function|reschedule)_interrupt|el1h?_(?:64_)?irq|__irq_svc|xen_\w+_callback\w*"
)
_EXCEPTION = re.compile(r"asm_exc_(?!nmi)\w+|page_fault|async_page_fault|general_protection|int3")
_SYSCALL = re.compile(
    r"(?:__(?:x64|ia32|arm64|s390x?|riscv)_(?:compat_)?sys_|__se_sys_|SyS_|sys_|ksys_)(\w+)"
)
_SYSCALL_ENTRY = re.compile(
    r"do_syscall_64|entry_SYSCALL_64\w*|system_call\w*|do_fast_syscall_32|invoke_syscall|el0_svc\w*"
)
_IDLE = re.compile(r"do_idle|cpu_startup_entry|cpu_idle")


def stacks_of(facts: Facts) -> tuple[Backtrace, ...]:
    """One stack per CPU, the panic task's too."""
    found: dict[int, Backtrace] = {}
    panic = panic_stack(facts)
    others = facts.cpu_stacks.backtraces if facts.cpu_stacks else ()
    for stack in (*((panic,) if panic else ()), *others):
        if stack.cpu is not None:
            found.setdefault(stack.cpu, stack)
    return tuple(found[cpu] for cpu in sorted(found))


def interrupted_at(stack: Backtrace) -> ExceptionFrame | None:
    """The registers of what the CPU was at in the kernel, where crash found them."""
    return fault_frame(stack, CrashClass.HARD_LOCKUP)


def names_of(stack: Backtrace) -> tuple[str, ...]:
    """Functions of what the CPU was at, innermost first; nothing of the NMI that stopped it."""
    block = interrupted_at(stack)
    frames = relevant_frames(stack, CrashClass.HARD_LOCKUP)
    names = [plumbing.base_name(frame.function) for frame in frames]
    if block is not None and block.function:
        first = plumbing.base_name(block.function)
        names = names if names[:1] == [first] else [first, *names]
    elif all(name in plumbing.CARRIERS for name in names) and any(
        each.user_mode for each in stack.exceptions
    ):
        return ()  # only the way in of the NMI: the CPU was in a program
    return tuple(names)


def state_of(stack: Backtrace) -> CpuState | None:
    """None: the stack shows nothing."""
    names = names_of(stack)
    if not names:
        return "user" if any(each.user_mode for each in stack.exceptions) else None
    if _SPINS.fullmatch(names[0]):
        return "spins"
    if _WAITS_FOR_CPUS.fullmatch(names[0]):
        return "waits_for_cpus"
    return "idle" if names[0] in plumbing.IDLE else "runs"


def wanted_by(names: Sequence[str]) -> str | None:
    """The function that wanted the lock: the first behind those that take it."""
    behind = (n for n in names if not _SPINS.fullmatch(n) and not _WAITS_FOR_CPUS.fullmatch(n))
    return next((name for name in behind if name not in plumbing.LOCKING), None)


def function_of(names: Sequence[str]) -> str | None:
    """The first function that says something."""
    for name in names:
        plain = name in plumbing.CARRIERS or name in plumbing.PASS_THROUGH
        if not plain and not _SPINS.fullmatch(name) and not skip.carries(name):
            return name
    return None


def entry_of(names: Sequence[str]) -> Entry | None:
    """How control came here: the innermost way in."""
    above: str | None = None
    for index, name in enumerate(names):
        if _HRTIMER.fullmatch(name):
            return Entry(kind="hrtimer", name=above)
        if _TIMER.fullmatch(name):
            return Entry(kind="timer", name=above)
        if _SOFTIRQ.fullmatch(name):
            return Entry(kind="softirq", name=above)
        if _EXCEPTION.fullmatch(name):
            return Entry(kind="exception", name=name.removeprefix("asm_exc_"))
        if _INTERRUPT.fullmatch(name):
            return Entry(kind="interrupt", name=name.removeprefix("asm_").removeprefix("sysvec_"))
        if called := _SYSCALL.fullmatch(name):
            return Entry(kind="syscall", name=called[1])
        if _SYSCALL_ENTRY.fullmatch(name):
            return Entry(kind="syscall", name=_of_inner(names[:index]))
        if name == "process_one_work":
            return Entry(kind="work", name=above)
        if name == "kthread":
            return Entry(kind="kthread", name=above)
        if _IDLE.fullmatch(name):
            return Entry(kind="idle")
        above = name
    return None


def _of_inner(names: Sequence[str]) -> str | None:
    called = (_SYSCALL.fullmatch(name) for name in reversed(names))
    return next((match[1] for match in called if match), None)


def cpu_groups(stacks: Sequence[Backtrace]) -> tuple[CpuGroup, ...]:
    """The CPUs by what they did, those that did nothing last."""
    found: dict[tuple[object, ...], CpuGroup] = {}
    for stack in stacks:
        names, state = names_of(stack), state_of(stack)
        if state is None or stack.cpu is None:
            continue
        waits = state in ("spins", "waits_for_cpus")
        quiet = state in ("idle", "user")
        group = CpuGroup(
            state=state, cpus=(stack.cpu,),
            function=None if quiet else names[0] if waits else function_of(names) or names[0],
            waiting_in=wanted_by(names) if waits else None,
            entry=None if quiet else entry_of(names),
        )  # fmt: skip
        key = (state, group.function, group.waiting_in, group.entry)
        before = found.get(key)
        cpus = (*before.cpus, stack.cpu) if before else group.cpus
        found[key] = group.model_copy(update={"cpus": cpus})
    order = ("runs", "spins", "waits_for_cpus", "user", "idle")
    return tuple(sorted(found.values(), key=lambda g: (order.index(g.state), g.cpus)))


def doing(stacks: Sequence[Backtrace], *states: CpuState) -> Iterator[Backtrace]:
    """The stacks of CPUs in one of these states."""
    return (stack for stack in stacks if state_of(stack) in states)
