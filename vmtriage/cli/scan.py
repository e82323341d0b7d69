"""`vmtriage scan`: arguments in, one scan, an exit code out."""

import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Literal

import click

from vmtriage.cli.common import (
    crash_option,
    debuginfo_dir_option,
    no_fetch_option,
    pack_option,
    signatures_option,
)
from vmtriage.cli.scan_watch import say, watcher_of

if TYPE_CHECKING:
    from vmtriage.fleet.scan.options import Options
    from vmtriage.fleet.scan.summary import Summary

_FILE = click.Path(path_type=Path, dir_okay=False)
_DIRECTORY = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.argument("share", type=_DIRECTORY, nargs=-1)
@click.option(
    "--out",
    "site",
    type=_DIRECTORY,
    metavar="SITE",
    help="Directory of the pages and reports; any web server can serve it.",
)
@click.option(
    "--store",
    metavar="FILE|URL",
    help="What is remembered: a SQLite file on a local disk, or postgresql://...  [default: one"
    " for each SITE, in /var/lib/vmtriage or ~/.local/state/vmtriage]",
)
@click.option(
    "--config",
    type=_FILE,
    metavar="FILE",
    help="Whom to tell what, and whatever is not said here; `vmtriage config check FILE`.",
)
@click.option("--base-url", metavar="URL", help="Where SITE is served: for links in tickets.")
@click.option(
    "--names", type=_FILE, metavar="FILE", help="Host names: ADDRESS NAME a line, as /etc/hosts."
)
@click.option(
    "--jobs", type=click.IntRange(1), metavar="N", help="Dumps at once.  [default: one each core]"
)
@click.option(
    "--memory",
    type=click.IntRange(1),
    metavar="MB",
    help="For all of them; 1024 are reckoned for each.  [default: 3/4 of it, at most 8192]",
)
@click.option(
    "--per-share",
    type=click.IntRange(1),
    metavar="N",
    help="Dumps at once of one file server.  [default: 4]",
)
@click.option(
    "--settle",
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="A dump that has not changed for so long is finished.  [default: 30]",
)
@click.option(
    "--deadline",
    type=click.FloatRange(1),
    metavar="SECONDS",
    help="For one dump and crash; then it is ended and tried again.  [default: 7200]",
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most so many dumps now.")
@click.option(
    "--retriage",
    is_flag=True,
    help="Make the reports of other signatures anew, from recordings: no dump is opened.",
)
@click.option(
    "--retry-quarantined", is_flag=True, help="Try again at once what was given up or put off."
)
@click.option(
    "--no-notify",
    is_flag=True,
    help="Tell nobody of what is found now, nor later: for a first scan of many old dumps.",
)
@click.option(
    "-n",
    "--dry-run",
    is_flag=True,
    help="Only say what would be done with each dump, and why; and what would be told, in full.",
)
@click.option(
    "--log-format",
    type=click.Choice(("text", "json")),
    default="text",
    help="json: all that happens, one object a line, on standard output.",
)
@crash_option
@debuginfo_dir_option
@no_fetch_option
@signatures_option
@pack_option
@click.option("-q", "--quiet", is_flag=True, help="Print only what failed.")
def scan(
    share: tuple[Path, ...], site: Path | None, store: str | None, config: Path | None,
    base_url: str | None, names: Path | None, jobs: int | None, memory: int | None,
    per_share: int | None, settle: float | None, deadline: float | None, limit: int | None,
    retriage: bool, retry_quarantined: bool, no_notify: bool, dry_run: bool,
    log_format: Literal["text", "json"], crash: str | None, debuginfo_dirs: tuple[Path, ...],
    no_fetch: bool, signatures: Path | None, packs: tuple[Path, ...], quiet: bool,
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
    share, a dump or a notifier failed, or crash(8) is missing, and it is tried again; 2 usage; 70
    a bug of vmtriage; 78 bad configuration or store. SIGTERM: 143.
    """
    from vmtriage.fleet.scan.options import Options

    options = Options(
        shares=share, site=site, store=store, config=config, base_url=base_url, names=names,
        jobs=jobs, memory_mb=memory, per_share=per_share, settle_s=settle, deadline_s=deadline,
        limit=limit, retriage=retriage, insist=retry_quarantined, notify=not no_notify,
        crash=crash, debuginfo_dirs=debuginfo_dirs, fetch=not no_fetch, signatures=signatures,
        packs=packs,
    )  # fmt: skip
    if dry_run:
        _plan(options)
        return
    with _Stop():
        _scan(options, log_format, quiet)


def _scan(options: "Options", log_format: str, quiet: bool) -> None:
    from vmtriage.fleet.scan.happening import summed_up
    from vmtriage.fleet.scan.last import remember
    from vmtriage.fleet.scan.options import prepared
    from vmtriage.fleet.scan.run import scan as run

    began = time.monotonic()
    with watcher_of(log_format, quiet) as watcher, prepared(options, watcher) as ready:
        summary = run(ready.task, ready.hands)
        now, seconds = ready.hands.now(), time.monotonic() - began
        watcher.tell(summed_up(summary, now))
        news = () if summary.busy else remember(ready.task.site, summary, now, seconds)
        ready.measure(seconds)
        if ready.publisher and news:
            ready.publisher.alarm(news[0])
    if log_format == "text":
        _tell(summary, *(news or ((), ())), quiet)
    sys.exit(summary.exit_code)


def _tell(summary: "Summary", began: Sequence[str], over: Sequence[str], quiet: bool) -> None:
    """On a terminal always; to cron, which mails all that is said, only what is news."""
    for trouble in began:
        say(trouble)
    for trouble in over:
        say(f"over: {trouble}")
    if summary.failed or (not quiet and (summary.eventful or sys.stdout.isatty())):
        click.echo(summary.line())


def _plan(options: "Options") -> None:
    from vmtriage.fleet.scan.options import prepared
    from vmtriage.fleet.scan.run import plan
    from vmtriage.report.safe import visible

    with watcher_of("text", True) as watcher, prepared(options, watcher, read_only=True) as ready:
        decisions, summary = plan(ready.task, ready.hands)
        notices = ready.publisher.rehearse() if ready.publisher else ()
    for each in decisions:
        if each.action != "known":
            when = f", not before {each.at:%Y-%m-%d %H:%M:%S} UTC" if each.at else ""
            where = visible(f"{each.found.share}/{each.found.place}")
            click.echo(f"{each.action:<11} {where}  ({visible(each.why)}{when})")
    known = sum(each.action == "known" for each in decisions)
    click.echo(f"{known} of {len(decisions)} are done")
    for text in notices:
        click.echo(f"\nwould tell {text}")
    for trouble in summary.troubles:
        say(trouble)
    sys.exit(summary.exit_code)


class _Stop:
    """SIGTERM and Ctrl-C: what runs is ended, claims are given back, then the signal is ours."""

    def __init__(self) -> None:
        self._by: int | None = None

    def __enter__(self) -> None:
        for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(each) is not signal.SIG_IGN:  # as nohup has it
                signal.signal(each, self._note)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self._by is None:  # a second one must not end the cleaning up
            self._by = number
            sys.exit(128 + number)

    def __exit__(self, *_: object) -> None:
        if self._by is not None:  # a service manager shall see that it was asked to end
            signal.signal(self._by, signal.SIG_DFL)
            signal.raise_signal(signal.Signals(self._by))
