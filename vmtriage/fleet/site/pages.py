"""Puts pages on the shelf: each from the book's facts and the index, before and after."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from heapq import nlargest

from vmtriage.fleet.site.book import Book
from vmtriage.fleet.site.index import Group, Groups, Index, Subjects, groups
from vmtriage.fleet.site.shelf import Shelf
from vmtriage.models.occurrence import Occurrence
from vmtriage.models.problem import ProblemView
from vmtriage.report.human import utc
from vmtriage.report.site import dump, feed, fleet, moved, names, overview, problem, subject
from vmtriage.report.site.crashes import Crashes
from vmtriage.report.site.facts import Kept, Try, Unread
from vmtriage.report.site.rows import latest

REPORTS = ("report.html", "report.md", "report.json")


@dataclass(frozen=True)
class Writer:
    """What all pages of one run share."""

    shelf: Shelf
    book: Book
    store: str
    now: datetime
    base_url: str | None
    unread: tuple[Unread, ...]
    index: Index  # as it is now
    before: Index | None  # as the pages on disk show it; None: do not compare, write all

    def subjects(self, of: Subjects, views: dict[str, ProblemView]) -> None:
        """The pages of problems, hosts and culprits."""
        now = groups(self.index, of)
        was = groups(self.before, of) if self.before else Groups({}, {}, {})
        led = self.book.moved_problems()
        followers: dict[str, list[str]] = {}  # of feeds of problems that went into another one
        for old in sorted(led.keys() - self.index.summaries.keys()):
            followers.setdefault(led[old], []).append(old)
        for id in sorted(of.problems):
            at = names.problem(id)
            if (rows := now.problems.get(id)) and (view := views.get(id)):
                self.shelf.put(problem.files(view, self._crashes(rows, was.problems.get(id))))
                self._feed(view.title, at, rows)
                for old in followers.get(id, ()):
                    self._feed(view.title, names.problem(old), rows)
            elif id in was.problems or id in led:
                self.lead(at, names.problem(led[id]) if id in led else None, "problem")
        for host in sorted(of.hosts):
            if rows := now.hosts.get(host):
                self.shelf.put(subject.host(host, self._crashes(rows, was.hosts.get(host))))
            elif host in was.hosts:
                self.lead(names.host(host), None, "host")
        for named in sorted(of.culprits):
            if rows := now.culprits.get(named):
                crashes = self._crashes(rows, was.culprits.get(named))
                self.shelf.put(subject.culprit(named, crashes))
            elif named in was.culprits:
                self.lead(names.culprit(*named), None, named.kind)

    def _crashes(self, rows: Group, before: Group | None) -> Crashes:
        newest = self.book.occurrence(latest(rows)[0].dump)
        old = (before or ()) if self.before else None
        return Crashes(rows, newest, self.index.summaries, old, self.now.date())

    def dumps(self, ids: Iterable[str], known: Iterable[Occurrence] = ()) -> None:
        """The pages of these dumps, and their reports. known: occurrences already at hand."""
        at_hand = {each.dump: each for each in known}
        waits = {each.dump: each for each in self.unread if each.dump}
        led = self.book.moved_dumps()
        for id in ids:
            found = at_hand.get(id) or self.book.occurrence(id)
            at = names.dump(id)
            if found is None and id in led:
                self.lead(at, names.dump(led[id]), "dump")
                continue
            source = self.book.reports(id)
            reports = self.shelf.copy(source, REPORTS, at) if source else ()
            tries = tuple(self.book.tries(id))
            if found is None and not (reports or tries or id in waits):
                if self.before and id in self.before.rows:
                    self.lead(at, None, "dump")
                continue
            kept = Kept(id, found, tries, waits.get(id), reports)
            self.shelf.put(dump.files(kept, self.index.summaries))

    def lead(self, at: str, to: str | None, what: str) -> None:
        """A page that leads on."""
        self.shelf.put(moved.moved(at, to, what) if to else moved.gone(at, what))

    def lists(self) -> None:
        """All problems, hosts and culprits; then the overview and the fleet's feed."""
        now = fleet.lists(self.index.rows.values(), self.index.summaries.values())
        before = self.before and fleet.lists(
            self.before.rows.values(), self.before.summaries.values()
        )
        self.shelf.put(fleet.files(now, before or None))
        self._feed("Kernel crashes", "", tuple(self.index.rows.values()))

    def overview(self) -> None:
        """The first page."""
        rows = tuple(self.index.rows.values())
        self.shelf.put(
            overview.files(rows, self.index.summaries, self.unread, self.now, self.index.data)
        )

    def _feed(self, title: str, at: str, rows: Group) -> None:
        found = nlargest(feed.ENTRIES, rows, key=lambda each: (each.seen, each.dump))
        newest = [
            (each, _read_at(each, self.book.tries(row.dump)))
            for row in found
            if (each := self.book.occurrence(row.dump))
        ]
        text = feed.feed(self.store, title, at, newest, self.base_url, self.now)
        self.shelf.put({f"{at}/feed.xml" if at else "feed.xml": text})


def _read_at(occurrence: Occurrence, tries: Iterable[Try]) -> datetime:
    """When what we know of it was last read."""
    good = [utc(each.began) for each in tries if each.outcome == "ok"]
    return max([utc(occurrence.first_seen), *good])
