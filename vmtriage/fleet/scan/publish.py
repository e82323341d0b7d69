"""Site, tickets and alerts, after the store has changed."""

from vmtriage.errors import CannotWrite
from vmtriage.fleet.scan.context import Run
from vmtriage.fleet.scan.happening import Happening
from vmtriage.fleet.scan.turns import publishing

_PATIENCE_S = 120.0  # another scan may be at it; the next one takes up what is left


def publish(run: Run) -> None:
    """Writes what changed since the last time, whoever changed it, and sends what waits."""
    with publishing(run, _PATIENCE_S) as ours:
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
