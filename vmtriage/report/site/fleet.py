"""The lists of all problems, hosts and culprits, and the numbers of the fleet."""

from collections.abc import Iterable
from dataclasses import dataclass

from vmtriage.report.site import listing
from vmtriage.report.site.frame import Files
from vmtriage.report.site.rows import Named, Row, Subject, Summary


@dataclass(frozen=True)
class Lists:
    """In the order of their pages."""

    problems: tuple[Summary, ...]  # as they were first found
    hosts: tuple[Subject, ...]  # by name
    culprits: tuple[Subject, ...]  # by kind and name


def lists(rows: Iterable[Row], summaries: Iterable[Summary]) -> Lists:
    """All there is."""
    hosts: dict[Named, list[Row]] = {}
    culprits: dict[Named, list[Row]] = {}
    for each in rows:
        hosts.setdefault(Named("", each.host), []).append(each)
        for named in each.culprits:
            culprits.setdefault(named, []).append(each)
    return Lists(
        problems=tuple(sorted(summaries, key=lambda each: (each.first, each.problem))),
        hosts=_subjects(hosts),
        culprits=_subjects(culprits),
    )


def _subjects(of: dict[Named, list[Row]]) -> tuple[Subject, ...]:
    return tuple(
        Subject(
            named.kind,
            named.name,
            len(rows),
            len({each.problem for each in rows}),
            len({each.host for each in rows}),
            max(each.when for each in rows),
        )
        for named, rows in sorted(of.items())
    )


def files(now: Lists, before: Lists | None) -> Files:
    """The list pages that differ from `before` (None: all)."""
    return (
        listing.table("problems", "p", now.problems, before.problems if before else None)
        | listing.table("hosts", "h", now.hosts, before.hosts if before else None)
        | listing.table("culprits", "c", now.culprits, before.culprits if before else None)
    )
