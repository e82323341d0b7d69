"""The step "spinners": what all CPUs did, which lock some spin on, and who has it.

Sources: kernel/locking/qspinlock.c (the word: locked byte, pending, the waiters' tail),
include/linux/spinlock_types_raw.h (owner_cpu with DEBUG_SPINLOCK), kernel/sched/core.c
(raw_spin_rq_lock_nested); arguments by the calling conventions of x86-64 and AArch64.
"""

from collections.abc import Iterator, Sequence

from vmtriage.analysis.cpus import (
    cpu_groups,
    doing,
    interrupted_at,
    names_of,
    stacks_of,
    state_of,
    wanted_by,
)
from vmtriage.analysis.holder import Holder, holder_of
from vmtriage.analysis.inquiry.layout import member
from vmtriage.analysis.inquiry.quotas import POOL, seen_groups
from vmtriage.analysis.inquiry.scene import Reach, Scene
from vmtriage.analysis.stuck import blocked_readers, stuck_cpus
from vmtriage.models.answers import Answers
from vmtriage.models.backtrace import Backtrace
from vmtriage.models.evidence import Evidence
from vmtriage.models.lockup import Spinner

_RQ_LOCK = member("rq", "__lock", "lock")  # __lock since 5.14
_OWNER = member("raw_spinlock", "owner_cpu")  # DEBUG_SPINLOCK
# first where the first argument is; the others keep it over a call
_REGISTERS = ("RDI", "X0", "RBX", "RBP", "R12", "R13", "R14", "R15", "X19", "X20", "X21")
_LOCKED, _MAX_SPINNERS = 0xFF, 64
_KERNEL = 1 << 31


def spinners(scene: Scene, reach: Reach, answers: Answers) -> Answers:
    """Also the CPUs that are stuck, and RCU readers the log names: stacks and log tell them."""
    stacks = stacks_of(scene.facts)
    stuck = stuck_cpus(scene.facts, scene.classification.crash_class, scene.incidents)
    readers = blocked_readers(scene.facts, scene.incidents)
    waiting = list(doing(stacks, "spins", "waits_for_cpus"))[:_MAX_SPINNERS]
    names = _known_locks(scene, reach) if waiting else {}
    found = tuple(_spinner(each, stacks, reach, names) for each in waiting)
    return answers.model_copy(
        update={
            "stuck": stuck or answers.stuck,
            "blocked_readers": readers or answers.blocked_readers,
            "cpu_groups": cpu_groups(stacks) or answers.cpu_groups,
            "spinning": found if stacks else answers.spinning,
        }
    )


def _spinner(
    stack: Backtrace, stacks: Sequence[Backtrace], reach: Reach, names: dict[int, str]
) -> Spinner:
    called = names_of(stack)
    cpu = stack.cpu if stack.cpu is not None else -1
    lock = value = owner = None
    validated = False
    if state_of(stack) == "spins":
        lock, value, validated = _lock(stack, reach, names)
        owner = _owner(reach, lock) if lock and validated else None
    on_lock = names.get(lock or 0) or (_static(reach, lock) if lock and validated else None)
    held = (
        Holder(owner, True, "the lock itself names its owner (owner_cpu)")
        if owner is not None and owner != cpu
        else holder_of(stack, stacks)
    )
    block = interrupted_at(stack)
    return Spinner(
        cpu=cpu, pid=stack.pid, comm=stack.comm, task=stack.task, function=called[0],
        waiting_in=wanted_by(called), lock=f"{lock:x}" if lock else None, lock_name=on_lock,
        lock_value=None if value is None else f"{value:x}", validated=validated,
        holder_cpu=held.cpu, proven=held.proven, why=held.why,
        evidence=(
            Evidence(command="bt -a", line=block.line if block else stack.line,
                     text=f"CPU {cpu}: {called[0]}", says="this CPU waits and does nothing else"),
        ),
    )  # fmt: skip


def _lock(
    stack: Backtrace, reach: Reach, names: dict[int, str]
) -> tuple[int | None, int | None, bool]:
    """The lock, its word, and whether the word says it is taken."""
    first: tuple[int | None, int | None, bool] = (None, None, False)
    for address in sorted(_candidates(stack), key=lambda each: each not in names):
        value = reach.memory.number(address, 4, signed=False)
        if value is None:
            continue
        if address in names or first[0] is None:
            taken = (address, value, _is_taken(value))
            if taken[2]:
                return taken
            first = first if first[0] is not None else taken
    return first


def _candidates(stack: Backtrace) -> Iterator[int]:
    block = interrupted_at(stack)
    registers = block.registers if block else {}
    seen: set[int] = set()
    for name in _REGISTERS:
        address = int(registers.get(name, "0"), 16)
        if address >= _KERNEL and address % 4 == 0 and address not in seen:
            seen.add(address)
            yield address


def _is_taken(word: int) -> bool:
    """A queued lock's locked byte is 1 or, on paravirtual guests, 3; a ticket lock's halves
    differ."""
    if word & _LOCKED in (1, 3) and word >> 8 & 0xFF in (0, 1):
        return True
    return word & 0xFFFF != word >> 16 and word >> 16 != 0 and word & 0xFFFF != 0


def _owner(reach: Reach, lock: int) -> int | None:
    owner = reach.memory.unsigned(lock, _OWNER)
    return owner if owner is not None and owner < 8192 else None


def _known_locks(scene: Scene, reach: Reach) -> dict[int, str]:
    """Locks that can be told by their address: of run queues, of quotas."""
    layout, found = reach.memory.layout, {}
    place = layout[_RQ_LOCK]
    queues = scene.facts.run_queues.run_queues if scene.facts.run_queues else ()
    for queue in queues if place is not None else ():
        if queue.rq is not None:
            found[int(queue.rq, 16) + (place or 0)] = f"run queue lock of CPU {queue.cpu}"
    pool = layout[POOL]
    for group in seen_groups(scene).values() if pool is not None else ():
        found[group.task_group + (pool or 0)] = f"lock of the CPU quota of {group.shown_as}"
    return found


def _static(reach: Reach, lock: int) -> str | None:
    """The name of a lock that is a variable of the kernel or a module."""
    symbol = reach.symbol(lock)
    if symbol is None or symbol.offset > 4096:
        return None
    inside = f"+{symbol.offset}" if symbol.offset else ""
    return f"{symbol.name}{inside}" + (f" [{symbol.module}]" if symbol.module else "")
