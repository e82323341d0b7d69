"""Out of memory on the machine as a whole: what held it.

Shares are of what could be used: the RAM the allocator had, and the swap in use.
"""

from collections.abc import Iterator

from vmtriage.analysis.klog.oom_says import fragmentation, size
from vmtriage.analysis.suspects.groups import membership
from vmtriage.analysis.suspects.oom_kernel import KERNEL, MOST, THIRD, kernel_memory
from vmtriage.analysis.suspects.oom_round import Round, row
from vmtriage.models.details import OomMemory, OomReport, OomTask
from vmtriage.models.report import Culprit

_SURE = 0.85  # more than half: nobody else can have held as much
_LIKELY = 0.65  # more than a third
_LEAD = 0.3  # less than a third, or of an unknown whole: two others may have held as much
_BESIDE = 0.3  # a third of it was the kernel's: no task explains that
_CAPPED = 0.45  # no lack of memory as such: a block, or some nodes' memory, was lacking
_TABLE = (
    '`log | grep -A60 "Mem-Info:"`: unreclaimable slab, shmem or huge pages that held more;'
    " `ps -G | tr -d '>' | sort -rnk8 | head` (8: RSS): another task"
)


def suspects(told: Round) -> Iterator[Culprit]:
    """Everything that held a third of it; else the biggest task, as a lead."""
    whole = usable(told)
    kernel = tuple(kernel_memory(told, whole)) if whole else ()
    ours = max((share for share, _ in kernel), default=0.0)
    tasks = tuple(_tasks(told, whole, ours))
    for each in (*(culprit for _, culprit in kernel), *tasks):
        yield _capped(told.report, each)


def usable(told: Round) -> int | None:
    """Bytes that could be used; None: not told."""
    memory = told.report.memory or OomMemory()
    ram = memory.ram - (memory.reserved or 0) if memory.ram is not None else None
    if ram is None and told.case.facts.memory:
        ram = told.case.facts.memory.total
    swap = (memory.swap_total or 0) - (memory.swap_free or 0)
    return ram + max(0, swap) if ram and ram > 0 else None


def _capped(report: OomReport, culprit: Culprit) -> Culprit:
    """Less sure where more than memory as such was lacking."""
    why = ""
    if any(fragmentation(report)):
        why = f"; what was lacking was a block of order {report.order}, not memory: fragmentation"
    elif report.constraint in ("cpuset", "mempolicy"):
        why = f"; but only the nodes that a {report.constraint} allows ran out"
    if not why:
        return culprit
    told = culprit.model_copy(update={"reason": culprit.reason + why})
    return told.scored(min(culprit.score, _CAPPED))


def _tasks(told: Round, whole: int | None, ours: float) -> Iterator[Culprit]:
    """The task with most memory, or all of one name together. ours: the kernel's own share."""
    task = _biggest(told.report)
    if task is None:
        return
    held = _held(told.report, task)
    share = held / whole if whole and held else 0.0
    many = tuple(_storm(told, whole, held, ours))
    if many and share < THIRD:
        yield from many
        return
    part = f", {share:.0%} of what could be used" if whole and held else ""
    if share < THIRD:
        part += ": nothing is known to have held a third of it"
    says = f"{task.comm} held {size(held)} when memory ran out{part}" if held else (
        f"{task.comm} is the biggest task of the table; how much that is was not told"
    )  # fmt: skip
    memcg, victim = told.report.memcg, told.report.victim
    own = memcg.task_path if memcg and victim and victim.pid == task.pid else None
    killed = victim is not None and victim.pid == task.pid
    seen = row(told, task.pid) or (
        told.quote(rf"[Kk]illed process {task.pid}\b", "what the task held") if killed else ()
    )
    placed = told.quote(rf"task_memcg=.*pid={task.pid},", "the cgroup it ran in") if own else ()
    yield Culprit.model_validate(
        {
            **membership(own), "kind": "process", "name": f"{task.comm} (pid {task.pid})",
            "pid": task.pid, "comms": (task.comm,), "score": score(share, ours),
            "reason": says, "refuted_by": _TABLE,
            "evidence": [*seen, *told.quote("pages RAM$|pages of RAM", "all memory"), *placed],
        }
    )  # fmt: skip
    yield from many


def score(share: float, ours: float = 0.0) -> float:
    """By the share. Beside kernel memory that ran away a task is a bystander, if not bigger."""
    if share < THIRD:
        return _LEAD
    if ours >= THIRD:
        return KERNEL[0] if share > ours else _BESIDE
    return _SURE if share >= MOST else _LIKELY


def _biggest(report: OomReport) -> OomTask | None:
    """By private memory and swap. Without a table the victim is at hand: it held what it held."""
    if report.tasks:
        return max(report.tasks, key=lambda each: _own(each) + (each.swap or 0))
    victim = report.victim
    if victim is None or victim.anon_rss is None or victim.comm is None:
        return None
    return OomTask(
        pid=victim.pid, comm=victim.comm, uid=victim.uid or 0, rss_pages=0, rss=victim.anon_rss,
        rss_anon=victim.anon_rss,
    )  # fmt: skip


def _own(task: OomTask) -> int:
    return task.rss_anon if task.rss_anon is not None else task.rss or 0


def _held(report: OomReport, task: OomTask) -> int:
    """Bytes of its own: rss counts pages shared with others, of which all private is a bound."""
    own = _own(task)
    victim = report.victim
    if victim and victim.pid == task.pid and victim.anon_rss is not None:
        own = victim.anon_rss
    return _bounded(report, own) + (task.swap or 0)


def _bounded(report: OomReport, own: int) -> int:
    memory = report.memory
    if memory is None or memory.anon is None:
        return own
    return min(own, max(0, memory.anon - (memory.shmem or 0)))


def _storm(told: Round, whole: int | None, biggest: int, ours: float) -> Iterator[Culprit]:
    """Many tasks of one name that held a third together, none of them half of that."""
    comms = [each for each in told.report.comms if each.tasks > 1 and each.rss]
    if not whole or not comms:
        return
    top = comms[0]
    held = _bounded(told.report, top.rss or 0)
    share = held / whole
    if share < THIRD or biggest >= MOST * held:
        return
    row_of = next((each for each in told.report.tasks if each.comm == top.comm), None)
    yield Culprit(
        kind="process", name=f"{top.tasks} tasks {top.comm}", comms=(top.comm,),
        score=score(share, ours),
        reason=f"{top.tasks} tasks {top.comm} together held {size(held)}, {share:.0%} of what could"
        " be used (pages they share counted for each)",
        refuted_by=f"`ps -G {_word(top.comm)}`: few of them, or most of their memory shared; "
        + _TABLE,
        evidence=row(told, row_of.pid) if row_of else (),
    )  # fmt: skip


def _word(comm: str) -> str:
    """The name where it may be typed as it is."""
    return comm if comm.replace("-", "").replace("_", "").isalnum() else "COMM"
