"""Occurrences and problems: replaced as a whole, counted by SQL, links that lead on."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from tests.crashes import BEGAN, SHARE, found, identity, occurrence
from vmtriage.errors import StoreError
from vmtriage.models.occurrence import Occurrence
from vmtriage.models.problem import Shared
from vmtriage.store import paged, schema
from vmtriage.store.base import Store
from vmtriage.store.opening import open_database
from vmtriage.store.rows import Alias, Ticket


def put(store: Store, *occurrences: Occurrence) -> None:
    for each in occurrences:
        store.places.note(found(each.dump), identity(each.dump))
        store.occurrences.put(each)


def changed(store: Store, since: int) -> set[tuple[str, str]]:
    return {(each.kind, each.id) for each in store.changes.since(since)}


def test_the_full_one_replaces_the_logs_and_never_the_other_way_round(store: Store) -> None:
    log, full = occurrence(stage="log"), occurrence(title="better")
    put(store, log)
    assert store.places.seen(SHARE)["d1"].stage == "log"
    assert store.occurrences.put(full)
    assert not store.occurrences.put(log)
    assert not store.occurrences.put(full)
    assert store.occurrences.get("d1") == full
    assert store.places.seen(SHARE)["d1"].stage == "full"


def test_only_what_changed_is_told_and_only_once(store: Store) -> None:
    put(store, occurrence(stage="log", host="10.0.0.1"))
    before = store.changes.revision()
    store.occurrences.put(occurrence(stage="log", host="10.0.0.1"))
    assert store.changes.since(before) == ()
    store.occurrences.put(occurrence(host="web1", application="app_7", problem="p2"))
    assert changed(store, before) == {
        ("dump", "d1"), ("problem", "p1"), ("problem", "p2"), ("host", "10.0.0.1"),
        ("host", "web1"), ("culprit", "app_7"),
    }  # fmt: skip


def test_a_problem_left_empty_becomes_an_alias_until_it_is_seen_again(store: Store) -> None:
    put(store, occurrence("d1", "p1", "log"), occurrence("d2", "p1", "log"))
    store.occurrences.put(occurrence("d1", "p2"))
    assert store.problems.aliases() == {}
    store.occurrences.put(occurrence("d2", "p2"), follow=False)
    assert store.problems.aliases() == {"p1": Alias("p2", follow=False)}
    assert (store.problems.resolve("p1"), store.problems.resolve("p9")) == ("p2", "p9")
    assert store.problems.get("p1") is None

    store.occurrences.put(occurrence("d1", "p3"))
    store.occurrences.put(occurrence("d2", "p3"))  # a chain is followed to its end
    assert {old: alias.of for old, alias in store.problems.aliases().items()} == {
        "p1": "p3", "p2": "p3",
    }  # fmt: skip
    put(store, occurrence("d3", "p1"))
    assert set(store.problems.aliases()) == {"p2"}
    store.occurrences.put(occurrence("d1", "p1"))
    store.occurrences.put(occurrence("d2", "p1"))  # and back again: no circle
    assert {old: alias.of for old, alias in store.problems.aliases().items()} == {
        "p2": "p1", "p3": "p1",
    }  # fmt: skip


def test_numbers_of_a_problem(store: Store) -> None:
    put(
        store,
        occurrence("d1", "p1", host="a", hours=5, severity="notable"),
        occurrence("d2", "p1", host="a", hours=1, severity="serious", title="by crash"),
        occurrence("d3", "p1", "log", host="b", hours=9, severity="noise", title="by its log"),
        occurrence("d4", "p2", "log", host="b", hours=20),
    )
    last, first = store.problems.all()
    assert (last.id, last.count) == ("p2", 1)
    assert (first.count, first.hosts, first.severity) == (3, 2, "serious")
    assert first.title == "p1: hard lockup"  # of the latest that crash has read
    assert first.first_seen == BEGAN + timedelta(hours=1)
    assert first.last_seen == BEGAN + timedelta(hours=9)
    assert store.problems.get("p1") == first
    assert [each.dump for each in store.occurrences.of_problem("p1")] == ["d3", "d1", "d2"]
    assert [each.dump for each in store.occurrences.of_host("b")] == ["d4", "d3"]
    assert [each.dump for each in store.occurrences.representatives()] == ["d1", "d4"]
    assert [each.dump for each in store.occurrences.all()] == ["d2", "d1", "d3", "d4"]
    assert [each.dump for each in store.occurrences.briefs(limit=2)] == ["d4", "d3"]


def test_counts_of_the_fleet_and_of_one_problem(store: Store) -> None:
    put(
        store,
        *(occurrence(f"a{n}", "p1", host=f"h{n}", application="app_1") for n in range(9)),
        *(occurrence(f"b{n}", "p1", host="h0", release="6.12") for n in range(2)),
        occurrence("c", "p2", host="h0", hardware=None, module="ext4"),
    )

    def counts(what: Shared, problem: str | None = None) -> dict[str, int]:
        return {each.value: each.count for each in store.occurrences.counts(what, problem)}

    assert counts("culprit", "p1") == {"app_1": 9}
    assert counts("kernel") == {"6.1.0-9": 10, "6.12": 2}
    assert next(iter(counts("host"))) == "h0"
    assert counts("host")["h0"] == 4
    assert counts("hardware") == {"Dell R740": 11}
    assert counts("module", "p1") == {}
    assert counts("module") == {"ext4": 1}
    assert counts("firmware", "p2") == {"2.10.2": 1}
    assert len(store.occurrences.of_culprit("app_1")) == 9


def test_more_than_a_page_comes_whole_and_in_order(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"d{number:02}" for number in range(25)]
    for name in names:
        store.places.note(found(name), identity(name))
    monkeypatch.setattr(paged, "_PAGE", 5)
    assert [each.id for each in store.dumps.all()] == names


def test_a_crash_of_a_newer_vmtriage_is_said(store: Store, store_url: str) -> None:
    put(store, occurrence("d1"))
    database = open_database(store_url)
    with database.write() as connection:
        newer = occurrence("d1").model_dump_json().replace('"stage"', '"phase"')
        connection.execute(update(schema.occurrences).values(document=newer))
    database.close()
    with pytest.raises(StoreError, match="cannot be read"):
        store.occurrences.get("d1")


def test_a_site_writes_what_it_has_not_written(store: Store) -> None:
    put(store, occurrence("d1"))
    assert store.changes.written("/srv/www") == 0
    upto = store.changes.revision()
    assert upto > 0
    put(store, occurrence("d2", "p2", host="b"))
    store.changes.set_written("/srv/www", upto)
    store.changes.set_written("/srv/www", upto - 1)  # of a slower writer
    assert store.changes.written("/srv/www") == upto
    assert changed(store, upto) == {("dump", "d2"), ("problem", "p2"), ("host", "b")}
    assert store.changes.touch("host", ["x", "y"]) == store.changes.revision()
    assert [each.id for each in store.changes.since(store.changes.revision() - 1)] == ["x", "y"]
    store.changes.set_written("/srv/www", 0)
    assert store.changes.written("/srv/www") == 0


def test_a_ticket_stays_with_its_problem_and_is_seen_through_the_alias(store: Store) -> None:
    put(store, occurrence("d1", "p1", "log"))
    ticket = Ticket("p1", "jira", "CRASH-1", "https://j/CRASH-1", "open", BEGAN)
    store.problems.put_ticket(ticket)
    store.occurrences.put(occurrence("d1", "p2"))
    assert store.problems.tickets("p2") == (ticket,)
    own = Ticket("p2", "gitlab", "7", None, "closed", None)
    store.problems.put_ticket(own)
    store.problems.put_ticket(Ticket("p1", "jira", "CRASH-1", None, "closed", None))
    now = Ticket("p1", "jira", "CRASH-1", None, "closed", BEGAN)
    assert store.problems.tickets("p2") == (own, now)


def test_state_is_the_callers_own_text(store: Store) -> None:
    assert store.problems.state("p1") == ""
    store.problems.set_state("p1", '{"told": ["new"]}')
    before = store.changes.revision()
    store.problems.set_state("p1", '{"told": ["new"]}')
    assert store.changes.revision() == before
    assert store.problems.state("p1") == '{"told": ["new"]}'
