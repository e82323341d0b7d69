"""The engine behind the listener: the text of one window in, the incidents in it out."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path

from vmtriage.models.event import Assess, Event, Sender
from vmtriage.models.logreport import LogIncident, LogReport
from vmtriage.pipeline.logs import LogReader, log_reader
from vmtriage.report.safe import visible


@dataclass(frozen=True)
class Engine:
    """Where the knowledge base is: made in one process, used in another."""

    directory: Path | None = None
    packs: tuple[Path, ...] = ()
    cache: Path | None = None

    def __call__(self) -> Assess:
        """The assessor, with the knowledge base loaded now."""
        reader = log_reader(self.directory, self.packs, self.cache)
        _ = reader.knowledge
        return partial(assess, reader)


def assess(reader: LogReader, text: str, sender: Sender) -> Sequence[Event]:
    """One event per bug, the cause of a panic first; its echoes are not told."""
    report = reader.read(sender.host, BytesIO(text.encode("utf-8", "replace")))
    seen: dict[str, Event] = {}
    for each in _told(report):
        event = _event(each, sender)
        known = seen.get(event.fingerprint)
        if known is not None:
            event = known.model_copy(update={"count": known.count + event.count})
        seen[event.fingerprint] = event
    return tuple(seen.values())


def _told(report: LogReport) -> tuple[LogIncident, ...]:
    cause = report.primary
    if cause is None or cause.severity != "panic":
        return report.incidents
    rest = [
        each for each in report.incidents
        if each.first_line != cause.first_line
        and not (each.first_line > cause.first_line and _echo(each, cause))
    ]  # fmt: skip
    return (cause, *rest)


def _echo(later: LogIncident, cause: LogIncident) -> bool:
    """A panic after its cause, or the same function once more."""
    said_again = cause.function is not None and later.function == cause.function
    return later.format.startswith("panic") or said_again


def _event(incident: LogIncident, sender: Sender) -> Event:
    return Event(
        host=sender.host, address=sender.address, received=sender.received,
        crash_class=incident.crash_class, title=incident.title, function=incident.function,
        severity=incident.severity, fingerprint=incident.fingerprint.problem,
        line=visible(incident.text[:1000]), signatures=incident.signatures,
        release=sender.release or incident.release, count=incident.count,
    )  # fmt: skip
