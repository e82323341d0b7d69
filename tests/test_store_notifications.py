"""Written down before it is sent; after a kill it is known what is uncertain."""

from datetime import UTC, datetime

from vmtriage.store.base import Store
from vmtriage.store.rows import Notification, Ticket

LATER = datetime(2030, 1, 1, tzinfo=UTC)


def intend(store: Store, event: str = "new:1", notifier: str = "jira") -> Notification:
    return store.notifications.intend(notifier, "p1", event, '{"title": "x"}', "d1")


def test_the_same_is_written_down_once(store: Store) -> None:
    first = intend(store)
    assert (first.delivery, first.tries, first.payload) == ("intended", 0, '{"title": "x"}')
    store.notifications.sent([first.id])
    again = store.notifications.intend("jira", "p1", "new:1", "other")
    assert (again.id, again.delivery, again.payload) == (first.id, "sent", first.payload)
    assert intend(store, "new:2").id != first.id
    assert intend(store, notifier="mail").id != first.id


def test_what_was_begun_and_never_ended_is_uncertain_and_waits(store: Store) -> None:
    first, second, other = intend(store), intend(store, "new:2"), intend(store, notifier="mail")
    store.notifications.sending([first.id, second.id])
    waiting = store.notifications.waiting("jira")
    assert [(each.id, each.delivery, each.tries) for each in waiting] == [
        (first.id, "sending", 1), (second.id, "sending", 1),
    ]  # fmt: skip
    ticket = Ticket("p1", "jira", "CRASH-1", "https://j/1", "open", None)
    store.notifications.sent([first.id, second.id], ticket)
    assert [each.id for each in store.notifications.waiting()] == [other.id]
    assert store.problems.tickets("p1") == (ticket,)
    (sent, _) = store.notifications.of("p1", "sent")
    assert (sent.remote_id, sent.url) == ("CRASH-1", "https://j/1")


def test_what_failed_waits_until_it_is_given_up_and_what_was_sent_stays_so(store: Store) -> None:
    one = intend(store)
    store.notifications.failed([one.id], "503", LATER)
    (waits,) = store.notifications.waiting()
    assert (waits.delivery, waits.reason, waits.retry_at) == ("failed", "503", LATER)
    store.notifications.failed([one.id], "403", None)
    assert store.notifications.waiting() == ()
    two = intend(store, "new:2")
    store.notifications.sent([two.id])
    store.notifications.failed([two.id], "late", LATER)
    store.notifications.sending([two.id])
    assert [each.delivery for each in store.notifications.of("p1")] == ["dropped", "sent"]


def test_when_a_problem_was_last_told_of(store: Store) -> None:
    assert store.notifications.last_sent("jira", "p1") is None
    one = intend(store, "recurred:d1")
    store.notifications.sent([one.id])
    told = store.notifications.last_sent("jira", "p1", "recurred:")
    assert told is not None
    assert told == store.notifications.of("p1")[0].updated
    assert store.notifications.last_sent("jira", "p1", "regressed:") is None
    assert store.notifications.last_sent("jira", "p1", "%") is None
    assert store.notifications.last_sent("mail", "p1") is None
