"""Whatever happens to a scan, the next one finishes: no crash lost, none twice, one ticket each."""

import os
import random
import signal
import subprocess
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.scanning import Site, Tracker, aged, nobody_lives, tracker
from vmtriage.session.limits import family_of
from vmtriage.store.opening import open_store

ENV = {"TRACKER_TOKEN": "secret-of-the-test"}
KILLS = int(os.environ.get("VMTRIAGE_KILLS", "12"))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path)
    for number in range(3):
        site.log(number)
    return site


def finish(site: Site, tickets: Tracker) -> None:
    """Scans, as cron would, until there is nothing left to do; the clock goes on between them."""
    site.scan()  # in the TMPDIR of those that were killed: what they left there goes
    for minutes in (2, 10, 60, 300):
        if site.scan_at(datetime.now(UTC) + timedelta(minutes=minutes)).exit_code == 0:
            break
    site.is_whole()
    assert set(tickets.problems().values()) == {1}
    assert len(tickets.problems()) == len({each.problem for each in site.occurrences().values()})


def test_killed_at_any_instant_the_next_scan_finishes(site: Site) -> None:
    chance = random.Random(6)
    with tracker() as tickets:
        site.config, site.environment = tickets.config, ENV
        tickets.delay_s = 0.2
        for turn in range(KILLS):
            if turn % 3 == 2:
                site.log(turn + 1)  # there is always something to do
            scan = site.start()
            until = time.monotonic() + chance.uniform(0.3, 6.0)
            while time.monotonic() < until and scan.poll() is None:
                time.sleep(0.01)
            with suppress(ProcessLookupError):
                os.kill(chance.choice(list(family_of(scan.pid))), signal.SIGKILL)
            if chance.random() < 0.7:
                scan.kill()
            scan.communicate()
        tickets.delay_s = 0.0
        nobody_lives(site.home)
        finish(site, tickets)


def test_sigterm_ends_all_children_and_gives_back_the_claims(site: Site) -> None:
    scan = site.start("--log-format", "json")
    assert scan.stdout
    for line in scan.stdout:
        if '"started"' in line:
            break
    scan.terminate()
    scan.communicate()
    assert scan.returncode == -signal.SIGTERM  # what a service manager and a shell expect
    nobody_lives(site.home)
    assert not [*site.home.glob("tmp/*")]
    with open_store(site.store) as store:
        assert not [each for dump in store.dumps.all() for each in store.attempts.of(dump.id)
                    if each.outcome is None or each.exit_code is not None]  # fmt: skip
    assert site.scan().returncode == 0
    site.is_whole()


def test_a_share_that_goes_away_is_said_once_and_nothing_is_lost(site: Site) -> None:
    site.scan()
    away = site.share.rename(site.home / "away")
    first, second = site.scan(), site.scan()
    assert (first.returncode, second.returncode) == (75, 75)
    assert str(site.share) in first.stderr
    assert second.stderr == ""
    site.share.mkdir()  # the mount point, without its server
    third = site.scan()
    assert third.returncode == 75
    assert "is it mounted?" in third.stderr
    site.share.rmdir()
    away.rename(site.share)
    back = site.scan()
    assert back.returncode == 0
    assert "over: " in back.stderr
    site.is_whole()
    assert set(site.attempts().values()) == {1}


def test_a_share_may_be_read_only_and_its_files_are_untouched(site: Site) -> None:
    before = {path: path.stat() for path in site.share.rglob("*")}
    for path in (*site.share.iterdir(), site.share):
        path.chmod(0o555)
    try:
        assert site.scan().returncode == 0
        site.is_whole()
        after = {path: path.stat() for path in site.share.rglob("*")}
        assert {p: s.st_mtime_ns for p, s in after.items()} == {
            p: s.st_mtime_ns for p, s in before.items()
        }
    finally:
        for path in (site.share, *site.share.iterdir()):
            path.chmod(0o755)


def test_a_poisonous_dump_stops_nobody_and_ends_in_quarantine(site: Site) -> None:
    """Its log cannot be opened by this user, or is none: it is tried, put off, given up."""
    poison = site.share / "bad-host-2026-01-02-15:00:00"
    poison.mkdir()
    aged_file = poison / "vmcore"
    aged_file.write_bytes(b"KDUMP   " + random.Random(1).randbytes(300_000))
    aged(aged_file)
    first = site.scan()
    assert "3 by log" in first.stdout
    assert len(site.occurrences()) >= 3
    for hours in range(1, 8):
        site.scan_at(datetime.now(UTC) + timedelta(hours=hours))
    with open_store(site.store) as store:
        quarantined = store.dumps.quarantined()
        tries = [each for each in store.attempts.of(quarantined[0].id) if each.stage == "full"]
    assert len(quarantined) == 1
    assert quarantined[0].quarantine
    assert len(tries) == 3
    silent = site.scan()
    assert (silent.returncode, silent.stdout) == (0, "")
    again = site.scan("--retry-quarantined")
    assert "quarantined" in again.stdout or "to be retried" in again.stdout


def test_a_clock_that_jumps_back_or_ahead_neither_blocks_nor_repeats(site: Site) -> None:
    now = datetime.now(UTC)
    site.scan_at(now + timedelta(days=400))
    late = aged(site.log(7))
    assert late.exists()
    assert site.scan_at(now).exit_code == 0
    assert site.scan_at(now - timedelta(days=400)).new == 0
    site.is_whole()
    assert set(site.attempts().values()) == {1}


def test_a_full_disk_is_said_before_any_work_and_passes(site: Site) -> None:
    """RLIMIT_FSIZE stands for it: what cannot be written ends with EFBIG."""
    words = site.command()
    limited = subprocess.run(
        ["bash", "-c", 'ulimit -f 16; exec "$@"', "bash", *words],
        capture_output=True, text=True, check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": str(site.home)},
    )  # fmt: skip
    assert limited.returncode in (75, 78), limited.stderr
    assert site.scan().returncode == 0
    site.is_whole()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_site_on_a_full_disk_is_finished_when_there_is_room(site: Site) -> None:
    site.out.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "none", str(site.out)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no mount here")
    try:
        full = site.scan()
        assert full.returncode == 75, full.stderr
        assert "No space left" in full.stderr + full.stdout
        subprocess.run(["mount", "-o", "remount,size=64m", str(site.out)], check=True)
        for minutes in (0, 5, 30, 120):
            site.scan_at(datetime.now(UTC) + timedelta(minutes=minutes))
        site.is_whole()
    finally:
        subprocess.run(["umount", "-l", str(site.out)], check=True)


def test_a_child_that_breaks_is_that_dumps_trouble_alone(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vmtriage.fleet.scan import jobs

    usual = jobs.analysis
    bad = sorted(site.share.iterdir())[1].name

    def broken(found, dump, stage, home, manner):  # type: ignore[no-untyped-def]
        job = usual(found, dump, stage, home, manner)
        if found.place == bad:
            argv = ("tests.scan_children", "dies", str(home / "told"))
            return type(job)(**{**job.__dict__, "argv": argv})
        return job

    monkeypatch.setattr("vmtriage.fleet.scan.stage.analysis", broken)
    summary = site.scan_at(datetime.now(UTC))
    assert (summary.by_log, summary.retry) == (2, 1)
    monkeypatch.undo()
    assert site.scan_at(datetime.now(UTC) + timedelta(minutes=5)).by_log == 1
    site.is_whole()
