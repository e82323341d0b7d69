"""What occurrences belong to, its numbers by SQL, and its tickets."""

from typing import Any, get_args

from sqlalchemy import Connection, Select, func, select, update

from vmtriage.models.finding import Severity
from vmtriage.store import schema
from vmtriage.store.changes import touch
from vmtriage.store.database import AnyRow, Database, add_missing, upsert
from vmtriage.store.rows import Alias, ProblemRow, Ticket

_T, _O, _TICKETS = schema.problems, schema.occurrences, schema.tickets
_SEVERITIES = get_args(Severity)


class Problems:
    """vmtriage.store.base.Problems."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> tuple[ProblemRow, ...]:
        """See base."""
        return self._numbers(_numbers())

    def get(self, problem: str) -> ProblemRow | None:
        """See base."""
        return next(iter(self._numbers(_numbers(problem))), None)

    def resolve(self, problem: str) -> str:
        """See base."""
        query = select(_T.c.alias_of).where(_T.c.id == problem)
        with self._database.read() as connection:
            return connection.execute(query).scalar() or problem

    def aliases(self) -> dict[str, Alias]:
        """See base."""
        query = select(_T.c.id, _T.c.alias_of, _T.c.follow).where(_T.c.alias_of.is_not(None))
        with self._database.read() as connection:
            rows = connection.execute(query)
            return {row.id: Alias(row.alias_of, bool(row.follow)) for row in rows}

    def state(self, problem: str) -> str:
        """See base."""
        with self._database.read() as connection:
            query = select(_T.c.state).where(_T.c.id == problem)
            return connection.execute(query).scalar() or ""

    def set_state(self, problem: str, state: str) -> None:
        """See base."""
        with self._database.write() as connection:
            add_missing(connection, _T, {"id": problem, "state": ""})
            differs = (_T.c.id == problem, _T.c.state != state)
            if connection.execute(update(_T).where(*differs).values(state=state)).rowcount:
                touch(connection, [("problem", problem)])

    def tickets(self, problem: str) -> tuple[Ticket, ...]:
        """See base."""
        aliases = select(_T.c.id).where(_T.c.alias_of == problem)
        query = select(_TICKETS).where(
            (_TICKETS.c.problem == problem) | _TICKETS.c.problem.in_(aliases)
        )
        own_first = (_TICKETS.c.problem != problem, _TICKETS.c.problem, _TICKETS.c.notifier)
        with self._database.read() as connection:
            return tuple(Ticket(*row) for row in connection.execute(query.order_by(*own_first)))

    def put_ticket(self, ticket: Ticket) -> None:
        """See base."""
        with self._database.write() as connection:
            put_ticket(connection, ticket)

    def _numbers(self, query: Select[Any]) -> tuple[ProblemRow, ...]:
        with self._database.read() as connection:
            return tuple(map(_problem_of, connection.execute(query)))


def put_ticket(connection: Connection, ticket: Ticket) -> None:
    """Its problem's page shows it; without a time of its last comment the known one stays."""
    row: dict[str, Any] = {
        "problem": ticket.problem, "notifier": ticket.notifier, "remote_id": ticket.remote_id,
        "url": ticket.url, "state": ticket.state,
    }  # fmt: skip
    if ticket.commented is not None:
        row |= {"commented": ticket.commented}
    upsert(connection, _TICKETS, row)
    touch(connection, [("problem", ticket.problem)])


def _numbers(problem: str | None = None) -> Select[Any]:
    """One row for each problem, last seen first."""
    latest = func.row_number().over(partition_by=_O.c.problem, order_by=_LATEST)
    titles = select(_O.c.problem, _O.c.title, _O.c.crash_class, latest.label("rank"))
    numbers = select(
        _O.c.problem, func.min(_O.c.gravity).label("gravity"),
        func.min(_O.c.happened).label("first"), func.max(_O.c.happened).label("last"),
        func.count().label("count"), func.count(_O.c.host.distinct()).label("hosts"),
    ).group_by(_O.c.problem)  # fmt: skip
    if problem is not None:
        titles = titles.where(_O.c.problem == problem)
        numbers = numbers.where(_O.c.problem == problem)
    title, number = titles.subquery(), numbers.subquery()
    both = number.join(title, (title.c.problem == number.c.problem) & (title.c.rank == 1))
    return (
        select(number, title.c.title, title.c.crash_class)
        .select_from(both)
        .order_by(number.c.last.desc(), number.c.problem)
    )


_LATEST = (_O.c.stage, _O.c.happened.desc(), _O.c.dump)  # "full" comes before "log"


def _problem_of(row: AnyRow) -> ProblemRow:
    return ProblemRow(
        id=row.problem, title=row.title, crash_class=row.crash_class,
        severity=_SEVERITIES[row.gravity], first_seen=row.first, last_seen=row.last,
        count=row._mapping["count"], hosts=row.hosts,
    )  # fmt: skip
