"""What a store offers, in parts. Every method is one transaction; every write may be repeated.

    from vmtriage.store.opening import open_store

    with open_store(url_or_path) as store:
        known = store.places.seen(share)

Errors: StoreError and its kin of vmtriage.errors; never one of a database library.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from vmtriage.models.found import Found, Identity
from vmtriage.models.occurrence import Occurrence, Stage
from vmtriage.models.problem import Counted, Shared
from vmtriage.store.rows import (
    Alias,
    Attempt,
    Brief,
    Change,
    ChangeKind,
    Claim,
    Delivery,
    Dump,
    Ended,
    Notification,
    Place,
    ProblemRow,
    ReportFiles,
    Seen,
    Ticket,
    Worker,
)


class Places(Protocol):
    """Where dumps lie, and which dump lies there."""

    def seen(self, share: str) -> dict[str, Seen]:
        """Every place ever noted on this share, by its name; one query."""

    def note(
        self, found: Found, identity: Identity | None, since: datetime | None = None
    ) -> str | None:
        """This lies there now. Answers the dump's id; None as long as `identity` is None.

        since: when this stamp was first seen, if the caller knows better than the store.

        The same dump at another place is the same dump. The answer may differ from identity.id:
        of a log whose vmcore is known it is the vmcore's; a place that had a vmcore and has only
        its log left keeps its dump. A log alone or an incomplete dump that a vmcore takes over
        at the same place becomes that one (Dump.became), its occurrence goes.
        """

    def wait(self, several: Iterable[Found]) -> None:
        """As note(found, None) for each, all in one transaction: a first look at a large share."""

    def gone(self, share: str, places: Iterable[str]) -> None:
        """These are not there any more. Reports and occurrences stay."""

    def of(self, dump: str) -> tuple[Place, ...]:
        """All places of a dump, those still there first."""


class Dumps(Protocol):
    """The crashes themselves."""

    def get(self, dump: str) -> Dump | None:
        """The dump; one that became another is not followed."""

    def all(self) -> Iterator[Dump]:
        """Every dump, oldest first, a few at a time."""

    def became(self) -> dict[str, str]:
        """Every id that turned into another: links that must lead on."""

    def quarantined(self) -> tuple[Dump, ...]:
        """Those that are not tried again, latest first."""

    def release(self, dump: str) -> bool:
        """Out of quarantine and due at once; False: it was not in it."""


class Claims(Protocol):
    """Who works on what. No two workers ever hold the same."""

    def claim(self, subject: str, stage: str, worker: Worker, lease_s: float) -> Claim | None:
        """The right to work, or None: somebody else has it (or the same worker already).

        A dead worker of this machine loses it at once, one of another machine after its lease.
        An attempt he left open is ended as `retry`.
        """

    def extend(self, claim: Claim, lease_s: float) -> bool:
        """Longer, from now; False: it was lost, stop working."""

    def release(self, claim: Claim) -> None:
        """Done. Nothing happens where it was lost already."""

    def holds(self, claim: Claim) -> bool:
        """Whether nobody has taken it over."""

    def sweep(self) -> int:
        """Take from the dead what nobody else has asked for, and end their attempts; how many."""


class Attempts(Protocol):
    """The ledger: what was tried, how it went, when to try again."""

    def begin(self, claim: Claim) -> int:
        """An attempt begins; ClaimLost. Its subject is a dump, its stage `log` or `full`."""

    def end(self, attempt: int, ended: Ended, claim: Claim | None = None) -> None:
        """How it went, with its next retry or quarantine; repeated: the first end stands.

        With `claim`: ClaimLost if it is not held any more.
        """

    def of(self, dump: str) -> tuple[Attempt, ...]:
        """All attempts on a dump, oldest first."""

    def failures(self, dump: str, stage: Stage) -> int:
        """Attempts since the last that was ok, or since it was released: those killed count."""


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


class Changes(Protocol):
    """What changed since a site was last written."""

    def revision(self) -> int:
        """Of the last change; 0: none yet. Every later change has a greater one."""

    def since(self, revision: int) -> tuple[Change, ...]:
        """All later ones, in their order, each thing once."""

    def touch(self, kind: ChangeKind, ids: Sequence[str]) -> int:
        """Their pages are to be written anew for a reason the store does not know."""

    def written(self, site: str) -> int:
        """Up to which revision this site was written; 0: never."""

    def set_written(self, site: str, revision: int) -> None:
        """The site holds all up to here. Never goes back, but 0 lets it be written anew."""


class Notifications(Protocol):
    """What is to be told: written down, then sent, then marked as sent. At least once."""

    def intend(
        self, notifier: str, problem: str, event: str, payload: str, dump: str | None = None
    ) -> Notification:
        """Write it down, or what was written down under the same key before: look at delivery."""

    def sending(self, notifications: Sequence[int]) -> None:
        """A try begins. If nothing follows it is uncertain: look it up before creating."""

    def sent(self, notifications: Sequence[int], ticket: Ticket | None = None) -> None:
        """They are there; in the ticket, which is kept as put_ticket does."""

    def failed(self, notifications: Sequence[int], reason: str, retry_at: datetime | None) -> None:
        """The remote said no; None: never again (dropped)."""

    def waiting(self, notifier: str | None = None) -> tuple[Notification, ...]:
        """The unsent, the uncertain and the failed, oldest first; retry_at is the caller's."""

    def of(self, problem: str, delivery: Delivery | None = None) -> tuple[Notification, ...]:
        """All of a problem, oldest first."""

    def last_sent(self, notifier: str, problem: str, begins: str = "") -> datetime | None:
        """When this notifier last told of the problem an event whose key begins so."""


@dataclass(frozen=True)
class Store:
    """All of it. Made by vmtriage.store.opening; another kind of store fills the parts."""

    places: Places
    dumps: Dumps
    claims: Claims
    attempts: Attempts
    recordings: Recordings
    reports: Reports
    occurrences: Occurrences
    problems: Problems
    changes: Changes
    notifications: Notifications
    close: Callable[[], None]  # ends all connections

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
