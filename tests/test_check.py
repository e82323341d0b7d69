"""`vmtriage check`: one line as the monitoring plugins' guidelines want it, never a traceback."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tests.fleet import make_occurrence
from tests.notices import notice
from vmtriage.cli import main
from vmtriage.fleet.notify.stored import StoredRecords
from vmtriage.fleet.notify.thresholds import Range
from vmtriage.fleet.scan.last import remember
from vmtriage.fleet.scan.summary import Summary
from vmtriage.models.found import Found, FoundFile, Identity
from vmtriage.store.base import Store
from vmtriage.store.opening import open_store
from vmtriage.store.rows import Ended
from vmtriage.store.workers import this_worker

_LINE = re.compile(r"VMTRIAGE (OK|WARNING|CRITICAL|UNKNOWN) - ([^|\n]+)(?: \| ([^|\n]+))?\n")
_DATA = re.compile(r"(\w+)=(-?[\d.]+)(s?);([^; ]*);([^; ]*);0")


def check(*words: str | Path) -> tuple[int, str, dict[str, float]]:
    """Exit code, words, and perfdata by name."""
    done = CliRunner().invoke(main, ["check", *map(str, words)])
    line = _LINE.fullmatch(done.output)
    assert line, done.output
    assert done.exit_code == ("OK", "WARNING", "CRITICAL", "UNKNOWN").index(line[1])
    data = [_DATA.fullmatch(each) for each in line[3].split()] if line[3] else []
    return done.exit_code, line[2], {each[1]: float(each[2]) for each in data if each}


def found(share: Path, number: int) -> Found:
    path = str(share / f"host{number}" / "vmcore")
    file = FoundFile(path=path, size=5, mtime_ns=number)
    return Found(
        share=str(share), place=f"host{number}", layout="rhel", kind="vmcore", files=(file,)
    )


def add(store: Store, share: Path, number: int) -> str:
    dump = store.places.note(found(share, number), Identity(id=f"{number:016x}", size=5))
    assert dump
    return dump


def scanned(site: Path, minutes: float) -> None:
    """A scan came to its end so long ago."""
    remember(site, Summary(), datetime.now(UTC) - timedelta(minutes=minutes), 2)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site whose store lies where scan would put it; the last scan was a moment ago."""
    path = tmp_path / "site"
    path.mkdir()
    scanned(path, 0)
    where = tmp_path / "store.sqlite"
    monkeypatch.setattr("vmtriage.store.location.default_path", lambda _: where)
    with open_store(where):
        pass
    return path


@pytest.fixture
def store(site: Path) -> Iterator[Store]:
    with open_store(site.parent / "store.sqlite") as opened:
        yield opened


def test_all_is_well_where_nothing_waits(site: Path) -> None:
    code, words, data = check("--out", site)
    assert code == 0
    assert words.startswith("last scan ")
    assert data.pop("age") < 60
    assert data == {"untriaged": 0, "quarantined": 0, "new": 0, "untold": 0}
    assert check("--store", site.parent / "store.sqlite", "-w", "age", "-c", "age")[0] == 0


def test_a_scan_that_does_not_come_to_its_end_is_told_by_its_age(site: Path) -> None:
    scanned(site, 20)
    code, words, data = check("--out", site)
    assert code == 1
    assert words.startswith("last scan 20 min ago")
    assert 1200 <= data["age"] < 1300
    assert check("--out", site, "-c", "age=600")[0] == 2
    assert check("--out", site, "-w", "age=7200")[0] == 0
    for each in site.glob(".vmtriage-scan-*"):
        each.write_text("{broken")
    assert check("--out", site)[:2] == (
        3, "no scan came to its end yet, 0 of 0 untriaged, 0 quarantined, 0 new problems in 24 h,"
        " 0 notices failing",
    )  # fmt: skip


def test_dumps_problems_and_notices_are_counted(site: Path, store: Store, tmp_path: Path) -> None:
    share = tmp_path / "crash"
    for number in range(1, 5):
        dump = add(store, share, number)
        if number == 1:
            now = datetime.now(UTC)
            told = make_occurrence(dump=dump, first_seen=now, crash_time=now)
            store.occurrences.put(told)
        if number == 2:
            claim = store.claims.claim(dump, "full", this_worker(), 60)
            assert claim
            attempt = store.attempts.begin(claim)
            store.attempts.end(attempt, Ended("failed", quarantine="no dump at all"), claim)
    records = StoredRecords(store, this_worker())
    records.add("ops", notice())
    records.sending(records.waiting())
    code, words, data = check("--out", site, "--hours", "2")
    assert code == 1
    assert words.startswith("1 quarantined, 1 new problems in 2 h, 1 notices failing, last scan ")
    assert words.endswith("2 of 4 untriaged")
    assert data.pop("age") < 60
    assert data == {"untriaged": 2, "quarantined": 1, "new": 1, "untold": 1}
    assert check("--out", site, "-w", "quarantined", "-w", "new=5", "-w", "untold=1")[0] == 0
    assert check("--out", site, "-c", "untriaged=1")[0] == 2
    assert check("--out", site, "-c", "untriaged=@2")[0] == 2


def test_dumps_that_no_scan_has_seen_are_untriaged(
    site: Path, store: Store, tmp_path: Path
) -> None:
    share = tmp_path / "crash"
    for number in range(3):
        place = share / f"10.0.0.{number}-2026-03-01-12:00:00"
        place.mkdir(parents=True)
        (place / "vmcore").write_bytes(b"KDUMP   " + bytes(5000))
    assert check("--out", site)[2]["untriaged"] == 0
    code, words, data = check(share, "--out", site, "-w", "untriaged=2")
    assert (code, data["untriaged"]) == (1, 3)
    assert words.startswith("3 of 3 untriaged")
    code, words, _ = check(tmp_path / "away", "--out", site)
    assert code == 3
    assert "away" in words
    path = tmp_path / "f.toml"
    path.write_text(f'shares = ["{share}"]\nsite = "{site}"\nstore = "{tmp_path}/store.sqlite"\n')
    assert check("--config", path)[2]["untriaged"] == 3
    del store


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name the site or the store"),
        (("--bogus",), "No such option"),
        (("--out", "/nowhere"), "no store"),
        (("--store", "mysql://x/y"), "no store of this kind"),
        (("--config", "/nowhere.toml"), "No such file"),
        (("-w", "age=1:0"), "begins above its end"),
        (("-w", "ages=1"), "there are age, untriaged"),
        (("-t", "x"), "not a valid integer"),
    ],
)
def test_whatever_goes_wrong_is_unknown(words: tuple[str, ...], said: str) -> None:
    code, told, _ = check(*words)
    assert code == 3
    assert said in told


def test_a_damaged_store_is_unknown(site: Path) -> None:
    (site.parent / "store.sqlite").write_bytes(b"no database, " * 1000)
    code, words, _ = check("--out", site)
    assert code == 3
    assert "store.sqlite" in words


def test_a_share_that_hangs_is_unknown_in_time(site: Path, tmp_path: Path) -> None:
    hang = (
        "import sys, time\nfrom vmtriage.fleet.scan import look\n"
        "look.find = lambda *_: time.sleep(600)\n"
        "from vmtriage.cli import main\nmain(sys.argv[1:])"
    )
    command = [sys.executable, "-c", hang, "check", str(tmp_path), "-t", "2"]
    command += ["--store", str(site.parent / "store.sqlite")]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )  # fmt: skip
    assert done.returncode == 3
    assert done.stdout.startswith("VMTRIAGE UNKNOWN - no answer in time")
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("text", "bad", "good"),
    [
        ("10", [-1, 10.5], [0, 10]), ("10:", [9], [10, 1e9]), ("~:10", [11], [-99, 10]),
        ("10:20", [9, 21], [10, 20]), ("@10:20", [10, 20], [9, 21]), ("0", [1, -1], [0]),
    ],
)  # fmt: skip
def test_ranges_are_those_of_the_guidelines(text: str, bad: list[float], good: list[float]) -> None:
    told = Range.of(text)
    assert [told.alerts(each) for each in bad] == [True] * len(bad)
    assert [told.alerts(each) for each in good] == [False] * len(good)


@given(st.text("0123456789:~@.-", max_size=8))
def test_a_range_is_read_or_refused(text: str) -> None:
    number = r"-?\d+(\.\d+)?"
    fits = re.fullmatch(rf"@?(({number}|~)?:)?({number})?", text)
    if fits and text not in ("", "@", ":"):
        with suppress(ValueError):  # it may begin above its end
            assert Range.of(text).low <= Range.of(text).high
    else:
        with pytest.raises(ValueError, match="is no range"):
            Range.of(text)
