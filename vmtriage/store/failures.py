"""What a database library says, as errors of ours: what happened, what to do."""

import contextlib
import sqlite3
from collections.abc import Iterator

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from vmtriage.errors import StoreBusy, StoreError

# words of the library's message, by what they mean; the first that fits counts
_DAMAGED = ("malformed", "not a database", "corrupt", "invalid page")
_NO_ROOM = ("disk is full", "no space left", "disk full", "could not extend file")
_BUSY = ("is locked", "lock timeout", "deadlock detected", "canceling statement",
         "idle-in-transaction", "could not serialize")  # fmt: skip
_READ_ONLY = ("readonly database", "read-only transaction", "unable to open database file",
              "permission denied", "insufficientprivilege")  # fmt: skip
_LACKING = ("no such table", "no such column", "undefinedtable", "undefinedcolumn")
_UNFIT = ("integrityerror", "constraint failed", "violation")


@contextlib.contextmanager
def told(where: str) -> Iterator[None]:
    """Inside, errors of the database become StoreError or StoreBusy. where: as users know it."""
    try:
        yield
    except PoolTimeout as error:
        raise StoreBusy(f"too many at once use {where}", next_step="try again") from error
    except DBAPIError as error:
        raise error_for(where, error.orig or error) from error
    except sqlite3.Error as error:  # while a connection is made
        raise error_for(where, error) from error


def error_for(where: str, error: BaseException) -> StoreError:
    """The error of ours for one of sqlite3 or psycopg."""
    said = str(error).strip() or type(error).__name__
    first, low = said.splitlines()[0], f"{type(error).__name__} {said}".lower()

    def means(words: tuple[str, ...]) -> bool:
        return any(word in low for word in words)

    if means(_DAMAGED):
        return StoreError(
            f"{where} is damaged: {first}",
            next_step="restore it from a backup, or move it away with its -wal and -shm: the next"
            " scan finds all dumps again, under the same links",
        )
    if means(_NO_ROOM):
        return StoreBusy(f"no space left for {where}: {first}", next_step="make room; try again")
    if means(_BUSY):
        return StoreBusy(
            f"{where} is locked by another process: {first}",
            next_step="try again; if it stays, look for a process of vmtriage that is stopped",
        )
    if means(_READ_ONLY):
        return StoreError(
            f"{where} cannot be opened or written: {first}",
            next_step="check owner, mode and mount of it and of its directory",
        )
    if means(_LACKING):
        return StoreError(
            f"{where} lacks what a store has: {first}",
            next_step="is it a store of vmtriage? Name another one: --store",
        )
    if means(_UNFIT):
        return StoreError(
            f"{where} refuses what does not fit: {first}",
            next_step="this is a bug of vmtriage, or its store is broken: vmtriage store check",
        )
    return StoreBusy(
        f"{where} cannot be used now: {first}",
        next_step="does the path or server exist, and may this user use it? Then try again",
    )
