"""The step "bandwidth": the quotas of throttled groups, and which of them was being handed out."""

from collections.abc import Mapping, Sequence

from vmtriage.analysis.inquiry import period_timer, quotas
from vmtriage.analysis.inquiry.cgroups import PATH_MEMBERS
from vmtriage.analysis.inquiry.period_timer import PeriodTimers
from vmtriage.analysis.inquiry.quotas import Quotas, SeenGroup, seen_groups
from vmtriage.analysis.inquiry.scene import Reach, Scene
from vmtriage.analysis.stuck import stuck_cpus
from vmtriage.models.answers import Answers
from vmtriage.models.evidence import Part, Problem
from vmtriage.models.finding import Throttled
from vmtriage.models.lockup import BandwidthTimer, GroupBandwidth

MAX_GROUPS = 32
_MAX_CPUS = 4


def bandwidth(scene: Scene, reach: Reach, answers: Answers) -> Answers:
    """Throttled groups, the one whose timer was running first, then by their CPUs."""
    seen = seen_groups(scene)
    reach.memory.layout.learn((*quotas.MEMBERS, *period_timer.MEMBERS, *PATH_MEMBERS))
    reader = Quotas(reach)
    timers = _timers(scene, reach, reader, seen)
    wanted = [each for each in seen.values() if each.throttled_on]
    wanted.sort(key=lambda each: (each.task_group not in timers, -each.throttled_on))
    wanted = wanted[:MAX_GROUPS]
    known = {each.task_group for each in wanted}
    others = (seen.get(group, SeenGroup(group, "", False)) for group in timers)
    wanted = [*(each for each in others if each.task_group not in known), *wanted]
    reader.prefetch(wanted)
    rows: list[GroupBandwidth] = []
    for each in wanted:
        shown = next((t for t in scene.throttled or () if t.path == each.shown_as), None)
        if (row := reader.of(each, shown.container if shown and each.named else None)) is not None:
            rows.append(row.model_copy(update={"timer": timers.get(each.task_group)}))
    if not rows:
        return answers
    problems = (*answers.problems, *_problems(rows, reader, seen))
    return answers.model_copy(update={"bandwidth": tuple(rows), "problems": problems})


def nothing_throttled(scene: Scene) -> str:
    """Why the step would be of no use."""
    if scene.facts.group_run_queues is None:
        return "no run queues by group were read"
    stuck = stuck_cpus(scene.facts, scene.classification.crash_class, scene.incidents)
    return "" if _cfs(scene.throttled) or stuck else "no group is throttled"


def _cfs(rows: Sequence[Throttled] | None) -> list[Throttled]:
    return [row for row in rows or () if row.kind == "cfs"]


def _timers(
    scene: Scene, reach: Reach, reader: Quotas, seen: Mapping[int, SeenGroup]
) -> dict[int, BandwidthTimer]:
    looker = PeriodTimers(scene, reach, reader, seen)
    stuck = stuck_cpus(scene.facts, scene.classification.crash_class, scene.incidents)
    found: dict[int, BandwidthTimer] = {}
    for each in stuck[:_MAX_CPUS]:
        for timer in looker.on_cpu(each.cpu):
            found.setdefault(int(timer.task_group, 16), timer)
    return found


def _problems(
    rows: Sequence[GroupBandwidth], reader: Quotas, seen: Mapping[int, SeenGroup]
) -> list[Problem]:
    found: list[Problem] = []
    for row in rows:
        address = int(row.task_group, 16)
        path = reader.path(address)
        if address in seen and seen[address].named and path and path != row.shown_as:
            told = "names its path otherwise than kernel memory, which was believed"
            found.append(_doubt("path_differs", f"runq -g {told}: {row.shown_as} is {path}"))
        marked = [cpu for cpu in row.cpus if cpu.throttled is not None]
        shown = seen[address].throttled_on if address in seen else 0
        if shown and marked and (row.unlimited or not any(cpu.throttled for cpu in marked)):
            told = "runq -g shows it as throttled, kernel memory does not"
            found.append(_doubt("not_throttled", f"{row.path or row.task_group}: {told}"))
    return found


def _doubt(kind: str, message: str) -> Problem:
    return Problem(command="runq -g", kind=kind, message=message, unsafe=(Part.THROTTLED,))
