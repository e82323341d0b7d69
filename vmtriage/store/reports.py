"""Which report files exist."""

import json
from collections.abc import Iterator

from sqlalchemy import select

from vmtriage.store import schema
from vmtriage.store.changes import touch
from vmtriage.store.claims import require
from vmtriage.store.database import AnyRow, Database, upsert
from vmtriage.store.dumps import resolve
from vmtriage.store.paged import paged
from vmtriage.store.rows import Claim, ReportFiles

_T = schema.reports


class Reports:
    """vmtriage.store.base.Reports."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, report: ReportFiles, claim: Claim | None = None) -> None:
        """See base."""
        with self._database.write() as connection:
            require(connection, claim)
            if resolve(connection, report.dump) != report.dump:
                return  # its vmcore was found meanwhile: its page leads on
            upsert(connection, _T, {
                "dump": report.dump, "stage": report.stage, "directory": report.directory,
                "files": json.dumps(report.files), "tool_version": report.tool_version,
                "signatures_revision": report.signatures_revision, "written": report.written,
            })  # fmt: skip
            touch(connection, [("dump", report.dump)])

    def of(self, dump: str) -> tuple[ReportFiles, ...]:
        """See base."""
        query = select(_T).where(_T.c.dump == dump).order_by(_T.c.stage)
        with self._database.read() as connection:
            return tuple(map(_report_of, connection.execute(query)))

    def all(self) -> Iterator[ReportFiles]:
        """See base."""
        return map(_report_of, paged(self._database, select(_T), (_T.c.dump, _T.c.stage)))


def _report_of(row: AnyRow) -> ReportFiles:
    return ReportFiles(
        dump=row.dump, stage=row.stage, directory=row.directory, files=tuple(json.loads(row.files)),
        tool_version=row.tool_version, signatures_revision=row.signatures_revision,
        written=row.written,
    )  # fmt: skip
