"""What every way to tell has in common: the `Channel`, and how it says that it could not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from vmtriage.fleet.notify.records import Ticket
from vmtriage.models.notice import Notice, NoticeEvent

# of whom nobody wants to hear twice of one crash: chats, pagers, programs
PROBLEM_EVENTS: tuple[NoticeEvent, ...] = ("new", "recurred", "spreading", "regressed")
# where the whole story of a problem is kept: tickets, threads
STORY: tuple[NoticeEvent, ...] = (*PROBLEM_EVENTS, "analysed")


class NotTold(Exception):
    """It did not work; the text says why, and what to fix. Never a secret in it."""


class Later(NotTold):
    """The other side is down, slow or busy: nothing more is sent there in this run.

    seconds: it said when to come again (Retry-After); None: it did not. unsure: it may have
    arrived all the same.
    """

    def __init__(self, why: str, seconds: float | None = None, *, unsure: bool = False) -> None:
        super().__init__(why)
        self.seconds, self.unsure = seconds, unsure


class Refused(NotTold):
    """It was refused: somebody has to change token, permission, address or content.

    everything: nothing else can be told by this way either. status: of HTTP.
    """

    def __init__(self, why: str, *, everything: bool = True, status: int = 0) -> None:
        super().__init__(why)
        self.everything, self.status = everything, status


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of the problem at this notifier.

    unsure: an earlier try may have arrived, look before sending again. since: when that was.
    """

    ticket: Ticket | None = None
    unsure: bool = False
    since: datetime = datetime(1970, 1, 1, tzinfo=UTC)


class Channel(Protocol):
    """One way to tell. Made of the configuration without touching anything outside."""

    @property
    def name(self) -> str:
        """As in the configuration."""

    @property
    def wants(self) -> Sequence[NoticeEvent]:
        """What it is told where its route names no events."""

    @property
    def asks_first(self) -> bool:
        """Whether it looks for an earlier sending of the same: a tracker."""

    def tell(self, notice: Notice, past: Past) -> Ticket | None:
        """Tell it: Later or Refused if that was not possible. The ticket, if there is one now."""

    def preview(self, notice: Notice) -> str:
        """What would be sent, in full, secrets masked; nothing is."""
