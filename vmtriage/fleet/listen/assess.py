"""The engine behind the listener: the text of one window in, the incidents in it out."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from vmtriage import parsers
from vmtriage.analysis import incidents
from vmtriage.analysis.classify import classify, quote
from vmtriage.analysis.fingerprint import fingerprint
from vmtriage.analysis.fromlog import with_log_facts
from vmtriage.analysis.matching import match_all
from vmtriage.analysis.signatures import load
from vmtriage.errors import ParseError
from vmtriage.models.event import Assess, Event, Sender
from vmtriage.models.evidence import Facts
from vmtriage.models.finding import Classification, CrashClass, GuiltyFunction, Incident
from vmtriage.models.klog import KernelLog
from vmtriage.models.signature import Signature
from vmtriage.report.safe import visible


def engine(directory: Path | None = None) -> Assess:
    """The assessor with the knowledge base of a directory (default: the bundled one)."""
    return partial(assess, load(directory))


def assess(signatures: Sequence[Signature], text: str, sender: Sender) -> Sequence[Event]:
    """One event per class and function, in the order of the log; a panic is laid to its cause."""
    try:
        log = parsers.parse("log", text)
    except ParseError:
        return ()
    assert isinstance(log, KernelLog)
    facts = with_log_facts(Facts(log=log))
    found = incidents.find(log)
    counts: dict[tuple[CrashClass, str | None], int] = {}
    first: dict[tuple[CrashClass, str | None], Incident] = {}
    for each in _laid_to_cause(found, facts):
        key = (each.crash_class, each.function)
        counts[key] = counts.get(key, 0) + 1
        first.setdefault(key, each)
    return [_event(first[key], counts[key], signatures, facts, sender) for key in first]


def _laid_to_cause(found: Sequence[Incident], facts: Facts) -> list[Incident]:
    """The cause first, as the panic; without the messages that only report it once more."""
    if facts.system is None or not facts.system.panic:
        return list(found)
    verdict = classify(facts, found)
    at = next((n for n, each in enumerate(found) if each.crash_class is verdict.crash_class), None)
    if at is None:
        return list(found)
    cause = found[at]
    if not verdict.deliberate:
        cause = cause.model_copy(update={"severity": "panic"})
    rest = [each for each in found[at + 1 :] if each.crash_class is not CrashClass.PANIC]
    if cause.function:
        rest = [each for each in rest if each.function != cause.function]
    return [cause, *found[:at], *rest]


def _event(
    incident: Incident, count: int, signatures: Sequence[Signature], facts: Facts, sender: Sender
) -> Event:
    said = quote(incident, facts, "the kernel's own message")
    classification = Classification(
        crash_class=incident.crash_class, title=incident.title, severity=incident.severity,
        confidence="medium", evidence=(said,),
    )  # fmt: skip
    function = None
    if incident.function:
        function = GuiltyFunction(
            name=incident.function, alternatives=incident.alternatives, evidence=(said,)
        )
    own = facts
    if facts.log is not None:  # its own lines only: a neighbour's must not match
        lines = range(incident.first_line, incident.last_line + 1)
        records = tuple(each for each in facts.log.records if each.line in lines)
        own = facts.model_copy(update={"log": KernelLog(records=records)})
    matches = match_all(signatures, own, classification, function, ())
    release = facts.system.release if facts.system else None
    return Event(
        host=sender.host, address=sender.address, received=sender.received,
        crash_class=incident.crash_class, title=incident.title, function=incident.function,
        severity=incident.severity,
        fingerprint=fingerprint(Facts(), classification, function).problem,
        line=visible(said.text[:1000]), signatures=tuple(each.id for each in matches),
        release=sender.release or release, count=count,
    )  # fmt: skip
