"""One database: transactions, counters, and the little SQL that differs between the two."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, Row, Table, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from vmtriage.store import schema
from vmtriage.store.failures import told

if TYPE_CHECKING:
    AnyRow = Row[*tuple[Any, ...]]
else:
    AnyRow = Row


class Database:
    """Transactions on an engine. Writers come one after the other, on both databases."""

    def __init__(self, engine: Engine, where: str) -> None:
        self._readers = engine
        self._writers = engine.execution_options(write=True)
        self.where = where  # for messages
        self.is_sqlite = engine.dialect.name == "sqlite"

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent look; nothing is written."""
        with told(self.where), self._readers.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """All or nothing, alone: whoever comes meanwhile waits."""
        with told(self.where), self._writers.begin() as connection:
            yield connection

    def outside(self, statement: str) -> None:
        """A statement that no transaction may hold (VACUUM)."""
        raw = self._readers.execution_options(outside=True)
        if not self.is_sqlite:  # of SQLite a connection would stay changed
            raw = raw.execution_options(isolation_level="AUTOCOMMIT")
        with told(self.where), raw.connect() as connection:
            connection.exec_driver_sql(statement)

    def close(self) -> None:
        """Ends all connections."""
        self._readers.dispose()

    def clock(self, connection: Connection) -> float:
        """Seconds of the clock that judges leases: no jump of this machine's wall clock moves it.

        SQLite's users are all on this machine: seconds since its boot. PostgreSQL: the server's.
        """
        if self.is_sqlite:
            return time.clock_gettime(time.CLOCK_BOOTTIME)
        asked = connection.execute(text("SELECT extract(epoch FROM clock_timestamp())"))
        return float(asked.scalar_one())


def now() -> datetime:
    """For people and for retries; nothing that must not go wrong depends on it."""
    return datetime.now(UTC)


def upsert(connection: Connection, table: Table, row: Mapping[str, Any]) -> None:
    """The row stands afterwards, whatever stood under its primary key."""
    insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)
    keys = [column.name for column in table.primary_key]
    rest = {name: insert.excluded[name] for name in row if name not in keys}
    connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=rest), row)


def add_missing(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Adds the row unless one with its key is there; whether it was added."""
    insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)
    return connection.execute(insert.on_conflict_do_nothing(), row).rowcount == 1


def next_of(connection: Connection, counter: str) -> int:
    """One more than ever before. Call it inside write()."""
    table = schema.counters
    mine = table.c.name == counter
    connection.execute(update(table).where(mine).values(value=table.c.value + 1))
    return int(connection.execute(select(table.c.value).where(mine)).scalar_one())


def value_of(connection: Connection, counter: str) -> int:
    """The counter as it stands."""
    table = schema.counters
    value = connection.execute(select(table.c.value).where(table.c.name == counter)).scalar_one()
    return int(value)
