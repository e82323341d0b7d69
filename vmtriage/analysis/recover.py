"""Tasks an old crash lost, read back from the run queues' own trees.

crash < 8.0.4 on kernels whose `struct pid` ends in a flexible array loses every sleeping task and
then prints `[no tasks queued]` for full queues. The trees under the cfs_rq are whole, though.
"""

from collections.abc import Iterator, Mapping, Sequence

from vmtriage.analysis.collect import recorded
from vmtriage.analysis.runqueues import groups_of
from vmtriage.errors import ParseError
from vmtriage.models.evidence import CommandRun, CommandStatus, Facts, Part, Problem
from vmtriage.models.runqueue import QueuedTask, TaskGroup
from vmtriage.parsers import offset, rd, tree
from vmtriage.session.base import Session
from vmtriage.session.commands import (
    MY_Q,
    RUN_NODE,
    TASK_COMM,
    TASK_PID,
    CrashCommand,
    bytes_at,
    queued_on,
)

_MAX_QUEUES = 128
_MAX_TASKS = 256
_COMM_BYTES = 16  # TASK_COMM_LEN
_MAX_PID = 1 << 22  # PID_MAX_LIMIT


def recover(session: Session, facts: Facts) -> Facts:
    """The same facts; where tasks were lost, empty CFS queues are filled from their trees."""
    if not facts.tasks_lost or facts.group_run_queues is None:
        return facts
    empty = list(dict.fromkeys(_empty_queues(facts)))[:_MAX_QUEUES]
    if not empty:
        return facts
    asked = _Asked(session)
    found = _tasks_of(asked, empty)
    return _filled(facts, found, asked.runs)


class _Asked:
    """Puts commands to the session and keeps the record of them."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.runs: list[CommandRun] = []

    def texts(self, commands: Sequence[CrashCommand]) -> list[str]:
        """The answers; "" where a command failed."""
        answers = []
        for output in self._session.run(commands):
            self.runs.append(recorded(output, output.status))
            answers.append(output.text if output.status is CommandStatus.OK else "")
        return answers


def _tasks_of(asked: _Asked, queues: Sequence[str]) -> dict[str, tuple[QueuedTask, ...]]:
    """Tasks by cfs_rq; {} when this namelist does not tell where a task's members lie."""
    try:
        members = (RUN_NODE, MY_Q, TASK_PID, TASK_COMM)
        run_node, my_q, pid, comm = (offset.parse(text).offset for text in asked.texts(members))
    except ParseError:
        return {}
    trees = asked.texts([queued_on(cfs_rq, run_node) for cfs_rq in queues])
    nodes = [
        (cfs_rq, node) for cfs_rq, text in zip(queues, trees, strict=True) for node in _nodes(text)
    ][:_MAX_TASKS]
    reads = [
        command
        for _, node in nodes
        for command in (
            bytes_at(node, my_q, 8), bytes_at(node, pid, 4), bytes_at(node, comm, _COMM_BYTES)
        )
    ]  # fmt: skip
    answers = asked.texts(reads)
    found: dict[str, tuple[QueuedTask, ...]] = {}
    for number, (cfs_rq, node) in enumerate(nodes):
        task = _task(node, answers[3 * number : 3 * number + 3])
        if task is not None:
            found[cfs_rq] = (*found.get(cfs_rq, ()), task)
    return found


def _nodes(text: str) -> tuple[str, ...]:
    try:
        return tree.parse(text).nodes
    except ParseError:
        return ()


def _task(node: str, texts: Sequence[str]) -> QueuedTask | None:
    """The task at this address; None for a group's entity (it has a my_q) and for nonsense."""
    try:
        my_q, pid_bytes, name = (rd.parse(text).raw for text in texts)
    except ParseError:
        return None
    pid = int.from_bytes(pid_bytes, "little")
    if any(my_q) or not 0 < pid <= _MAX_PID:
        return None
    comm = name.partition(b"\0")[0].decode("utf-8", "backslashreplace")
    return QueuedTask(pid=pid, comm=comm, task=node, line=0)


def _empty_queues(facts: Facts) -> Iterator[str]:
    """cfs_rqs shown without a task or a group below, those under a throttled group first."""
    assert facts.group_run_queues is not None
    others: list[str] = []
    for queue in facts.group_run_queues.run_queues:
        throttled: list[str] = []
        for group in groups_of(queue):
            if group.throttled:
                throttled.append(group.path)
            if group.cfs_rq and not group.tasks and not group.children:
                if any(group.path.startswith(path) for path in throttled):
                    yield group.cfs_rq
                else:
                    others.append(group.cfs_rq)
    yield from others


def _filled(
    facts: Facts, found: Mapping[str, tuple[QueuedTask, ...]], runs: Sequence[CommandRun]
) -> Facts:
    assert facts.group_run_queues is not None
    queues = tuple(
        queue.model_copy(update={"groups": tuple(_fill(g, found) for g in queue.groups)})
        for queue in facts.group_run_queues.run_queues
    )
    count = sum(map(len, found.values()))
    told = Problem(
        command="tree",
        kind="tasks_recovered",
        message=f"{count} queued tasks were read back from the trees of {len(found)} run queues;"
        " sleeping tasks stay unseen",
        unsafe=(Part.TASKS,),
    )
    return facts.model_copy(
        update={
            "group_run_queues": facts.group_run_queues.model_copy(update={"run_queues": queues}),
            "runs": (*facts.runs, *runs),
            "problems": (*facts.problems, told) if found else facts.problems,
        }
    )


def _fill(group: TaskGroup, found: Mapping[str, tuple[QueuedTask, ...]]) -> TaskGroup:
    tasks = group.tasks or found.get(group.cfs_rq or "", ())
    children = tuple(_fill(child, found) for child in group.children)
    return group.model_copy(update={"tasks": tasks, "children": children})
