"""What the pages on disk show: every crash and problem in a line, read back from the site."""

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from vmtriage.fleet.site.shelf import Shelf
from vmtriage.report.site import data
from vmtriage.report.site.rows import SHARDS, Named, Row, Summary, shard

Group = tuple[Row, ...]


@dataclass(frozen=True)
class Index:
    """rows by dump, summaries by problem. shards: the texts of the search's data, by number."""

    rows: Mapping[str, Row]
    summaries: Mapping[str, Summary]
    shards: tuple[str, ...]

    @property
    def data(self) -> list[tuple[str, str]]:
        """Path and digest of all that the search has to load."""
        texts = [(data.shard_path(at), text) for at, text in enumerate(self.shards)]
        used = [(path, text) for path, text in texts if text != data.crashes(())]
        used.append((data.PROBLEMS, data.problems(self.summaries.values())))
        return [(path, f"{zlib.crc32(text.encode()):08x}") for path, text in used]


def load(shelf: Shelf) -> Index | None:
    """None where a file is missing or damaged: then all is to be written anew."""
    texts = [shelf.read(data.shard_path(number)) for number in range(SHARDS)]
    problems = shelf.read(data.PROBLEMS)
    if problems is None:
        return None
    shards = tuple(text for text in texts if text is not None)
    if len(shards) != SHARDS:
        return None
    try:
        rows = {row.dump: row for text in shards for row in data.read_crashes(text)}
        summaries = {each.problem: each for each in data.read_problems(problems)}
    except (ValueError, TypeError):
        return None
    return Index(rows, summaries, shards)


def replaced(before: Index, rows: Mapping[str, Row], summaries: Mapping[str, Summary]) -> Index:
    """The index of these rows; only shards whose rows differ are made anew."""
    changed = {
        shard(dump)
        for dump in rows.keys() | before.rows.keys()
        if rows.get(dump) != before.rows.get(dump)
    }
    of_shard: dict[int, list[Row]] = {number: [] for number in changed}
    for row in rows.values():
        if (number := shard(row.dump)) in changed:
            of_shard[number].append(row)
    shards = tuple(
        data.crashes(of_shard[number]) if number in changed else text
        for number, text in enumerate(before.shards)
    )
    return Index(rows, summaries, shards)


EMPTY = Index({}, {}, tuple(data.crashes(()) for _ in range(SHARDS)))


@dataclass(frozen=True)
class Groups:
    """The rows of some problems, hosts and culprits."""

    problems: Mapping[str, Group]
    hosts: Mapping[str, Group]
    culprits: Mapping[Named, Group]


@dataclass(frozen=True)
class Subjects:
    """Problems, hosts and culprits whose pages are to be looked at."""

    problems: frozenset[str]
    hosts: frozenset[str]
    culprits: frozenset[Named]


def subjects_of(rows: Iterable[Row]) -> Subjects:
    """All on whose pages these rows stand."""
    rows = tuple(rows)
    return Subjects(
        frozenset(row.problem for row in rows),
        frozenset(row.host for row in rows),
        frozenset(named for row in rows for named in row.culprits),
    )


def groups(index: Index, of: Subjects) -> Groups:
    """Their rows, in one pass; those without any are left out."""
    problems: dict[str, list[Row]] = {}
    hosts: dict[str, list[Row]] = {}
    culprits: dict[Named, list[Row]] = {}
    for row in index.rows.values():
        if row.problem in of.problems:
            problems.setdefault(row.problem, []).append(row)
        if row.host in of.hosts:
            hosts.setdefault(row.host, []).append(row)
        for named in row.culprits:
            if named in of.culprits:
                culprits.setdefault(named, []).append(row)
    return Groups(
        {key: tuple(rows) for key, rows in problems.items()},
        {key: tuple(rows) for key, rows in hosts.items()},
        {key: tuple(rows) for key, rows in culprits.items()},
    )
