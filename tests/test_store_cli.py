"""vmtriage store check, export, vacuum: as an admin types them."""

import json
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from tests.crashes import SHARE, found, identity, occurrence
from tests.live import vmtriage
from vmtriage.store.base import Store
from vmtriage.store.location import default_path
from vmtriage.store.opening import open_store
from vmtriage.store.rows import Ended, ReportFiles
from vmtriage.store.workers import this_worker

CAPTURE = Path(__file__).parent.parent / "fixtures/captures/centos7-cfs-lockup"


def fill(store: Store, site: Path) -> None:
    store.places.note(found(), identity())
    dead = replace(this_worker(), started=1)
    claim = store.claims.claim("d1", "full", dead, 60)
    assert claim is not None
    store.attempts.begin(claim)
    store.occurrences.put(occurrence(), claim)
    store.recordings.put("d1", CAPTURE, "s1")
    (site / "index.html").write_text("<p>")
    names = ("index.html", "report.json")
    store.reports.put(ReportFiles("d1", "full", str(site), names, "0.1", "s1", datetime.now(UTC)))


def test_check_names_what_is_broken_and_what_waits(store_url: str, tmp_path: Path) -> None:
    with open_store(store_url) as store:
        fill(store, tmp_path)
    done = vmtriage("store", "check", "--store", store_url)
    assert done.returncode == 1, done.stderr
    assert f"error: report: d1: {tmp_path} lacks report.json" in done.stdout
    assert "notice: claim: d1 (full) is held by" in done.stdout
    assert "1 errors, 1 notices" in done.stderr

    (tmp_path / "report.json").write_text("{}")
    with open_store(store_url) as store:
        claim = store.claims.claim("d1", "full", this_worker(), 60)
        assert claim is not None
        store.attempts.end(store.attempts.begin(claim), Ended("failed", 65, quarantine="no dump"))
        store.claims.release(claim)
    done = vmtriage("store", "check", VMTRIAGE_STORE=store_url)
    assert (done.returncode, done.stdout) == (0, "notice: quarantine: d1: no dump\n"), done.stderr
    assert vmtriage("store", "check", "--errors-only", "--store", store_url).stdout == ""


def test_check_finds_rows_that_somebody_changed_by_hand(tmp_path: Path) -> None:
    with open_store(tmp_path / "s.sqlite") as store:
        fill(store, tmp_path)
    (tmp_path / "report.json").write_text("{}")
    with sqlite3.connect(tmp_path / "s.sqlite") as connection:
        connection.execute("UPDATE occurrences SET host = 'other'")
        connection.execute("UPDATE attempts SET dump = 'nobody'")
        connection.execute("UPDATE recordings SET packed = x'00'")
    connection.close()
    done = vmtriage("store", "check", "--errors-only", "--store", tmp_path / "s.sqlite")
    assert done.returncode == 1
    kinds = [line.split(": ")[1] for line in done.stdout.splitlines()]
    assert sorted(kinds) == ["foreign key", "occurrence", "recording"]


def test_export_has_every_row_and_leaves_recordings_out_when_told(
    store_url: str, tmp_path: Path
) -> None:
    with open_store(store_url) as store:
        fill(store, tmp_path)
    done = vmtriage("store", "export", "--store", store_url)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    tables = [row["table"] for row in rows]
    assert tables.index("dumps") < tables.index("occurrences")
    assert {"attempts", "changes", "claims", "counters", "dumps", "occurrences", "places",
            "problems", "recordings", "reports"} == set(tables)  # fmt: skip
    (place,) = (row for row in rows if row["table"] == "places")
    assert (place["share"], place["dump"]) == (SHARE, "d1")
    (dump,) = (row for row in rows if row["table"] == "dumps")
    assert dump["crash_time"] == "2026-11-01T08:00:00+00:00"
    short = vmtriage("store", "export", "--no-recordings", "--store", store_url)
    assert '"recordings"' not in short.stdout


def test_vacuum_removes_the_dead_and_the_old(store_url: str, tmp_path: Path) -> None:
    with open_store(store_url) as store:
        fill(store, tmp_path)
        claim = store.claims.claim("d1", "full", this_worker(), 60)
        assert claim is not None
        store.attempts.end(store.attempts.begin(claim), Ended("ok"), claim)
        store.claims.release(claim)
        store.claims.claim("d9", "full", replace(this_worker(), started=1), 60)
        living = store.claims.claim("d8", "full", this_worker(), 60)
        assert living is not None
        done = vmtriage("store", "vacuum", "--store", store_url)
        assert "1 claims and 0 attempts removed" in done.stderr
        assert store.claims.holds(living)
        done = vmtriage("store", "vacuum", "--keep-days", "0", "--store", store_url)
        assert "0 claims and 2 attempts removed" in done.stderr, done.stderr
        assert store.occurrences.total() == 1


def test_the_store_of_a_site_is_found_by_the_site(tmp_path: Path) -> None:
    site = tmp_path / "www"
    asked = ("store", "check", "--out", site)
    done = vmtriage(*asked)
    assert done.returncode == 78
    assert str(default_path(site)) in done.stderr
    assert not default_path(site).exists()
    usage = vmtriage("store", "check", VMTRIAGE_STORE="")
    assert usage.returncode == 2
    assert "--out SITE" in usage.stderr
