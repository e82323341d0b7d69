"""The step "who": the tasks a reader will ask about, identified."""

from collections.abc import Iterator

from vmtriage.analysis.inquiry.scene import Reach, Scene
from vmtriage.analysis.inquiry.who import Who
from vmtriage.analysis.runqueues import groups_of
from vmtriage.models.answers import Answers
from vmtriage.models.details import OomReport
from vmtriage.models.runqueue import QueuedTask, TaskGroup

MAX_TASKS = 64
_PANIC = "panic task"


def who(scene: Scene, reach: Reach, answers: Answers) -> Answers:
    """The panic task, the running one of each CPU, and whoever a finding or answer points at."""
    roles: dict[int, list[str]] = {}
    for task, role in (
        *_of_facts(scene), *_of_chains(answers), *_of_incidents(scene), *_of_throttled(scene),
        *_of_blocked(answers),
    ):  # fmt: skip
        if task in roles or len(roles) < MAX_TASKS:
            told = roles.setdefault(task, [])
            if role not in told:
                told.append(role)
    if not roles:
        return answers
    system = scene.facts.system
    people = Who(reach.memory, reach.name_of, system.nodename if system else None)
    known = (people.identify(task, said) for task, said in roles.items())
    found = tuple(each for each in known if each.pid or (each.pid == 0 and _PANIC in each.roles))
    return answers.model_copy(update={"who": found}) if found else answers


def _of_facts(scene: Scene) -> Iterator[tuple[int, str]]:
    facts = scene.facts
    context = facts.system.context if facts.system else None
    if context is not None:
        yield int(context.task, 16), _PANIC
    elif scene.stack is not None and scene.stack.task:
        yield int(scene.stack.task, 16), _PANIC
    for stack in facts.cpu_stacks.backtraces if facts.cpu_stacks else ():
        if stack.task and stack.pid and stack.cpu is not None:
            yield int(stack.task, 16), f"running on CPU {stack.cpu}"


def _of_chains(answers: Answers) -> Iterator[tuple[int, str]]:
    """Whoever holds what others wait for, the roots first."""
    chains = answers.waits.chains if answers.waits else ()
    for chain in chains:
        if chain.root is not None:
            yield (
                int(chain.root.task, 16),
                f"holds up {chain.waiters} task{'s' if chain.waiters != 1 else ''}",
            )
        for link in chain.links if chain.root is None else ():
            yield int(link.task.task, 16), "member of a deadlock"
    for each in answers.waits.tasks if answers.waits else ():
        if each.owner is not None and each.lock is not None:
            what = f"{each.kind} {each.symbol or each.lock}"
            held = "holds" if each.certainty == "read" else "may hold"
            yield int(each.owner.task, 16), f"{held} {what}"


def _of_blocked(answers: Answers) -> Iterator[tuple[int, str]]:
    """One of each group of equal stacks."""
    for group in answers.blocked.groups if answers.blocked else ():
        if group.tasks and not group.normal:
            where = f" in {group.function}" if group.function else ""
            yield (
                int(group.tasks[0].task, 16),
                f"{f'one of {group.count} ' if group.count > 1 else ''}blocked{where}",
            )


def _of_incidents(scene: Scene) -> Iterator[tuple[int, str]]:
    """Tasks by PID, as the log names them."""
    tasks = scene.facts.tasks.tasks if scene.facts.tasks else ()
    by_pid = {task.pid: task for task in tasks}
    for incident in scene.incidents:
        for pid, comm, role in _of_oom(incident.oom):
            if pid in by_pid and by_pid[pid].comm == comm:
                yield int(by_pid[pid].task, 16), role
        known = by_pid.get(incident.pid or 0)
        if known is not None and known.comm == incident.comm and incident.severity != "noise":
            yield int(known.task, 16), f"named by the log, line {incident.first_line}"


def _of_oom(oom: OomReport | None) -> Iterator[tuple[int, str, str]]:
    """Who asked for the memory, and who holds most of it."""
    if oom is None:
        return
    if oom.invoker and oom.invoker.pid is not None:
        yield oom.invoker.pid, oom.invoker.comm, "asked for the memory that was not there"
    for place, task in enumerate(oom.tasks[:3], 1):
        yield task.pid, task.comm, f"held most memory: place {place}"


def _of_throttled(scene: Scene) -> Iterator[tuple[int, str]]:
    """One task of each throttled group: its cgroup is the group's full path."""
    queues = scene.facts.group_run_queues
    paths = {row.path for row in scene.throttled or ()}
    for queue in queues.run_queues if queues else ():
        for group in groups_of(queue):
            if group.path in paths and (task := _first_task(group)):
                paths.discard(group.path)
                yield int(task.task, 16), f"queued under {group.path}"


def _first_task(group: TaskGroup) -> QueuedTask | None:
    below = (_first_task(child) for child in group.children)
    return next((task for task in (*group.tasks, *below) if task is not None), None)
