"""The guilty function by what the kernel itself printed: its blame, or its bare trace."""

from collections.abc import Sequence

from vmtriage.analysis import incidents as logs
from vmtriage.analysis.klog.blame import blame_code
from vmtriage.analysis.klog.formats import Blame
from vmtriage.analysis.klog.frames import Found
from vmtriage.analysis.klog.primary import primary
from vmtriage.analysis.klog.trace import Code, Trace
from vmtriage.models.evidence import Evidence, Facts
from vmtriage.models.finding import CrashClass, GuiltyFunction, Incident
from vmtriage.models.klog import LogRecord


def own_incident(crash_class: CrashClass, incidents: Sequence[Incident]) -> Incident | None:
    """The incident of the class with code in it: the one that brought the kernel down, if told."""
    wanted = [i for i in incidents if i.crash_class is crash_class and (i.function or i.trace)]
    cause = primary(incidents)
    at = cause.first_line if cause else None
    return next((each for each in wanted if each.first_line == at), wanted[0] if wanted else None)


def sure_trace(incident: Incident, facts: Facts) -> tuple[str, ...]:
    """Its trace without what the kernel itself only guessed."""
    return tuple(name for name in incident.trace if _sure_of(name, incident, facts) is not None)


def by_log(facts: Facts, incident: Incident) -> GuiltyFunction | None:
    """The function this incident blames; None if no code is on trial."""
    if incident.function is None:
        return None
    record = next((r for r in _records(incident, facts) if incident.function in r.text), None)
    module = logs.module_in(record.text) if record else None
    return GuiltyFunction(
        name=incident.function, module=module, alternatives=incident.alternatives,
        path=incident.path, evidence=_quoted(record),
    )  # fmt: skip


def by_trace(facts: Facts, incident: Incident) -> GuiltyFunction | None:
    """The first function of its trace that is no mere carrier, whoever is on trial."""
    trace = Trace(tuple(Found(name) for name in incident.trace), "Call Trace:", None)
    guilty = blame_code(Blame.FAULT, Code(None, None, (trace,)))
    if guilty is None:
        return None
    record = _sure_of(guilty.name, incident, facts)
    return GuiltyFunction(
        name=guilty.name, module=logs.module_in(record.text) if record else None,
        alternatives=guilty.others, path=guilty.path, evidence=_quoted(record),
    )  # fmt: skip


def _records(incident: Incident, facts: Facts) -> Sequence[LogRecord]:
    records = facts.log.records if facts.log else ()
    return [r for r in records if incident.first_line <= r.line <= incident.last_line]


def _sure_of(name: str, incident: Incident, facts: Facts) -> LogRecord | None:
    """The line of the trace that shows it, and not as a guess (`? name`)."""
    for record in _records(incident, facts):
        before, found, after = record.text.partition(name)
        if found and "+0x" in after and not before.rstrip().endswith("?"):
            return record
    return None


def _quoted(record: LogRecord | None) -> tuple[Evidence, ...]:
    if record is None:
        return ()
    return (
        Evidence(command="log", line=record.line, text=record.text.strip(),
                 says="where the CPU was, by the log"),
    )  # fmt: skip
