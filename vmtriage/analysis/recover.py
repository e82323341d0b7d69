"""Tasks an old crash lost, read back from the run queues' own trees.

crash < 8.0.4 on kernels whose `struct pid` ends in a flexible array loses every sleeping task and
then prints `[no tasks queued]` for full queues. The trees under the cfs_rq are whole, though.
"""

from collections.abc import Iterator, Mapping

from vmtriage.analysis.runqueues import groups_of
from vmtriage.errors import ParseError
from vmtriage.models.evidence import CommandRun, CommandStatus, Facts, Part, Problem
from vmtriage.models.runqueue import QueuedTask, TaskGroup
from vmtriage.parsers import offset, tree
from vmtriage.session.base import Session
from vmtriage.session.commands import RUN_NODE, queued_on

_MAX_QUEUES = 128


def recover(session: Session, facts: Facts) -> Facts:
    """The same facts; where tasks were lost, empty CFS queues are filled from their trees."""
    if not facts.tasks_lost or facts.group_run_queues is None:
        return facts
    empty = list(dict.fromkeys(_empty_queues(facts)))
    if not empty:
        return facts
    runs: list[CommandRun] = []
    found: dict[str, tuple[QueuedTask, ...]] = {}
    node = _run_node(session, runs)
    if node is not None:
        wanted = empty[:_MAX_QUEUES]
        commands = [queued_on(cfs_rq, node) for cfs_rq in wanted]
        for cfs_rq, output in zip(wanted, session.run(commands), strict=True):
            runs.append(
                CommandRun(
                    command=output.command, status=output.status,
                    seconds=round(output.seconds, 3), bytes=len(output.text), reason=output.reason,
                )
            )  # fmt: skip
            if output.status is not CommandStatus.OK:
                continue
            try:
                tasks = tree.parse(output.text).tasks
            except ParseError:
                continue
            found[cfs_rq] = tuple(
                QueuedTask(pid=t.pid, comm=t.comm, task=t.task, line=0) for t in tasks
            )
    return _filled(facts, found, runs)


def _run_node(session: Session, runs: list[CommandRun]) -> int | None:
    for output in session.run([RUN_NODE]):
        runs.append(
            CommandRun(
                command=output.command, status=output.status, seconds=round(output.seconds, 3),
                bytes=len(output.text), reason=output.reason,
            )
        )  # fmt: skip
        try:
            return offset.parse(output.text).offset
        except ParseError:
            return None
    return None


def _empty_queues(facts: Facts) -> Iterator[str]:
    """cfs_rqs shown without a task or a group below, those under a throttled group first."""
    assert facts.group_run_queues is not None
    below: list[str] = []
    for queue in facts.group_run_queues.run_queues:
        throttled: list[str] = []
        for group in groups_of(queue):
            if group.throttled:
                throttled.append(group.path)
            if group.cfs_rq and not group.tasks and not group.children:
                inside = any(group.path.startswith(path) for path in throttled)
                if inside:
                    yield group.cfs_rq
                else:
                    below.append(group.cfs_rq)
    yield from below


def _filled(
    facts: Facts, found: Mapping[str, tuple[QueuedTask, ...]], runs: list[CommandRun]
) -> Facts:
    assert facts.group_run_queues is not None
    queues = tuple(
        queue.model_copy(update={"groups": tuple(_fill(g, found) for g in queue.groups)})
        for queue in facts.group_run_queues.run_queues
    )
    count = sum(map(len, found.values()))
    told = Problem(
        command="tree", kind="tasks_recovered",
        message=f"{count} queued tasks were read back from the trees of {len(found)} run queues;"
        " sleeping tasks stay unseen",
        unsafe=(Part.TASKS,),
    )  # fmt: skip
    return facts.model_copy(
        update={
            "group_run_queues": facts.group_run_queues.model_copy(update={"run_queues": queues}),
            "runs": (*facts.runs, *runs),
            "problems": (*facts.problems, told) if found else facts.problems,
        }
    )


def _fill(group: TaskGroup, found: Mapping[str, tuple[QueuedTask, ...]]) -> TaskGroup:
    tasks = found.get(group.cfs_rq or "", ()) if not group.tasks else group.tasks
    children = tuple(_fill(child, found) for child in group.children)
    return group.model_copy(update={"tasks": tasks, "children": children})
