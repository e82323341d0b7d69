"""One scan of the shares: read `scan` first, it is the order of things.

find -> decide -> identify -> the logs of all new ones, in seconds -> tell -> crash, a child for
each dump -> tell. Killed anywhere, the next scan goes on from there: what is done stands in the
store, what was half done is done again.
"""

import shutil

from vmtriage.fleet.scan.context import Run
from vmtriage.fleet.scan.decide import Decision
from vmtriage.fleet.scan.publish import publish
from vmtriage.fleet.scan.retriage import retriage
from vmtriage.fleet.scan.stage import triage
from vmtriage.fleet.scan.summary import Summary
from vmtriage.fleet.scan.survey import planned, survey
from vmtriage.fleet.scan.task import Hands, Task
from vmtriage.fleet.scan.turns import turn
from vmtriage.fleet.scan.workspace import Workspace


def scan(task: Task, hands: Hands) -> Summary:
    """All there is to do on these shares now, and nothing that another scan does or has done.

    While one scan of this machine runs crash, which may take hours, the next ones still read the
    logs of what is new: a ticket does not wait for crash.
    """
    hands.publisher.prepare()
    with Workspace() as space:
        run = Run(task, hands, space)
        with turn(run, "log") as ours:
            if ours is None:
                return run.busy("another scan reads the shares just now")
            todo, put_off = survey(run)
            over = triage(run, [each for each in todo if each.action == "log"], "log", ours)
            publish(run)
        with turn(run, "full") as ours:
            if ours is None:
                return run.busy("another scan runs crash")
            todo = [each for each in todo if _is_for_crash(each, over)]
            if todo and not _crash_is_there(run):
                todo = []
            triage(run, todo, "full", ours)
            triage(run, [each for each in put_off if _has_namelist_now(run, each)], "full", ours)
            if task.retriage is not None:
                retriage(run, task.retriage, ours)
            publish(run)
        return run.summary


def plan(task: Task, hands: Hands) -> tuple[list[Decision], Summary]:
    """What `scan` would do, and why; nothing is opened, nothing is written."""
    with Workspace() as space:
        run = Run(task, hands, space)
        return planned(run), run.summary


def _crash_is_there(run: Run) -> bool:
    """Without it the logs are read all the same, and nothing counts as tried."""
    found = shutil.which(run.task.crash, path=run.task.manner.environment.get("PATH"))
    if found is None:
        run.trouble(f"crash(8) not found: {run.task.crash}; only logs are read")
    return found is not None


def _is_for_crash(decision: Decision, over: set[str]) -> bool:
    return decision.found.kind != "log" and decision.dump not in over


def _has_namelist_now(run: Run, decision: Decision) -> bool:
    """It lacked a namelist, and another dump of its kernel was just read."""
    if not run.read or decision.found.kind == "log" or decision.dump is None:
        return False
    row = run.hands.store.dumps.get(decision.dump)
    return row is not None and row.stage == "log" and row.build_id in run.read
