"""`vmtriage store vacuum`: what nobody needs any more goes, and its space with it."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, delete, select

from vmtriage.store import schema
from vmtriage.store.claims import worker_of
from vmtriage.store.database import Database, now
from vmtriage.store.workers import is_alive

_LONG_AGO_S = 86400.0  # a lease that ended so long ago was its worker's last


@dataclass(frozen=True, slots=True)
class Removed:
    """How many rows."""

    claims: int
    attempts: int


def vacuum(database: Database, keep: timedelta) -> Removed:
    """Claims of the dead, and attempts that ended longer ago than `keep` on dumps that are done.

    Notifications stay: they are what keeps a ticket from being made twice.
    """
    with database.write() as connection:
        removed = Removed(_claims(database, connection), _attempts(connection, keep))
    if database.is_sqlite:
        database.outside("VACUUM")
        database.outside("PRAGMA wal_checkpoint(TRUNCATE)")
    else:
        database.outside("VACUUM ANALYZE")
    return removed


def _claims(database: Database, connection: Connection) -> int:
    table, clock, count = schema.claims, database.clock(connection), 0
    for row in connection.execute(select(table)).all():
        alive = is_alive(worker_of(row))
        if alive is False or (alive is None and clock - row.lease_until > _LONG_AGO_S):
            connection.execute(delete(table).where(table.c.token == row.token))
            count += 1
    return count


def _attempts(connection: Connection, keep: timedelta) -> int:
    table, dumps = schema.attempts, schema.dumps
    done = select(dumps.c.id).where(
        dumps.c.stage == "full", dumps.c.retry_at.is_(None), dumps.c.quarantined_at.is_(None)
    )
    old = (table.c.ended < now() - keep, table.c.dump.in_(done))
    return connection.execute(delete(table).where(*old)).rowcount
