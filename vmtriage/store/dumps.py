"""The crashes themselves, wherever they lie."""

from collections.abc import Iterator

from sqlalchemy import Connection, func, select, update

from vmtriage.store import schema
from vmtriage.store.changes import touch
from vmtriage.store.database import AnyRow, Database
from vmtriage.store.paged import paged
from vmtriage.store.rows import Dump

_T = schema.dumps


class Dumps:
    """vmtriage.store.base.Dumps."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, dump: str) -> Dump | None:
        """See base."""
        with self._database.read() as connection:
            row = connection.execute(select(_T).where(_T.c.id == dump)).one_or_none()
            return None if row is None else dump_of(row)

    def all(self) -> Iterator[Dump]:
        """See base."""
        return map(dump_of, paged(self._database, select(_T), (_T.c.first_seen, _T.c.id)))

    def became(self) -> dict[str, str]:
        """See base."""
        with self._database.read() as connection:
            query = select(_T.c.id, _T.c.became).where(_T.c.became.is_not(None))
            return {row.id: row.became for row in connection.execute(query)}

    def quarantined(self) -> tuple[Dump, ...]:
        """See base."""
        query = select(_T).where(_T.c.quarantined_at.is_not(None), _T.c.became.is_(None))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(_T.c.quarantined_at.desc(), _T.c.id))
            return tuple(map(dump_of, rows))

    def release(self, dump: str) -> bool:
        """See base."""
        attempts = schema.attempts
        with self._database.write() as connection:
            last = select(func.max(attempts.c.id)).where(attempts.c.dump == dump)
            done = connection.execute(
                update(_T).where(_T.c.id == dump, _T.c.quarantined_at.is_not(None)).values(
                    quarantine=None, quarantined_at=None, retry_at=None,
                    released_after=connection.execute(last).scalar() or 0,
                )
            )  # fmt: skip
            if done.rowcount:
                touch(connection, [("dump", dump)])
            return done.rowcount == 1


def resolve(connection: Connection, dump: str) -> str:
    """The id it has today: its own, or that of the vmcore it became."""
    found = connection.execute(select(_T.c.became).where(_T.c.id == dump)).scalar()
    return found or dump


def dump_of(row: AnyRow) -> Dump:
    """The row as others see it."""
    return Dump(
        id=row.id, build_id=row.build_id, release=row.release, crash_time=row.crash_time,
        nodename=row.nodename, size=row.size, kind=row.kind, first_seen=row.first_seen,
        stage=row.stage, retry_at=row.retry_at, quarantined_at=row.quarantined_at,
        quarantine=row.quarantine, became=row.became,
    )  # fmt: skip
