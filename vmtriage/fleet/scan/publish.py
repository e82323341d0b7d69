"""Site, tickets and alerts, after the store has changed."""

import time

from vmtriage.errors import CannotWrite
from vmtriage.fleet.scan.context import Run
from vmtriage.fleet.scan.happening import Happening
from vmtriage.fleet.scan.turns import publishing

_PATIENCE_S = 120.0  # another scan may be at it; the next one takes up what is left
_PAUSE_S = 30.0


def publish(run: Run, patience_s: float = _PATIENCE_S) -> None:
    """Writes what changed since the last time, whoever changed it, and sends what waits."""
    with publishing(run, patience_s) as ours:
        if not ours:
            return
        try:
            done = run.hands.publisher.publish()
        except CannotWrite as error:
            run.trouble(error.message)
            return
    run.summary.problems += done.new_problems
    run.summary.told += done.told
    run.summary.untold = done.waiting
    for reason in done.troubles:
        run.summary.untold_why.append(reason)
        run.tell(Happening(kind="trouble", time=run.now(), reason=reason))
    run.tell(Happening(kind="published", time=run.now(), count=done.pages))


class Meanwhile:
    """Publishing while crash still runs on others: now and then, a tenth of the time at most."""

    def __init__(self, run: Run) -> None:
        self._run, self._next = run, time.monotonic() + _PAUSE_S

    def publish(self) -> None:
        """If it is time."""
        began = time.monotonic()
        if began >= self._next:
            publish(self._run, 0.0)
            self._next = time.monotonic() + max(_PAUSE_S, 10 * (time.monotonic() - began))
