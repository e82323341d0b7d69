"""From a path or URL to a store that can be used: opened, and its tables as they must be."""

from pathlib import Path

from vmtriage.store.attempts import Attempts
from vmtriage.store.base import Store
from vmtriage.store.changes import Changes
from vmtriage.store.claims import Claims
from vmtriage.store.database import Database
from vmtriage.store.dumps import Dumps
from vmtriage.store.engine import make_engine
from vmtriage.store.failures import told
from vmtriage.store.location import shown, url_of
from vmtriage.store.migrate import bring_up_to_date
from vmtriage.store.notifications import Notifications
from vmtriage.store.occurrences import Occurrences
from vmtriage.store.places import Places
from vmtriage.store.problems import Problems
from vmtriage.store.recordings import Recordings
from vmtriage.store.reports import Reports


def open_store(where: str | Path, read_only: bool = False) -> Store:
    """The store at a path or URL; a SQLite file that is not there is made, unless read_only.

    StoreError: it cannot be used (damaged, of a newer vmtriage, on a network filesystem, no store).
    StoreBusy: not now.
    """
    return store_of(open_database(where, read_only))


def open_database(where: str | Path, read_only: bool = False) -> Database:
    """The database under a store, for what looks after it."""
    url = url_of(where)
    engine = make_engine(url, read_only)
    database = Database(engine, shown(url))
    try:
        with told(database.where):
            bring_up_to_date(database, read_only)
    except BaseException:
        database.close()
        raise
    return database


def store_of(database: Database) -> Store:
    """All parts on one database."""
    return Store(
        places=Places(database),
        dumps=Dumps(database),
        claims=Claims(database),
        attempts=Attempts(database),
        recordings=Recordings(database),
        reports=Reports(database),
        occurrences=Occurrences(database),
        problems=Problems(database),
        changes=Changes(database),
        notifications=Notifications(database),
        close=database.close,
    )
