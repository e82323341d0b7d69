"""A log alone, or an incomplete dump, turns out to be the beginning of a whole one."""

from sqlalchemy import Connection, delete, select, update

from vmtriage.store import schema
from vmtriage.store.changes import touch
from vmtriage.store.replacing import read, remove, replace

_DUMPS, _PLACES, _REPORTS = schema.dumps, schema.places, schema.reports


def take_over(connection: Connection, old: str, new: str) -> None:
    """`old` is no crash of its own any more: links lead to `new`, and its occurrence goes there.

    Until `new` is triaged the crash stays counted by what its log told; no stage of `new` is done.
    """
    into = _DUMPS.c.became
    connection.execute(update(_DUMPS).where(into == old).values(became=new))
    connection.execute(update(_DUMPS).where(_DUMPS.c.id == old).values(became=new))
    connection.execute(update(_PLACES).where(_PLACES.c.dump == old).values(dump=new))
    first = select(_DUMPS.c.first_seen).where(_DUMPS.c.id == old).scalar_subquery()
    earlier = (_DUMPS.c.id == new, _DUMPS.c.first_seen > first)
    connection.execute(update(_DUMPS).where(*earlier).values(first_seen=first))
    connection.execute(delete(_REPORTS).where(_REPORTS.c.dump == old))
    _move_occurrence(connection, old, new)
    touch(connection, [("dump", old), ("dump", new)])


def _move_occurrence(connection: Connection, old: str, new: str) -> None:
    before, there = read(connection, old), read(connection, new)
    if before is None:
        return
    if there is None:
        moved = before.model_copy(update={"dump": new, "stage": "log"})
        replace(connection, moved, follow=True)
        connection.execute(update(_DUMPS).where(_DUMPS.c.id == new).values(stage=None))
        there = moved
    remove(connection, before, there.problem)
