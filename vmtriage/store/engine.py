"""Connections as the store needs them, for SQLite and for PostgreSQL."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from sqlite3 import OperationalError as SqliteError

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError

from vmtriage.errors import StoreError
from vmtriage.store.localdisk import refuse_network
from vmtriage.store.location import shown

APPLICATION = 0x766D7472  # "vmtr": SQLite's application_id of a store
WRITE_LOCK = 0x766D7472_00000001  # PostgreSQL's advisory lock: one writer at a time, as in SQLite
_BUSY_S = 60  # how long a writer waits for the others


def make_engine(url: URL, read_only: bool) -> Engine:
    """Opens nothing yet, but for SQLite makes the file: only for this user, on a local disk."""
    if url.get_backend_name() == "sqlite":
        return _sqlite(Path(url.database or ""), read_only)
    return _postgresql(url, read_only)


def _sqlite(path: Path, read_only: bool) -> Engine:
    refuse_network(path)
    path = path.resolve()
    if read_only and not path.is_file():
        raise StoreError(
            f"there is no store {path}", next_step="give the right --store, or scan first"
        )
    if not read_only:
        _make_file(path)
    url = _read_only_url(path) if read_only else URL.create("sqlite", database=str(path))
    engine = create_engine(url, connect_args={"timeout": _BUSY_S})

    def connected(connection: SqliteConnection, _: object) -> None:
        connection.isolation_level = None  # BEGIN is said below
        connection.execute("PRAGMA foreign_keys = ON")
        if not read_only:
            _patiently(lambda: connection.execute("PRAGMA journal_mode = WAL"))
            connection.execute("PRAGMA synchronous = FULL")  # a ticket written down stays so

    def begun(connection: Connection) -> None:
        options = connection.get_execution_options()
        if not options.get("outside", False):
            begin = "BEGIN IMMEDIATE" if options.get("write", False) else "BEGIN"
            _patiently(lambda: connection.exec_driver_sql(begin))

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)
    return engine


def _patiently(do: Callable[[], object]) -> None:
    """SQLite waits for other writers by itself, but not for one that opens or leaves just now."""
    until = time.monotonic() + _BUSY_S
    while True:
        try:
            do()
            return
        except (SqliteError, OperationalError) as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.01)


def _read_only_url(path: Path) -> URL:
    """Where nobody can write, the file is read as it lies; else with what others write beside."""
    query = {"uri": "true", "mode": "ro"}
    wal = path.with_name(f"{path.name}-wal")
    if not os.access(path.parent, os.W_OK) and not (wal.exists() and wal.stat().st_size):
        query["immutable"] = "1"
    return URL.create("sqlite", database=path.as_uri(), query=query)


def _make_file(path: Path) -> None:
    """The WAL takes over the mode of the file."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreError(
            f"cannot open the store {path}: {error.strerror}",
            next_step="name a file that you may write: --store PATH",
        ) from error


def _postgresql(url: URL, read_only: bool) -> Engine:
    named = {"connect_timeout": 10, "application_name": "vmtriage"}
    # nothing that outlives a transaction: a pooler may stand between us and the server
    arguments = {**named, "prepare_threshold": None}
    try:
        engine = create_engine(url, pool_pre_ping=True, connect_args=arguments)
    except ImportError as error:
        raise StoreError(
            f"{shown(url)} needs PostgreSQL's client library, which is not installed",
            next_step="pip install 'vmtriage[postgresql]'",
        ) from error

    def begun(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("outside", False):
            return
        limits = f"SET LOCAL lock_timeout = '{_BUSY_S}s';"
        limits += "SET LOCAL idle_in_transaction_session_timeout = '120s';"
        if read_only:
            limits += "SET TRANSACTION READ ONLY;"
        if options.get("write", False):
            limits += f"SELECT pg_advisory_xact_lock({WRITE_LOCK})"
        connection.exec_driver_sql(limits)

    event.listen(engine, "begin", begun)
    return engine
