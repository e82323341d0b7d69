"""Tasks an old crash lost, read back from the run queues' own trees.

crash < 8.0.4 on kernels whose `struct pid` ends in a flexible array loses every sleeping task and
then prints `[no tasks queued]` for full queues. The trees under the cfs_rq are whole, though.
"""

from collections.abc import Iterator, Mapping, Sequence

from vmtriage.analysis.inquiry.desk import Desk
from vmtriage.analysis.inquiry.layout import member
from vmtriage.analysis.inquiry.memory import Memory
from vmtriage.analysis.runqueues import groups_of
from vmtriage.errors import ParseError
from vmtriage.models.evidence import Facts, Part, Problem
from vmtriage.models.runqueue import QueuedTask, TaskGroup
from vmtriage.parsers import tree
from vmtriage.session.commands import queued_on

_RUN_NODE = member("task_struct", "se.run_node")
_MY_Q = member("task_struct", "se.my_q")
_PID = member("task_struct", "pid")
_COMM = member("task_struct", "comm")
_MAX_QUEUES = 128
_MAX_TASKS = 256
_COMM_BYTES = 16  # TASK_COMM_LEN
_MAX_PID = 1 << 22  # PID_MAX_LIMIT


def recover(desk: Desk, memory: Memory, facts: Facts) -> Facts:
    """The same facts; where tasks were lost, empty CFS queues are filled from their trees."""
    if not facts.tasks_lost or facts.group_run_queues is None:
        return facts
    empty = list(dict.fromkeys(_empty_queues(facts)))[:_MAX_QUEUES]
    return _filled(facts, _tasks_of(desk, memory, empty)) if empty else facts


def _tasks_of(
    desk: Desk, memory: Memory, queues: Sequence[str]
) -> dict[str, tuple[QueuedTask, ...]]:
    """Tasks by cfs_rq; {} when this namelist does not tell where a task's members lie."""
    memory.layout.learn((_RUN_NODE, _MY_Q, _PID, _COMM))
    run_node = memory.layout[_RUN_NODE]
    if run_node is None:
        return {}
    trees = desk.ask([queued_on(cfs_rq, run_node) for cfs_rq in queues])
    nodes = [
        (cfs_rq, node)
        for cfs_rq, output in zip(queues, trees, strict=True)
        for node in _nodes(output.text)
    ][:_MAX_TASKS]
    found: dict[str, tuple[QueuedTask, ...]] = {}
    for cfs_rq, node in nodes:
        task = _task(memory, node)
        if task is not None:
            found[cfs_rq] = (*found.get(cfs_rq, ()), task)
    return found


def _nodes(text: str) -> tuple[str, ...]:
    try:
        return tree.parse(text).nodes
    except ParseError:
        return ()


def _task(memory: Memory, node: str) -> QueuedTask | None:
    """The task at this address; None for a group's entity (it has a my_q) and for nonsense."""
    address = int(node, 16)
    my_q, pid = memory.pointer(address, _MY_Q), memory.unsigned(address, _PID)
    comm = memory.text(memory.at(address, _COMM), _COMM_BYTES)
    if my_q != 0 or pid is None or not 0 < pid <= _MAX_PID or comm is None:
        return None
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


def _filled(facts: Facts, found: Mapping[str, tuple[QueuedTask, ...]]) -> Facts:
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
            "problems": (*facts.problems, told) if found else facts.problems,
        }
    )


def _fill(group: TaskGroup, found: Mapping[str, tuple[QueuedTask, ...]]) -> TaskGroup:
    tasks = group.tasks or found.get(group.cfs_rq or "", ())
    children = tuple(_fill(child, found) for child in group.children)
    return group.model_copy(update={"tasks": tasks, "children": children})
