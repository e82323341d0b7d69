"""The site's view of the store: `vmtriage.fleet.site.Book`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from vmtriage.fleet.scan.decide import is_done
from vmtriage.fleet.scan.views import Views
from vmtriage.fleet.site import Changes
from vmtriage.models.occurrence import Occurrence
from vmtriage.models.problem import ProblemView
from vmtriage.report.site.facts import Try, Unread, Waits
from vmtriage.store.base import Store
from vmtriage.store.rows import Seen


@dataclass(frozen=True)
class StoreBook:
    """shares: as `Found` names them; what waits on them is on the site, too."""

    store: Store
    views: Views
    shares: tuple[str, ...]
    now: datetime

    def revision(self) -> int:
        """See Book."""
        return self.store.changes.revision()

    def changes(self, since: int) -> Changes:
        """See Book."""
        found = self.store.changes.since(since)
        last = max((each.revision for each in found), default=since)

        def of(kind: str) -> tuple[str, ...]:
            return tuple(each.id for each in found if each.kind == kind)

        return Changes(last, of("dump"), of("problem"), of("host"))

    def occurrence(self, dump: str) -> Occurrence | None:
        """See Book."""
        return self.store.occurrences.get(dump)

    def occurrences(self) -> Iterator[Occurrence]:
        """See Book."""
        return self.store.occurrences.all()

    def problem(self, problem: str) -> ProblemView | None:
        """See Book."""
        return self.views.of(problem)

    def tries(self, dump: str) -> Sequence[Try]:
        """See Book."""
        return [
            Try(each.stage, each.began, each.seconds, each.outcome, each.reason, each.worker)
            for each in self.store.attempts.of(dump)
        ]

    def reports(self, dump: str) -> Path | None:
        """See Book."""
        found = self.store.reports.of(dump)
        return Path(found[0].directory) if found else None

    def unread(self) -> Sequence[Unread]:
        """See Book. A dump at several places stands there once."""
        waiting: dict[str, Unread] = {}
        for share in self.shares:
            for seen in self.store.places.seen(share).values():
                unread = None if seen.gone else self._unread(share, seen)
                if unread is not None:
                    waiting.setdefault(seen.dump or f"{share}/{seen.place}", unread)
        return list(waiting.values())

    def moved_problems(self) -> Mapping[str, str]:
        """See Book."""
        return {old: alias.of for old, alias in self.store.problems.aliases().items()}

    def moved_dumps(self) -> Mapping[str, str]:
        """See Book."""
        return self.store.dumps.became()

    def _unread(self, share: str, seen: Seen) -> Unread | None:
        if seen.dump is None:
            return Unread("writing", share, seen.place, "it is not finished", seen.since)
        if is_done(seen.kind, seen.stage):
            return None
        row, tries = self.store.dumps.get(seen.dump), self.store.attempts.of(seen.dump)
        reason = tries[-1].reason if tries else "it has not been its turn"
        waits: Waits = "due"
        if row is not None and row.quarantine:
            waits, reason = "quarantined", row.quarantine
        elif seen.retry_at is not None and seen.retry_at > self.now:
            waits = "retry"
        occurrence = self.store.occurrences.get(seen.dump)
        return Unread(
            waits, share, seen.place, reason, seen.since, seen.dump,
            occurrence.host if occurrence else row.nodename if row else None,
            seen.retry_at, len(tries),
        )  # fmt: skip
