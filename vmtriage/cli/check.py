"""`vmtriage check`: a plugin for Nagios, Icinga and their kin. One line, never a traceback."""

import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from vmtriage.fleet.notify.numbers import Numbers
    from vmtriage.fleet.notify.verdict import Limits

_NAMES = ("age", "untriaged", "quarantined", "new", "untold")
_WARNING = ("age=900", "untriaged=20", "quarantined=0", "new=0", "untold=0")
_CRITICAL = ("age=3600", "untriaged=200")


class _Plugin(click.Command):
    """Whatever goes wrong is UNKNOWN, exit code 3; also wrong usage."""

    def make_context(self, *words: Any, **named: Any) -> click.Context:
        try:
            return super().make_context(*words, **named)
        except click.ClickException as error:
            _unknown(error.format_message())

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            _unknown(error.format_message())
        except Exception as error:
            _unknown(str(error).replace("\n  ", "; ") or type(error).__name__)


@click.command(cls=_Plugin)
@click.argument("share", type=click.Path(path_type=Path), nargs=-1)
@click.option(
    "--out", "site", type=click.Path(path_type=Path), metavar="SITE", help="As of `vmtriage scan`."
)
@click.option("--store", metavar="FILE|URL", help="As of `vmtriage scan`.")
@click.option(
    "--config", type=click.Path(path_type=Path), metavar="FILE", help="Shares, site, store by it."
)
@click.option(
    "-w", "--warning", multiple=True, metavar="NAME=RANGE",
    help=f"WARNING outside of RANGE; NAME alone: never.  [default: {' '.join(_WARNING)}]",
)  # fmt: skip
@click.option(
    "-c", "--critical", multiple=True, metavar="NAME=RANGE",
    help=f"CRITICAL outside of RANGE; NAME alone: never.  [default: {' '.join(_CRITICAL)}]",
)  # fmt: skip
@click.option(
    "--hours", type=click.FloatRange(0, min_open=True), default=24.0, show_default=True,
    metavar="N", help="A problem first seen in so many hours is new.",
)  # fmt: skip
@click.option(
    "-t", "--timeout", type=click.IntRange(1, 3600), default=30, show_default=True,
    metavar="SECONDS", help="UNKNOWN after so long: a share may hang.",
)  # fmt: skip
def check(
    share: tuple[Path, ...], site: Path | None, store: str | None, config: Path | None,
    warning: tuple[str, ...], critical: tuple[str, ...], hours: float, timeout: int,
) -> None:  # fmt: skip
    """Say for Nagios or Icinga whether crashes are being triaged. Exit codes 0, 1, 2, 3.

    \b
    vmtriage check --out /srv/www/crash
    vmtriage check /srv/crash --out /srv/www/crash -w age=120 -c quarantined=5 -w new

    Names: age (seconds since a scan came to its end), untriaged (dumps; with SHARE also those that
    no scan has seen), quarantined, new (problems), untold (notices that fail). RANGE as the
    monitoring plugins have it: 10, 10:, ~:10, 10:20, @10:20.
    """
    signal.signal(signal.SIGALRM, _late)
    signal.alarm(timeout)
    from vmtriage.fleet.notify.verdict import line, measures

    limits = _limits(_WARNING, warning), _limits(_CRITICAL, critical)
    told = _numbers(share, site, store, config, hours, timeout)
    code, text = line(measures(told, hours), *limits)
    click.echo(text)
    sys.exit(code)


def _numbers(
    share: tuple[Path, ...], site: Path | None, store: str | None, config: Path | None,
    hours: float, timeout: int,
) -> "Numbers":  # fmt: skip
    from vmtriage.fleet.notify.numbers import numbers, with_unseen
    from vmtriage.fleet.scan.last import last_scan
    from vmtriage.fleet.scan.look import look
    from vmtriage.store.location import default_path
    from vmtriage.store.opening import open_store

    if config is not None:
        from vmtriage.fleet.config.read import read

        told = read(config)
        site, store = site or told.site, store or told.store_address()
        share = share or told.shares
    if site is None and store is None:
        raise click.UsageError("name the site or the store: --out SITE, --store URL, --config FILE")
    where: str | Path = store or default_path(site or Path())
    last = last_scan(site) if site is not None else None
    with open_store(where, read_only=True) as opened:
        now = datetime.now(UTC)
        found = numbers(opened, now, hours * 3600, last.finished if last else None)
        # the alarm ends it, not the patience
        for each in look([path.absolute() for path in share], 2.0 * timeout):
            if each.error is not None:
                raise each.error
            found = with_unseen(opened, each.found, found)
        return found


def _limits(usual: tuple[str, ...], told: tuple[str, ...]) -> "Limits":
    from vmtriage.fleet.notify.thresholds import Range

    out: dict[str, Range] = {}
    for text in (*usual, *told):
        name, _, limit = text.partition("=")
        if name not in _NAMES:
            raise click.UsageError(f"no such measure: {name!r}; there are {', '.join(_NAMES)}")
        out.pop(name, None)
        if limit:
            try:
                out[name] = Range.of(limit)
            except ValueError as error:
                raise click.UsageError(str(error)) from None
    return out


def _unknown(why: str) -> NoReturn:
    from vmtriage.fleet.notify.verdict import UNKNOWN, unknown

    click.echo(unknown(why))
    sys.exit(UNKNOWN)


def _late(_number: int, _frame: FrameType | None) -> None:
    os.write(1, b"VMTRIAGE UNKNOWN - no answer in time: does a share hang, or the store?\n")
    os._exit(3)  # a thread may be in a read that never ends
