"""`vmtriage scan`: arguments in, one scan, an exit code out."""

import os
import signal
import sys
from contextlib import contextmanager
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from vmtriage.cli.common import knowledge_of, pack_option, settings_of, signatures_option

if TYPE_CHECKING:
    from vmtriage.fleet.scan.summary import Summary


@click.command()
@click.argument("share", type=click.Path(path_type=Path, file_okay=False), nargs=-1, required=True)
@click.option(
    "--out", "site", required=True, type=click.Path(path_type=Path, file_okay=False),
    metavar="SITE", help="Directory of the pages and reports; any web server can serve it.",
)  # fmt: skip
@click.option(
    "--store", metavar="FILE|URL",
    help="What is remembered: a SQLite file on a local disk, or postgresql://...  [default: one"
    " for each SITE, in /var/lib/vmtriage or ~/.local/state/vmtriage]",
)  # fmt: skip
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Whom to tell what, in TOML; `vmtriage config check FILE` reads it.")  # fmt: skip
@click.option("--base-url", metavar="URL", help="Where SITE is served: for links in tickets.")
@click.option("--names", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Host names, `ADDRESS NAME` a line as in /etc/hosts.")  # fmt: skip
@click.option("--jobs", type=click.IntRange(1), metavar="N",
              help="Dumps at once.  [default: one for each core]")  # fmt: skip
@click.option("--memory", type=click.IntRange(1), metavar="MB",
              help="For all of them; 1024 are reckoned for each.  [default: 3/4 of it, up to 8192]")  # fmt: skip
@click.option("--per-share", type=click.IntRange(1), default=4, metavar="N", show_default=True,
              help="Dumps at once of one share.")  # fmt: skip
@click.option("--settle", type=click.FloatRange(0), default=30.0, metavar="SECONDS",
              show_default=True, help="A dump that has not changed for so long is finished.")  # fmt: skip
@click.option("--deadline", type=click.FloatRange(1), metavar="SECONDS",
              help="For one dump with crash; then it is killed and tried again.  [default: 7200]")  # fmt: skip
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most so many dumps now.")
@click.option("--retriage", is_flag=True,
              help="Make reports of other signatures anew, from recordings; no dump is opened.")  # fmt: skip
@click.option("--retry-quarantined", is_flag=True,
              help="Try again at once what was given up or put off.")  # fmt: skip
@click.option("--no-notify", is_flag=True,
              help="Tell nobody of what is found now, also later: for the first scan of old dumps.")  # fmt: skip
@click.option("-n", "--dry-run", is_flag=True,
              help="Only say what would be done with each dump, and why.")  # fmt: skip
@click.option("--log-format", type=click.Choice(("text", "json")), default="text",
              help="json: all that happens, one object a line, on standard output.")  # fmt: skip
@click.option("--crash", metavar="PATH", help="crash(8) to use.  [env: VMTRIAGE_CRASH]")
@click.option("--debuginfo-dir", "debuginfo_dirs", multiple=True, metavar="DIR",
              type=click.Path(path_type=Path), help="As of analyze.")  # fmt: skip
@click.option("--no-fetch", is_flag=True, help="As of analyze.")
@signatures_option
@pack_option
@click.option("-q", "--quiet", is_flag=True, help="Print only what failed.")
def scan(
    share: tuple[Path, ...], site: Path, store: str | None, config: Path | None,
    base_url: str | None, names: Path | None, jobs: int | None, memory: int | None,
    per_share: int, settle: float, deadline: float | None, limit: int | None, retriage: bool,
    retry_quarantined: bool, no_notify: bool, dry_run: bool, log_format: Literal["text", "json"],
    crash: str | None, debuginfo_dirs: tuple[Path, ...], no_fetch: bool,
    signatures: Path | None, packs: tuple[Path, ...], quiet: bool,
) -> None:  # fmt: skip
    """Triage every new dump on a crash SHARE, once, into the pages of SITE.

    \b
    * * * * *  vmtriage scan /srv/crash --out /srv/www/crash --base-url https://crash.example.org

    Safe to run every minute, twice at once, and on several machines over one share and one
    PostgreSQL store. A dump is read when it is finished: its kernel log within seconds, then all
    of it by crash(8). What fails for a reason that may pass is tried again, later each time; what
    fails again and again is quarantined with its reason. SIGTERM ends it cleanly.

    Nothing is printed where nothing happened; a trouble that lasts is said once.

    Exit codes: 0 all is well, or another scan is at work; 65 a dump was quarantined now; 75 a
    share, a dump or a notifier failed and is tried again; 2 usage; 69 crash(8) missing; 70 a bug
    of vmtriage; 78 bad configuration or store; 143 ended by SIGTERM.
    """
