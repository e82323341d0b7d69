"""The search's data: scripts that call one function with JSON, as a page from a disk may load.

It is also what the next run of the writer starts from, so that no page needs the whole store.
"""

import json
from collections.abc import Iterable, Iterator

from vmtriage.report.site import names
from vmtriage.report.site.rows import Row, Summary

PROBLEMS = "data/problems.js"


def shard_path(number: int) -> str:
    """Where the crashes of a shard stand."""
    return f"data/crashes-{number:02}.js"


def _script(call: str, lines: Iterable[tuple[object, ...]]) -> str:
    # in ASCII and without <: no reader takes it for anything else, wherever it ends up
    rows = ",\n".join(json.dumps(each, separators=(",", ":")) for each in lines)
    return f"{call}([\n{rows}\n])\n".replace("<", "\\u003c")


def _read(text: str, call: str) -> Iterator[list[object]]:
    if not (text.startswith(f"{call}([") and text.endswith("])\n")):
        raise ValueError(f"no call of {call}")
    yield from json.loads(text[len(call) + 1 : -2])


def crashes(rows: Iterable[Row]) -> str:
    """A shard, sorted by dump. Where an address is not simply the name, it stands behind."""
    return _script("vmtriageCrashes", (each + _paths(each) for each in sorted(rows)))


def _paths(row: Row) -> tuple[tuple[str, ...], ...]:
    named = row.culprits[0] if row.culprits else None
    pairs = (
        (row.dump, names.segment(row.dump)),
        (row.problem, names.segment(row.problem)),
        (row.host, names.segment(row.host)),
        ("/".join(named), names.culprit(*named)[2:]) if named else ("", ""),
    )
    if all(name == path for name, path in pairs):
        return ()
    return (tuple("" if name == path else path for name, path in pairs),)


def problems(summaries: Iterable[Summary]) -> str:
    """All problems, sorted by id."""
    return _script("vmtriageProblems", sorted(summaries))


def read_crashes(text: str) -> list[Row]:
    """What `crashes` wrote; ValueError or TypeError where it was something else."""
    width = len(Row._fields)
    rows = [Row._make(each[:width]) for each in _read(text, "vmtriageCrashes")]
    if not all(isinstance(value, str) for row in rows for value in row):
        raise ValueError("a crash is not made of text")
    return rows


def read_problems(text: str) -> list[Summary]:
    """What `problems` wrote; ValueError or TypeError where it was something else."""
    found = []
    for each in _read(text, "vmtriageProblems"):
        made = Summary(*each)  # type: ignore[arg-type]
        found.append(made._replace(states=tuple(made.states)))
    return found
