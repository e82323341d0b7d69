"""Bring a site up to date: from the store's list of changes, or all of it anew."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from vmtriage import __version__
from vmtriage.analysis.problems.states import QUIET
from vmtriage.fleet.site import owner
from vmtriage.fleet.site.book import Book, Changes
from vmtriage.fleet.site.index import EMPTY, Index, Subjects, load, replaced, subjects_of
from vmtriage.fleet.site.pages import Writer
from vmtriage.fleet.site.shelf import Shelf
from vmtriage.models.problem import ProblemView
from vmtriage.report.human import iso
from vmtriage.report.site import data, dump, names
from vmtriage.report.site.frame import GRAVE
from vmtriage.report.site.rows import Row, Summary, row, summary

FORM = f"1 of vmtriage {__version__}"  # another one: the pages look differently, all are written
_REFRESH_S = 3600.0  # "in the last 24 hours" and "new" are not true for ever
_WAIT_S = 60.0
_FEW = 50  # dumps


@dataclass(frozen=True)
class Written:
    """What one run did. revision: the site holds all changes up to it; files: their paths."""

    revision: int
    files: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    anew: bool = False


def write(
    site: Path,
    book: Book,
    *,
    store: str,
    now: datetime,
    base_url: str | None = None,
    anew: bool = False,
    wait_s: float = _WAIT_S,
) -> Written:
    """Write what changed since the site was last written to the end; nothing where nothing did.

    store: an id or address of the store, the same for ever; without user and password it stands
    in the site's marker. now: in UTC. base_url: the site's address, for feeds. anew: write all,
    remove what is stale. That is also done by itself for a new site, after an upgrade, and where
    a file of the site's own data is damaged.
    A run that is killed leaves every page whole; the next one does its work again.
    Errors: BadConfig where the directory is not this store's site, CannotWrite (try again).
    """
    with owner.alone(site, wait_s):
        told = owner.claim(site, store, FORM)
        revision = book.revision()  # first: what changes while we read comes with the next run
        current = told.form == FORM and told.revision is not None and told.revision <= revision
        before = load(Shelf(site)) if current and not anew else None
        since = told.revision if before else None
        changes = Changes(revision) if since is None else book.changes(since)
        # of many files none is synced by itself, but all before the site says that it has them
        durable = before is not None and len(changes.dumps) <= _FEW
        shelf = Shelf(site, durable=durable)
        draft = Writer(shelf, book, told.store, now, base_url, tuple(book.unread()), EMPTY, before)
        removed: tuple[str, ...] = ()
        if before is None:
            _all(draft)
            removed = shelf.sweep()
        else:
            aged = now.timestamp() - told.written
            _some(draft, before, changes, refresh=not 0 <= aged < _REFRESH_S)
        if shelf.written or removed or told.revision != changes.revision:
            if not durable:
                os.sync()
            mark = owner.Mark(told.store, FORM, changes.revision, now.timestamp())
            owner.mark(site, mark)
        return Written(changes.revision, tuple(shelf.written), removed, before is None)


def _all(draft: Writer) -> None:
    book = draft.book
    rows = {each.dump: row(each) for each in book.occurrences()}
    subjects = subjects_of(rows.values())
    views, summaries = _views(book, rows, subjects.problems)
    writer = replace(draft, index=replaced(EMPTY, rows, summaries))
    writer.subjects(subjects, views)
    for occurrence in book.occurrences():
        writer.dumps([occurrence.dump], [occurrence])
    waiting = {each.dump for each in writer.unread if each.dump} - rows.keys()
    writer.dumps(sorted(waiting))
    for old, new in book.moved_problems().items():
        if old not in subjects.problems:
            writer.lead(names.problem(old), names.problem(new), "problem")
    for old, new in book.moved_dumps().items():
        if old not in rows:
            writer.lead(names.dump(old), names.dump(new), "dump")
    _finish(writer)


def _some(draft: Writer, before: Index, changes: Changes, *, refresh: bool) -> None:
    book, shelf = draft.book, draft.shelf
    news = shelf.lacks(dump.unread_files(draft.unread))
    if not (news or refresh or changes.dumps or changes.problems or changes.hosts):
        return
    rows = dict(before.rows)
    found = [each for dump in changes.dumps if (each := book.occurrence(dump))]
    touched = [before.rows[dump] for dump in changes.dumps if dump in before.rows]
    for dump_id in changes.dumps:
        rows.pop(dump_id, None)
    for each in found:
        rows[each.dump] = row(each)
        touched.append(rows[each.dump])
    subjects = subjects_of(touched)
    ageing = _ageing(before, draft.now) if refresh else frozenset()
    problems = subjects.problems | set(changes.problems) | ageing
    views, renewed = _views(book, rows, problems)
    summaries = {id: each for id, each in before.summaries.items() if id not in problems} | renewed
    writer = replace(draft, index=replaced(before, rows, summaries))
    same = {id for id in ageing if renewed.get(id) == before.summaries[id]}
    asked = subjects.problems | set(changes.problems)
    hosts = subjects.hosts | set(changes.hosts)
    writer.subjects(Subjects(problems - (same - asked), hosts, subjects.culprits), views)
    writer.dumps(changes.dumps, found)
    _finish(writer)


def _ageing(index: Index, now: datetime) -> frozenset[str]:
    """Problems whose states may have changed by the clock alone."""
    long_ago = iso(now - QUIET)
    return frozenset(
        id
        for id, each in index.summaries.items()
        if set(each.states) & {*GRAVE} or ("quiet" not in each.states and each.last <= long_ago)
    )


def _views(
    book: Book, rows: Mapping[str, Row], problems: frozenset[str]
) -> tuple[dict[str, ProblemView], dict[str, Summary]]:
    of: dict[str, list[Row]] = {}
    for each in rows.values():
        if each.problem in problems:
            of.setdefault(each.problem, []).append(each)
    views = {id: view for id in sorted(of) if (view := book.problem(id))}
    return views, {id: summary(view, of[id]) for id, view in views.items()}


def _finish(writer: Writer) -> None:
    """The pages about all, then the data: a run that is killed before starts from the old data
    and finds the same pages to write."""
    writer.lists()
    writer.overview()
    writer.shelf.put(dump.unread_files(writer.unread))  # after all that counts what waits
    index = writer.index
    writer.shelf.put({data.shard_path(at): text for at, text in enumerate(index.shards)})
    writer.shelf.put({data.PROBLEMS: data.problems(index.summaries.values())})
