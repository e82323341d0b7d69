"""Parts of a store that say what is to be shown and told."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from vmtriage.store.rows import (
    Change,
    ChangeKind,
    Delivery,
    Notification,
    Ticket,
)


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
