"""Which database: a path, a URL, or the default place of a site."""

import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from vmtriage.errors import StoreError

if TYPE_CHECKING:
    from sqlalchemy import URL

_MEANT = "a path, sqlite:///PATH, or postgresql://[USER@]HOST[:PORT]/DATABASE"


def state_home() -> Path:
    """/var/lib/vmtriage for root; else $XDG_STATE_HOME/vmtriage or ~/.local/state/vmtriage."""
    if os.geteuid() == 0:
        return Path("/var/lib/vmtriage")
    told = os.environ.get("XDG_STATE_HOME", "")
    try:
        base = Path(told) if told.startswith("/") else Path.home() / ".local/state"
    except RuntimeError as error:  # no HOME and no entry in passwd
        raise StoreError(
            "there is no home directory to keep the store in",
            next_step="name one: --store PATH, or set XDG_STATE_HOME",
        ) from error
    return base / "vmtriage"


def default_path(site: Path) -> Path:
    """Where the store of a site lies if nobody says: its name, and a hash of its whole path."""
    whole = site.resolve()
    mark = hashlib.sha256(os.fsencode(whole)).hexdigest()[:8]
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", whole.name).strip("-.") or "site"
    return state_home() / f"{name}-{mark}.sqlite"


def url_of(where: str | Path) -> "URL":
    """The database that `where` means; StoreError for one that is neither SQLite nor PostgreSQL."""
    from sqlalchemy import URL, make_url
    from sqlalchemy.exc import ArgumentError

    if isinstance(where, Path) or "://" not in where:
        return URL.create("sqlite", database=str(Path(where).absolute()))
    try:
        url = make_url(where)
    except ArgumentError as error:
        raise StoreError(
            "the URL of the store cannot be read", next_step=f"give {_MEANT}"
        ) from error
    match url.drivername:
        case "sqlite" if url.database and url.database != ":memory:" and not url.query:
            return url.set(database=str(Path(url.database).absolute()))
        case "postgresql" | "postgres" | "postgresql+psycopg":
            return url.set(drivername="postgresql+psycopg")
    raise StoreError(f"no store of this kind: {shown(url)}", next_step=f"give {_MEANT}")


def shown(url: "URL") -> str:
    """For messages: a path, or the URL without its password."""
    if url.drivername == "sqlite" and url.database:
        return url.database
    return url.set(drivername=url.drivername.partition("+")[0]).render_as_string(hide_password=True)
