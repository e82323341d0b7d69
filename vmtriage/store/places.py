"""Where dumps lie, and which dump lies there."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, select, update

from vmtriage.models.found import Found, Identity
from vmtriage.store import schema
from vmtriage.store.changes import touch
from vmtriage.store.database import AnyRow, Database, add_missing, now, upsert
from vmtriage.store.dumps import resolve
from vmtriage.store.rows import Place, Seen
from vmtriage.store.takeover import take_over

_T, _DUMPS = schema.places, schema.dumps
_UNFINISHED = ("log", "incomplete")
_AT_ONCE = 500  # names in one statement
_SAME_CRASH = timedelta(hours=1)  # a log's clock and a header's differ


class Places:
    """vmtriage.store.base.Places."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def seen(self, share: str) -> dict[str, Seen]:
        """See base."""
        query = (
            select(
                _T.c.place, _T.c.stamp, _T.c.since, _T.c.kind, _T.c.identified, _T.c.gone,
                _DUMPS.c.id, _DUMPS.c.stage, _DUMPS.c.retry_at, _DUMPS.c.quarantined_at,
            ).select_from(_T.outerjoin(_DUMPS, _T.c.dump == _DUMPS.c.id)).where(_T.c.share == share)
        )  # fmt: skip
        with self._database.read() as connection:
            rows = connection.execution_options(yield_per=1000).execute(query)
            return {row.place: _seen_of(row) for row in rows}

    def note(
        self, found: Found, identity: Identity | None, since: datetime | None = None
    ) -> str | None:
        """See base."""
        with self._database.write() as connection:
            return _note(connection, found, identity, since)

    def wait(self, several: Iterable[Found]) -> None:
        """See base."""
        with self._database.write() as connection:
            for found in several:
                _note(connection, found, None, None)

    def gone(self, share: str, places: Iterable[str]) -> None:
        """See base."""
        with self._database.write() as connection:
            names = list(places)
            for first in range(0, len(names), _AT_ONCE):
                some = _T.c.place.in_(names[first : first + _AT_ONCE])
                here = and_(_T.c.share == share, some, _T.c.gone.is_(None))
                left = connection.execute(
                    update(_T).where(here).values(gone=now()).returning(_T.c.dump)
                )
                touch(connection, [("dump", row.dump) for row in left if row.dump])

    def of(self, dump: str) -> tuple[Place, ...]:
        """See base."""
        query = select(_T).where(_T.c.dump == dump)
        with self._database.read() as connection:
            rows = connection.execute(
                query.order_by(_T.c.gone.is_not(None), _T.c.share, _T.c.place)
            )
            return tuple(
                Place(row.share, row.place, row.stamp, row.kind, row.layout, row.host, row.gone)
                for row in rows
            )


def _note(
    connection: Connection, found: Found, identity: Identity | None, since: datetime | None
) -> str | None:
    here = and_(_T.c.share == found.share, _T.c.place == found.place)
    before = connection.execute(select(_T).where(here)).one_or_none()
    if since is None:
        since = before.since if before and before.stamp == found.stamp else now()
    dump, identified = None, None
    if identity is not None:
        dump = _dump_at(connection, before, found, identity)
        identified = found.stamp
    elif before is not None:
        dump, identified = before.dump, before.identified
    upsert(connection, _T, {
        "share": found.share, "place": found.place, "dump": dump, "stamp": found.stamp,
        "since": since, "identified": identified, "kind": found.kind, "layout": found.layout,
        "host": found.host, "gone": None,
    })  # fmt: skip
    if dump and (before is None or before.dump != dump or before.gone is not None):
        touch(connection, [("dump", dump)])
    return None if identity is None else dump


def _seen_of(row: AnyRow) -> Seen:
    known = row.id is not None and row.stamp == row.identified
    return Seen(
        place=row.place, stamp=row.stamp, since=row.since, kind=row.kind,
        dump=row.id if known else None, stage=row.stage if known else None,
        retry_at=row.retry_at if known else None,
        quarantined=known and row.quarantined_at is not None, gone=row.gone is not None,
    )  # fmt: skip


def _dump_at(
    connection: Connection, before: AnyRow | None, found: Found, identity: Identity
) -> str:
    """The dump that lies there by now; adds it, and settles what became of the one before."""
    dump = resolve(connection, identity.id)
    old = None
    if before is not None and before.dump not in (None, dump):
        old = connection.execute(select(_DUMPS).where(_DUMPS.c.id == before.dump)).one()
    same = old is not None and _same_crash(old.crash_time, identity.crash_time)
    if old is not None and same and found.kind == "log" and old.kind != "log":
        return str(old.id)  # the vmcore was removed, its log is left
    _add(connection, dump, found, identity)
    if old is not None and same and old.kind in _UNFINISHED and found.kind != "log":
        take_over(connection, str(old.id), dump)
    return dump


def _same_crash(one: datetime | None, other: datetime | None) -> bool:
    """Of one place; where a time is unknown nothing speaks against it."""
    return one is None or other is None or abs(one - other) < _SAME_CRASH


def _add(connection: Connection, dump: str, found: Found, identity: Identity) -> None:
    facts = identity.model_dump(include={"build_id", "release", "crash_time", "nodename", "size"})
    row = {"id": dump, **facts, "kind": found.kind, "first_seen": now()}
    if not add_missing(connection, _DUMPS, row):
        whole = and_(_DUMPS.c.id == dump, _DUMPS.c.kind.in_(_UNFINISHED))
        if found.kind not in _UNFINISHED:
            connection.execute(update(_DUMPS).where(whole).values(kind=found.kind))
