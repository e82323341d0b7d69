"""Parts of a store that say what there is to do, and who does it."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Protocol

from vmtriage.models.found import Found, Identity
from vmtriage.models.occurrence import Stage
from vmtriage.store.rows import (
    Attempt,
    Claim,
    Dump,
    Ended,
    Place,
    Seen,
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
