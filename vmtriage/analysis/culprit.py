"""Who brought it about: candidates by declared rules, each with its evidence, best first.

A wrong culprit is worse than none, so every rule says how sure it is and what would refute it.
"""

import re
from collections.abc import Callable, Iterator, Sequence

from vmtriage.analysis import plumbing
from vmtriage.analysis.containers import identify
from vmtriage.analysis.leak import biggest_cache
from vmtriage.models.backtrace import Backtrace, Frame
from vmtriage.models.base import Model
from vmtriage.models.evidence import Confidence, Evidence, Facts
from vmtriage.models.finding import (
    Classification,
    CrashClass,
    GuiltyFunction,
    Incident,
    PanicTask,
    Throttled,
)
from vmtriage.models.report import Culprit, CulpritKind

C = CrashClass
_RANK = {"high": 0, "medium": 1, "low": 2}


class Case(Model):
    """All that the rules may look at."""

    facts: Facts
    classification: Classification
    function: GuiltyFunction | None
    throttled: tuple[Throttled, ...] | None
    panic_task: PanicTask | None
    stack: Backtrace | None
    incidents: tuple[Incident, ...] = ()


def candidates(case: Case) -> tuple[Culprit, ...]:
    """Everybody the evidence points at, the surest first; () when it points at nobody."""
    found = [culprit for rule in _RULES for culprit in rule(case)]
    return tuple(sorted(found, key=lambda each: _RANK[each.confidence]))


def _in_container(path: str, deepest: str | None = None) -> dict[str, str | None]:
    owner = identify(deepest or path) or identify(path)
    if owner is None:
        return {"name": path.rpartition("/")[2] or path, "path": path}
    return {
        "name": owner.name, "path": deepest or path, "runtime": owner.runtime,
        "container_id": owner.container_id, "pod": owner.pod, "application": owner.application,
        "attempt": owner.attempt, "owner_hint": owner.owner_hint,
    }  # fmt: skip


def _kind_of(path: str) -> CulpritKind:
    owner = identify(path)
    return "container" if owner is not None and owner.runtime != "systemd" else "cgroup"


def bandwidth(case: Case) -> Iterator[Culprit]:
    """CFS bandwidth code on the locked CPU: the group that is throttled on most CPUs."""
    lockups = (C.HARD_LOCKUP, C.SOFT_LOCKUP, C.RCU_STALL, C.NMI)
    if case.classification.crash_class not in lockups or not case.throttled:
        return
    command, frames = "bt", _bandwidth_frames(case.stack)
    if not frames:
        # The panic task may be only the messenger: an NMI that went to another CPU.
        command = "bt -a"
        others = case.facts.cpu_stacks.backtraces if case.facts.cpu_stacks else ()
        frames = next((found for each in others if (found := _bandwidth_frames(each))), [])
    if not frames:
        return
    top = case.throttled[0]
    rivals = [t for t in case.throttled[1:] if not t.path.startswith(top.path + "/")]
    clear = all(len(rival.cpus) * 2 <= len(top.cpus) for rival in rivals)
    owner = top.container
    yield Culprit.model_validate(
        {
            "kind": "container" if owner and owner.runtime != "systemd" else "cgroup",
            **_in_container(top.path),
            **(
                {
                    "name": owner.name, "runtime": owner.runtime,
                    "container_id": owner.container_id, "pod": owner.pod,
                    "application": owner.application, "attempt": owner.attempt,
                    "owner_hint": owner.owner_hint,
                }
                if owner
                else {}
            ),
            "comms": top.comms,
            "cpus": top.cpus,
            "confidence": "high" if clear and command == "bt" else "medium",
            "reason": "the locked CPU was handing out CFS bandwidth, and this group is throttled on"
            f" {len(top.cpus)} of {top.cpus_seen} CPUs"
            + ("" if clear else f"; {len(rivals)} other throttled groups are close behind"),
            "refuted_by": "another group with more throttled run queues in the bandwidth pool of"
            " the distribute_cfs_runtime frame, or a lock owner on another CPU",
            "evidence": [
                Evidence(
                    command=command, line=frames[0].line,
                    text=f"#{frames[0].level} {frames[0].function}",
                    says="the CPU was in the CFS bandwidth code",
                ),
                *top.evidence,
            ],
        }
    )  # fmt: skip


def _bandwidth_frames(stack: Backtrace | None) -> list[Frame]:
    frames = stack.frames if stack else ()
    return [f for f in frames if plumbing.base_name(f.function) in plumbing.BANDWIDTH]


_MEMCG = re.compile(
    r"Memory cgroup stats for (?P<path>/.*?):?(?: |$)|oom_memcg=(?P<path2>[^,]+),"
    r"|Task in (?P<task>\S+) killed as a result of limit of (?P<path3>\S+)"
)
_INVOKED = re.compile(r"^(?P<comm>.*) invoked oom-killer")
_OOM_ROW = re.compile(
    r"^\[ *(?P<pid>\d+) *\] +(?P<uid>\d+) +(?P<tgid>\d+) +(?P<vm>\d+) +(?P<rss>\d+) .*?"
    r"(?P<name>\S.*)$"
)


def out_of_memory(case: Case) -> Iterator[Culprit]:
    """OOM: the memory cgroup at its limit, or the task that held most memory."""
    if case.classification.crash_class is not C.OOM or case.facts.log is None:
        return
    memcg: tuple[str, Evidence] | None = None
    rows: list[tuple[int, int, str, Evidence]] = []
    for record in case.facts.log.records:
        if match := _INVOKED.match(record.text):
            memcg, rows = None, []  # the last OOM report is the fatal one
        elif match := _MEMCG.search(record.text):
            path = match["path"] or match["path2"] or match["path3"]
            says = "the memory cgroup that reached its limit"
            memcg = (path, Evidence(command="log", line=record.line, text=record.text, says=says))
        elif match := _OOM_ROW.match(record.text):
            text = Evidence(
                command="log", line=record.line, text=record.text, says="resident pages per task"
            )
            rows.append((int(match["rss"]), int(match["pid"]), _last_word(match["name"]), text))
    eater = max(rows, default=None, key=lambda row: row[0])
    comms = (eater[2],) if eater else ()
    if memcg is not None:
        path, evidence = memcg
        yield Culprit.model_validate(
            {
                "kind": _kind_of(path), **_in_container(path), "comms": comms,
                "confidence": "high",
                "reason": "this memory cgroup used up its own limit"
                + (f"; {eater[2]} (pid {eater[1]}) held most of it" if eater else ""),
                "refuted_by": "a limit set below the working set on purpose, or kernel memory"
                " charged to the group (see its slab line in the log)",
                "evidence": [evidence, *([eater[3]] if eater else [])],
            }
        )  # fmt: skip
        return
    if eater is not None:
        held = eater[0] * 4096
        total = case.facts.memory.total if case.facts.memory else None
        large = total is not None and held * 2 > total
        yield Culprit(
            kind="process", name=f"{eater[2]} (pid {eater[1]})", comms=comms,
            confidence="high" if large else "medium",
            reason=f"{eater[2]} held {held // (1 << 20)} MiB when memory ran out"
            + (", more than half of the machine" if large else ""),
            refuted_by="unreclaimable slab or huge pages that hold more than this task",
            evidence=(eater[3],),
        )  # fmt: skip


def _last_word(text: str) -> str:
    """The name column of an OOM table: the row's last column, after the numbers."""
    return re.sub(r"^(?:-?\d+ +)+", "", text).strip()


def module(case: Case) -> Iterator[Culprit]:
    """The guilty function lies in a module: its own code faulted, or looped, or waited."""
    if case.function is None or case.function.module is None:
        return
    name = case.function.module
    taints = next(
        (m for m in (case.facts.modules.modules if case.facts.modules else ()) if m.name == name),
        None,
    )
    own = {C.NULL_POINTER, C.PAGE_FAULT, C.GENERAL_PROTECTION, C.BUG, C.DIVIDE_ERROR,
           C.LIST_CORRUPTION, C.SOFT_LOCKUP, C.HUNG_TASK, C.HARD_LOCKUP}  # fmt: skip
    sure = taints is not None and case.classification.crash_class in own
    confidence: Confidence = "high" if sure and case.classification.crash_class in (
        C.NULL_POINTER, C.BUG, C.GENERAL_PROTECTION, C.DIVIDE_ERROR
    ) else "medium"  # fmt: skip
    evidence = list(case.function.evidence)
    if taints is not None:
        evidence.append(
            Evidence(
                command="mod -t", line=taints.line, text=f"{taints.name}  {taints.taints}",
                says="the module is not part of the kernel as shipped",
            )
        )  # fmt: skip
    yield Culprit(
        kind="module", name=name, confidence=confidence, comms=_victim(case),
        reason=f"{case.function.name} is code of the module {name}"
        + (f", which taints the kernel ({taints.taints})" if taints else ""),
        refuted_by="memory that other code corrupted before (look for earlier warnings, taint B/W)",
        evidence=tuple(evidence),
    )  # fmt: skip


def _victim(case: Case) -> tuple[str, ...]:
    """The task in whose name the code ran; none when the panic task is only the messenger."""
    if case.panic_task is None or case.classification.crash_class is C.HUNG_TASK:
        return ()
    return (case.panic_task.comm,)


def leaking_cache(case: Case) -> Iterator[Culprit]:
    """A slab cache that ran away and bears a module's name."""
    cache = biggest_cache(case.facts)
    if case.classification.crash_class is not C.MEMORY_LEAK or cache is None:
        return
    modules = case.facts.modules.modules if case.facts.modules else ()
    owner = next((m for m in modules if cache.name.startswith(m.name)), None)
    evidence = Evidence(
        command="kmem -s",
        line=cache.line,
        text=f"{cache.name}: {cache.allocated} objects",
        says="the cache that holds the memory",
    )
    if owner is not None:
        tainting = Evidence(
            command="mod -t",
            line=owner.line,
            text=f"{owner.name}  {owner.taints}",
            says="a module whose name the cache bears",
        )
        yield Culprit(
            kind="module", name=owner.name, confidence="medium",
            reason=f"slab cache {cache.name} holds the memory and bears the module's name",
            refuted_by="another module that allocates from this cache (slub_debug=U shows who)",
            evidence=(evidence, tainting),
        )  # fmt: skip
    else:
        yield Culprit(
            kind="kernel", name=f"slab cache {cache.name}", confidence="low",
            reason="the memory lies in this cache; the dump does not say who allocated it",
            refuted_by="kmemleak or slub_debug=U on the next run, which name the caller",
            evidence=(evidence,),
        )  # fmt: skip


def asked_for(case: Case) -> Iterator[Culprit]:
    """Somebody wrote to sysrq-trigger: the dump was wanted, and by whom."""
    if case.classification.crash_class is not C.SYSRQ or case.panic_task is None:
        return
    task = case.panic_task
    yield Culprit(
        kind="process", name=f"{task.comm} (pid {task.pid})", comms=(task.comm,), path=task.cgroup,
        confidence="high", reason="this task asked for the crash by sysrq; nothing broke by itself",
        refuted_by="a trouble that made somebody ask for it: hung tasks or errors before it",
        evidence=case.classification.evidence,
    )  # fmt: skip


def hardware(case: Case) -> Iterator[Culprit]:
    """The machine check architecture reported broken hardware: no code is to blame."""
    if case.classification.crash_class is not C.MCE:
        return
    yield Culprit(
        kind="hardware",
        name="see the machine check in the log",
        confidence="medium",
        reason="the CPU reported a fatal hardware error",
        refuted_by="an injected error (mce-inject, einj), or firmware known to misreport",
        evidence=case.classification.evidence,
    )


def lock_owner(case: Case) -> Iterator[Culprit]:
    """Hung tasks: the one that waits for something else while the others wait for a lock."""
    hung = [i for i in case.incidents if i.crash_class is C.HUNG_TASK and i.comm]
    if case.classification.crash_class is not C.HUNG_TASK or not hung:
        return
    waiters = [i for i in hung if plumbing.LOCKING & set(i.trace)]
    others = [i for i in hung if i.trace and i not in waiters]
    owners = [i for i in others if any(_related(i, waiter) for waiter in waiters)]
    suspect = owners[0] if owners else hung[0]
    says = "blocked, but not for the lock" if owners else "the first task reported as blocked"
    yield Culprit(
        kind="process",
        name=f"{suspect.comm} (pid {suspect.pid})",
        comms=(suspect.comm or "",),
        confidence="medium" if owners else "low",
        reason=f"{len(waiters)} tasks wait for a lock; this one is blocked in the same code without"
        " waiting for it: it probably holds it"
        if owners
        else "the first task reported as blocked; who holds what it waits for is not known",
        refuted_by="another owner in the lock itself (struct mutex.owner), or a task in the same"
        " code that did not hang",
        evidence=(
            Evidence(command="log", line=suspect.first_line, text=suspect.title, says=says),
            *(
                Evidence(command="log", line=w.first_line, text=w.title, says="waits for a lock")
                for w in waiters[:3]
            ),
        ),
    )


def _related(owner: Incident, waiter: Incident) -> bool:
    """Both stacks pass through a function that is no mere carrier."""
    return bool(set(owner.trace) & set(waiter.trace) - plumbing.CARRIERS - _SYSCALL_PATH)


_SYSCALL_PATH = frozenset(
    {"vfs_write", "ksys_write", "vfs_read", "ksys_read", "full_proxy_write", "new_sync_write",
     "vfs_ioctl", "do_sys_open", "do_sys_openat2", "path_openat", "do_filp_open"}
)  # fmt: skip


def panic_task_group(case: Case) -> Iterator[Culprit]:
    """The container whose task ran when the scheduler or core kernel failed: a lead, no proof."""
    task = case.panic_task
    crash_class = case.classification.crash_class
    if task is None or task.cgroup in (None, "/") or crash_class in (
        C.SYSRQ, C.OOM, C.MCE, C.MEMORY_LEAK, C.HARD_LOCKUP, C.HUNG_TASK
    ):  # fmt: skip
        return
    assert task.cgroup is not None
    scheduler = case.function is not None and case.function.module is None and (
        case.function.name in ("pick_next_task_fair", "check_preempt_wakeup", "pick_next_entity",
                               "set_next_entity", "enqueue_entity", "update_curr")
    )  # fmt: skip
    yield Culprit.model_validate(
        {
            "kind": _kind_of(task.cgroup), **_in_container(task.cgroup), "comms": (task.comm,),
            "cpus": (task.cpu,) if task.cpu is not None else (),
            "confidence": "medium" if scheduler else "low",
            "reason": "its task was the one on the CPU"
            + (" when the scheduler failed on its groups" if scheduler else " when it crashed"),
            "refuted_by": "the same crash on hosts without this container",
            "evidence": [
                Evidence(command="runq -g", line=0, text=task.cgroup,
                         says=f"{task.comm} (pid {task.pid}) runs in this group")
            ],
        }
    )  # fmt: skip


Rule = Callable[[Case], Iterator[Culprit]]
_RULES: Sequence[Rule] = (
    bandwidth,
    out_of_memory,
    hardware,
    asked_for,
    lock_owner,
    module,
    leaking_cache,
    panic_task_group,
)
