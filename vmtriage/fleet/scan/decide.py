"""What is to be done with each crash on a share: pure, by what is found and what is remembered."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from vmtriage.fleet.share import Patience, Wait, settle
from vmtriage.fleet.share import Seen as Look
from vmtriage.models.found import Found, FoundKind
from vmtriage.models.occurrence import Stage
from vmtriage.store.rows import Seen

# wait: still being written. identify: new, or its files changed. log: not triaged at all.
# full: crash has not run. retry: an attempt failed, it is not yet time. known: nothing to do
Action = Literal["wait", "identify", "log", "full", "retry", "quarantined", "known"]
_SKEW = timedelta(minutes=5)  # between two machines' clocks; more is a clock that jumped
_LONGEST = timedelta(hours=30)  # nothing is put off for longer


@dataclass(frozen=True)
class Decision:
    """What to do with one crash and why. dump: None until it is identified.

    fresh: its files are not as the store has them, so it has to be noted.
    """

    found: Found
    action: Action
    why: str = ""
    dump: str | None = None
    at: datetime | None = None  # of wait and retry: when it is due
    fresh: bool = False


@dataclass(frozen=True)
class Rules:
    """insist: what is quarantined or put off is due, too."""

    patience: Patience = field(default_factory=Patience)
    insist: bool = False


@dataclass(frozen=True)
class Standing:
    """How far a dump has come, wherever it lies."""

    kind: FoundKind
    stage: Stage | None
    retry_at: datetime | None
    quarantine: str | None  # the reason; None: it is not quarantined


def decide_all(
    found: Iterable[Found], known: Mapping[str, Seen], now: datetime, rules: Rules = Rules()
) -> list[Decision]:
    """`known`: by place, of the same share."""
    return [decide(each, known.get(each.place), now, rules) for each in found]


def decide(found: Found, seen: Seen | None, now: datetime, rules: Rules = Rules()) -> Decision:
    """One crash. `seen`: what the store has of this place, None: nothing."""
    if seen is not None and seen.stamp == found.stamp and seen.dump is not None:
        standing = Standing(
            found.kind, seen.stage, seen.retry_at, "see the ledger" if seen.quarantined else None
        )
        decision = due(found, seen.dump, standing, now, rules)
        return replace(decision, fresh=True) if seen.gone else decision
    look = _look(seen, now) if seen else None
    verdict = settle(found, look, now.timestamp(), rules.patience)
    fresh = seen is None or seen.stamp != found.stamp or seen.gone
    if isinstance(verdict, Wait):
        until = datetime.fromtimestamp(verdict.until, UTC)
        return Decision(found, "wait", verdict.why, at=until, fresh=fresh)
    why = "new" if seen is None or seen.dump is None else "its files changed"
    return Decision(found, "identify", verdict.why or why, fresh=fresh)


def is_done(kind: FoundKind, stage: Stage | None) -> bool:
    """Whether all was read that there is."""
    return stage == "full" or (stage == "log" and kind == "log")


def due(
    found: Found, dump: str, standing: Standing, now: datetime, rules: Rules = Rules()
) -> Decision:
    """One crash that is identified."""
    if standing.quarantine is not None and not rules.insist:
        return Decision(found, "quarantined", standing.quarantine, dump)
    if is_done(standing.kind, standing.stage):
        return Decision(found, "known", "", dump)
    at = standing.retry_at
    # a time too far ahead was written by a clock that was wrong
    if at is not None and now < at < now + _LONGEST and not rules.insist:
        return Decision(found, "retry", "an attempt failed", dump, at)
    if standing.stage is None:
        return Decision(found, "log", "not triaged", dump)
    return Decision(found, "full", "only its log was read", dump)


def _look(seen: Seen, now: datetime) -> Look:
    """As the last look saw it. A clock that jumped back would have it wait for ever."""
    since = seen.since
    if since > now + _SKEW:
        return Look(seen.stamp, 0.0)
    return Look(seen.stamp, min(since, now).timestamp())
