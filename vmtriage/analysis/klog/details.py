"""Which details a report of a class has: read for that class only, so that others cost nothing."""

from collections.abc import Sequence
from typing import TypedDict

from vmtriage.analysis.klog import fault, leaks, mce, oom
from vmtriage.models.details import FaultReport, LeakReport, MceReport, OomReport
from vmtriage.models.finding import CrashClass
from vmtriage.parsers.klog_line import Line

C = CrashClass
_OOPSES = frozenset(
    {C.NULL_POINTER, C.PAGE_FAULT, C.GENERAL_PROTECTION, C.BUG, C.DIVIDE_ERROR, C.DOUBLE_FAULT,
     C.STACK_OVERFLOW, C.LIST_CORRUPTION}
)  # fmt: skip


class Details(TypedDict, total=False):
    """The fields of an incident that details fill."""

    oom: OomReport | None
    leak: LeakReport | None
    mce: MceReport | None
    fault: FaultReport | None


def of(crash_class: CrashClass, lines: Sequence[Line]) -> Details:
    """The details of a report with these lines; nothing where its class has none."""
    if crash_class is C.OOM:
        return {"oom": oom.read(lines)}
    if crash_class is C.MEMORY_LEAK:
        return {"leak": leaks.read(lines)}
    if crash_class is C.MCE:
        return {"mce": mce.read(lines)}
    if crash_class in _OOPSES:
        return {"fault": fault.read(lines)}
    return {}
