"""Suspects that are containers and other cgroups, as the run queues show them."""

from collections.abc import Iterator

from vmtriage.analysis import plumbing
from vmtriage.analysis.containers import identify
from vmtriage.analysis.suspects.case import Case
from vmtriage.models.backtrace import Backtrace, Frame
from vmtriage.models.evidence import Evidence
from vmtriage.models.finding import Container, CrashClass
from vmtriage.models.report import Culprit, CulpritKind

C = CrashClass


def identity(path: str, owner: Container | None = None) -> dict[str, str | None]:
    """The fields of a Culprit that say whose cgroup this is, its kind included."""
    owner = owner or identify(path)
    kind: CulpritKind = "container" if owner and owner.runtime != "systemd" else "cgroup"
    if owner is None:
        return {"kind": kind, "name": path.rpartition("/")[2] or path, "path": path}
    return {"kind": kind, "path": path, **owner.model_dump(exclude={"qos"})}


def membership(path: str | None) -> dict[str, str | None]:
    """The fields of a Culprit that say in whose cgroup a process runs."""
    if path is None or path == "/":
        return {}
    fields = identity(path)
    if fields.get("runtime") == "systemd":  # a service or a session is no container
        fields["runtime"] = None
    return {key: value for key, value in fields.items() if key not in ("kind", "name")}


def bandwidth(case: Case) -> Iterator[Culprit]:
    """CFS bandwidth code on the locked CPU: the group that is throttled on most CPUs."""
    lockups = (C.HARD_LOCKUP, C.SOFT_LOCKUP, C.RCU_STALL, C.NMI)
    groups = [group for group in case.throttled or () if group.kind == "cfs"]
    if case.classification.crash_class not in lockups or not groups:
        return
    command, frames = "bt", _bandwidth_frames(case.stack)
    if not frames:
        # The panic task may be only the messenger: an NMI that went to another CPU.
        command = "bt -a"
        others = case.facts.cpu_stacks.backtraces if case.facts.cpu_stacks else ()
        frames = next((found for each in others if (found := _bandwidth_frames(each))), [])
    if not frames:
        return
    top = groups[0]
    rivals = [t for t in groups[1:] if not t.path.startswith(top.path + "/")]
    waits = command == "bt" and _waits_for_a_lock(case.stack)  # then its owner may be to blame
    clear = all(len(rival.cpus) * 2 <= len(top.cpus) for rival in rivals)
    yield Culprit.model_validate(
        {
            **identity(top.path, top.container),
            "comms": top.comms,
            "cpus": top.cpus,
            "score": 0.9 if clear and command == "bt" and not waits else 0.65,
            "reason": "the locked CPU was handing out CFS bandwidth, and this group is throttled on"
            f" {len(top.cpus)} of {top.cpus_seen} CPUs"
            + ("" if clear else f"; {len(rivals)} other throttled groups are close behind"),
            "refuted_by": "`runq -g`: another group THROTTLED on more CPUs; `bt -a`: a CPU that"
            " holds the lock this one waits for",
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


def _waits_for_a_lock(stack: Backtrace | None) -> bool:
    block = next((e for e in stack.exceptions if not e.user_mode), None) if stack else None
    return block is not None and plumbing.base_name(block.function or "") in plumbing.LOCKING


def _bandwidth_frames(stack: Backtrace | None) -> list[Frame]:
    frames = stack.frames if stack else ()
    return [f for f in frames if plumbing.base_name(f.function) in plumbing.BANDWIDTH]


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
            **identity(task.cgroup, task.container), "comms": (task.comm,),
            "cpus": (task.cpu,) if task.cpu is not None else (),
            "score": 0.6 if scheduler else 0.3,
            "reason": "its task was the one on the CPU"
            + (" when the scheduler failed on its groups" if scheduler else " when it crashed"),
            "refuted_by": "the same crash where it does not run: compare `set` and `runq -g` of"
            " other dumps with this fingerprint",
            "evidence": [
                Evidence(command="runq -g", line=0, text=task.cgroup,
                         says=f"{task.comm} (pid {task.pid}) runs in this group")
            ],
        }
    )  # fmt: skip
