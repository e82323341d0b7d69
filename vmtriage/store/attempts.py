"""The ledger: what was tried, how it went, when it is tried again."""

from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from vmtriage.models.occurrence import Stage
from vmtriage.store import schema
from vmtriage.store.changes import touch
from vmtriage.store.claims import require
from vmtriage.store.database import AnyRow, Database, now
from vmtriage.store.rows import Attempt, Claim, Ended

_T = schema.attempts


class Attempts:
    """vmtriage.store.base.Attempts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, claim: Claim) -> int:
        """See base."""
        with self._database.write() as connection:
            require(connection, claim)
            mine = (_T.c.dump == claim.subject, _T.c.token == claim.token, _T.c.outcome.is_(None))
            open_one = connection.execute(select(_T.c.id).where(*mine)).scalar()
            if open_one is not None:
                return int(open_one)
            row = {
                "dump": claim.subject, "stage": claim.stage, "token": claim.token,
                "worker": f"{claim.worker.host}:{claim.worker.pid}", "began": now(), "reason": "",
            }  # fmt: skip
            return int(connection.execute(insert(_T).values(row).returning(_T.c.id)).scalar_one())

    def end(self, attempt: int, ended: Ended, claim: Claim | None = None) -> None:
        """See base."""
        with self._database.write() as connection:
            require(connection, claim)
            _end(connection, ended, _T.c.id == attempt)

    def of(self, dump: str) -> tuple[Attempt, ...]:
        """See base."""
        with self._database.read() as connection:
            rows = connection.execute(select(_T).where(_T.c.dump == dump).order_by(_T.c.id))
            return tuple(map(attempt_of, rows))

    def failures(self, dump: str, stage: Stage) -> int:
        """See base."""
        here = (_T.c.dump == dump, _T.c.stage == stage)
        dumps = schema.dumps
        with self._database.read() as connection:
            last_ok = select(func.max(_T.c.id)).where(*here, _T.c.outcome == "ok")
            released = select(dumps.c.released_after).where(dumps.c.id == dump)
            after = max(connection.execute(each).scalar() or 0 for each in (last_ok, released))
            counted = select(func.count()).select_from(_T).where(*here, _T.c.id > after)
            return connection.execute(counted).scalar_one()


def end_running(connection: Connection, claim: Claim, ended: Ended) -> None:
    """The attempt that runs under the claim ends so."""
    _end(connection, ended, _T.c.dump == claim.subject, _T.c.token == claim.token)


def _end(connection: Connection, ended: Ended, *which: Any) -> None:
    """The first end stands."""
    row = connection.execute(
        update(_T).where(*which, _T.c.outcome.is_(None)).values(
            ended=now(), outcome=ended.outcome, exit_code=ended.exit_code,
            reason=ended.reason, seconds=ended.seconds,
        ).returning(_T.c.dump)
    ).one_or_none()  # fmt: skip
    if row is not None:
        _settle(connection, row.dump, ended)


def _settle(connection: Connection, dump: str, ended: Ended) -> None:
    table = schema.dumps
    known: dict[str, Any] = {"retry_at": ended.retry_at}
    if ended.quarantine is not None:
        known |= {"quarantine": ended.quarantine, "quarantined_at": now()}
    connection.execute(update(table).where(table.c.id == dump).values(known))
    if ended.outcome != "ok":
        touch(connection, [("dump", dump)])


def attempt_of(row: AnyRow) -> Attempt:
    """The row as others see it."""
    return Attempt(
        id=row.id, dump=row.dump, stage=row.stage, began=row.began, ended=row.ended,
        outcome=row.outcome, exit_code=row.exit_code, reason=row.reason, seconds=row.seconds,
        worker=row.worker,
    )  # fmt: skip
