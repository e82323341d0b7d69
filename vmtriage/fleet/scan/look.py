"""Looking at the shares: all at once, and none can hold up the others."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vmtriage.errors import ShareAway, TriageError
from vmtriage.fleet.share import Unread, find
from vmtriage.models.found import Found

_LOOK_S = 0.5


@dataclass
class Looked:
    """One share. error: it could not be read at all, and nothing is known of what is there."""

    share: Path
    found: list[Found] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    error: TriageError | None = None


def look(shares: Sequence[Path], patience_s: float) -> list[Looked]:
    """What lies on each share. One that tells nothing new for so long (a dead server) is left."""
    looks = [_Look(share) for share in shares]
    return [each.result(patience_s) for each in looks]


class _Look:
    """One share, read by a thread: a read of a dead server's directory never comes back."""

    def __init__(self, share: Path) -> None:
        self._looked = Looked(share)
        self._share = share
        self._progress = time.monotonic()
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"look {share}")
        self._thread.start()

    def result(self, patience_s: float) -> Looked:
        """Waits as long as more and more is found."""
        while self._thread.is_alive() and time.monotonic() < self._progress + patience_s:
            self._thread.join(_LOOK_S)
        if not self._thread.is_alive():
            return self._looked
        away = ShareAway(
            f"{self._share} does not answer", next_step="is its server up? see `df` and the log"
        )
        return Looked(self._share, error=away)

    def _run(self) -> None:
        looked = self._looked
        try:
            for found in find(self._share, looked.unread.append):
                looked.found.append(found)
                self._progress = time.monotonic()
        except TriageError as error:
            looked.error = error
        except Exception as error:
            looked.error = TriageError(
                f"cannot look through {self._share}: {type(error).__name__}: {error}",
                next_step="this is a bug of vmtriage",
            )
