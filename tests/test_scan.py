"""`vmtriage scan` over a share of kernel logs, as cron runs it."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.scanning import Site, nobody_lives, tracker

ENV = {"TRACKER_TOKEN": "secret-of-the-test"}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_every_crash_is_reported_once_and_the_next_scan_is_silent(site: Site) -> None:
    for number in range(3):
        site.log(number)
    with tracker() as tickets:
        site.config, site.environment = tickets.config, ENV
        first = site.scan()
        assert (first.returncode, first.stderr) == (0, "")
        assert first.stdout == "3 new of 3 crashes, 3 by log, 3 new problems, 3 told\n"
        site.is_whole()
        assert set(tickets.problems().values()) == {1}
        assert "https://crash.example.org/p/" in tickets.issues[0]["body"]
        again = site.scan()
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert set(site.attempts().values()) == {1}
    nobody_lives(site.home)


def test_the_same_bug_on_another_host_joins_the_problem(site: Site) -> None:
    site.log(1, "lab-6.1-uaf")
    with tracker() as tickets:
        site.config, site.environment = tickets.config, ENV
        site.scan()
        link = site.out / "p"
        before = {each.name for each in link.iterdir() if each.is_dir()}
        site.log(2, "lab-6.1-uaf")
        second = site.scan()
        assert "1 new of 2 crashes" in second.stdout
        assert {each.name for each in link.iterdir() if each.is_dir()} == before
        assert len(tickets.issues) == 1
        assert len(tickets.comments) == 1
    (problem,) = {each.problem for each in site.occurrences().values()}
    page = json.loads((site.out / "p" / problem / "index.json").read_text())
    assert page["problem"]["count"] == 2


def test_a_log_that_may_still_get_its_vmcore_waits(site: Site) -> None:
    path = site.log(1)
    path.touch()
    done = site.scan("--dry-run")
    assert "wait" in done.stdout
    assert not site.out.exists()
    site.scan()
    assert site.occurrences() == {}
    unread = (site.out / "unread" / "index.html").read_text()
    assert path.parent.name in unread


def test_a_dry_run_says_what_would_be_done_and_touches_nothing(site: Site) -> None:
    site.log(1)
    done = site.scan("--dry-run")
    assert done.stdout.startswith(f"identify    {site.share}/web-001")
    assert done.stdout.endswith("0 of 1 are done\n")
    assert {each.name for each in site.home.iterdir()} <= {"share", "tmp"}


def test_the_log_of_a_scan_is_json(site: Site) -> None:
    site.log(1)
    kinds = [each["kind"] for each in site.events()]
    assert kinds == ["looked", "decided", "stage", "started", "ended", "published", "published",
                     "summary"]  # fmt: skip


def test_two_at_once_do_each_dump_once(site: Site) -> None:
    for number in range(4):
        site.log(number)
    with tracker() as tickets:
        site.config, site.environment = tickets.config, ENV
        running = [site.start() for _ in range(2)]
        ends = [each.communicate(timeout=600) for each in running]
        assert [each.returncode for each in running] == [0, 0], ends
        assert set(tickets.problems().values()) == {1}
    site.is_whole()
    assert set(site.attempts().values()) == {1}


def test_no_notify_is_for_ever(site: Site) -> None:
    site.log(1)
    with tracker() as tickets:
        site.config, site.environment = tickets.config, ENV
        site.scan("--no-notify")
        site.scan()
        assert tickets.issues == []
        site.log(2)
        site.scan()
        assert len(tickets.issues) == 1


def test_nothing_counts_as_told_while_the_configuration_is_being_written(site: Site) -> None:
    site.log(1)
    with tracker() as tickets:
        site.config, site.environment = "\n", ENV
        early = site.scan()
        assert early.returncode == 78
        assert "vmtriage.toml: it is empty" in early.stderr
        site.config = tickets.config
        site.scan()
        assert set(tickets.problems().values()) == {1}


def test_a_ticket_that_could_not_be_opened_is_opened_later(site: Site) -> None:
    site.log(1)
    with tracker() as tickets:
        site.config, site.environment = tickets.config, ENV
        tickets.down = True
        first = site.scan()
        assert first.returncode == 75
        assert "503" in first.stderr
        quiet = site.scan()
        assert (quiet.returncode, quiet.stderr) == (75, "")  # it was said
        tickets.down = False
        summary = site.scan_at(datetime.now(UTC) + timedelta(hours=1))
        assert (summary.told, summary.untold) == (1, 0)
        assert len(tickets.issues) == 1


def test_old_reports_are_made_anew_from_recordings_and_links_stay(
    site: Site, tmp_path: Path
) -> None:
    directory = site.log(1, "lab-6.1-uaf").parent
    site.scan("--no-notify")
    (before,) = site.occurrences().values()
    for path in directory.iterdir():
        path.unlink()  # no dump is opened
    directory.rmdir()
    pack = tmp_path / "pack" / "mm" / "our-own-uaf"
    pack.mkdir(parents=True)
    (pack / "signature.yaml").write_text(
        "id: our-own-uaf\ntitle: our module frees too early\nstatus: draft\n"
        "crash_class: general_protection\nsubsystem: mm\nwhat: it frees what it uses\n"
        "recognised_by: its name\nusually_caused_by: our module\n"
        "match: {function: [crashlab_uaf.*]}\ndo_now: unload it\ndo_for_good: mend it\n"
        "refuted_by: another module\n"
    )
    with tracker() as tickets:
        site.config, site.environment = tickets.config, ENV
        done = site.scan("--retriage", "--pack", tmp_path / "pack")
        assert "1 from recordings" in done.stdout, done.stderr
        assert (tickets.issues, tickets.comments) == ([], [])  # nothing has crashed
    (after,) = site.occurrences().values()
    assert (after.dump, after.problem) == (before.dump, before.problem)
    assert "our-own-uaf" in [each.id for each in after.known]
    again = site.scan("--retriage", "--pack", tmp_path / "pack")
    assert "from recordings" not in again.stdout


def test_two_machines_share_the_work(
    site: Site, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.url = store_url
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    for number in range(4):
        site.log(number)
    with tracker() as tickets, ThreadPoolExecutor() as pool:
        site.config, site.environment = tickets.config, ENV
        now = datetime.now(UTC)
        both = list(pool.map(lambda host: site.scan_at(now, host=host), ("one", "two")))
        assert sum(each.by_log for each in both) == 4
        assert [each.exit_code for each in both] == [0, 0]
        site.scan_at(now, host="one")  # whoever was told last writes what is left
        assert set(tickets.problems().values()) == {1}
    site.is_whole()
    assert set(site.attempts().values()) == {1}
