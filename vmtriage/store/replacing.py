"""One occurrence takes the place of another: columns, problem, aliases and changes with it."""

from typing import Any, get_args

from pydantic import ValidationError
from sqlalchemy import Connection, delete, func, select, update

from vmtriage.errors import StoreError
from vmtriage.models.finding import Severity
from vmtriage.models.occurrence import Occurrence
from vmtriage.store import schema
from vmtriage.store.changes import touch
from vmtriage.store.database import add_missing, upsert
from vmtriage.store.dumps import resolve
from vmtriage.store.keys import culprit_key
from vmtriage.store.rows import ChangeKind

_T, _PROBLEMS, _DUMPS = schema.occurrences, schema.problems, schema.dumps
_GRAVITY = {severity: rank for rank, severity in enumerate(get_args(Severity))}


def read(connection: Connection, dump: str) -> Occurrence | None:
    """The one that stands."""
    found = connection.execute(select(_T.c.document).where(_T.c.dump == dump)).scalar()
    return None if found is None else parsed(found)


def parsed(document: str) -> Occurrence:
    """The occurrence of a document; StoreError for one that this vmtriage cannot read."""
    try:
        return Occurrence.model_validate_json(document)
    except ValidationError as error:
        raise StoreError(
            f"the store holds a crash that cannot be read: {error.errors()[0]['msg']}",
            next_step="was it written by a newer vmtriage? Update this one; `vmtriage store check`"
            " names the crash",
        ) from error


def replace(connection: Connection, new: Occurrence, follow: bool) -> bool:
    """Occurrences.put, inside a transaction."""
    asked, dump = new.dump, resolve(connection, new.dump)
    old = read(connection, dump)
    if dump != asked:  # its vmcore was found while its log was read
        if old is not None:
            return False
        new = new.model_copy(update={"dump": dump, "stage": "log"})
    if old is not None and old.stage == "full" and new.stage == "log":
        return False
    # of the id that was asked for: a vmcore whose log alone was read is still to be triaged
    connection.execute(update(_DUMPS).where(_DUMPS.c.id == asked).values(stage=new.stage))
    if old == new:
        return False
    live(connection, new.problem)
    upsert(connection, _T, _row_of(new))
    if old is not None:
        leave(connection, old.problem, new.problem, follow)
    touch(connection, [*pages_of(old), *pages_of(new)])
    return True


def remove(connection: Connection, old: Occurrence, instead: str) -> None:
    """It is no crash of its own; `instead`: the problem that its problem's link then leads to."""
    connection.execute(delete(_T).where(_T.c.dump == old.dump))
    leave(connection, old.problem, instead, follow=True)
    touch(connection, pages_of(old))


def pages_of(occurrence: Occurrence | None) -> list[tuple[ChangeKind, str]]:
    """What shows it."""
    if occurrence is None:
        return []
    culprit = culprit_key(occurrence)
    return [
        ("dump", occurrence.dump), ("problem", occurrence.problem), ("host", occurrence.host),
        *((("culprit", culprit),) if culprit else ()),
    ]  # fmt: skip


def live(connection: Connection, problem: str) -> None:
    """It has an occurrence: it is there, and nobody's alias."""
    if not add_missing(connection, _PROBLEMS, {"id": problem, "state": ""}):
        alias = (_PROBLEMS.c.id == problem, _PROBLEMS.c.alias_of.is_not(None))
        connection.execute(update(_PROBLEMS).where(*alias).values(alias_of=None, follow=None))


def leave(connection: Connection, old: str, new: str, follow: bool) -> None:
    """If `old` has no occurrence left it becomes an alias of `new`, with all its own aliases."""
    left = select(func.count()).select_from(_T).where(_T.c.problem == old)
    if old == new or connection.execute(left).scalar_one():
        return
    table = update(_PROBLEMS)
    connection.execute(table.where(_PROBLEMS.c.alias_of == old).values(alias_of=new))
    connection.execute(table.where(_PROBLEMS.c.id == old).values(alias_of=new, follow=follow))


def _row_of(each: Occurrence) -> dict[str, Any]:
    return {
        "dump": each.dump, "problem": each.problem, "stage": each.stage, "host": each.host,
        "happened": each.when, "first_seen": each.first_seen, "crash_class": each.crash_class,
        "title": each.title, "severity": each.severity, "gravity": _GRAVITY[each.severity],
        "release": each.release, "hardware": each.hardware, "firmware": each.firmware,
        "function": each.function, "module": each.module, "culprit": culprit_key(each),
        "document": each.model_dump_json(),
    }  # fmt: skip
