"""Which details a report of a class has: read for that class only, so that others cost nothing.

The readers are loaded when first needed: most logs need none of them.
"""

from collections.abc import Sequence
from typing import TypedDict

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
        from vmtriage.analysis.klog import oom

        return {"oom": oom.read(lines)}
    if crash_class is C.MEMORY_LEAK:
        from vmtriage.analysis.klog import leaks

        return {"leak": leaks.read(lines)}
    if crash_class is C.MCE:
        from vmtriage.analysis.klog import mce

        return {"mce": mce.read(lines)}
    if crash_class in _OOPSES:
        from vmtriage.analysis.klog import fault

        return {"fault": fault.read(lines)}
    return {}
