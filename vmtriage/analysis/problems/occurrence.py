"""A report as a fleet keeps it: small, comparable between hosts, without anything of this host."""

from datetime import datetime

from vmtriage.models.found import Found, Identity
from vmtriage.models.occurrence import Occurrence, Stage
from vmtriage.models.report import Report


def occurrence_of(
    report: Report,
    identity: Identity,
    found: Found,
    host: str,
    stage: Stage,
    first_seen: datetime,
) -> Occurrence:
    """The occurrence that a report tells of; `problem` is its problem_id, no redirect followed.

    host: as the scan settled it (dump, map file, directory). Works on the report of a full dump
    and on one of a log alone; what the report does not know stays None or empty.
    """
    raise NotImplementedError
