"""The step "blocked": every task in D state, merged by what it waits for and in which code."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from vmtriage.analysis.inquiry.census import Census
from vmtriage.analysis.inquiry.scene import Reach, Scene
from vmtriage.analysis.inquiry.stalls import Stall, stall_of
from vmtriage.errors import ParseError
from vmtriage.models.answers import Answers
from vmtriage.models.backtrace import Backtrace
from vmtriage.models.evidence import CommandStatus
from vmtriage.models.finding import CrashClass
from vmtriage.models.waits import Blocked, BlockedGroup, TaskName
from vmtriage.parsers import bt
from vmtriage.session.base import CommandOutput
from vmtriage.session.commands import BLOCKED_STACKS, stack_of

MANY = 1000  # so many stacks are not all asked for
_SAMPLE = 256
_MAX_TEXT = 4 << 20  # about 3000 stacks
_EXAMPLES = 5
_FRAMES = 8
_FEW = 3  # tasks in D state that any busy machine has


def why_not(scene: Scene) -> str:
    """A machine that did not die of hung tasks is asked only if many were blocked."""
    tasks, hung = scene.facts.tasks, scene.classification.crash_class is CrashClass.HUNG_TASK
    if tasks is None:
        return "" if hung else "which tasks are in D state is not known"
    count = sum(task.state.startswith("UN") for task in tasks.tasks)
    if hung and scene.facts.tasks_lost:
        return ""
    if not count:
        return "no task is in D state"
    return "" if hung or count >= _FEW else f"only {count} in D state"


def blocked(scene: Scene, reach: Reach, answers: Answers) -> Answers:
    """Stacks of the tasks in D state; of a flood only those of a sample."""
    census = Census(scene.facts, reach.memory)
    waiting = [task for task in census.listed if (census.state(task) or "").startswith("UN")]
    if len(waiting) > MANY:
        waiting.sort(key=lambda task: -(census.waited_ms(task) or 0))
        chosen = dict.fromkeys((*named_by_log(scene, census), *_spread(waiting, _SAMPLE)))
        outputs = reach.desk.ask([stack_of(task) for task in list(chosen)[:_SAMPLE]])
    else:
        outputs = reach.desk.ask([BLOCKED_STACKS])
    stacks = tuple(stack for each in outputs for stack in _stacks(each))
    if not stacks:
        return answers
    return answers.model_copy(
        update={"blocked_stacks": stacks, "blocked": merged(stacks, census, len(waiting))}
    )


def named_by_log(scene: Scene, census: Census) -> Iterator[int]:
    """The tasks the log calls hung, in its order."""
    by_pid = {(task.pid, task.comm): address for address, task in census.listed.items()}
    for incident in scene.incidents:
        task = by_pid.get((incident.pid or 0, incident.comm or ""))
        if task is not None and incident.crash_class is CrashClass.HUNG_TASK:
            yield task


def merged(stacks: Sequence[Backtrace], census: Census, waiting: int) -> Blocked:
    """Groups of equal stacks, the largest first; `waiting`: how many there are in all."""
    groups: dict[tuple[object, ...], list[tuple[Backtrace, Stall]]] = defaultdict(list)
    for stack in stacks:
        stall = stall_of(stack)
        groups[stall.kind, stall.function, stall.significant, stall.normal].append((stack, stall))
    found = [_group(members, census) for members in groups.values()]
    # what is normal comes last, however much of it there is
    found.sort(key=lambda group: (bool(group.normal), -group.count, -(group.longest_ms or 0)))
    total = max(waiting, len(stacks))
    return Blocked(tasks=total, groups=tuple(found), left_out=total - len(stacks))


def _group(members: Sequence[tuple[Backtrace, Stall]], census: Census) -> BlockedGroup:
    stall = members[0][1]
    ago: dict[int, int] = {}
    for stack, _ in members:
        waited = census.waited_ms(address(stack))
        if waited is not None:
            ago[address(stack)] = waited
    ordered = sorted((stack for stack, _ in members), key=lambda s: -ago.get(address(s), 0))
    names = Counter(stack.comm or "" for stack in ordered)
    return BlockedGroup(
        count=len(members), tasks=tuple(name_of(stack) for stack in ordered[:_EXAMPLES]),
        comms=tuple(comm for comm, _ in names.most_common(_EXAMPLES) if comm), kind=stall.kind,
        stuck=stall.stuck, function=stall.function, module=stall.module,
        frames=stall.significant[:_FRAMES], shortest_ms=min(ago.values(), default=None),
        longest_ms=max(ago.values(), default=None), normal=stall.normal,
    )  # fmt: skip


def name_of(stack: Backtrace) -> TaskName:
    """Whose stack it is."""
    return TaskName(task=stack.task or "0", pid=stack.pid or 0, comm=stack.comm or "")


def address(stack: Backtrace) -> int:
    """Of its task_struct."""
    return int(stack.task or "0", 16)


def _stacks(output: CommandOutput) -> Iterable[Backtrace]:
    if output.status not in (CommandStatus.OK, CommandStatus.ERRORS, CommandStatus.TIMEOUT):
        return ()
    try:
        found = bt.parse(output.text[:_MAX_TEXT]).backtraces
    except ParseError:
        return ()
    return (stack for stack in found if stack.task and stack.pid is not None)


def _spread(tasks: Sequence[int], count: int) -> Iterator[int]:
    """As many, evenly chosen from the longest wait to the shortest."""
    step = max(1, len(tasks) // count)
    yield from tasks[::step]
