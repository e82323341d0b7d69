"""The stored facts come back as they were, and are found when signatures change."""

import io
import tarfile
from pathlib import Path

import pytest
from sqlalchemy import update

from tests.crashes import found, identity
from vmtriage.errors import StoreError
from vmtriage.store import schema
from vmtriage.store.base import Store
from vmtriage.store.opening import open_database
from vmtriage.store.recordings import unpack

CAPTURE = Path(__file__).parent.parent / "fixtures/captures/lab-6.1-uaf"


def contents(directory: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in directory.iterdir()}


def test_a_recording_comes_back_byte_for_byte_and_small(store: Store, tmp_path: Path) -> None:
    store.places.note(found(), identity())
    size = store.recordings.put("d1", CAPTURE, "s1")
    assert size < sum(map(len, contents(CAPTURE).values())) / 3
    assert store.recordings.unpack("d1", tmp_path / "out")
    assert contents(tmp_path / "out") == contents(CAPTURE)
    assert not store.recordings.unpack("d2", tmp_path / "none")
    store.recordings.put("d1", CAPTURE, "s2")
    assert store.recordings.stale("s2") == ()


def test_stale_are_those_looked_at_with_other_signatures(store: Store) -> None:
    for name in ("d1", "d2", "d3"):
        store.places.note(found(name), identity(name))
        store.recordings.put(name, CAPTURE, "s1")
    store.recordings.triaged("d2", "s2")
    assert store.recordings.stale("s2") == ("d1", "d3")
    assert store.recordings.stale("s1") == ("d2",)


def test_a_damaged_recording_is_said(store: Store, store_url: str, tmp_path: Path) -> None:
    store.places.note(found(), identity())
    store.recordings.put("d1", CAPTURE, "s1")
    database = open_database(store_url)
    with database.write() as connection:
        connection.execute(update(schema.recordings).values(packed=b"rubbish"))
    database.close()
    with pytest.raises(StoreError, match="recording of d1 is damaged"):
        store.recordings.unpack("d1", tmp_path)


def test_a_tar_writes_nowhere_else(tmp_path: Path) -> None:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as tar:
        for name in ("../../evil", "/etc/evil", "sub/fine"):
            entry = tarfile.TarInfo(name)
            entry.size = 1
            tar.addfile(entry, io.BytesIO(b"x"))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    unpack(whole.getvalue(), tmp_path / "in")
    assert sorted(each.name for each in (tmp_path / "in").iterdir()) == ["evil", "fine"]
    assert [each.name for each in tmp_path.iterdir()] == ["in"]
