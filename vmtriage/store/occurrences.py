"""One crash each, as problems and pages are made of."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Select, func, select

from vmtriage.models.occurrence import Occurrence
from vmtriage.models.problem import Counted, Shared
from vmtriage.store import schema
from vmtriage.store.attempts import end_running
from vmtriage.store.claims import require
from vmtriage.store.database import AnyRow, Database
from vmtriage.store.keys import COLUMNS
from vmtriage.store.paged import paged
from vmtriage.store.replacing import parsed, replace
from vmtriage.store.rows import Brief, Claim, Ended

_T = schema.occurrences
_LATEST = (_T.c.happened.desc(), _T.c.dump)
_BRIEF = (
    _T.c.dump, _T.c.problem, _T.c.stage, _T.c.host, _T.c.happened, _T.c.first_seen,
    _T.c.crash_class, _T.c.title, _T.c.severity, _T.c.release, _T.c.hardware, _T.c.firmware,
    _T.c.function, _T.c.module, _T.c.culprit,
)  # fmt: skip


class Occurrences:
    """vmtriage.store.base.Occurrences."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(
        self,
        occurrence: Occurrence,
        claim: Claim | None = None,
        follow: bool = True,
        ended: Ended | None = None,
    ) -> bool:
        """See base."""
        with self._database.write() as connection:
            require(connection, claim)
            changed = replace(connection, occurrence, follow)
            if claim is not None and ended is not None:
                end_running(connection, claim, ended)
            return changed

    def get(self, dump: str) -> Occurrence | None:
        """See base."""
        return next(iter(self._several(_T.c.dump == dump)), None)

    def of_problem(self, problem: str) -> tuple[Occurrence, ...]:
        """See base."""
        return self._several(_T.c.problem == problem)

    def of_host(self, host: str) -> tuple[Occurrence, ...]:
        """See base."""
        return self._several(_T.c.host == host)

    def of_culprit(self, culprit: str) -> tuple[Occurrence, ...]:
        """See base."""
        return self._several(_T.c.culprit == culprit)

    def all(self) -> Iterator[Occurrence]:
        """See base."""
        query = select(_T.c.document, _T.c.happened, _T.c.dump)
        return map(occurrence_of, paged(self._database, query, (_T.c.happened, _T.c.dump)))

    def representatives(self) -> tuple[Occurrence, ...]:
        """See base."""
        rank = func.row_number().over(
            partition_by=_T.c.problem, order_by=(_T.c.stage, _T.c.happened.desc(), _T.c.dump)
        )  # "full" comes before "log"
        ranked = select(_T.c.problem, _T.c.document, rank.label("rank")).subquery()
        query = select(ranked.c.document).where(ranked.c.rank == 1).order_by(ranked.c.problem)
        return self._read(query)

    def briefs(self, limit: int | None = None) -> tuple[Brief, ...]:
        """See base."""
        query = select(*_BRIEF).order_by(*_LATEST).limit(limit)
        with self._database.read() as connection:
            return tuple(Brief(*each) for each in map(tuple, connection.execute(query)))

    def total(self) -> int:
        """See base."""
        with self._database.read() as connection:
            return connection.execute(select(func.count()).select_from(_T)).scalar_one()

    def counts(self, what: Shared, problem: str | None = None) -> tuple[Counted, ...]:
        """See base."""
        column = _T.c[COLUMNS[what]]
        query = select(column, func.count()).where(column.is_not(None)).group_by(column)
        if problem is not None:
            query = query.where(_T.c.problem == problem)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(func.count().desc(), column))
            return tuple(Counted(value=value, count=count) for value, count in rows)

    def _several(self, which: Any) -> tuple[Occurrence, ...]:
        return self._read(select(_T.c.document).where(which).order_by(*_LATEST))

    def _read(self, query: Select[Any]) -> tuple[Occurrence, ...]:
        with self._database.read() as connection:
            return tuple(map(occurrence_of, connection.execute(query)))


def occurrence_of(row: AnyRow) -> Occurrence:
    """Of its document."""
    return parsed(row.document)
