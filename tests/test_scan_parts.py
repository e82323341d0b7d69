"""Parts of a scan: shares that hang, headers that harm, what is told of whom."""

import os
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests import share as shares
from tests.fleet import NOW, make_occurrence
from vmtriage.analysis.problems import Fleet, view
from vmtriage.analysis.problems import seen as seen_of
from vmtriage.fleet.scan import identifying
from vmtriage.fleet.scan.identifying import identified
from vmtriage.fleet.scan.last import last_scan, remember
from vmtriage.fleet.scan.local import Bounds, LocalExecutor
from vmtriage.fleet.scan.look import look
from vmtriage.fleet.scan.notices import Links, Told, to_tell
from vmtriage.fleet.scan.summary import Summary
from vmtriage.fleet.scan.workspace import Workspace
from vmtriage.fleet.share import find
from vmtriage.models.found import Found, FoundFile
from vmtriage.models.occurrence import Occurrence


def test_a_share_that_hangs_holds_up_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a read of a directory does whose server is gone."""
    good, bad = tmp_path / "good", tmp_path / "bad"
    shares.lay(good, {f"{shares.RHEL}/vmcore": shares.vmcore()})
    bad.mkdir()
    server = threading.Event()

    def hanging(share: Path, _tell: object) -> Iterator[Found]:
        if share == bad:
            server.wait(60)
        yield from find(share)

    monkeypatch.setattr("vmtriage.fleet.scan.look.find", hanging)
    one, other = look([bad, good], 3.0)
    server.set()
    assert one.error is not None
    assert "does not answer" in one.error.message
    assert [each.place for each in other.found] == [shares.RHEL]


def test_a_file_that_never_answers_is_told_and_the_others_are_identified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identifying, "_DEADLINE_S", 15.0)
    shares.lay(tmp_path / "s", {f"host-2026-01-0{day}-15:04:05/vmcore": shares.vmcore(day)
                                for day in range(1, 5)})  # fmt: skip
    found = sorted(find(tmp_path / "s"), key=lambda each: each.place)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    stuck = FoundFile(path=str(pipe), size=1, mtime_ns=1)
    found[1] = found[1].model_copy(update={"place": "stuck", "files": (stuck,)})
    with Workspace() as space, closing(LocalExecutor(Bounds(2, 8 << 30))) as executor:
        answers = {each.place: answer for each, answer in identified(found, executor, space)}
    assert len(answers) == 4
    assert [place for place, answer in answers.items() if answer.identity is None] == ["stuck"]
    assert answers["stuck"].reason


def told(
    *crashes: Occurrence, changed: tuple[Occurrence, ...] = (),
    heard: dict[str, set[str]] | None = None,
) -> list[tuple[str, str | None]]:  # fmt: skip
    seen = view(crashes, Fleet(map(seen_of, crashes)), now=NOW)
    links = Links("https://crash.example.org/")
    made, _ = to_tell(seen, crashes, changed or crashes, Told(), heard or {}, links, str)
    assert all(each.link == f"https://crash.example.org/p/{seen.id}/" for each in made)
    return [(each.event, each.dump) for each in made if each.event != "spreading"]


ONE, TWO = make_occurrence(2), make_occurrence(1)  # the smaller the number the later


def test_the_first_crash_is_new_and_the_others_recurred() -> None:
    assert told(ONE) == [("new", ONE.dump)]
    assert told(ONE, TWO) == [("new", ONE.dump), ("recurred", TWO.dump)]
    assert told(ONE, TWO, changed=(TWO,)) == [("recurred", TWO.dump)]


def test_the_full_stage_is_told_to_who_heard_of_the_log() -> None:
    assert told(ONE, heard={ONE.dump: {"log"}}) == [("analysed", ONE.dump)]


def test_what_was_told_is_not_told_again() -> None:
    assert told(ONE, heard={ONE.dump: {"full"}}) == []
    by_log = ONE.model_copy(update={"stage": "log"})
    assert told(by_log, heard={ONE.dump: {"log"}}) == []
    assert told(by_log, heard={ONE.dump: {"full"}}) == []  # the full one had been told


def test_a_trouble_is_news_when_it_begins_and_when_it_is_over(tmp_path: Path) -> None:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    away = Summary(troubles=["/srv/crash is away", "/srv/crash is away"])
    assert last_scan(tmp_path) is None
    assert remember(tmp_path, away, now, 1.0) == (["/srv/crash is away"], [])
    assert remember(tmp_path, away, now, 1.0) == ([], [])
    assert remember(tmp_path, Summary(), now + timedelta(minutes=1), 1.0) == (
        [], ["/srv/crash is away"],
    )  # fmt: skip
    last = last_scan(tmp_path)
    assert last is not None
    assert (last.finished, last.exit_code) == (now + timedelta(minutes=1), 0)


def test_a_notifier_that_waits_for_its_next_try_is_not_over(tmp_path: Path) -> None:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    remember(tmp_path, Summary(untold=1, untold_why=["jira: 503"]), now, 1.0)
    assert remember(tmp_path, Summary(untold=1), now, 1.0) == ([], [])
    assert remember(tmp_path, Summary(), now, 1.0) == ([], ["jira: 503"])


def test_what_a_killed_scan_left_is_removed_and_what_runs_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Workspace() as mine:
        name = mine.home().parent.name
        pid, start, space, _ = name.removeprefix("vmtriage-scan-").split("-", 3)
        left = tmp_path / f"vmtriage-scan-{pid}-{int(start) - 1}-{space}-abcdefgh"
        foreign = tmp_path / f"vmtriage-scan-{pid}-{int(start) - 1}-4-abcdefgh"
        (left / "0").mkdir(parents=True)
        foreign.mkdir()
        with Workspace():
            assert not left.exists()
            assert foreign.exists()  # of another container: nobody can tell
            assert (tmp_path / name).exists()
