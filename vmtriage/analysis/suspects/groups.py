"""Suspects that are containers and other cgroups, as the run queues show them."""

from collections.abc import Iterator

from vmtriage.analysis.containers import identify
from vmtriage.analysis.suspects.case import Case
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


def panic_task_group(case: Case) -> Iterator[Culprit]:
    """The container whose task ran when the scheduler or core kernel failed: a lead, no proof."""
    task = case.panic_task
    crash_class = case.classification.crash_class
    if task is None or task.cgroup in (None, "/") or crash_class in (
        C.SYSRQ, C.OOM, C.MCE, C.MEMORY_LEAK, C.HARD_LOCKUP, C.HUNG_TASK, C.SOFT_LOCKUP, C.RCU_STALL
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
