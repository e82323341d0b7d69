"""Which dump lies where: copied, renamed, mounted elsewhere, grown out of a log, gone."""

from datetime import UTC, datetime, timedelta

from tests.crashes import BEGAN, SHARE, found, identity, occurrence
from vmtriage.store.base import Store
from vmtriage.store.rows import Ended, ReportFiles
from vmtriage.store.workers import this_worker


def test_a_place_that_waits_is_seen_without_a_dump_and_keeps_when_it_came_to_rest(
    store: Store,
) -> None:
    growing, grown = found(size=10), found(size=20)
    assert store.places.note(growing, None) is None
    first = store.places.seen(SHARE)[growing.place]
    store.places.note(growing, None)
    assert store.places.seen(SHARE)[growing.place] == first
    assert (first.stamp, first.dump, first.stage) == (growing.stamp, None, None)

    store.places.note(grown, None)
    second = store.places.seen(SHARE)[growing.place]
    assert second.stamp == grown.stamp
    assert second.since >= first.since
    store.places.note(grown, None, since=BEGAN)
    assert store.places.seen(SHARE)[growing.place].since == BEGAN


def test_a_first_look_at_a_large_share_is_one_transaction(store: Store) -> None:
    several = [found(f"p{number}") for number in range(300)]
    store.places.wait(several)
    seen = store.places.seen(SHARE)
    assert {each.place: each.stamp for each in several} == {
        name: each.stamp for name, each in seen.items()
    }
    assert not any(each.dump for each in seen.values())


def test_an_identified_place_is_known_by_its_stamp_alone(store: Store) -> None:
    assert store.places.note(found(), identity()) == "d1"
    seen = store.places.seen(SHARE)
    assert {name: (each.dump, each.stamp, each.kind) for name, each in seen.items()} == {
        found().place: ("d1", found().stamp, "vmcore")
    }
    assert store.places.seen("/srv/other") == {}
    store.places.note(found(size=9999), None)  # somebody writes over it
    assert store.places.seen(SHARE)[found().place].dump is None


def test_the_same_dump_at_other_places_is_the_same_dump(store: Store) -> None:
    for each in (found(), found("copy"), found("moved", share="/mnt/b")):
        assert store.places.note(each, identity()) == "d1"
    assert [each.id for each in store.dumps.all()] == ["d1"]
    store.places.gone(SHARE, [found().place, "never there"])
    lies = [(each.share, each.place, each.gone is None) for each in store.places.of("d1")]
    assert lies == [("/mnt/b", "moved", True), (SHARE, "copy", True), (SHARE, found().place, False)]


def test_a_place_that_comes_back_is_known_again_without_opening_it(store: Store) -> None:
    store.places.note(found(), identity())
    store.places.gone(SHARE, [found().place])
    assert store.places.seen(SHARE)[found().place].gone
    assert store.places.seen(SHARE)[found().place].dump == "d1"
    store.places.note(found(), identity())
    assert not store.places.seen(SHARE)[found().place].gone


def test_ten_thousand_places_can_go_at_once(store: Store) -> None:
    store.places.note(found(), identity())
    store.places.gone(SHARE, [f"p{number}" for number in range(10_000)] + [found().place])
    assert store.places.seen(SHARE)[found().place].gone


def test_a_log_whose_vmcore_comes_later_becomes_that_dump_and_its_link_leads_on(
    store: Store,
) -> None:
    store.places.note(found(kind="log"), identity("log1", crash_time=None))
    store.occurrences.put(occurrence("log1", stage="log"))
    report = ReportFiles("log1", "log", "/srv/www/d/log1", ("index.html",), "0.1", "s1", BEGAN)
    store.reports.put(report)
    before = store.changes.revision()

    store.places.note(found(size=5), None)  # the vmcore is being written
    assert store.places.note(found(), identity("d1")) == "d1"

    assert store.dumps.became() == {"log1": "d1"}
    assert store.occurrences.get("log1") is None
    moved = store.occurrences.get("d1")
    assert moved == occurrence("log1", stage="log").model_copy(update={"dump": "d1"})
    assert store.reports.of("log1") == ()
    assert store.places.seen(SHARE)[found().place].stage is None  # crash has to run
    changed = {(each.kind, each.id) for each in store.changes.since(before)}
    assert changed >= {("dump", "log1"), ("dump", "d1"), ("problem", "p1"), ("host", "web1")}
    # the log found once more, elsewhere: still that dump
    assert store.places.note(found("copy", "log"), identity("log1")) == "d1"


def test_a_log_whose_vmcore_was_triaged_elsewhere_is_not_counted_twice(store: Store) -> None:
    store.places.note(found("elsewhere"), identity("d1"))
    store.occurrences.put(occurrence("d1", problem="p2"))
    store.places.note(found(kind="log"), identity("log1"))
    store.occurrences.put(occurrence("log1", problem="p1", stage="log"))
    assert store.occurrences.total() == 2

    store.places.note(found(), identity("d1"))
    assert [each.dump for each in store.occurrences.briefs()] == ["d1"]
    assert store.problems.resolve("p1") == "p2"
    assert store.places.seen(SHARE)[found().place].stage == "full"


def test_a_log_that_is_still_read_while_its_vmcore_comes_is_not_counted_twice(
    store: Store,
) -> None:
    store.places.note(found(kind="log"), identity("log1"))
    store.places.note(found(), identity("d1"))
    store.reports.put(ReportFiles("log1", "log", "/srv/www", ("a",), "0.1", "s1", BEGAN))
    assert store.occurrences.put(occurrence("log1", stage="log"))
    assert not store.occurrences.put(occurrence("log1", stage="log", title="again"))
    assert [each.dump for each in store.occurrences.briefs()] == ["d1"]
    assert store.reports.of("log1") == ()
    assert store.places.seen(SHARE)[found().place].stage is None


def test_an_incomplete_dump_that_is_still_analysed_when_the_whole_one_comes(store: Store) -> None:
    store.places.note(found(kind="incomplete", size=500), identity("half", size=500))
    store.places.note(found(), identity("d1"))
    store.occurrences.put(occurrence("half"))
    assert store.occurrences.put(occurrence("d1", stage="log", title="by its log"))
    assert store.places.seen(SHARE)[found().place].stage == "log"
    assert store.occurrences.put(occurrence("d1"))
    assert [(each.dump, each.stage) for each in store.occurrences.briefs()] == [("d1", "full")]


def test_an_incomplete_dump_becomes_the_whole_one(store: Store) -> None:
    store.places.note(found(kind="log"), identity("log1"))
    store.places.note(found(kind="incomplete", size=500), identity("half", size=500))
    store.places.note(found(), identity("d1"))
    assert store.dumps.became() == {"log1": "d1", "half": "d1"}


def test_a_vmcore_that_was_removed_leaves_its_dump_to_the_log_beside_it(store: Store) -> None:
    store.places.note(found(), identity("d1"))
    assert store.places.note(found(kind="log"), identity("log1", crash_time=None)) == "d1"
    assert store.dumps.became() == {}
    assert [each.id for each in store.dumps.all()] == ["d1"]
    assert store.places.seen(SHARE)[found().place].dump == "d1"


def test_another_crash_written_over_the_first_is_another_dump(store: Store) -> None:
    """netdump and single-file layouts use one name again and again."""
    later = BEGAN + timedelta(days=2)
    store.places.note(found(kind="log"), identity("log1"))
    store.occurrences.put(occurrence("log1", stage="log"))
    assert store.places.note(found(), identity("d2", crash_time=later)) == "d2"
    assert store.places.note(found(size=77), identity("d3", crash_time=later)) == "d3"
    assert store.dumps.became() == {}
    assert store.occurrences.get("log1") is not None


def test_a_released_dump_is_due_at_once_and_its_old_failures_do_not_count(store: Store) -> None:
    dump = store.places.note(found(), identity())
    assert dump is not None
    claim = store.claims.claim(dump, "full", this_worker(), 60)
    assert claim is not None
    attempt = store.attempts.begin(claim)
    again = datetime(2030, 1, 1, tzinfo=UTC)
    store.attempts.end(attempt, Ended("failed", 65, "no dump", 1.5, again, quarantine="no dump"))
    known = store.places.seen(SHARE)[found().place]
    assert (known.quarantined, known.retry_at) == (True, again)
    assert [(each.id, each.quarantine) for each in store.dumps.quarantined()] == [("d1", "no dump")]
    assert store.attempts.failures("d1", "full") == 1

    assert store.dumps.release("d1")
    assert not store.dumps.release("d1")
    known = store.places.seen(SHARE)[found().place]
    assert (known.quarantined, known.retry_at) == (False, None)
    assert store.attempts.failures("d1", "full") == 0


def test_text_that_no_database_takes_is_kept_readable(store: Store) -> None:
    hostile = identity().model_copy(update={"nodename": "a\0b", "release": "6.1 \udc80"})
    store.places.note(found(), hostile)
    dump = store.dumps.get("d1")
    assert dump is not None
    assert (dump.nodename, dump.release) == ("a␀b", "6.1 \\udc80")
