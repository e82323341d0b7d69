"""Long lists in numbered pages; what is added to the end leaves the pages before as they are."""

from collections.abc import Sequence
from typing import TypeVar

from vmtriage.report.site import names
from vmtriage.report.site.crashes import Crashes
from vmtriage.report.site.frame import PAGE, Files, as_json, chunk, page, pages_of
from vmtriage.report.site.rows import Subject, Summary, in_order

_Item = TypeVar("_Item")
_Line = TypeVar("_Line", Summary, Subject)


def pages_changed(now: Sequence[_Item], before: Sequence[_Item] | None) -> list[int]:
    """The numbers of the pages that differ from those of `before` (None: all)."""
    last = pages_of(len(now))
    if before is None:
        return list(range(1, last + 1))
    was = pages_of(len(before))
    return [
        number
        for number in range(1, last + 1)
        if chunk(now, number) != chunk(before, number) or (number < last) != (number < was)
    ]


def crashes(at: str, heading: str, told: Crashes, *, without: str, section: str) -> Files:
    """The crashes of something in numbered pages, in the order they were found.

    without: the column that would say the same in every line.
    """
    rows = in_order(told.rows)
    before = None if told.before is None else in_order(told.before)
    files: Files = {}
    for number in pages_changed(rows, before):
        directory, shown = names.numbered(at, number), chunk(rows, number)
        files[f"{directory}/index.html"] = page(
            "crashes", directory, section=section, heading=heading, rows=shown, number=number,
            more=number < pages_of(len(rows)), without=without, known=told.known,
        )  # fmt: skip
        files[f"{directory}/index.json"] = as_json(
            "crashes", crashes=[each._asdict() for each in shown]
        )
    return files


def table(template: str, at: str, items: Sequence[_Line], before: Sequence[_Line] | None) -> Files:
    """A list: index.html holds the first page, page-2 ... the others."""
    last = _count(items)
    files: Files = {}
    for number in range(1, last + 1):
        shown, more = chunk(items, number), number < last
        total = len(items) if number == 1 else None  # on all, a new item would change them all
        if before is not None and shown == chunk(before, number):
            was = len(before) if number == 1 else None
            if total == was and more == (number < _count(before)):
                continue
        directory = at if number == 1 else names.numbered(at, number)
        files[f"{directory}/index.html"] = page(
            template, directory, section=at, items=shown, number=number, more=more, total=total
        )
        files[f"{directory}/index.json"] = as_json(
            template, items=[each._asdict() for each in shown], total=total
        )
    return files


def _count(items: Sequence[object]) -> int:
    return max(-(-len(items) // PAGE), 1)
