"""New, spreading, regressed, quiet: each with its reason in words.

regressed: a crash on a kernel that a signature of one bug (no generic one) says has the fix; or,
after the problem was closed as fixed, a crash on a kernel not older than the one that was said to
fix it (of the same line: el7 is compared with el7). Closed without a kernel: any crash on a kernel
that the problem was not seen on before. A host still on the old kernel is no regression.

spreading: more hosts struck in the last day than the week before lets expect. Counted are hosts
per day, so a host in a crash loop counts once; at least three; and chance alone (as many, spread
evenly over the eight days: one in eight falls into the last) would bring so many to it less often
than once in a hundred. So ten hosts a day, every day, are bad but not spreading; the first day of a
bug that strikes three hosts is. Crashes without a time of their own do not count: a share that is
scanned for the first time would spread all it has on one day.

new: the first crash was within the last seven days. quiet: the last was thirty days ago or more.
Times are Occurrence.when: a clock that is years off does not make a problem old, or never quiet.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from vmtriage.analysis.kernels import Kernel, parse_kernel
from vmtriage.analysis.ordering import as_built, compare
from vmtriage.analysis.problems.chance import at_least
from vmtriage.models.occurrence import Occurrence
from vmtriage.models.problem import State

NEW = timedelta(days=7)
QUIET = timedelta(days=30)
_VERSION = re.compile(r"[0-9][0-9A-Za-z.+~-]{0,80}")
_DAY = timedelta(days=1)
_WEEK = 7  # days before the last one
_HOSTS = 3
_CHANCE = 0.01


class Closed(NamedTuple):
    """When a problem was closed as fixed, and by which kernel if that was said."""

    at: datetime
    release: str | None = None


class Stated(NamedTuple):
    """A state and why."""

    state: State
    reason: str


def states(
    occurrences: Sequence[Occurrence], now: datetime, closed: Closed | None = None
) -> tuple[Stated, ...]:
    """The states of a problem, the most urgent first; `known` where it is nothing else."""
    if not occurrences:
        return ()
    now = now.replace(tzinfo=UTC) if now.tzinfo is None else now
    found = tuple(_states(occurrences, now, closed))
    return found or (Stated("known", f"seen {_times(len(occurrences))}"),)


def _states(
    occurrences: Sequence[Occurrence], now: datetime, closed: Closed | None
) -> Iterator[Stated]:
    if reason := _fixed(occurrences) or (_came_back(occurrences, closed) if closed else None):
        yield Stated("regressed", reason)
    if reason := _spreading(occurrences, now):
        yield Stated("spreading", reason)
    first = min(each.when for each in occurrences)
    if now - first <= NEW:
        yield Stated("new", f"first seen {first:%Y-%m-%d %H:%M} UTC")
    last = max(each.when for each in occurrences)
    if now - last >= QUIET:
        days = (now - last).days
        yield Stated("quiet", f"not seen for {days} days, since {last:%Y-%m-%d}")


def _fixed(occurrences: Sequence[Occurrence]) -> str | None:
    """By what the knowledge base says of the latest such crash's kernel."""
    for each in sorted(occurrences, key=lambda each: each.when, reverse=True):
        bugs = [known for known in each.known if not known.generic]
        # where another known bug fits that this kernel has, that one is it
        if any(known.kernel == "affected" for known in bugs):
            continue
        for known in bugs:
            if known.kernel == "fixed":
                since = f" since {known.fixed_in}" if known.fixed_in else ""
                return (
                    f"{each.release or 'its kernel'} on {each.host} has the fix{since}: {known.id}"
                )
    return None


def _came_back(occurrences: Sequence[Occurrence], closed: Closed) -> str | None:
    at = closed.at.replace(tzinfo=UTC) if closed.at.tzinfo is None else closed.at
    later = [each for each in occurrences if each.when > at and each.release]
    if closed.release is None:
        before = {each.release for each in occurrences if each.when <= at}
        later = [each for each in later if each.release not in before]
        what = f"closed as fixed on {at:%Y-%m-%d}, and not seen on this kernel before"
    else:
        fix = parse_kernel(closed.release)
        later = [each for each in later if _not_older(parse_kernel(each.release), fix)]
        what = f"closed as fixed by {closed.release}"
    if not later:
        return None
    last = max(later, key=lambda each: each.when)
    return f"{last.release} on {last.host}: {what}"


def _not_older(kernel: Kernel, fix: Kernel) -> bool:
    """Of one line, and at least as new; where packages are not known, by the release alone."""
    if kernel.release == fix.release:
        return True
    if kernel.line != fix.line or kernel.line in ("other", "unknown"):
        return False
    versions = kernel.package, fix.package
    if None in versions:  # Debian's release alone does not tell the package
        versions = kernel.release, fix.release
    one, other = (as_built(each or "") for each in versions)
    if not (_VERSION.fullmatch(one) and _VERSION.fullmatch(other)):
        return False
    return compare(kernel.line, one, other) >= 0


def _spreading(occurrences: Sequence[Occurrence], now: datetime) -> str | None:
    struck = {
        (each.host, max(timedelta(0), now - each.when) // _DAY)
        for each in occurrences
        if each.dated
    }
    last = sum(day == 0 for _, day in struck)
    before = sum(0 < day <= _WEEK for _, day in struck)
    if last < _HOSTS or at_least(last, last + before, 1 / (_WEEK + 1)) > _CHANCE:
        return None
    return f"{last} hosts in the last day, {before} in the week before"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
