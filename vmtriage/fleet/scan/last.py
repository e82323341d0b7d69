"""How the last scan went, in a small file of the site: for monitoring, and so that a trouble is
said when it begins and when it is over, not every minute by cron's mail."""

import re
import socket
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from vmtriage.errors import CannotWrite
from vmtriage.fleet.scan.summary import Summary
from vmtriage.models.base import Model
from vmtriage.report.files import write_all

_NAME = ".vmtriage-scan-{}.json"


class LastScan(Model):
    """Of one machine. seconds: how long it took. untold_why: what was wrong with notifiers."""

    host: str
    finished: datetime
    seconds: float
    exit_code: int
    line: str
    troubles: tuple[str, ...] = ()
    untold_why: tuple[str, ...] = ()


def last_scan(site: Path) -> LastScan | None:
    """The latest that came to its end, on whatever machine; None: none did."""
    found = [each for path in site.glob(_NAME.format("*")) if (each := _read(path))]
    return max(found, key=lambda each: each.finished, default=None)


def remember(
    site: Path, summary: Summary, finished: datetime, seconds: float
) -> tuple[Sequence[str], Sequence[str]]:
    """Keeps how it went; the troubles that are new, and those that are over since the last one."""
    host = socket.gethostname()
    path = site / _NAME.format(re.sub(r"[^A-Za-z0-9.-]", "_", host))
    old = _read(path)
    before = (*old.troubles, *old.untold_why) if old else ()
    untold = tuple(dict.fromkeys(summary.untold_why))
    if summary.untold and not untold and old:
        untold = old.untold_why  # it waits for its next try
    troubles = tuple(dict.fromkeys(summary.troubles))
    now = (*troubles, *untold)
    told = LastScan(
        host=host, finished=finished, seconds=round(seconds, 3), exit_code=summary.exit_code,
        line=summary.line(), troubles=troubles, untold_why=untold,
    )  # fmt: skip
    with suppress(CannotWrite):  # then all is said again
        write_all(site, {path.name: told.model_dump_json(indent=1) + "\n"})
    return [each for each in now if each not in before], [
        each for each in before if each not in now
    ]


def _read(path: Path) -> LastScan | None:
    try:
        return LastScan.model_validate_json(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
