"""Site and notices of one scan: what is behind `publish`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from vmtriage.fleet.notify.desk import Desk
from vmtriage.fleet.scan.notices import Links, notices
from vmtriage.fleet.scan.task import Published
from vmtriage.store.base import Store

_HEAD_LINES, _HEAD_CHARS = 60, 6000


@dataclass(frozen=True)
class SitePublisher:
    """write: brings the site up to date, how many files it wrote. desk None: nobody is told."""

    store: Store
    site: Path
    write: Callable[[], int]
    desk: Desk | None
    links: Links
    now: Callable[[], datetime]

    def publish(self) -> Published:
        """The pages first: a ticket's link leads somewhere."""
        pages = self.write()
        mark = f"notices:{self.site}"
        if self.desk is None:
            self.store.changes.set_written(mark, self.store.changes.revision())
            return Published(pages)
        new = notices(self.store, mark, self.desk.take, self.links, self.now(), self._head)
        done = self.desk.deliver(self.now())
        return Published(pages, new, done.sent, done.waiting, done.troubles)

    def _head(self, dump: str) -> str:
        """The first lines of the Markdown report: what a ticket begins with."""
        try:
            text = (self.site / "d" / dump / "report.md").read_text("utf-8", "replace")
        except OSError:
            return ""
        return "\n".join(text[:_HEAD_CHARS].splitlines()[:_HEAD_LINES])
