"""What changed since a site was last written: one row per thing, with its last change's number."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, select, update

from vmtriage.store import schema
from vmtriage.store.database import Database, add_missing, next_of, upsert, value_of
from vmtriage.store.rows import Change, ChangeKind

_T, _SITES = schema.changes, schema.sites


class Changes:
    """vmtriage.store.base.Changes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def revision(self) -> int:
        """See base."""
        with self._database.read() as connection:
            return value_of(connection, "change")

    def since(self, revision: int) -> tuple[Change, ...]:
        """See base."""
        query = select(_T.c.revision, _T.c.kind, _T.c.id).where(_T.c.revision > revision)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(_T.c.revision, _T.c.kind, _T.c.id))
            return tuple(Change(*row) for row in rows)

    def touch(self, kind: ChangeKind, ids: Sequence[str]) -> int:
        """See base."""
        with self._database.write() as connection:
            touch(connection, [(kind, each) for each in ids])
            return value_of(connection, "change")

    def written(self, site: str) -> int:
        """See base."""
        query = select(_SITES.c.revision).where(_SITES.c.site == site)
        with self._database.read() as connection:
            return connection.execute(query).scalar() or 0

    def set_written(self, site: str, revision: int) -> None:
        """See base."""
        with self._database.write() as connection:
            add_missing(connection, _SITES, {"site": site, "revision": 0})
            newer = (_SITES.c.revision < revision,) if revision else ()
            connection.execute(
                update(_SITES).where(_SITES.c.site == site, *newer).values(revision=revision)
            )


def touch(connection: Connection, what: Iterable[tuple[ChangeKind, str]]) -> None:
    """In the same transaction as the change itself: a kill loses both or none.

    Writers come one after the other, so whoever reads a number has seen all smaller ones.
    """
    each_once = dict.fromkeys(what)
    if not each_once:
        return
    revision = next_of(connection, "change")
    for kind, name in each_once:
        upsert(connection, _T, {"kind": kind, "id": name, "revision": revision})
