"""The tables are brought to what this vmtriage wants, by one process at a time."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from vmtriage.errors import StoreError
from vmtriage.store.database import Database
from vmtriage.store.engine import APPLICATION
from vmtriage.store.schema import HEAD, VERSION_TABLE, dumps

_SCRIPTS = Path(__file__).parent / "migrations"


def bring_up_to_date(database: Database, read_only: bool) -> None:
    """Migrates an older store; StoreError for a newer one, or for what is no store."""
    with database.read() as connection:
        found = version(connection)
    if found == HEAD:
        return
    if read_only:
        _refuse(database.where, found)
        raise StoreError(
            f"{database.where} was written by an older vmtriage (schema {found or 'none'},"
            f" this one has {HEAD})",
            next_step="let `vmtriage scan` or `vmtriage store vacuum` open it once",
        )
    with database.write() as connection:  # whoever comes second finds it done
        found = version(connection)
        if found == HEAD:
            return
        if found is None:
            _refuse_foreign(database.where, connection)
        _refuse(database.where, found)
        migrate(connection, HEAD)
        if database.is_sqlite:
            connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION}")


def version(connection: Connection) -> str | None:
    """The revision of the tables; None: there is none."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()


def migrate(connection: Connection, revision: str) -> None:
    """Up to this revision, inside the transaction of the connection."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _refuse_foreign(where: str, connection: Connection) -> None:
    names = inspect(connection).get_table_names()
    foreign = dumps.name in names if connection.dialect.name == "postgresql" else bool(names)
    if foreign:
        raise StoreError(
            f"{where} is a database of something else: {', '.join(sorted(names)[:3])} ...",
            next_step="name another one: --store",
        )


def _refuse(where: str, found: str | None) -> None:
    if found is not None and found > HEAD:
        raise StoreError(
            f"{where} was written by a newer vmtriage (schema {found}, this one knows {HEAD})",
            next_step="update vmtriage on this machine, or name another store: --store",
        )
