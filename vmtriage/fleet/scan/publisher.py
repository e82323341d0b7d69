"""Site and notices of one scan: what is behind `publish`."""

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from vmtriage.fleet.notify.desk import Desk
from vmtriage.fleet.notify.words import head_of
from vmtriage.fleet.scan.book import StoreBook
from vmtriage.fleet.scan.notices import Links, notices
from vmtriage.fleet.scan.task import Published
from vmtriage.fleet.scan.views import Views
from vmtriage.fleet.site import owner
from vmtriage.fleet.site.write import FORM, write
from vmtriage.models.notice import Notice
from vmtriage.report.files import write_all
from vmtriage.store.base import Store

_HEAD_CHARS = 6000
_PROBE = ".vmtriage-probe"
_WAIT_S = 60.0


@dataclass(frozen=True)
class SitePublisher:
    """name: of the store, without a password. desk None: nobody is told, now or later."""

    store: Store
    name: str
    site: Path
    shares: tuple[str, ...]
    links: Links
    desk: Desk | None
    now: Callable[[], datetime]

    def prepare(self) -> None:
        """The directory is this store's site, and can be written; before crash has run for it."""
        with owner.alone(self.site, _WAIT_S):
            owner.claim(self.site, self.name, FORM)
        write_all(self.site, {_PROBE: "x" * 65536})
        (self.site / _PROBE).unlink(missing_ok=True)

    def publish(self) -> Published:
        """The pages first: a ticket's link leads somewhere."""
        now = self.now()
        views = Views(self.store, now)
        book = StoreBook(self.store, views, self.shares, now)
        done = write(self.site, book, store=self.name, now=now, base_url=self.links.base)
        mark = f"notices:{self.site}"
        if self.desk is None:
            notices(self.store, views, mark, lambda _: None, self.links, lambda _: "")
            return Published(len(done.files))
        new = notices(self.store, views, mark, self.desk.take, self.links, self._head)
        told = self.desk.deliver(now)
        return Published(len(done.files), new, told.sent, told.waiting, told.troubles)

    def rehearse(self) -> tuple[str, ...]:
        """What would be told now, in full, secrets masked; nothing is sent, nothing written."""
        if self.desk is None:
            return ()
        found: list[Notice] = []
        views, mark = Views(self.store, self.now()), f"notices:{self.site}"
        notices(self.store, views, mark, found.append, self.links, self._head, keep=False)
        return self.desk.rehearse(found)

    def alarm(self, troubles: Sequence[str]) -> None:
        """Tells whoever looks after vmtriage of troubles that are new: each once a day."""
        if self.desk is None or not troubles:
            return
        for trouble in troubles:
            self.desk.take(Notice.broken(trouble, trouble, socket.gethostname(), self.now()))
        self.desk.deliver(self.now())

    def _head(self, dump: str) -> str:
        """The beginning of the Markdown report: what a ticket begins with."""
        try:
            text = (self.site / "d" / dump / "report.md").read_text("utf-8", "replace")
        except OSError:
            return ""
        return head_of(text, _HEAD_CHARS)
