"""An incident of a log as the knowledge base asks for it: facts, class, function."""

from collections.abc import Sequence

from vmtriage.analysis.crash_view import said_by
from vmtriage.analysis.fromlog import with_log_facts
from vmtriage.models.evidence import Facts
from vmtriage.models.finding import Classification, GuiltyFunction, Incident
from vmtriage.models.klog import KernelLog, LogRecord
from vmtriage.models.system import SystemInfo
from vmtriage.parsers.klog_line import Line


def facts_of(lines: Sequence[Line], release: str | None, version: str | None) -> Facts:
    """Facts that hold these lines as the log, and the kernel that printed them."""
    records = [
        LogRecord.model_construct(
            text=each.text, time_s=each.time_s, level=each.level, caller=each.caller,
            line=each.number,
        )
        for each in lines
    ]  # fmt: skip
    log = KernelLog.model_construct(records=tuple(records), notes=())
    system = SystemInfo(release=release, version=version) if release else None
    return with_log_facts(Facts(log=log, system=system))


def classification_of(incident: Incident, text: str) -> Classification:
    """The incident's own class; its first line is the evidence."""
    return Classification(
        crash_class=incident.crash_class, title=incident.title, severity=incident.severity,
        confidence="low" if incident.corrupted else "medium",
        evidence=(said_by("log", incident.first_line, text, "the kernel's own message"),),
    )  # fmt: skip


def function_of(incident: Incident, lines: Sequence[Line]) -> GuiltyFunction | None:
    """The incident's guilty function, with the line that shows it."""
    if incident.function is None:
        return None
    shown = next((each for each in lines if incident.function in each.text), None)
    evidence = (
        (said_by("log", shown.number, shown.text, "where the CPU was, by the log"),)
        if shown
        else ()
    )
    return GuiltyFunction(
        name=incident.function, module=incident.module, alternatives=incident.alternatives,
        path=incident.path, evidence=evidence,
    )  # fmt: skip
