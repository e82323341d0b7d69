"""Incidents of a whole log in bounded memory: what repeats is counted, not kept."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from vmtriage.analysis.klog.incident import Told, incident, tell
from vmtriage.analysis.klog.report import Report
from vmtriage.models.finding import Incident
from vmtriage.parsers.klog_line import Line

_ALIKE = 3  # kept of one kind, the others are counted
_KINDS = 300  # kinds kept
_STACKS = 500  # remembered with whom they blame
_LINES = 300  # of one report kept, for signatures and as evidence
_LETTERS = 32_000  # in them

Key = tuple[str, ...]


class Kept(NamedTuple):
    """One incident with its lines. times: this and those alike that were not kept."""

    incident: Incident
    lines: tuple[Line, ...]
    boot: int
    times: int = 1
    last_seen: int = 0
    lone: bool = False  # a form of one line: nothing can follow
    said: tuple[Line, ...] = ()  # right before its first line, by the same WARN()

    @property
    def whole(self) -> tuple[Line, ...]:
        """Its lines and what was said before them."""
        return (*self.said, *self.lines)


@dataclass
class Tally:
    """Takes reports in order of their end; gives the incidents in order of their begin."""

    left_out: int = 0
    _kinds: dict[Key, list[Kept]] = field(default_factory=dict)
    _told: dict[Key, Told] = field(default_factory=dict)

    def add(self, report: Report, boot: int) -> None:
        """Keeps the report's incident, or counts it with those alike."""
        told = self._tell(report) if report.head.form.body else None
        key = _key(report, told, boot)
        if not self._count(key, report.lines[0].number):
            self._keep(key, incident(report, told), report, boot)

    def _tell(self, report: Report) -> Told:
        """The same stack is read once, however often it comes."""
        stack = (report.head.form.id, *(each.text for each in report.lines if "+0x" in each.text))
        told = self._told.get(stack)
        if told is None:
            if len(self._told) >= _STACKS:
                self._told.clear()
            told = self._told[stack] = tell(report)
        return told

    def _count(self, key: Key, line: int) -> bool:
        alike = self._kinds.get(key)
        if alike is None or len(alike) < _ALIKE:
            return False
        last = alike[-1]
        alike[-1] = last._replace(times=last.times + 1, last_seen=line)
        return True

    def _keep(self, key: Key, found: Incident, report: Report, boot: int) -> None:
        if key not in self._kinds and len(self._kinds) >= _KINDS:
            self.left_out += 1
            return
        kept = Kept(
            found, _bounded(report.lines), boot, 1, found.first_line, not report.head.form.body,
            report.said,
        )  # fmt: skip
        self._kinds.setdefault(key, []).append(kept)

    def kept(self) -> Sequence[Kept]:
        """What was kept, in the log's order."""
        every = (each for alike in self._kinds.values() for each in alike)
        return sorted(every, key=lambda each: each.incident.first_line)


def _bounded(lines: Sequence[Line]) -> tuple[Line, ...]:
    """The first lines, as many as may be kept; one in any case."""
    letters = 0
    for count, line in enumerate(lines[:_LINES]):
        letters += len(line.text)
        if letters > _LETTERS:
            return tuple(lines[: max(count, 1)])
    return tuple(lines[:_LINES])


def _key(report: Report, told: Told | None, boot: int) -> Key:
    """What makes incidents alike: the form and the function; without one, what the line names."""
    form, guilty = report.head.form.id, told.guilty if told else None
    if guilty is not None:
        return (str(boot), form, guilty.name, *guilty.path)
    named = (each for key, each in report.head.fields.items() if key not in ("pid", "cpu", "comm"))
    return (str(boot), form, *named)
