"""The OOM killer's table of tasks. Its columns changed often; the head names them.

Source: mm/oom_kill.c, dump_tasks(). Sizes in the table are pages, but pgtables_bytes.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from vmtriage.models.details import OomComm, OomTask
from vmtriage.parsers.klog_line import Line

TOP = 10  # rows and names that are kept

_HEAD = re.compile(r"^\[ *pid *\]\s+(?P<columns>uid\s+tgid\s+total_vm\s+rss\s.*\bname)\s*$")
_ROW = re.compile(r"^\[ *(?P<pid>[0-9]{1,10})\]\s+(?P<rest>[0-9].*)$")
_NUMBER = re.compile(r"-?[0-9]{1,15}")


class Row(NamedTuple):
    """A row as printed. columns: what else stands there, by its name in the head."""

    pid: int
    comm: str
    uid: int
    total_vm: int  # pages
    rss: int  # pages
    columns: dict[str, int]


def rows(lines: Sequence[Line]) -> tuple[Row, ...] | None:
    """The table; None if its head was not printed."""
    names: list[str] | None = None
    found: list[Row] = []
    for line in lines:
        if line.text[:1] != "[":
            continue
        if names is None:
            if head := _HEAD.match(line.text):
                names = head["columns"].split()
        elif (row := _ROW.match(line.text)) and (read := _row(row, names)):
            found.append(read)
    return None if names is None else tuple(found)


def _row(found: re.Match[str], names: Sequence[str]) -> Row | None:
    parts = found["rest"].split(None, len(names) - 1)
    numbers = parts[: len(names) - 1]
    if len(parts) < len(names) - 1 or not all(_NUMBER.fullmatch(each) for each in numbers):
        return None
    columns = dict(zip(names, map(int, numbers), strict=False))
    comm = parts[-1].strip() if len(parts) == len(names) else ""  # a task may have no name
    uid, vm, rss = columns["uid"], columns["total_vm"], columns["rss"]
    return Row(int(found["pid"]), comm, uid, vm, rss, columns)


def _bytes(pages: int | None, size: int | None) -> int | None:
    return None if pages is None or size is None else pages * size


def biggest(table: Sequence[Row], size: int | None) -> tuple[OomTask, ...]:
    """The rows with most resident pages, biggest first. size: of a page, bytes."""
    order = sorted(table, key=lambda row: -row.rss)[:TOP]
    return tuple(
        OomTask(
            pid=row.pid,
            comm=row.comm,
            uid=row.uid,
            rss_pages=row.rss,
            rss=_bytes(row.rss, size),
            rss_anon=_bytes(row.columns.get("rss_anon"), size),
            rss_shmem=_bytes(row.columns.get("rss_shmem"), size),
            total_vm=_bytes(row.total_vm, size),
            swap=_bytes(row.columns.get("swapents"), size),
            oom_score_adj=row.columns.get("oom_score_adj"),
        )
        for row in order
    )


def by_comm(table: Sequence[Row], size: int | None) -> tuple[OomComm, ...]:
    """Sums over tasks of one name, biggest first. Shared pages count once for every task."""
    sums: dict[str, tuple[int, int]] = {}
    for row in table:
        tasks, pages = sums.get(row.comm, (0, 0))
        sums[row.comm] = tasks + 1, pages + row.rss
    order = sorted(sums.items(), key=lambda each: -each[1][1])[:TOP]
    return tuple(
        OomComm(comm=comm, tasks=tasks, rss_pages=pages, rss=_bytes(pages, size))
        for comm, (tasks, pages) in order
    )
