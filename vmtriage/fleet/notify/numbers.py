"""How a fleet's triage stands, in numbers: for `vmtriage check` and Prometheus."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from vmtriage.models.found import Found
from vmtriage.store.base import Store


@dataclass(frozen=True, slots=True)
class Numbers:
    """At one moment. last_scan: when a scan last came to its end; None: never, or not told."""

    now: datetime
    last_scan: datetime | None = None
    dumps: int = 0
    untriaged: int = 0  # neither a full report nor given up
    quarantined: int = 0
    problems: int = 0
    new_problems: int = 0  # first seen in the window
    occurrences: Mapping[str, int] = field(default_factory=dict)  # by class
    untold: int = 0  # notices that wait
    stuck: int = 0  # of these: tried and failed


def numbers(store: Store, now: datetime, window_s: float, last_scan: datetime | None) -> Numbers:
    """Reads the store; what it raises is the store's."""
    dumps = untriaged = quarantined = 0
    for each in store.dumps.all():
        if each.became is not None:
            continue
        dumps += 1
        if each.quarantined_at is not None:
            quarantined += 1
        elif each.stage != "full":
            untriaged += 1
    problems = store.problems.all()
    since = now - timedelta(seconds=window_s)
    by_class: Counter[str] = Counter()
    first: dict[str, datetime] = {}
    for brief in store.occurrences.briefs():
        by_class[brief.crash_class] += 1
        seen = first.get(brief.problem, brief.first_seen)
        first[brief.problem] = min(seen, brief.first_seen)
    waiting = store.notifications.waiting()
    return Numbers(
        now, last_scan, dumps, untriaged, quarantined, len(problems),
        sum(when >= since for when in first.values()), dict(by_class), len(waiting),
        sum(each.tries > 0 for each in waiting),
    )  # fmt: skip


def with_unseen(store: Store, found: Sequence[Found], told: Numbers) -> Numbers:
    """And what lies on a share that no scan has noted. found: all of one share."""
    known = store.places.seen(found[0].share) if found else {}
    unseen = sum(each.place not in known for each in found)
    return replace(told, dumps=told.dumps + unseen, untriaged=told.untriaged + unseen)
