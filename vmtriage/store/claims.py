"""Who works on what: one worker at a time, and a dead one keeps nothing."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, and_, delete, select, update

from vmtriage.errors import ClaimLost
from vmtriage.store import schema
from vmtriage.store.database import AnyRow, Database, next_of, now, upsert
from vmtriage.store.rows import Claim, Worker
from vmtriage.store.workers import is_alive, other_boot

_T = schema.claims


class Claims:
    """vmtriage.store.base.Claims."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, subject: str, stage: str, worker: Worker, lease_s: float) -> Claim | None:
        """See base."""
        with self._database.write() as connection:
            clock = self._database.clock(connection)
            row = connection.execute(select(_T).where(_is(subject, stage))).one_or_none()
            if row is not None and not self._is_free(row, clock):
                return None
            claim = Claim(subject, stage, next_of(connection, "token"), worker)
            upsert(connection, _T, {
                "subject": subject, "stage": stage, "token": claim.token, **asdict(worker),
                "taken": now(), "lease_until": clock + lease_s,
            })  # fmt: skip
            _end_open_attempts(connection, claim)
            return claim

    def extend(self, claim: Claim, lease_s: float) -> bool:
        """See base."""
        with self._database.write() as connection:
            until = self._database.clock(connection) + lease_s
            done = connection.execute(update(_T).where(_held(claim)).values(lease_until=until))
            return done.rowcount == 1

    def release(self, claim: Claim) -> None:
        """See base."""
        with self._database.write() as connection:
            connection.execute(delete(_T).where(_held(claim)))

    def holds(self, claim: Claim) -> bool:
        """See base."""
        with self._database.read() as connection:
            return _is_held(connection, claim)

    def sweep(self) -> int:
        """See base."""
        with self._database.write() as connection:
            clock = self._database.clock(connection)
            rows = connection.execute(select(_T)).all()
            free = [claim_of(row) for row in rows if self._is_free(row, clock)]
            for claim in free:
                connection.execute(delete(_T).where(_held(claim)))
                _end_open_attempts(connection, claim)
            return len(free)

    def _is_free(self, row: AnyRow, clock: float) -> bool:
        """Its worker is known to be dead, or nobody can tell and its lease is over."""
        holder = worker_of(row)
        alive = is_alive(holder)
        if alive is not None:
            return not alive
        if self._database.is_sqlite and other_boot(holder):
            return True  # a local disk: that was this machine before its last boot
        return bool(clock >= row.lease_until)


def claim_of(row: AnyRow) -> Claim:
    """The row as others see it."""
    return Claim(row.subject, row.stage, row.token, worker_of(row))


def worker_of(row: AnyRow) -> Worker:
    """The worker of a row of `claims`."""
    return Worker(row.host, row.pid, row.started, row.boot_id, row.pid_namespace)


def require(connection: Connection, claim: Claim | None) -> None:
    """ClaimLost unless it is still held; inside write() it stays so until the end."""
    if claim is not None and not _is_held(connection, claim):
        raise ClaimLost(
            f"another worker has taken over {claim.subject} ({claim.stage})",
            next_step="its result counts; nothing is to be done",
        )


def _is_held(connection: Connection, claim: Claim) -> bool:
    return connection.execute(select(_T.c.token).where(_held(claim))).first() is not None


def _is(subject: str, stage: str) -> Any:
    return and_(_T.c.subject == subject, _T.c.stage == stage)


def _held(claim: Claim) -> Any:
    return and_(_is(claim.subject, claim.stage), _T.c.token == claim.token)


def _end_open_attempts(connection: Connection, claim: Claim) -> None:
    """Whoever began them is dead: nobody else could have got this claim."""
    table = schema.attempts
    mine = and_(
        table.c.dump == claim.subject, table.c.stage == claim.stage, table.c.outcome.is_(None)
    )
    connection.execute(
        update(table).where(mine).values(
            ended=now(), outcome="retry", reason="its worker died or was killed"
        )
    )  # fmt: skip
