"""From a share to tickets: the same bug on three hosts is one, and its link leads somewhere."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.trackers import Fault, PlayedGitLab, PlayedHook, playing

LOG = Path("fixtures/captures/lab-6.1-uaf/log.txt")
SECRET = PlayedGitLab.token


def crash(share: Path, host: str, hour: int) -> None:
    place = share / f"{host}-2026-03-01-{hour:02}:00:00"
    place.mkdir(parents=True)
    shutil.copy(LOG, place / "vmcore-dmesg.txt")
    text = (place / "vmcore-dmesg.txt").read_text("utf-8")
    (place / "vmcore-dmesg.txt").write_text(text + f"[ 9999.{hour:06}] the end of {host}\n")
    os.utime(place / "vmcore-dmesg.txt", (1.7e9, 1.7e9))


def scan(config: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "vmtriage", "scan", "--config", str(config), "--settle", "0"]
    command += more
    environment = {**os.environ, "VMTRIAGE_CRASH": "/bin/true"}
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, timeout=300
    )


def test_one_bug_on_three_hosts_is_one_ticket_and_nothing_secret_is_left_behind(
    tmp_path: Path,
) -> None:
    share, site, token = tmp_path / "share", tmp_path / "site", tmp_path / "token"
    token.write_text(f"{SECRET}\n")
    token.chmod(0o600)
    config = tmp_path / "vmtriage.toml"
    with playing(PlayedGitLab()) as played, playing(PlayedHook()) as hook:
        config.write_text(
            f'shares = ["{share}"]\nsite = "{site}"\nstore = "{tmp_path}/store.sqlite"\n'
            'base_url = "https://crash.example.org/x"\n'
            f'metrics = "{tmp_path}/vmtriage.prom"\n'
            f'[notifiers.g]\nkind = "gitlab"\nurl = "{played.base}"\nproject = "infra/crashes"\n'
            f'token_file = "{token}"\nevery_s = 0\n'
            f'[notifiers.h]\nkind = "webhook"\nurl = "{hook.base}/x"\n'
        )
        crash(share, "db1", 1)
        echo = {"message": f"token {SECRET} is revoked"}
        played.faults = [Fault("GET", "", 401, {}, echo)]
        said = [scan(config)]
        assert said[0].returncode == 75, said[0]
        assert "is revoked" in said[0].stderr + said[0].stdout
        assert not played.tickets
        assert len(hook.tickets) == 1, "one that fails does not hold up the other"
        crash(share, "db2", 2)
        crash(share, "db3", 3)
        said.append(scan(config))
        assert not played.tickets, "its refusal is tried again in an hour only"
    told = "".join(each.stdout + each.stderr for each in said)
    assert SECRET not in told
    for path in tmp_path.rglob("*"):
        if path.is_file() and path != token:
            assert SECRET.encode() not in path.read_bytes(), path
    assert {each["event"] for each in hook.tickets} >= {"new", "recurred"}
    (problem,) = {each["problem"] for each in hook.tickets}
    link = hook.tickets[0]["link"]
    assert link == f"https://crash.example.org/x/p/{problem}/"
    assert (site / "p" / problem / "index.html").is_file()
    assert re.search(r"^vmtriage_dumps 3\.0$", (tmp_path / "vmtriage.prom").read_text(), re.M)


def test_whoever_runs_it_is_told_of_a_share_that_is_away_once(tmp_path: Path) -> None:
    share, config = tmp_path / "share", tmp_path / "vmtriage.toml"
    with playing(PlayedHook()) as hook:
        config.write_text(
            f'shares = ["{share}", "{tmp_path}/away"]\nsite = "{tmp_path}/site"\n'
            f'store = "{tmp_path}/s.sqlite"\n'
            f'[notifiers.h]\nkind = "webhook"\nurl = "{hook.base}"\n'
            '[[routes]]\nevents = ["broken"]\nto = "h"\n'
        )
        crash(share, "db1", 1)
        for _ in range(2):
            scan(config)
        (told,) = hook.tickets
        assert told["event"] == "broken"
        assert f"{tmp_path}/away" in told["summary"]


def test_a_dry_run_shows_what_waits_and_sends_nothing(tmp_path: Path) -> None:
    share, config = tmp_path / "share", tmp_path / "vmtriage.toml"
    (tmp_path / "token").write_text(SECRET)
    (tmp_path / "token").chmod(0o600)
    with playing(PlayedGitLab()) as played:
        config.write_text(
            f'shares = ["{share}"]\nsite = "{tmp_path}/site"\nstore = "{tmp_path}/s.sqlite"\n'
            f'[notifiers.g]\nkind = "gitlab"\nurl = "{played.base}"\nproject = "infra/crashes"\n'
            f'token_file = "{tmp_path}/token"\n'
        )
        crash(share, "db1", 1)
        first = scan(config, "--dry-run")
        assert "would tell" not in first.stdout, "nobody has looked into it yet"
        played.faults = [Fault("GET", "", 503)]
        scan(config)
        shown = scan(config, "--dry-run")
        assert "would tell g: a ticket" in shown.stdout, shown
        assert "PRIVATE-TOKEN: ***" in shown.stdout
        assert "crashlab_uaf" in shown.stdout
        assert SECRET not in shown.stdout + shown.stderr
        assert not played.tickets


def test_a_scan_makes_the_ticket_and_comments_on_it(tmp_path: Path) -> None:
    share, token, config = tmp_path / "share", tmp_path / "token", tmp_path / "vmtriage.toml"
    token.write_text(f"{SECRET}\n")
    token.chmod(0o600)
    with playing(PlayedGitLab()) as played:
        config.write_text(
            f'shares = ["{share}"]\nsite = "{tmp_path}/site"\nstore = "{tmp_path}/s.sqlite"\n'
            'base_url = "https://crash.example.org/"\n'
            f'[notifiers.g]\nkind = "gitlab"\nurl = "{played.base}"\nproject = "infra/crashes"\n'
            f'token_file = "{token}"\n'
        )
        crash(share, "db1", 1)
        done = scan(config)
        assert len(played.tickets) == 1, done
        crash(share, "db2", 2)
        done = scan(config)
        (ticket,) = played.tickets
        (comment,) = [each["body"] for each in played.comments["1"]]
        assert "2 times on 2 hosts" in comment
        assert "https://crash.example.org/p/" in ticket["description"]
        assert "## What to do" in ticket["description"]
        scan(config)
        assert len(played.comments["1"]) == 1
