"""Who is told what, how often, and what becomes of it when the configuration changes."""

import socket
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fleet import make_occurrence, yarn
from tests.notices import notice, problem_of
from tests.trackers import PlayedGitLab, playing
from vmtriage.analysis.problems.identity import problem_id
from vmtriage.fleet.config.read import parse
from vmtriage.fleet.listen.routed import notice_of
from vmtriage.fleet.notify.base import STORY, Past
from vmtriage.fleet.notify.desk import Desk
from vmtriage.fleet.notify.make import desk
from vmtriage.fleet.notify.records import MemoryRecords, Records
from vmtriage.fleet.notify.routes import Routes
from vmtriage.fleet.notify.stored import StoredRecords
from vmtriage.models.event import Event
from vmtriage.models.finding import CrashClass
from vmtriage.models.notice import Notice, NoticeEvent, gravest
from vmtriage.models.occurrence import KnownBug
from vmtriage.store.opening import open_store
from vmtriage.store.workers import this_worker

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROUTES = """
[notifiers]
a = {kind = "exec", command = ["/bin/true"]}
b = {kind = "exec", command = ["/bin/true"]}
mail = {kind = "mail", server = "m", sender = "a@b", to = ["c@d"]}

[[routes]]
hosts = ["test-*"]
drop = true

[[routes]]
culprits = "application_1526_*"
to = "a"
last = true

[[routes]]
classes = ["oom", "null_pointer"]
signatures = "null-*"
to = ["b"]

[[routes]]
states = ["spreading", "regressed"]
severities = ["panic"]
to = ["a", "b"]

[[routes]]
events = ["quarantined", "broken"]
to = "mail"

[[routes]]
match = "ext4_\\\\w+"
to = ["mail", "b"]
"""


def chosen(told: Notice) -> tuple[str, ...]:
    return desk(parse(ROUTES, "f"), MemoryRecords()).chosen(told)


def test_routes_choose_by_class_severity_culprit_host_state_and_signature() -> None:
    assert chosen(notice()) == ()
    assert chosen(notice(host="test-1", culprit=yarn())) == ()
    assert chosen(notice(culprit=yarn())) == ("a",)
    assert chosen(notice(culprit=yarn("application_9_1"))) == ()
    bug = KnownBug(id="null-deref", title="x", kernel="unknown")
    null: dict[str, Any] = {"crash_class": CrashClass.NULL_POINTER, "frames": ("f",)}
    assert chosen(notice(**null, known=(bug,))) == ("b",)
    assert chosen(notice(**null)) == ()
    assert chosen(notice("spreading", 3, "spreading")) == ("a", "b")
    assert chosen(notice("spreading", 3, "spreading", severity="serious")) == ()
    assert chosen(notice("spreading", 3, "spreading", culprit=yarn())) == ("a",), "it was the last"
    assert chosen(notice(frames=("ext4_map_blocks",))) == ("mail", "b")
    assert chosen(notice(frames=("ext4_map_blocks",), severity="noise")) == ()


def test_operators_are_told_only_where_a_route_says_so() -> None:
    gone = Notice.quarantined("a" * 16, "db1", "no dump at all", NOW)
    assert chosen(gone) == ("mail",)
    assert chosen(gone.model_copy(update={"host": "test-1"})) == ()
    assert chosen(Notice.broken("/srv/crash", "stale", "scan1", NOW)) == ("mail",)
    without = parse('[notifiers]\na = {kind = "exec", command = ["x"]}\n', "f")
    ours = desk(without, MemoryRecords())
    assert ours.chosen(gone) == ()
    assert ours.chosen(notice()) == ("a",), "without routes grave problems go to all"
    assert ours.chosen(notice(severity="notable")) == ()
    once = Notice.broken("/srv/crash", "stale", "scan1", NOW + timedelta(hours=3))
    assert once.id == Notice.broken("/srv/crash", "away", "scan1", NOW).id, "once a day"


def test_a_finished_analysis_is_for_tickets_and_threads() -> None:
    told = notice("analysed", frames=("ext4_map_blocks",))
    assert chosen(told) == ("mail",)


class Kept:
    """A channel that keeps what it is told."""

    name = "kept"
    wants: Sequence[NoticeEvent] = STORY
    asks_first = False

    def __init__(self) -> None:
        self.told: list[Notice] = []
        self.fails = False

    def tell(self, notice: Notice, past: Past) -> None:  # noqa: ARG002
        if self.fails:
            raise RuntimeError("a mistake in a notifier")
        self.told.append(notice)

    def preview(self, notice: Notice) -> str:
        return notice.title


def kept_desk(records: Records, every: float = 0.0) -> tuple[Desk, Kept]:
    channel = Kept()
    routes = Routes.model_validate({"routes": [{"to": "kept"}]})
    return Desk({"kept": channel}, routes, records, {"kept": every}), channel


@pytest.fixture(params=["memory", "store"])
def records(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "memory":
        yield MemoryRecords()
        return
    with open_store(tmp_path / "store.sqlite") as store:
        yield StoredRecords(store, this_worker())


def test_what_waits_of_one_problem_is_told_as_one(records: Records) -> None:
    ours, channel = kept_desk(records)
    now = datetime.now(UTC)
    for each in (notice(), notice("recurred", 2), notice("spreading", 3), notice("recurred", 3)):
        assert ours.take(each) == 1
    told = ours.deliver(now)
    assert [(each.event, each.count) for each in channel.told] == [("spreading", 3)]
    assert (told.sent, told.held, told.waiting) == (3, 0, 0), "the first recurrence is in the last"
    assert ours.deliver(now).sent == 0


def test_what_was_told_lately_is_held_and_no_failure(records: Records) -> None:
    ours, channel = kept_desk(records, every=3600)
    now = datetime.now(UTC)
    ours.take(notice("recurred", 2))
    ours.deliver(now)
    ours.take(notice("recurred", 3))
    ours.take(notice("regressed", 4))
    later = datetime.now(UTC) + timedelta(seconds=1)
    told = ours.deliver(later)
    assert (told.sent, told.held, told.waiting, told.troubles) == (1, 1, 0, ())
    assert channel.told[-1].event == "regressed"
    assert ours.deliver(later + timedelta(hours=2)).sent == 1
    assert [each.count for each in channel.told] == [2, 4, 3]


def test_a_notifier_that_breaks_ends_nothing(records: Records) -> None:
    ours, channel = kept_desk(records)
    channel.fails = True
    ours.take(notice())
    ours.take(notice(frames=("x", "y")))
    now = datetime.now(UTC)
    told = ours.deliver(now)
    assert (told.sent, told.waiting) == (0, 2)
    assert "RuntimeError: a mistake in a notifier" in told.troubles[0]
    channel.fails = False
    assert ours.deliver(now).sent == 0, "not at once"
    assert ours.deliver(now + timedelta(hours=1, seconds=5)).sent == 2


def test_nothing_is_forgotten_when_the_clock_was_wrong(records: Records) -> None:
    ours, channel = kept_desk(records, every=3600)
    ahead = datetime.now(UTC) + timedelta(days=3650)
    channel.fails = True
    ours.take(notice())
    ours.deliver(ahead)  # its retry is ten years away
    channel.fails = False
    assert ours.deliver(datetime.now(UTC)).sent == 1


def test_a_notice_for_a_notifier_that_is_gone_is_dropped(records: Records) -> None:
    ours, _ = kept_desk(records)
    ours.take(notice())
    empty = Desk({}, ours.routes, records)
    assert empty.deliver(datetime.now(UTC)).dropped == 1
    assert ours.deliver(datetime.now(UTC)).sent == 0


def test_the_gravest_of_several_is_told_with_the_latest_numbers() -> None:
    told = gravest([notice(), notice("recurred", 7), notice("regressed", 3)])
    assert (told.event, told.count) == ("regressed", 7)
    assert told.id == notice("regressed", 3).id


def test_a_problem_that_became_another_keeps_its_ticket(tmp_path: Path) -> None:
    with playing(PlayedGitLab()) as played, open_store(tmp_path / "s.sqlite") as store:
        token = tmp_path / "token"
        token.write_text(played.token)
        token.chmod(0o600)
        config = parse(
            f'[notifiers.g]\nkind = "gitlab"\nurl = "{played.base}"\nproject = "infra/crashes"\n'
            f'token_file = "{token}"\nevery_s = 0\n', "f"
        )  # fmt: skip
        ours = desk(config, StoredRecords(store, this_worker()))
        ours.take(notice())
        assert ours.deliver(datetime.now(UTC)).sent == 1
        (ticket,) = store.problems.tickets(notice().problem)
        assert (ticket.notifier, ticket.remote_id) == ("g", "1")
        assert ticket.url == "https://gitlab/-/issues/1"


# -- the listener ---------------------------------------------------------------------------------


def test_an_event_of_the_listener_is_of_the_problem_its_dump_will_have() -> None:
    crash = make_occurrence()
    event = Event(
        host="db1", address="10.0.0.1", received=NOW, crash_class=crash.crash_class,
        title=crash.title, function=crash.function, severity="panic",
        fingerprint=crash.fingerprint_problem, line="hard LOCKUP",
    )  # fmt: skip
    told = notice_of(event, "https://crash.example.org/")
    assert told.problem == problem_id(crash) == problem_of([crash]).id
    assert told.link == f"https://crash.example.org/p/{crash.problem}/"
    assert told.event == "new"
    repeat = event.model_copy(update={"kind": "repeat", "count": 9, "hosts": ("a", "b")})
    assert (notice_of(repeat).event, notice_of(repeat).count) == ("recurred", 9)
    lost = event.model_copy(update={"kind": "listener"})
    assert notice_of(lost).event == "broken"


def test_listen_opens_a_ticket_by_the_configuration_file(tmp_path: Path) -> None:
    log = Path("fixtures/captures/lab-6.1-uaf/log.txt").read_bytes()
    token, path = tmp_path / "token", tmp_path / "f.toml"
    with playing(PlayedGitLab()) as played:
        token.write_text(f"{played.token}\n")
        token.chmod(0o600)
        path.write_text(
            f'hosts = "{tmp_path}/hosts"\n[listen]\nbind = ["127.0.0.1:0"]\nquiet_time_s = 1\n'
            f'[notifiers.g]\nkind = "gitlab"\nurl = "{played.base}"\nproject = "infra/crashes"\n'
            f'token_file = "{token}"\n'
        )
        (tmp_path / "hosts").write_text("127.0.0.1 db1.example.org\n")
        command = [sys.executable, "-m", "vmtriage", "listen", "--config", str(path), "--no-dns"]
        child = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert child.stderr
        port = int(child.stderr.readline().rpartition(":")[2])
        child.stderr.readline()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for line in log.splitlines():
                sender.sendto(line + b"\n", ("127.0.0.1", port))
        played.after = lambda _: child.terminate()
        _, said = child.communicate(timeout=120)
        assert child.returncode == 0, said
        (ticket,) = played.tickets
        assert "db1.example.org" in ticket["description"]
        assert "vmtriage-problem: " in ticket["description"]
        assert played.token not in said
        path.write_text(path.read_text().replace("gitlab", "gitlub", 1))
        wrong = subprocess.run(command, capture_output=True, text=True, check=False)
        assert wrong.returncode == 78
        assert f"{path}:6: notifiers.g.kind: " in wrong.stderr
