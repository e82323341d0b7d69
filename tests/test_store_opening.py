"""What may be opened as a store, how it is made, and what is said where it cannot be."""

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from tests.crashes import SHARE, found, identity, occurrence
from vmtriage.errors import StoreBusy, StoreError
from vmtriage.store import engine, migrate, schema
from vmtriage.store.database import Database
from vmtriage.store.location import default_path, shown, url_of
from vmtriage.store.opening import open_database, open_store


def bare(url: str) -> Database:
    return Database(engine.make_engine(url_of(url), read_only=False), shown(url_of(url)))


def test_the_migrations_lead_to_the_tables_of_the_program(store_url: str) -> None:
    database = open_database(store_url)
    with database.read() as connection:
        options = {"version_table": schema.VERSION_TABLE}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, schema.metadata) == []
    database.close()
    scripts = ScriptDirectory(str(Path(migrate.__file__).parent / "migrations"))
    assert scripts.get_current_head() == schema.HEAD


def test_an_older_store_is_migrated_with_all_that_is_in_it(store_url: str) -> None:
    database = bare(store_url)
    with database.write() as connection:
        migrate.migrate(connection, "0001")
        connection.execute(
            text("INSERT INTO dumps (id, size, kind, first_seen) VALUES ('d1', 5, 'vmcore', :now)"),
            {"now": "2026-11-01 00:00:00.000000"},
        )
    database.close()
    with pytest.raises(StoreError, match="older vmtriage"):
        open_store(store_url, read_only=True)
    with open_store(store_url) as store:
        assert [each.id for each in store.dumps.all()] == ["d1"]
        assert store.notifications.waiting() == ()
    with open_store(store_url, read_only=True) as store:
        assert [each.id for each in store.dumps.all()] == ["d1"]


def test_a_newer_store_is_refused_and_stays_as_it_is(store_url: str) -> None:
    database = open_database(store_url)
    with database.write() as connection:
        connection.execute(text(f"UPDATE {schema.VERSION_TABLE} SET version_num = '9999'"))
    for read_only in (True, False):
        with pytest.raises(StoreError, match="newer vmtriage") as caught:
            open_store(store_url, read_only)
        assert "update vmtriage" in caught.value.next_step
    with database.read() as connection:
        assert migrate.version(connection) == "9999"
    database.close()


_OPEN = "import sys; from vmtriage.store.opening import open_store; open_store(sys.argv[1]).close()"


def test_several_that_start_at_once_migrate_once(store_url: str) -> None:
    starts = [subprocess.Popen([sys.executable, "-c", _OPEN, store_url], stderr=subprocess.PIPE,
                               text=True) for _ in range(5)]  # fmt: skip
    said = [each.communicate()[1] for each in starts]
    assert [each.returncode for each in starts] == [0] * 5, said
    with open_store(store_url) as store:
        assert store.changes.revision() == 0


def test_a_read_only_store_reads_and_refuses_to_write(store_url: str) -> None:
    with open_store(store_url) as store:
        store.places.note(found(), identity())
    with open_store(store_url, read_only=True) as store:
        assert store.places.seen(SHARE)[found().place].dump == "d1"
        with pytest.raises(StoreError, match="cannot be opened or written"):
            store.places.note(found("other"), identity("d2"))


def test_an_occurrence_of_a_dump_that_nobody_noted_is_refused(store_url: str) -> None:
    with open_store(store_url) as store, pytest.raises(StoreError, match="does not fit"):
        store.occurrences.put(occurrence("never noted"))


def test_only_its_owner_may_read_the_file_and_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deep" / "s.sqlite"
    before = os.umask(0)
    try:
        with open_store(path) as store:
            store.places.note(found(), identity())
            modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(("s.sqlite", "s.sqlite-shm", "s.sqlite-wal"), 0o600)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_rules_of_the_database_hold_on_every_connection(tmp_path: Path) -> None:
    database = open_database(tmp_path / "s.sqlite")
    with database.read() as one, database.read() as two:
        for each in (one, two):
            pragmas = [
                each.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
            ]
            assert pragmas == ["wal", 1, 2, 60_000]
    database.close()


def damage(path: Path, offset: int, count: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\x5a" * count)


def test_a_damaged_file_is_said_and_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    with open_store(path) as store:
        for number in range(50):
            store.places.note(found(f"p{number}"), identity(f"d{number}"))
    whole = tmp_path / "whole.sqlite"
    shutil.copy(path, whole)
    damage(path, 0, 100)
    with pytest.raises(StoreError, match=r"s\.sqlite is damaged") as caught:
        open_store(path)
    assert "move it away" in caught.value.next_step
    damage(whole, 4096, whole.stat().st_size - 4096)
    with pytest.raises(StoreError, match=r"whole\.sqlite is damaged"):
        open_store(whole)


def test_what_is_no_store_is_left_alone(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.sqlite"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    with pytest.raises(StoreError, match="something else: bookmarks"):
        open_store(foreign)
    (tmp_path / "letter").write_text("Dear Sir or Madam, " * 500)
    with pytest.raises(StoreError, match="damaged: file is not a database"):
        open_store(tmp_path / "letter")
    with pytest.raises(StoreError, match="cannot open the store"):
        open_store(tmp_path)
    with pytest.raises(StoreError, match="there is no store"):
        open_store(tmp_path / "none.sqlite", read_only=True)


def test_a_file_cut_off_while_it_was_made_becomes_a_store(tmp_path: Path) -> None:
    (tmp_path / "s.sqlite").touch()
    with open_store(tmp_path / "s.sqlite") as store:
        assert store.changes.revision() == 0


def test_a_store_that_somebody_holds_locked_is_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_BUSY_S", 0)
    open_store(tmp_path / "s.sqlite").close()
    other = sqlite3.connect(tmp_path / "s.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with open_store(tmp_path / "s.sqlite") as store:
        assert store.places.seen(SHARE) == {}
        with pytest.raises(StoreBusy, match="locked by another process"):
            store.places.note(found(), identity())
        other.execute("ROLLBACK")
        assert store.places.note(found(), identity()) == "d1"
    other.close()


def test_a_full_disk_is_said_and_nothing_is_half_written(tmp_path: Path) -> None:
    database = open_database(tmp_path / "s.sqlite")
    with database.write() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 70")
        with pytest.raises(StoreBusy, match="no space left"):
            raise _filled(database, connection)
    database.close()


def _filled(database: Database, connection: object) -> Exception:
    from sqlalchemy import Connection, insert

    from vmtriage.store.failures import told

    assert isinstance(connection, Connection)
    rows = [{"site": f"{number:0500}", "revision": 1} for number in range(2000)]
    try:
        with told(database.where):
            connection.execute(insert(schema.sites), rows)
    except StoreError as error:
        return error
    return AssertionError("it did not fill up")


def test_a_server_that_is_not_there_is_retryable_and_the_password_is_not_told(
    tmp_path: Path,
) -> None:
    url = f"postgresql://scan:geheim@/db?host={tmp_path}"
    with pytest.raises(StoreBusy, match="cannot be used now") as caught:
        open_store(url)
    assert "geheim" not in str(caught.value)
    assert caught.value.retryable


@pytest.mark.parametrize(
    "where", ["mysql://h/db", "sqlite://", "sqlite:///:memory:", "post gres://"]
)
def test_other_databases_are_refused_by_name(where: str) -> None:
    with pytest.raises(StoreError, match=r"no store of this kind|cannot be read") as caught:
        url_of(where)
    assert "postgresql://" in caught.value.next_step


def test_each_site_has_a_store_of_its_own_where_admins_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    one, two = default_path(tmp_path / "a/crash site"), default_path(tmp_path / "b/crash site")
    assert one.parent == Path("/var/lib/vmtriage")
    assert one.name.startswith("crash-site-")
    assert one != two
    assert default_path(tmp_path / "a/x/../crash site/") == one
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert default_path(tmp_path / "a").parent == tmp_path / "vmtriage"
    monkeypatch.setenv("XDG_STATE_HOME", "")
    monkeypatch.setenv("HOME", "/home/ann")
    assert default_path(tmp_path / "a").parent == Path("/home/ann/.local/state/vmtriage")


def test_analyze_does_not_pay_for_the_store() -> None:
    program = "import sys, vmtriage.cli; print([m for m in sys.modules if 'sqlalchemy' in m])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                          check=True)  # fmt: skip
    assert done.stdout.strip() == "[]"
