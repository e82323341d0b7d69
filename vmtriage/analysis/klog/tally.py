"""Incidents of a whole log in bounded memory: what repeats is counted, not kept."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from vmtriage.analysis.klog.incident import incident
from vmtriage.analysis.klog.report import Report
from vmtriage.models.finding import Incident
from vmtriage.parsers.klog_line import Line

_ALIKE = 3  # kept of one kind, the others are counted
_KINDS = 300  # kinds kept
_LINES = 300  # of one report kept, for signatures and as evidence

Key = tuple[str, ...]


class Kept(NamedTuple):
    """One incident with its lines. times: this and those alike that were not kept."""

    incident: Incident
    lines: tuple[Line, ...]
    boot: int
    times: int = 1
    last_seen: int = 0


@dataclass
class Tally:
    """Takes reports in order of their end; gives the incidents in order of their begin."""

    left_out: int = 0
    _kinds: dict[Key, list[Kept]] = field(default_factory=dict)

    def add(self, report: Report, boot: int) -> None:
        """Keeps the report's incident, or counts it with those alike."""
        if not report.head.form.body:
            key = (str(boot), report.head.form.id, *sorted(report.head.fields.values()))
            if self._count(key, report.lines[0].number):
                return
            self._keep(key, incident(report), report, boot)
            return
        found = incident(report)
        key = (str(boot), found.format, found.function or found.title, *found.path)
        if not self._count(key, found.first_line):
            self._keep(key, found, report, boot)

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
        kept = Kept(found, tuple(report.lines[:_LINES]), boot, 1, found.first_line)
        self._kinds.setdefault(key, []).append(kept)

    def kept(self) -> Sequence[Kept]:
        """What was kept, in the log's order."""
        every = (each for alike in self._kinds.values() for each in alike)
        return sorted(every, key=lambda each: each.incident.first_line)
