"""Tickets: one for each problem, whatever was killed when. Jira, GitLab, GitHub fill in `Tracker`.

Nothing is made before it was looked for: a ticket by its mark `vmtriage-problem: <id>`, and after
a try of which nobody knows how it ended, its text by the mark `vmtriage-note: <id>`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from vmtriage.fleet.notify.base import STORY, Past
from vmtriage.fleet.notify.records import Ticket
from vmtriage.fleet.notify.words import NOTE_MARK, has_mark
from vmtriage.models.notice import Notice, NoticeEvent

SKEW = timedelta(minutes=15)  # of a tracker's clock


@dataclass(frozen=True, slots=True)
class Found:
    """A ticket as the tracker shows it now."""

    id: str
    url: str
    text: str
    closed: bool


class Tracker(Protocol):
    """What a tracker can do. Each raises Later or Refused."""

    def find(self, problem: str, unsure_since: datetime | None) -> Found | None:
        """The oldest ticket of this problem, open or closed.

        unsure_since: one may have been made since then, of which nothing was heard.
        """

    def get(self, ticket: str) -> Found | None:
        """This ticket; None: it was deleted."""

    def create(self, notice: Notice) -> Found:
        """A new one."""

    def comment(self, ticket: str, notice: Notice) -> None:
        """A comment on it."""

    def comments(self, ticket: str, since: datetime) -> Sequence[str]:
        """Texts of the comments made since then."""

    def reopen(self, ticket: str) -> None:
        """Open again."""

    def preview(self, notice: Notice) -> str:
        """What `create` would send."""


@dataclass(frozen=True)
class Tickets:
    """A tracker as a Channel."""

    name: str
    tracker: Tracker
    wants: Sequence[NoticeEvent] = STORY
    asks_first: bool = True

    def tell(self, notice: Notice, past: Past) -> Ticket | None:
        """Creates, or comments; reopens what is closed when it is back on a fixed kernel."""
        tracker = self.tracker
        found = tracker.get(past.ticket.id) if past.ticket else None
        if found is None:
            found = tracker.find(notice.problem, past.since if past.unsure else None)
        if found is None:
            return self._ticket(notice, tracker.create(notice))
        if notice.event == "regressed" and found.closed:
            tracker.reopen(found.id)
        if not self._has(found, notice, past):
            tracker.comment(found.id, notice)
        return self._ticket(notice, found)

    def _has(self, found: Found, notice: Notice, past: Past) -> bool:
        """Whether an earlier try has arrived after all."""
        if has_mark(found.text, NOTE_MARK, notice.id):
            return True
        if not past.unsure:
            return False
        texts = self.tracker.comments(found.id, past.since)
        return any(has_mark(text, NOTE_MARK, notice.id) for text in texts)

    def _ticket(self, notice: Notice, found: Found) -> Ticket:
        return Ticket(notifier=self.name, problem=notice.problem, id=found.id, url=found.url)

    def preview(self, notice: Notice) -> str:
        """As if there were no ticket yet."""
        return f"{self.name}: a ticket, or a comment where there is one already\n" + (
            self.tracker.preview(notice)
        )
