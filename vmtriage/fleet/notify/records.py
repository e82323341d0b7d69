"""What is remembered of notices, so that each is told at least once and no ticket made twice.

`Records` is the little that the desk needs of a store; stored.py makes it of the real one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal, Protocol

from vmtriage.models.base import Model
from vmtriage.models.notice import Notice

# sending: a try began and nobody knows how it ended: look before sending again
IntentState = Literal["intended", "sending", "sent", "failed", "dropped"]


@dataclass(frozen=True, slots=True)
class Intent:
    """One notice for one notifier, written down before it is sent."""

    id: str
    notifier: str
    notice: Notice
    state: IntentState
    tries: int
    updated: datetime
    retry_at: datetime | None = None
    reason: str = ""

    @property
    def problem(self) -> str:
        """What its ticket, thread or alert is keyed by."""
        return self.notice.problem


class Ticket(Model):
    """The ticket of one problem in one tracker."""

    notifier: str
    problem: str
    id: str  # the tracker's: "CRASH-12", "34"
    url: str


class Records(Protocol):
    """The store's side. Every write is durable when the call returns."""

    def add(self, notifier: str, notice: Notice) -> None:
        """Write it down; the same notice for the same notifier only once, whatever became of it."""

    def waiting(self, problem: str | None = None) -> Sequence[Intent]:
        """Intended, sending or failed ones, of all problems or of one, oldest first."""

    def sending(self, intents: Sequence[Intent]) -> None:
        """A try begins."""

    def sent(self, intents: Sequence[Intent], ticket: Ticket | None) -> None:
        """They are there; the ticket is kept."""

    def failed(self, intents: Sequence[Intent], reason: str, retry_at: datetime | None) -> None:
        """They are not; None: never again."""

    def ticket(self, notifier: str, problem: str) -> Ticket | None:
        """The one that is remembered."""

    def last_sent(self, notifier: str, problem: str, event: str) -> datetime | None:
        """When such an event of it was last told."""

    def claim(self, notifier: str, problem: str, seconds: float) -> bool:
        """The right to tell of it, which one process at a time has."""

    def release(self, notifier: str, problem: str) -> None:
        """Give it back."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class MemoryRecords:
    """For `listen` and dry runs: forgets all with the process; one process only."""

    clock: Callable[[], datetime] = _now
    intents: dict[str, Intent] = field(default_factory=dict)
    tickets: dict[tuple[str, str], Ticket] = field(default_factory=dict)

    def add(self, notifier: str, notice: Notice) -> None:
        """See Records."""
        key = f"{notifier}/{notice.id}"
        self.intents.setdefault(key, Intent(key, notifier, notice, "intended", 0, self.clock()))

    def waiting(self, problem: str | None = None) -> Sequence[Intent]:
        """See Records."""
        return [
            each
            for each in self.intents.values()
            if each.state not in ("sent", "dropped") and problem in (None, each.problem)
        ]

    def sending(self, intents: Sequence[Intent]) -> None:
        """See Records."""
        for each in intents:
            self._set(replace(each, state="sending", tries=each.tries + 1))

    def sent(self, intents: Sequence[Intent], ticket: Ticket | None) -> None:
        """See Records."""
        if ticket:
            self.tickets[ticket.notifier, ticket.problem] = ticket
        for each in intents:
            self._set(replace(self.intents[each.id], state="sent", retry_at=None, reason=""))

    def failed(self, intents: Sequence[Intent], reason: str, retry_at: datetime | None) -> None:
        """See Records."""
        state: IntentState = "failed" if retry_at else "dropped"
        for each in intents:
            changed = replace(self.intents[each.id], state=state, reason=reason, retry_at=retry_at)
            self._set(changed)

    def _set(self, intent: Intent) -> None:
        self.intents[intent.id] = replace(intent, updated=self.clock())

    def ticket(self, notifier: str, problem: str) -> Ticket | None:
        """See Records."""
        return self.tickets.get((notifier, problem))

    def last_sent(self, notifier: str, problem: str, event: str) -> datetime | None:
        """See Records."""
        told = [
            each.updated for each in self.intents.values()
            if (each.notifier, each.problem, each.notice.event) == (notifier, problem, event)
            and each.state == "sent"
        ]  # fmt: skip
        return max(told, default=None)

    def claim(self, notifier: str, problem: str, seconds: float) -> bool:  # noqa: ARG002
        """See Records."""
        return True

    def release(self, notifier: str, problem: str) -> None:
        """See Records."""
