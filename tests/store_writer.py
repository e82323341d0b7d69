"""A scan as the store sees it, without any dump: `python -m tests.store_writer URL CRASHES SITE`.

It may be killed anywhere and started again until it says that all is done. SITE and the tracker
(SITE/tickets) are directories: what is outside the store.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path

from tests.crashes import SHARE, found, identity, occurrence
from vmtriage.models.occurrence import Stage
from vmtriage.store.base import Store
from vmtriage.store.opening import open_store
from vmtriage.store.rows import Ended, Notification, ReportFiles, Ticket
from vmtriage.store.workers import this_worker

CAPTURE = Path(__file__).parent.parent / "fixtures/captures/centos7-cfs-lockup"


def work(store: Store, count: int, site: Path) -> None:
    store.claims.sweep()
    known = store.places.seen(SHARE)
    for number in range(count):
        place = f"p{number}"
        seen = known.get(place)
        if seen is None or seen.stage != "full":
            store.places.note(found(place), None)
            dump = store.places.note(found(place), identity(f"d{number}"))
            assert dump is not None
            triage(store, dump, number, "log", site)
            triage(store, dump, number, "full", site)
    tell(store, site)
    publish(store, site)


def triage(store: Store, dump: str, number: int, stage: Stage, site: Path) -> None:
    claim = store.claims.claim(dump, stage, this_worker(), 60)
    if claim is None:
        return
    row = store.dumps.get(dump)
    if row is None or row.stage in (stage, "full"):  # somebody else was faster
        store.claims.release(claim)
        return
    store.attempts.begin(claim)
    store.recordings.put(dump, CAPTURE, "s1", claim)
    report = ReportFiles(dump, stage, str(site / "d"), (dump,), "0.1", "s1", datetime.now(UTC))
    (site / "d").mkdir(exist_ok=True)
    (site / "d" / dump).write_text("report")
    store.reports.put(report, claim)
    problem = f"p{number % 3}" if stage == "full" else "by-log"
    each = occurrence(dump, problem, stage, host=f"h{number}")
    store.occurrences.put(each, claim, ended=Ended("ok", 0, seconds=1.0))
    store.claims.release(claim)


def tell(store: Store, site: Path) -> None:
    for problem in store.problems.all():
        store.notifications.intend("tracker", problem.id, "new", "{}")
    for each in store.notifications.waiting():
        send(store, each, site / "tickets")


def send(store: Store, each: Notification, tickets: Path) -> None:
    """The tracker makes a second ticket whenever it is asked to: one looks up first."""
    claim = store.claims.claim(f"ticket:{each.problem}", "notify", this_worker(), 60)
    if claim is None:
        return
    store.notifications.sending([each.id])
    tickets.mkdir(exist_ok=True)
    made = sorted(tickets.glob(f"{each.problem}.*"))
    if not made:
        made = [tickets / f"{each.problem}.{claim.token}"]
        made[0].touch(exist_ok=False)
    ticket = Ticket(each.problem, "tracker", made[0].name, None, "open", None)
    store.notifications.sent([each.id], ticket)
    store.claims.release(claim)


def publish(store: Store, site: Path) -> None:
    upto = store.changes.revision()
    for change in store.changes.since(store.changes.written(str(site))):
        if change.kind == "problem":
            row = store.problems.get(change.id)
            (site / f"{change.id}.html").write_text(str(row or "gone"))
    store.changes.set_written(str(site), upto)


if __name__ == "__main__":
    with open_store(sys.argv[1]) as opened:
        work(opened, int(sys.argv[2]), Path(sys.argv[3]))
    print("done")
