"""One ticket for one problem, in Jira, GitLab and GitHub, whatever fails or is killed when."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.notices import HEAD, HOSTILE, notice
from tests.trackers import Fault, Played, PlayedGitHub, PlayedGitLab, PlayedJira, playing
from vmtriage.fleet.config.model import Config
from vmtriage.fleet.notify.desk import Desk
from vmtriage.fleet.notify.make import desk
from vmtriage.fleet.notify.records import MemoryRecords
from vmtriage.fleet.notify.stored import StoredRecords
from vmtriage.models.notice import Notice
from vmtriage.store.opening import open_store
from vmtriage.store.workers import this_worker

KINDS: dict[str, tuple[type[Played], dict[str, Any]]] = {
    "jira": (PlayedJira, {"project": "CRASH"}),
    "gitlab": (PlayedGitLab, {"project": "infra/crashes"}),
    "github": (PlayedGitHub, {"repository": "o/r"}),
}
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(params=KINDS)
def tracker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Played]:
    kind = request.param
    played = KINDS[kind][0]()
    monkeypatch.setenv("TRACKER_TOKEN", played.token.removeprefix("Bearer "))
    played.kind = kind  # type: ignore[attr-defined]
    with playing(played):
        yield played


def config_of(played: Played, **changes: Any) -> Config:
    kind: str = played.kind  # type: ignore[attr-defined]
    told = {
        "kind": kind, "url": played.base, "token_env": "TRACKER_TOKEN", "timeout_s": 5,
        **KINDS[kind][1], **changes,
    }  # fmt: skip
    return Config.model_validate({"notifiers": {"ops": told}})


class Clock:
    """The records' and the desk's, moved by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def on(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def desk_of(played: Played, clock: Clock, **changes: Any) -> Desk:
    return desk(config_of(played, **changes), MemoryRecords(clock))


def texts(ticket: dict[str, Any]) -> tuple[str, str]:
    fields = ticket.get("fields", ticket)
    title = fields.get("summary") or fields.get("title")
    return title, fields.get("description") or fields.get("body")


def is_open(ticket: dict[str, Any]) -> bool:
    if "fields" in ticket:
        return bool(ticket["fields"]["status"]["statusCategory"]["key"] != "done")
    return str(ticket["state"]).startswith("open")


def close(ticket: dict[str, Any]) -> None:
    if "fields" in ticket:
        ticket["fields"]["status"] = {"name": "Done", "statusCategory": {"key": "done"}}
    else:
        ticket["state"] = "closed"


def all_comments(played: Played) -> list[str]:
    return [each["body"] for told in played.comments.values() for each in told]


def test_a_problem_gets_one_ticket_and_its_recurrences_are_comments(tracker: Played) -> None:
    clock = Clock()
    ours = desk_of(tracker, clock)
    first = notice()
    assert ours.take(first) == 1
    assert not tracker.asked, "written down, not sent"
    told = ours.deliver(clock())
    assert (told.sent, told.waiting, told.troubles) == (1, 0, ())
    assert told.tickets[0].url.startswith(("https://", tracker.base))
    title, body = texts(tracker.tickets[0])
    assert "unthrottle_cfs_rq" in title
    assert f"vmtriage-problem: {first.problem}" in body
    assert f"https://crash.example.org/p/{first.problem}/" in body
    assert "Update the kernel." in body
    ours.take(notice("recurred", 2))
    assert ours.deliver(clock()).sent == 1
    assert len(tracker.tickets) == 1
    (comment,) = all_comments(tracker)
    assert "2 times on 2 hosts" in comment
    assert ours.take(first) == 1  # a scan that was killed takes it once more
    assert ours.deliver(clock()).sent == 0


def test_forty_recurrences_are_a_comment_now_and_one_a_day_later(tracker: Played) -> None:
    clock = Clock()
    ours = desk_of(tracker, clock)
    ours.take(notice())
    ours.deliver(clock())
    for count in range(2, 42):
        ours.take(notice("recurred", count))
        ours.deliver(clock())
        clock.on(60)
    assert len(all_comments(tracker)) == 1
    clock.on(86400)
    assert ours.deliver(clock()).sent == 1, "the last one tells for all"
    assert "41 times on 41 hosts" in all_comments(tracker)[1]
    clock.on(86400 * 3)
    assert ours.deliver(clock()).sent == 0
    assert len(tracker.tickets) == 1


def test_a_regression_opens_the_ticket_again_and_a_recurrence_does_not(tracker: Played) -> None:
    clock = Clock()
    ours = desk_of(tracker, clock)
    ours.take(notice())
    ours.deliver(clock())
    close(tracker.tickets[0])
    ours.take(notice("recurred", 2))
    ours.deliver(clock())
    assert not is_open(tracker.tickets[0])
    ours.take(notice("regressed", 3, "regressed"))
    assert ours.deliver(clock()).troubles == ()
    assert is_open(tracker.tickets[0])
    assert "said to have the fix" in all_comments(tracker)[-1].replace("\\", "")
    assert len(tracker.tickets) == 1


def test_a_ticket_that_somebody_else_made_is_found_on_any_page(tracker: Played) -> None:
    clock = Clock()
    for number in range(8):
        fingers = tuple(f"f{number}{letter}" for letter in "abc")
        other = desk_of(tracker, clock)  # each with records of its own
        other.take(notice(frames=fingers))
        other.deliver(clock())
    assert len(tracker.tickets) == 8
    again = desk_of(tracker, clock)
    again.take(notice("recurred", 5, frames=("f7a", "f7b", "f7c")))
    told = again.deliver(clock())
    assert told.sent == 1
    assert len(tracker.tickets) == 8
    assert len(all_comments(tracker)) == 1
    assert told.tickets[0].id.endswith("8")


def test_a_deleted_ticket_is_made_anew(tracker: Played) -> None:
    clock = Clock()
    ours = desk_of(tracker, clock)
    ours.take(notice())
    ours.deliver(clock())
    tracker.tickets.clear()
    ours.take(notice("recurred", 2))
    told = ours.deliver(clock())
    assert (told.sent, told.troubles) == (1, ())
    assert len(tracker.tickets) == 1


@pytest.mark.parametrize(
    "fault",
    [
        Fault("POST", "", 502, done=True),
        Fault("POST", "", 0, done=True, drop=True),
        Fault("POST", "", 502, done=False),
        Fault("POST", "", 0, done=False, drop=True),
    ],
    ids=["502, made", "no answer, made", "502, not made", "no answer, not made"],
)
def test_a_creation_without_an_answer_makes_no_second_ticket(tracker: Played, fault: Fault) -> None:
    clock = Clock()
    ours = desk_of(tracker, clock)
    tracker.faults = [Fault(**vars(fault))]
    ours.take(notice())
    told = ours.deliver(clock())
    assert (told.sent, told.waiting) == (0, 1)
    assert told.troubles
    assert ours.deliver(clock()).sent == 0, "its index needs a moment"
    clock.on(600)
    assert ours.deliver(clock()).sent == 1
    assert len(tracker.tickets) == 1
    assert all_comments(tracker) == []


def test_a_comment_without_an_answer_is_not_made_twice(tracker: Played) -> None:
    clock = Clock()
    ours = desk_of(tracker, clock)
    ours.take(notice())
    ours.deliver(clock())
    for count in range(2, 7):  # the server pages comments by three
        tracker.say("CRASH-1" if isinstance(tracker, PlayedJira) else "1", body=f"no {count}")
    tracker.faults = [Fault("POST", "comment|notes", 504, done=True)]
    ours.take(notice("recurred", 2))
    assert ours.deliver(clock()).sent == 0
    clock.on(600)
    assert ours.deliver(clock()).sent == 1
    assert len([each for each in all_comments(tracker) if "vmtriage-note" in each]) == 1


@pytest.mark.parametrize(
    ("fault", "seconds", "words"),
    [
        (Fault("POST", "", 429, {"Retry-After": "1800"}), 1800, "429"),
        (Fault("GET", "", 503, {"Retry-After": "120"}), 120, "503"),
        (Fault("GET", "", 429), 60, "429"),
        (Fault("POST", "", 503, {"Retry-After": "7200"}), 7200, "503"),
    ],
    ids=["429 on create", "503 on search", "429 that says nothing", "503 for two hours"],
)
def test_a_server_that_is_busy_is_asked_again_when_it_says(
    tracker: Played, fault: Fault, seconds: float, words: str
) -> None:
    clock = Clock()
    ours = desk_of(tracker, clock)
    tracker.faults = [Fault(**vars(fault))]
    ours.take(notice())
    ours.take(notice(frames=("other", "one")))
    told = ours.deliver(clock())
    assert (told.sent, told.waiting) == (0, 2)
    assert len(told.troubles) == 1
    assert words in told.troubles[0]
    assert len(tracker.asked) <= 4, "the second problem does not knock at the same door"
    clock.on(seconds - 5)
    ours.take(notice(frames=("third", "one")))
    asked = len(tracker.asked)
    assert ours.deliver(clock()).waiting == 3, "what was not tried yet waits, too"
    assert len(tracker.asked) == asked
    clock.on(10)
    assert ours.deliver(clock()).sent == 3
    assert len(tracker.tickets) == 3


def test_githubs_limits_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    played = PlayedGitHub()
    played.kind = "github"  # type: ignore[attr-defined]
    monkeypatch.setenv("TRACKER_TOKEN", "gh-secret-token")
    clock = Clock()
    reset = datetime.now(UTC) + timedelta(minutes=30)
    spent = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": f"{reset.timestamp():.0f}"}
    said = {"message": "You have exceeded a secondary rate limit. Please wait."}
    with playing(played):
        ours = desk_of(played, clock)
        played.faults = [Fault("POST", "", 403, spent, {"message": "API rate limit exceeded"})]
        ours.take(notice())
        assert "rate limit" in ours.deliver(clock()).troubles[0]
        clock.on(1700)
        assert ours.deliver(clock()).sent == 0
        clock.on(200)
        played.faults = [Fault("POST", "", 403, {}, said)]
        assert "secondary" in ours.deliver(clock()).troubles[0]
        clock.on(61)
        assert ours.deliver(clock()).sent == 1
    assert len(played.tickets) == 1


def test_github_finds_a_ticket_that_was_made_without_its_labels(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    played = PlayedGitHub()
    played.kind, played.may_label = "github", False  # type: ignore[attr-defined]
    monkeypatch.setenv("TRACKER_TOKEN", "gh-secret-token")
    clock = Clock()
    with playing(played):
        ours = desk_of(played, clock)
        played.faults = [Fault("POST", "", 0, done=True, drop=True)]
        ours.take(notice())
        assert ours.deliver(clock()).sent == 0
        clock.on(600)
        assert ours.deliver(clock()).sent == 1
        assert len(played.tickets) == 1, "by the list of the latest: the search saw nothing"
        played.indexed = 1
        lost = desk_of(played, clock)  # the store was lost
        lost.take(notice("recurred", 2))
        assert lost.deliver(clock()).sent == 1
        assert len(played.tickets) == 1, "by the search"


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "token is not accepted"), (403, "permission|scope|Issues"), (404, "may not see it")],
)
def test_a_refusal_says_what_to_fix_and_is_tried_later(
    tracker: Played, status: int, words: str
) -> None:
    clock = Clock()
    ours = desk_of(tracker, clock)
    secret = tracker.token.removeprefix("Bearer ")
    said = {"message": f"no: {secret} is wrong"}
    tracker.faults = [Fault("GET", "", status, {}, said)]
    ours.take(notice())
    (trouble,) = ours.deliver(clock()).troubles
    assert str(status) in trouble
    assert any(word in trouble for word in words.split("|"))
    assert secret not in trouble
    assert "***" in trouble
    clock.on(3600)
    assert ours.deliver(clock()).sent == 1


def test_one_bad_problem_does_not_hold_up_the_others(tracker: Played) -> None:
    clock = Clock()
    ours = desk_of(tracker, clock)
    tracker.faults = [Fault("POST", "", 422, {}, {"message": "body is too odd"})]
    ours.take(notice(frames=("bad", "one")))
    ours.take(notice())
    told = ours.deliver(clock())
    assert (told.sent, told.waiting) == (1, 1)
    assert "body is too odd" in told.troubles[0]


def test_a_redirect_is_not_followed_with_the_token(tracker: Played) -> None:
    clock = Clock()
    other = PlayedGitHub()
    with playing(other):
        where = {"Location": f"{other.base}/elsewhere"}
        tracker.faults = [Fault("GET", "", 302, where)]
        ours = desk_of(tracker, clock)
        ours.take(notice())
        (trouble,) = ours.deliver(clock()).troubles
        assert "redirected" in trouble
        assert not other.asked


def test_a_server_that_is_not_there_is_tried_again(
    tracker: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    config = config_of(tracker, url="http://127.0.0.1:9")
    ours = desk(config, MemoryRecords(clock))
    ours.take(notice())
    (trouble,) = ours.deliver(clock()).troubles
    assert "Connection refused" in trouble
    monkeypatch.delenv("TRACKER_TOKEN")
    clock.on(60)
    (trouble,) = ours.deliver(clock()).troubles
    assert "TRACKER_TOKEN is not set" in trouble


def test_hostile_text_is_only_text(tracker: Played) -> None:
    clock = Clock()
    ours = desk_of(tracker, clock)
    told = Notice.model_validate(
        notice().model_dump() | {
            "title": f"oops in {HOSTILE}", "summary": HOSTILE, "host": HOSTILE,
            "culprits": (HOSTILE,), "reasons": (HOSTILE,), "function": HOSTILE,
            "markdown": f"# x\n\n{{noformat}}\n{{code}}\n/close\n\n{HEAD}",
        }
    )  # fmt: skip
    ours.take(told)
    assert ours.deliver(clock()).sent == 1
    title, body = texts(tracker.tickets[0])
    assert "\n" not in title
    assert "@everyone" not in title
    assert "#123" not in title
    if isinstance(tracker, PlayedJira):
        head, _, rest = body.partition("{noformat}")
        inside, _, after = rest.partition("{noformat}")
        assert "{noformat}" not in after
        assert "{code}" in inside, "there it is only text"
        assert not _unescaped(head, "{code}", "{color", "[~admin", "[click", "!x", "![", "|h")
        assert "/close" in inside
    else:
        lines = [line.strip() for line in body.split("\n")]
        assert not [line for line in lines if line.startswith("/")], "a quick action of GitLab"
        assert "<script>" not in body
        assert "![x](" not in body
        assert "[click](" not in body
        for mention in ("@everyone", "@root", "#123"):
            at = body.index(mention)
            assert body[at - 1] == "`", "in a code span nobody is called"
    ours.take(told.model_copy(update={"event": "recurred", "id": "f" * 16}))
    assert ours.deliver(clock()).sent == 1


def _unescaped(text: str, *words: str) -> list[str]:
    return [
        word for word in words
        for at in range(len(text)) if text.startswith(word, at) and text[at - 1] != "\\"
    ]  # fmt: skip


def test_a_dry_run_shows_all_and_sends_nothing(tracker: Played) -> None:
    ours = desk_of(tracker, Clock())
    (shown,) = ours.preview(notice())
    assert "vmtriage-problem: " in shown
    assert "Update the kernel." in shown
    assert "***" in shown
    assert tracker.token.removeprefix("Bearer ") not in shown
    assert not tracker.asked
    assert tracker.token.removeprefix("Bearer ") not in repr(ours)


# -- killed ---------------------------------------------------------------------------------------

_RUN = """
import sys
from datetime import UTC, datetime
from tests.notices import notice
from vmtriage.fleet.config.model import Config
from vmtriage.fleet.notify.make import desk
from vmtriage.fleet.notify.stored import StoredRecords
from vmtriage.store.opening import open_store
from vmtriage.store.workers import this_worker

config = Config.model_validate_json(sys.argv[1])
with open_store(sys.argv[2]) as store:
    ours = desk(config, StoredRecords(store, this_worker()))
    for word in sys.argv[3:]:
        event, _, count = word.partition(":")
        ours.take(notice(event, int(count)))
    told = ours.deliver(datetime.now(UTC))
    print(told.sent, told.waiting, told.troubles)
"""


def start(config: Config, store: Path, *words: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", _RUN, config.model_dump_json(), str(store), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def finish(config: Config, store: Path) -> int:
    """What the next run does, ten minutes later."""
    with open_store(store) as opened:
        ours = desk(config, StoredRecords(opened, this_worker()))
        return ours.deliver(datetime.now(UTC) + timedelta(minutes=10)).sent


def test_killed_between_send_and_record_makes_no_second_ticket(
    tracker: Played, tmp_path: Path
) -> None:
    config, store = config_of(tracker), tmp_path / "store.sqlite"
    pid: list[int] = []
    tracker.after = lambda _: os.kill(pid[0], signal.SIGKILL)
    child = start(config, store, "new:1")
    pid.append(child.pid)
    assert child.wait(60) == -signal.SIGKILL
    assert len(tracker.tickets) == 1
    tracker.after = lambda _: None
    assert finish(config, store) == 1
    assert len(tracker.tickets) == 1
    assert all_comments(tracker) == [], "the ticket says it already"
    tracker.after = lambda _: os.kill(pid[0], signal.SIGKILL)
    child = start(config, store, "new:1", "recurred:2")
    pid[0] = child.pid
    assert child.wait(60) == -signal.SIGKILL
    tracker.after = lambda _: None
    assert finish(config, store) == 1
    assert len(tracker.tickets) == 1
    assert len(all_comments(tracker)) == 1


def test_two_scans_at_once_make_one_ticket(tracker: Played, tmp_path: Path) -> None:
    config, store = config_of(tracker), tmp_path / "store.sqlite"
    with open_store(store):
        pass
    children = [start(config, store, "new:1") for _ in range(3)]
    said = [child.communicate(timeout=120)[0] for child in children]
    assert sum(int(each.split()[0]) for each in said) == 1, said
    assert len(tracker.tickets) == 1
