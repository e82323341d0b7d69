"""Parts of a store that hold what came out: recordings, reports, occurrences, problems."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from vmtriage.models.occurrence import Occurrence
from vmtriage.models.problem import Counted, Shared
from vmtriage.store.rows import (
    Alias,
    Brief,
    Claim,
    Ended,
    ProblemRow,
    ReportFiles,
    Ticket,
)


class Recordings(Protocol):
    """The stored facts of a dump: its session as `analyze --record` wrote it."""

    def put(
        self, dump: str, directory: Path, signatures_revision: str, claim: Claim | None = None
    ) -> int:
        """Keep this recording instead of an older one; the bytes it takes. `claim` as elsewhere."""

    def unpack(self, dump: str, into: Path) -> bool:
        """Lay the recording out as a directory that `analyze` reads; False: there is none."""

    def triaged(self, dump: str, signatures_revision: str) -> None:
        """Its report was made anew with these signatures."""

    def stale(self, signatures_revision: str) -> tuple[str, ...]:
        """Dumps whose recording was last looked at with other signatures than these."""


class Reports(Protocol):
    """Which report files exist."""

    def put(self, report: ReportFiles, claim: Claim | None = None) -> None:
        """They stand; replaces what was known of this dump and stage. `claim` as elsewhere."""

    def of(self, dump: str) -> tuple[ReportFiles, ...]:
        """Of each stage, the full one first."""

    def all(self) -> Iterator[ReportFiles]:
        """Of every dump."""


class Occurrences(Protocol):
    """One crash each, as problems and pages are made of."""

    def put(
        self,
        occurrence: Occurrence,
        claim: Claim | None = None,
        follow: bool = True,
        ended: Ended | None = None,
    ) -> bool:
        """Keep it instead of an older one of this dump; True: something changed.

        A log's never replaces a full one's. A problem left without occurrences by this becomes
        an alias of the new one (`follow` is kept with it); one that gets an occurrence is none
        any more. With `claim`: ClaimLost if it is not held any more. With `ended`: the attempt
        that runs under the claim ends so in the same instant, whatever is killed afterwards.
        """

    def get(self, dump: str) -> Occurrence | None:
        """Of this dump."""

    def of_problem(self, problem: str) -> tuple[Occurrence, ...]:
        """Latest first."""

    def of_host(self, host: str) -> tuple[Occurrence, ...]:
        """Latest first."""

    def of_culprit(self, culprit: str) -> tuple[Occurrence, ...]:
        """Latest first; by culprit_key()."""

    def all(self) -> Iterator[Occurrence]:
        """Oldest first, a few at a time."""

    def representatives(self) -> tuple[Occurrence, ...]:
        """One of each problem: the latest of crash itself, else of a log."""

    def briefs(self, limit: int | None = None) -> tuple[Brief, ...]:
        """Latest first."""

    def total(self) -> int:
        """How many."""

    def counts(self, what: Shared, problem: str | None = None) -> tuple[Counted, ...]:
        """How many occurrences have which value, most first; of the fleet or of one problem."""


class Problems(Protocol):
    """What occurrences belong to; exists as soon as the first one is put."""

    def all(self) -> tuple[ProblemRow, ...]:
        """Those that have occurrences, last seen first."""

    def get(self, problem: str) -> ProblemRow | None:
        """None: it has no occurrence."""

    def resolve(self, problem: str) -> str:
        """The id under which it is found today: its own, or that of which it is an alias."""

    def aliases(self) -> dict[str, Alias]:
        """Every alias and where it leads: links that must lead on."""

    def state(self, problem: str) -> str:
        """What was last written by set_state; empty: nothing."""

    def set_state(self, problem: str, state: str) -> None:
        """Text of the caller's own about it (JSON): which states were told already, and so on."""

    def tickets(self, problem: str) -> tuple[Ticket, ...]:
        """Its own, then those of its aliases."""

    def put_ticket(self, ticket: Ticket) -> None:
        """The ticket as it stands; one per problem and notifier."""
