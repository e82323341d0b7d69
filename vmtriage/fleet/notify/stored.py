"""The store as the desk's records: notifications, tickets and claims of vmtriage.store."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from pydantic import ValidationError

from vmtriage.errors import StoreError
from vmtriage.fleet.notify.records import Intent, Ticket
from vmtriage.models.notice import Notice
from vmtriage.store import rows
from vmtriage.store.base import Store

_STAGE = "notify"


class StoredRecords:
    """Of one run of one worker."""

    def __init__(self, store: Store, worker: rows.Worker) -> None:
        self._store, self._worker = store, worker
        self._claims: dict[str, rows.Claim] = {}

    def add(self, notifier: str, notice: Notice) -> None:
        """See Records."""
        self._store.notifications.intend(
            notifier, notice.problem, f"{notice.event}:{notice.id}", notice.model_dump_json(),
            notice.dump,
        )  # fmt: skip

    def waiting(self, problem: str | None = None) -> Sequence[Intent]:
        """See Records. What another version wrote down and this one cannot read is dropped."""
        store = self._store.notifications
        out = []
        for row in store.waiting():
            if problem not in (None, row.problem):
                continue
            try:
                notice = Notice.model_validate_json(row.payload)
            except ValidationError:
                with suppress(StoreError):  # only for reading
                    store.failed([row.id], "written down by another version of vmtriage", None)
                continue
            told = (row.delivery, row.tries, row.updated, row.retry_at, row.reason)
            out.append(Intent(str(row.id), row.notifier, notice, *told))
        return out

    def sending(self, intents: Sequence[Intent]) -> None:
        """See Records."""
        self._store.notifications.sending(_ids(intents))

    def sent(self, intents: Sequence[Intent], ticket: Ticket | None) -> None:
        """See Records."""
        self._store.notifications.sent(_ids(intents), _row(ticket) if ticket else None)

    def failed(self, intents: Sequence[Intent], reason: str, retry_at: datetime | None) -> None:
        """See Records."""
        self._store.notifications.failed(_ids(intents), reason, retry_at)

    def ticket(self, notifier: str, problem: str) -> Ticket | None:
        """See Records. The ticket of a problem that became this one will do."""
        for each in self._store.problems.tickets(problem):
            if each.notifier == notifier:
                url = each.url or ""
                return Ticket(notifier=notifier, problem=problem, id=each.remote_id, url=url)
        return None

    def last_sent(self, notifier: str, problem: str, event: str) -> datetime | None:
        """See Records."""
        return self._store.notifications.last_sent(notifier, problem, f"{event}:")

    def claim(self, notifier: str, problem: str, seconds: float) -> bool:
        """See Records."""
        subject = f"notify:{notifier}:{problem}"
        claim = self._store.claims.claim(subject, _STAGE, self._worker, seconds)
        if claim is not None:
            self._claims[subject] = claim
        return claim is not None

    def release(self, notifier: str, problem: str) -> None:
        """See Records."""
        claim = self._claims.pop(f"notify:{notifier}:{problem}", None)
        if claim is not None:
            self._store.claims.release(claim)


def _ids(intents: Sequence[Intent]) -> list[int]:
    return [int(each.id) for each in intents]


def _row(ticket: Ticket) -> rows.Ticket:
    return rows.Ticket(ticket.problem, ticket.notifier, ticket.id, ticket.url, "open", None)
