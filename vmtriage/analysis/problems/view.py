"""A problem with all that its occurrences tell: what its page and its ticket are made of."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import get_args

from vmtriage.analysis.problems.blame import culprit_label
from vmtriage.analysis.problems.common import common
from vmtriage.analysis.problems.fleet import Fleet
from vmtriage.analysis.problems.states import Closed, states
from vmtriage.models.finding import Severity
from vmtriage.models.occurrence import KnownBug, Occurrence
from vmtriage.models.problem import Counted, Near, ProblemView

_GRAVEST: tuple[Severity, ...] = get_args(Severity)  # panic first


def view(
    occurrences: Sequence[Occurrence],
    fleet: Fleet,
    near: tuple[Near, ...] = (),
    *,
    now: datetime,
    closed: Closed | None = None,
    ticket: str | None = None,
) -> ProblemView:
    """Made anew whenever an occurrence is added. occurrences: all of one problem, at least one.

    Title, class and function are those of most occurrences (of those that crash has looked at,
    where there are any), the severity is the gravest. Times are crash times, or when a dump was
    found where its clock tells nothing.
    """
    seen = [each for each in occurrences if each.stage == "full"] or list(occurrences)
    best = _typical(seen)
    told = states(occurrences, now, closed)
    return ProblemView(
        id=best.problem,
        title=best.title,
        crash_class=best.crash_class,
        function=best.function,
        severity=min((each.severity for each in occurrences), key=_GRAVEST.index),
        states=tuple(each.state for each in told),
        reasons=tuple(each.reason for each in told),
        first_seen=min(each.when for each in occurrences),
        last_seen=max(each.when for each in occurrences),
        count=len(occurrences),
        hosts=_counted(each.host for each in occurrences),
        kernels=_counted(each.release for each in occurrences),
        hardware=_counted(each.hardware for each in occurrences),
        culprits=_counted(culprit_label(each.culprit) for each in occurrences),
        common=common(occurrences, fleet),
        near=near,
        known=_known(occurrences),
        ticket=ticket,
    )


def _typical(occurrences: Sequence[Occurrence]) -> Occurrence:
    """The latest of those whose title is the most frequent; of equals, the latest."""
    titles = Counter(each.title for each in occurrences)
    return max(occurrences, key=lambda each: (titles[each.title], each.when, each.dump))


def _counted(values: Iterable[str | None]) -> tuple[Counted, ...]:
    """Most frequent first; of equals by name. What is not known does not count."""
    counts = Counter(value for value in values if value is not None)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Counted(value=value, count=count) for value, count in ordered)


def _known(occurrences: Sequence[Occurrence]) -> tuple[KnownBug, ...]:
    """Each bug once, as the latest occurrence tells it: specific ones first, then the frequent."""
    often: Counter[str] = Counter()
    latest: dict[str, KnownBug] = {}
    for each in sorted(occurrences, key=lambda each: (each.when, each.dump)):
        for bug in each.known:
            often[bug.id] += 1
            latest[bug.id] = bug
    return tuple(sorted(latest.values(), key=lambda bug: (bug.generic, -often[bug.id], bug.id)))
