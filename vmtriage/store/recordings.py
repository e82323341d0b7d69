"""The stored facts of a dump: its recording, packed, in the database.

Measured on the lab: 105 to 200 kB in 20 to 30 files, packed 25 to 37 kB; 10,000 of them are 0.3 GB.
Of that size they are better kept in the database than as files: one thing to back up, no orphans
after a kill, and every machine that shares a PostgreSQL can analyse anew.
"""

import io
import tarfile
from pathlib import Path, PurePosixPath

import zstandard
from sqlalchemy import select, update

from vmtriage.errors import StoreError
from vmtriage.store import schema
from vmtriage.store.claims import require
from vmtriage.store.database import Database, now, upsert
from vmtriage.store.rows import Claim

_T = schema.recordings


class Recordings:
    """vmtriage.store.base.Recordings."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(
        self, dump: str, directory: Path, signatures_revision: str, claim: Claim | None = None
    ) -> int:
        """See base."""
        plain = pack(directory)
        packed = zstandard.ZstdCompressor(level=9, write_checksum=True).compress(plain)
        with self._database.write() as connection:
            require(connection, claim)
            upsert(connection, _T, {
                "dump": dump, "signatures_revision": signatures_revision, "stored": now(),
                "unpacked_size": len(plain), "packed": packed,
            })  # fmt: skip
        return len(packed)

    def unpack(self, dump: str, into: Path) -> bool:
        """See base."""
        with self._database.read() as connection:
            packed = connection.execute(select(_T.c.packed).where(_T.c.dump == dump)).scalar()
        if packed is None:
            return False
        try:
            plain = zstandard.ZstdDecompressor().decompress(packed)
            unpack(plain, into)
        except (zstandard.ZstdError, tarfile.TarError) as error:
            raise StoreError(
                f"the recording of {dump} is damaged: {error}",
                next_step="analyse the dump again; check the disk: vmtriage store check",
            ) from error
        return True

    def triaged(self, dump: str, signatures_revision: str) -> None:
        """See base."""
        with self._database.write() as connection:
            connection.execute(
                update(_T).where(_T.c.dump == dump).values(signatures_revision=signatures_revision)
            )

    def stale(self, signatures_revision: str) -> tuple[str, ...]:
        """See base."""
        dumps = schema.dumps
        query = (
            select(_T.c.dump).join(dumps, dumps.c.id == _T.c.dump)
            .where(_T.c.signatures_revision != signatures_revision, dumps.c.became.is_(None))
        )  # fmt: skip
        with self._database.read() as connection:
            return tuple(connection.execute(query.order_by(_T.c.dump)).scalars())


def pack(directory: Path) -> bytes:
    """The files of a recording as a tar, always the same for the same files."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(directory.iterdir()):
            if path.is_file():
                content = path.read_bytes()
                entry = tarfile.TarInfo(path.name)
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
    return whole.getvalue()


def unpack(plain: bytes, into: Path) -> None:
    """Regular files straight into the directory, whatever the tar says."""
    into.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(plain), mode="r") as tar:
        for entry in tar:
            content = tar.extractfile(entry) if entry.isreg() else None
            if content is not None:
                (into / PurePosixPath(entry.name).name).write_bytes(content.read())
