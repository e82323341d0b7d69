"""Troubles are said when they begin and when they are over, not every minute by cron's mail."""

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from vmtriage.errors import CannotWrite
from vmtriage.report.files import write_all


class Said:
    """What the last run said, in a small file; without it everything is said again."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def news(self, troubles: Sequence[str]) -> tuple[list[str], list[str]]:
        """Those that began since the last run, and those that are over; remembers them."""
        before = self._read()
        now = list(dict.fromkeys(troubles))
        if now != before:
            with suppress(CannotWrite):
                write_all(self._path.parent, {self._path.name: json.dumps(now)})
        began = [each for each in now if each not in before]
        return began, [each for each in before if each not in now]

    def _read(self) -> list[str]:
        try:
            told = json.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError):
            return []
        return [str(each) for each in told] if isinstance(told, list) else []
