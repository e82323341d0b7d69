"""Which incident brought the kernel down: the first cause, not its echoes."""

from collections.abc import Sequence

from vmtriage.analysis.klog.owner import owner
from vmtriage.models.finding import CrashClass, Incident

C = CrashClass
_CHAIN_S = 3.0  # a fault this soon after a report is its consequence
_CHAIN_LINES = 150  # the same where the log has no times
_PANIC = "panic"
_RANK = {"panic": 0, "serious": 1, "notable": 2, "noise": 3}
# Reports that name a cause; a fault right after them is what it led to.
_CAUSES = frozenset(
    {C.KASAN, C.KMSAN, C.KFENCE, C.KCSAN, C.UBSAN, C.REFCOUNT, C.LIST_CORRUPTION, C.SLAB_CORRUPTION,
     C.BAD_PAGE, C.WARNING, C.LOCKDEP, C.SPINLOCK, C.ATOMIC_SLEEP, C.BUG, C.HUNG_TASK, C.RCU_STALL,
     C.SOFT_LOCKUP, C.HARD_LOCKUP, C.NULL_POINTER, C.PAGE_FAULT, C.GENERAL_PROTECTION}
)  # fmt: skip


def primary(incidents: Sequence[Incident]) -> Incident | None:
    """The incident to blame; None if the log holds none worth a report."""
    grave = [each for each in incidents if each.severity != "noise"]
    if not grave:
        return None
    fatal = next((each for each in grave if each.severity == _PANIC), None)
    if fatal is None:
        first = min(grave, key=lambda each: _RANK[each.severity])
        return owner(first, grave) or first
    if fatal.format.startswith("panic"):
        fatal = _echoed(fatal, grave)
    first = _whole(_first_of_chain(fatal, grave), grave)
    first = owner(first, grave) or first
    return first.model_copy(update={"severity": _PANIC})


def _echoed(panic: Incident, incidents: Sequence[Incident]) -> Incident:
    """What the panic is the last word of: the report of its own class before it."""
    before = [each for each in incidents if each.first_line < panic.first_line]
    same = [each for each in before if each.crash_class is panic.crash_class]
    if panic.crash_class is C.PANIC or panic.format == "panic-warn":
        same = [each for each in before if each.severity in ("panic", "serious", "notable")][-1:]
        if panic.format == "panic":
            same = []
    return same[0] if same else panic


def _first_of_chain(fatal: Incident, incidents: Sequence[Incident]) -> Incident:
    """Back along reports that follow each other closely, to the first one."""
    first = fatal
    for each in reversed([e for e in incidents if e.first_line < fatal.first_line]):
        if each.crash_class not in _CAUSES or each.severity == "noise":
            continue
        if _soon(each, first):
            first = each
    return first


def _whole(cause: Incident, incidents: Sequence[Incident]) -> Incident:
    """The same again by another CPU, where the first one's report was broken off."""
    if not cause.corrupted or cause.function:
        return cause
    again = (
        each for each in incidents
        if each.crash_class is cause.crash_class and each.function and not each.corrupted
        and each.first_line > cause.first_line and _soon(cause, each)
    )  # fmt: skip
    return next(again, cause)


def _soon(before: Incident, after: Incident) -> bool:
    if before.time_s is not None and after.time_s is not None:
        return 0 <= after.time_s - before.time_s <= _CHAIN_S
    return after.first_line - before.last_line <= _CHAIN_LINES
