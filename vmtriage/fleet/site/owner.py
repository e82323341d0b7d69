"""Whose site a directory is: one store writes into it, one writer at a time, nobody by mistake."""

import fcntl
import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vmtriage.errors import BadConfig, CannotWrite
from vmtriage.report.files import cannot_write, write_all

MARKER = ".vmtriage-site.json"
_LOCK = ".vmtriage-site.lock"
_SECRET = re.compile(r"//[^@/]*@")  # user and password of an address
_SCHEMA = "vmtriage/site/1"
_OURS = ".vmtriage-"
_OF_THE_SYSTEM = {"lost+found", ".snapshot", ".zfs"}


@dataclass(frozen=True)
class Mark:
    """revision: all changes up to it are in the pages; None: it was never written to the end.

    form: of the pages and data; written by another version of vmtriage they are made anew.
    written: when, in seconds since the epoch.
    """

    store: str
    form: str
    revision: int | None = None
    written: float = 0.0


def marked(site: Path) -> Mark | None:
    """The marker; None: there is none, or it is damaged. A directory is a site by it alone."""
    try:
        told = json.loads((site / MARKER).read_text(encoding="utf-8"))
        if told["schema"] != _SCHEMA:
            return None
        revision = None if told["revision"] is None else int(told["revision"])
        return Mark(str(told["store"]), str(told["form"]), revision, float(told["written"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def mark(site: Path, told: Mark) -> None:
    """Write the marker; the last thing that a run does."""
    text = json.dumps(
        {"schema": _SCHEMA, "store": told.store, "form": told.form, "revision": told.revision,
         "written": told.written,
         "about": "written by vmtriage scan; do not put files of your own here"},
        indent=1,
    )  # fmt: skip
    write_all(site, {MARKER: text + "\n"})


def claim(site: Path, store: str, form: str) -> Mark:
    """The site's marker, made now where the directory is new or empty.

    Errors: BadConfig where it is another store's site, or holds files and is no site.
    """
    store = _SECRET.sub("//", store)
    found = marked(site)
    if found and found.store != store:
        raise BadConfig(
            f"{site} is the site of another store: {found.store}, not {store}",
            next_step="give each store a directory of its own with --out",
        )
    if found:
        return found
    try:
        there = {each.name for each in site.iterdir()} - _OF_THE_SYSTEM
        strange = sorted(name for name in there if not name.startswith(_OURS))
    except FileNotFoundError:
        strange = []
    except NotADirectoryError as error:
        raise cannot_write(site, error) from error
    if strange:
        raise BadConfig(
            f"{site} is not empty and no site of vmtriage: it holds {strange[0]!r}",
            next_step="name an empty or a new directory with --out",
        )
    new = Mark(store, form)
    mark(site, new)
    return new


@contextmanager
def alone(site: Path, wait_s: float) -> Iterator[None]:
    """No other process writes the site meanwhile. CannotWrite if another one does for too long."""
    try:
        site.mkdir(parents=True, exist_ok=True)
        handle = os.open(site / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
    except OSError as error:
        raise cannot_write(site, error) from error
    try:
        until = time.monotonic() + wait_s
        while not _locked(handle):
            if time.monotonic() >= until:
                raise CannotWrite(
                    f"another process has been writing {site} for {wait_s:.0f} s",
                    next_step="nothing to do: the next run brings it up to date",
                )
            time.sleep(0.05)
        yield
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
