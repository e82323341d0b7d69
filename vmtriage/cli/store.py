"""`vmtriage store ...`: look after what `vmtriage scan` remembers."""

import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from vmtriage.store.database import Database

store_option = click.option(
    "--store",
    metavar="URL",
    envvar="VMTRIAGE_STORE",
    help="A SQLite file, or postgresql://[USER@]HOST/DATABASE (password: ~/.pgpass)."
    "  [env: VMTRIAGE_STORE; default: of --out, in /var/lib/vmtriage or ~/.local/state/vmtriage]",
)
_site_option = click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="SITE",
    help="The store of this site, as `vmtriage scan --out SITE` has it.",
)


def where_of(store: str | None, site: Path | None) -> str | Path:
    """The store that is meant: the one named, else that of the site."""
    from vmtriage.store.location import default_path

    if store:
        return store
    if site is None:
        raise click.UsageError("name the store: --store URL, or --out SITE")
    return default_path(site)


@click.group("store")
def store_group() -> None:
    """What `vmtriage scan` remembers: a SQLite file, or a PostgreSQL database.

    \b
    vmtriage store check --out /srv/www/crash
    vmtriage store export --store /var/lib/vmtriage/crash-1a2b3c4d.sqlite > crash.jsonl
    vmtriage store vacuum --store postgresql://db.example.org/vmtriage
    """


@store_group.command()
@store_option
@_site_option
@click.option("--errors-only", is_flag=True, help="Say nothing of quarantined dumps and the like.")
def check(store: str | None, out: Path | None, errors_only: bool) -> None:
    """Look for damage: integrity, foreign keys, recordings, reports that are not on disk.

    Tells also of what waits for somebody: dumps in quarantine, claims of dead workers,
    notifications that were given up. Exit code 1 if something is broken.
    """
    from vmtriage.store.checking import check as faults_of

    database = _open(store, out, read_only=True)
    errors = notices = 0
    try:
        for fault in faults_of(database):
            errors += fault.gravity == "error"
            notices += fault.gravity == "notice"
            if fault.gravity == "error" or not errors_only:
                click.echo(f"{fault.gravity}: {fault.kind}: {fault.text}")
    finally:
        database.close()
    click.echo(f"{database.where}: {errors or 'no'} errors, {notices or 'no'} notices", err=True)
    sys.exit(1 if errors else 0)


@store_group.command()
@store_option
@_site_option
@click.option("--no-recordings", is_flag=True, help="Leave out the recorded sessions.")
def export(store: str | None, out: Path | None, no_recordings: bool) -> None:
    """Print everything as JSON, one row a line: {"table": "dumps", "id": ...}."""
    from vmtriage.store.export import export as lines_of

    database = _open(store, out, read_only=True)
    try:
        for line in lines_of(database, recordings=not no_recordings):
            click.echo(line)
    finally:
        database.close()


@store_group.command()
@store_option
@_site_option
@click.option("--keep-days", type=click.IntRange(0), default=365, show_default=True, metavar="N",
              help="Keep attempts of the last N days.")  # fmt: skip
def vacuum(store: str | None, out: Path | None, keep_days: int) -> None:
    """Remove claims of dead workers and old attempts, and give their space back."""
    from vmtriage.store.vacuum import vacuum as clean

    database = _open(store, out, read_only=False)
    try:
        removed = clean(database, timedelta(days=keep_days))
    finally:
        database.close()
    click.echo(f"{removed.claims} claims and {removed.attempts} attempts removed", err=True)


def _open(store: str | None, site: Path | None, read_only: bool) -> "Database":
    from vmtriage.errors import StoreError
    from vmtriage.store.location import url_of
    from vmtriage.store.opening import open_database

    where = where_of(store, site)
    url = url_of(where)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        raise StoreError(f"there is no store {url.database}", next_step="name another one: --store")
    return open_database(where, read_only)
