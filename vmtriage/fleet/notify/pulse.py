"""When a scan last came to its end: a small file among the pages of its site."""

from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from vmtriage.models.base import Model
from vmtriage.report.files import write_all

FILENAME = "scan.json"


class Pulse(Model):
    """The last scan. troubles: how many it had to tell of."""

    ended: datetime
    seconds: float
    troubles: int = 0


def beat(site: Path, pulse: Pulse) -> None:
    """At the end of every scan, also of one that found nothing. CannotWrite."""
    write_all(site, {FILENAME: pulse.model_dump_json() + "\n"})


def felt(site: Path) -> Pulse | None:
    """The last one; None: no scan came to its end here."""
    try:
        return Pulse.model_validate_json((site / FILENAME).read_text("utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError):
        return None
