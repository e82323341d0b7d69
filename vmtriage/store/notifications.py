"""What is to be told: written down, then sent, then marked as sent."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update

from vmtriage.store import schema
from vmtriage.store.database import AnyRow, Database, add_missing, now
from vmtriage.store.problems import put_ticket
from vmtriage.store.rows import Delivery, Notification, Ticket

_T = schema.notifications
_OVER = ("sent", "dropped")


class Notifications:
    """vmtriage.store.base.Notifications."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def intend(
        self, notifier: str, problem: str, event: str, payload: str, dump: str | None = None
    ) -> Notification:
        """See base."""
        moment = now()
        row = {
            "notifier": notifier, "problem": problem, "event": event, "dump": dump,
            "payload": payload, "delivery": "intended", "tries": 0, "created": moment,
            "updated": moment, "reason": "",
        }  # fmt: skip
        mine = (_T.c.problem == problem, _T.c.notifier == notifier, _T.c.event == event)
        with self._database.write() as connection:
            add_missing(connection, _T, row)
            return _notification_of(connection.execute(select(_T).where(*mine)).one())

    def sending(self, notifications: Sequence[int]) -> None:
        """See base."""
        self._set(notifications, None, delivery="sending", tries=_T.c.tries + 1)

    def sent(self, notifications: Sequence[int], ticket: Ticket | None = None) -> None:
        """See base."""
        where = {"remote_id": ticket.remote_id, "url": ticket.url} if ticket else {}
        self._set(notifications, ticket, delivery="sent", retry_at=None, reason="", **where)

    def failed(self, notifications: Sequence[int], reason: str, retry_at: datetime | None) -> None:
        """See base."""
        delivery = "failed" if retry_at else "dropped"
        self._set(notifications, None, delivery=delivery, retry_at=retry_at, reason=reason)

    def waiting(self, notifier: str | None = None) -> tuple[Notification, ...]:
        """See base."""
        mine = (_T.c.notifier == notifier,) if notifier is not None else ()
        return self._several(_T.c.delivery.not_in(_OVER), *mine)

    def of(self, problem: str, delivery: Delivery | None = None) -> tuple[Notification, ...]:
        """See base."""
        such = (_T.c.delivery == delivery,) if delivery is not None else ()
        return self._several(_T.c.problem == problem, *such)

    def last_sent(self, notifier: str, problem: str, begins: str = "") -> datetime | None:
        """See base."""
        query = select(func.max(_T.c.updated)).where(
            _T.c.problem == problem, _T.c.notifier == notifier, _T.c.delivery == "sent",
            _T.c.event.startswith(begins, autoescape=True),
        )  # fmt: skip
        with self._database.read() as connection:
            return connection.execute(query).scalar()

    def _several(self, *which: Any) -> tuple[Notification, ...]:
        with self._database.read() as connection:
            rows = connection.execute(select(_T).where(*which).order_by(_T.c.id))
            return tuple(map(_notification_of, rows))

    def _set(self, ids: Sequence[int], ticket: Ticket | None, **values: Any) -> None:
        """What was sent stays sent."""
        these = (_T.c.id.in_(ids), _T.c.delivery != "sent")
        with self._database.write() as connection:
            connection.execute(update(_T).where(*these).values(updated=now(), **values))
            if ticket is not None:
                put_ticket(connection, ticket)


def _notification_of(row: AnyRow) -> Notification:
    return Notification(
        id=row.id, notifier=row.notifier, problem=row.problem, event=row.event, dump=row.dump,
        payload=row.payload, delivery=row.delivery, tries=row.tries, created=row.created,
        updated=row.updated, retry_at=row.retry_at, remote_id=row.remote_id, url=row.url,
        reason=row.reason,
    )  # fmt: skip
