"""Incidents in a kernel log that is at hand as records: the log command's, or a bare log's."""

import re

from vmtriage.analysis.klog import frames
from vmtriage.analysis.klog.heads import hits_in
from vmtriage.analysis.klog.incident import incident
from vmtriage.analysis.klog.scanner import CUT, Scanner
from vmtriage.models.finding import Incident
from vmtriage.models.klog import KernelLog
from vmtriage.parsers.klog_line import Line, read, split

_MODULE = re.compile(r"\[(?P<module>[A-Za-z][\w-]*)\]\s*$")


def find(log: KernelLog) -> tuple[Incident, ...]:
    """All incidents in order of their first line."""
    scanner = Scanner()
    found: list[Incident] = []
    hits = hits_in([record.text for record in log.records])
    for place, record in enumerate(log.records):
        if place not in hits and scanner.idle and CUT not in record.text:
            continue
        line = Line(record.line, record.text, record.time_s, record.level, record.caller)
        parts = split(record.text) if place in hits else (record.text,)
        if len(parts) == 1:
            found += map(incident, scanner.feed(line, hits.get(place, ())))
            continue
        for part in parts:
            found += map(incident, scanner.feed(read(record.line, part)))
    found += map(incident, scanner.finish(cut=True))
    return tuple(sorted(found, key=lambda each: each.first_line))


def function_at(text: str) -> str | None:
    """The function in a RIP/PC/NIP line, None for any other line."""
    found = frames.pc(text)
    return found.name if found else None


def module_in(text: str) -> str | None:
    """The module in brackets at the end of a trace line."""
    match = _MODULE.search(text)
    return match["module"] if match else None
