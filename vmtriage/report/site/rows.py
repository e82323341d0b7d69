"""A crash and a problem as one line each: what lists, counts and the search are made of."""

import zlib
from collections.abc import Iterable
from datetime import timedelta
from typing import NamedTuple

from vmtriage.models.occurrence import Occurrence
from vmtriage.models.problem import ProblemView
from vmtriage.report.human import iso, utc

SHARDS = 64  # a new dump rewrites one of them
_CLOCKS = timedelta(hours=26)  # a dump's clock may be that far ahead of ours: time zones
_NO_CLOCK = 2001  # a year before this is that of a clock that was never set


class Row(NamedTuple):
    """A crash. Times are ISO 8601 in UTC, so that they sort as text; empty: not known."""

    dump: str
    problem: str
    host: str
    when: str  # when it crashed; when it was found, where the dump's clock cannot be true
    seen: str
    release: str
    kind: str  # the class
    severity: str
    stage: str
    title: str
    culprit_kind: str
    culprit: str
    application: str
    module: str  # of the guilty function

    @property
    def culprits(self) -> tuple["Named", ...]:
        """The pages on which it stands: its application's, and that of the culprit itself."""
        application = (Named("application", self.application),) if self.application else ()
        named = (Named(self.culprit_kind, self.culprit),) if self.culprit else ()
        return application + tuple(each for each in named if each not in application)


class Named(NamedTuple):
    """A culprit by kind and name."""

    kind: str
    name: str


class Subject(NamedTuple):
    """A host or culprit in its list."""

    kind: str  # of a culprit; empty: a host
    name: str
    crashes: int
    problems: int
    hosts: int
    last: str


class Summary(NamedTuple):
    """A problem in a list."""

    problem: str
    title: str
    kind: str
    severity: str
    states: tuple[str, ...]
    first: str
    last: str
    crashes: int
    hosts: int
    kernels: int
    kernel: str  # the most frequent one
    culprit: str  # likewise
    reason: str  # of its first state
    common: str  # what its crashes share most, in a sentence
    ticket: str


def row(occurrence: Occurrence) -> Row:
    """The line of a crash."""
    found, blamed = utc(occurrence.first_seen), occurrence.culprit
    when = utc(occurrence.when)
    if when.year < _NO_CLOCK or when > found + _CLOCKS:
        when = found
    return Row(
        dump=occurrence.dump,
        problem=occurrence.problem,
        host=occurrence.host,
        when=iso(when),
        seen=iso(found),
        release=occurrence.release or "",
        kind=occurrence.crash_class.value,
        severity=occurrence.severity,
        stage=occurrence.stage,
        title=occurrence.title,
        culprit_kind=blamed.kind if blamed else "",
        culprit=blamed.name if blamed else "",
        application=(blamed.application or "") if blamed else "",
        module=occurrence.module or "",
    )


def summary(view: ProblemView, rows: Iterable[Row]) -> Summary:
    """The line of a problem. Its times are those of its rows: no broken clock stays on top."""
    times = [each.when for each in rows]
    return Summary(
        problem=view.id,
        title=view.title,
        kind=view.crash_class.value,
        severity=view.severity,
        states=tuple(view.states),
        first=min(times, default=iso(view.first_seen)),
        last=max(times, default=iso(view.last_seen)),
        crashes=view.count,
        hosts=len(view.hosts),
        kernels=len(view.kernels),
        kernel=view.kernels[0].value if view.kernels else "",
        culprit=view.culprits[0].value if view.culprits else "",
        reason=view.reasons[0] if view.reasons else "",
        common=view.common[0].sentence if view.common else "",
        ticket=view.ticket or "",
    )


def latest(rows: Iterable[Row]) -> list[Row]:
    """Latest first."""
    return sorted(rows, key=lambda each: (each.when, each.dump), reverse=True)


def in_order(rows: Iterable[Row]) -> list[Row]:
    """As they were found: what is new comes last, so that numbered pages stay as they are."""
    return sorted(rows, key=lambda each: (each.seen, each.dump))


def shard(dump: str) -> int:
    """In which part of the search's data a dump stands, for ever."""
    return zlib.crc32(dump.encode("utf-8", "surrogatepass")) % SHARDS
