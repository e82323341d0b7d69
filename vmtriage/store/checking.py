"""`vmtriage store check`: what is wrong in a store, and what somebody should look at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import zstandard
from pydantic import ValidationError
from sqlalchemy import select

from vmtriage.models.occurrence import Occurrence
from vmtriage.store import schema
from vmtriage.store.claims import worker_of
from vmtriage.store.database import Database
from vmtriage.store.paged import paged
from vmtriage.store.reports import Reports
from vmtriage.store.workers import is_alive


@dataclass(frozen=True, slots=True)
class Fault:
    """error: the store or its files are broken. notice: all is well, but look at it."""

    gravity: Literal["error", "notice"]
    kind: str
    text: str


def check(database: Database) -> Iterator[Fault]:
    """Everything, errors and notices; a damaged file ends it early with an error."""
    steps: tuple[Callable[[Database], Iterator[Fault]], ...] = (
        _integrity, _foreign_keys, _occurrences, _recordings, _reports, _claims, _attempts,
        _quarantined, _unsent,
    )  # fmt: skip
    for step in steps:
        yield from step(database)


def _integrity(database: Database) -> Iterator[Fault]:
    """PostgreSQL looks after its own files (pg_amcheck)."""
    if database.is_sqlite:
        with database.read() as connection:
            for (said,) in connection.exec_driver_sql("PRAGMA integrity_check"):
                if said != "ok":
                    yield Fault("error", "integrity", said)


def _foreign_keys(database: Database) -> Iterator[Fault]:
    if database.is_sqlite:
        with database.read() as connection:
            for table, row, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
                yield Fault("error", "foreign key", f"{table} row {row} has no {parent}")


def _occurrences(database: Database) -> Iterator[Fault]:
    table, problems = schema.occurrences, schema.problems
    with database.read() as connection:
        query = select(problems.c.id).where(problems.c.alias_of.is_not(None))
        aliases = set(connection.execute(query).scalars())
    for row in paged(database, select(table), (table.c.dump,)):
        try:
            each = Occurrence.model_validate_json(row.document)
        except ValidationError as error:
            yield Fault("error", "occurrence", f"{row.dump}: {error.errors()[0]['msg']}")
            continue
        columns = (row.dump, row.problem, row.stage, row.host)
        if columns != (each.dump, each.problem, each.stage, each.host):
            yield Fault("error", "occurrence", f"{row.dump}: its columns are not its document's")
        if row.problem in aliases:
            yield Fault("error", "alias", f"{row.problem} is an alias and has {row.dump}")


def _recordings(database: Database) -> Iterator[Fault]:
    table = schema.recordings
    with database.read() as connection:
        names = tuple(connection.execute(select(table.c.dump).order_by(table.c.dump)).scalars())
    for name in names:
        with database.read() as connection:
            query = select(table.c.packed).where(table.c.dump == name)
            packed = connection.execute(query).scalar()
        try:
            zstandard.ZstdDecompressor().decompress(packed or b"")
        except zstandard.ZstdError as error:
            yield Fault("error", "recording", f"{name}: {error}")


def _reports(database: Database) -> Iterator[Fault]:
    for report in Reports(database).all():
        missing = [name for name in report.files if not (Path(report.directory) / name).is_file()]
        if missing:
            names = ", ".join(missing)
            yield Fault("error", "report", f"{report.dump}: {report.directory} lacks {names}")


def _claims(database: Database) -> Iterator[Fault]:
    with database.read() as connection:
        rows = connection.execute(select(schema.claims).order_by(schema.claims.c.subject)).all()
    for row in rows:
        holder = worker_of(row)
        if is_alive(holder) is False:
            who = f"{holder.host}:{holder.pid}"
            yield Fault("notice", "claim", f"{row.subject} ({row.stage}) is held by {who}, dead")


def _attempts(database: Database) -> Iterator[Fault]:
    attempts, claims = schema.attempts, schema.claims
    held = (claims.c.subject == attempts.c.dump) & (claims.c.stage == attempts.c.stage)
    query = (
        select(attempts.c.id, attempts.c.dump, attempts.c.worker)
        .select_from(attempts.outerjoin(claims, held))
        .where(attempts.c.outcome.is_(None), claims.c.token.is_(None))
        .order_by(attempts.c.id)
    )
    with database.read() as connection:
        rows = connection.execute(query).all()
    for row in rows:
        yield Fault("notice", "attempt", f"{row.dump}: attempt {row.id} of {row.worker} has no end")


def _quarantined(database: Database) -> Iterator[Fault]:
    table = schema.dumps
    query = select(table.c.id, table.c.quarantine).where(
        table.c.quarantined_at.is_not(None), table.c.became.is_(None)
    )
    with database.read() as connection:
        rows = connection.execute(query.order_by(table.c.id)).all()
    for row in rows:
        yield Fault("notice", "quarantine", f"{row.id}: {row.quarantine}")


def _unsent(database: Database) -> Iterator[Fault]:
    table = schema.notifications
    query = select(table).where(table.c.delivery.in_(("sending", "dropped"))).order_by(table.c.id)
    with database.read() as connection:
        rows = connection.execute(query).all()
    for row in rows:
        how = "may have been sent" if row.delivery == "sending" else f"was given up: {row.reason}"
        yield Fault("notice", "notification", f"{row.notifier}, {row.problem} {row.event}: {how}")
