"""Suspects of lockups and stalls that are tasks: who has the lock, who does not let go of a CPU."""

from collections.abc import Iterator

from vmtriage.analysis.containers import identify
from vmtriage.analysis.cpus import names_of, stacks_of
from vmtriage.analysis.plumbing import BANDWIDTH
from vmtriage.analysis.stuck import LOCKUPS
from vmtriage.analysis.suspects.case import Case
from vmtriage.analysis.suspects.groups import identity
from vmtriage.models.evidence import Evidence
from vmtriage.models.finding import CrashClass
from vmtriage.models.lockup import Spinner
from vmtriage.models.report import Culprit
from vmtriage.models.who import TaskIdentity

C = CrashClass


def lock_holder(case: Case) -> Iterator[Culprit]:
    """A stuck CPU that only spins: whoever has what it waits for. Never one who spins himself."""
    if case.classification.crash_class not in LOCKUPS:
        return
    spinning = {each.cpu: each for each in case.answers.spinning or ()}
    stuck = [each.cpu for each in case.answers.stuck or ()]
    waiters = [spinning[cpu] for cpu in stuck if cpu in spinning]
    told: set[int] = set()
    for waiter in waiters:
        cpu = waiter.holder_cpu
        if cpu is None or cpu in spinning or cpu in told or _hands_out_quota(case, cpu):
            continue
        told.add(cpu)
        task = _running_on(case, cpu)
        if task is None:
            continue
        score = 0.85 if waiter.proven else 0.7 if waiter.validated else 0.6
        yield _of_task(
            task, score, cpu,
            f"CPU {waiter.cpu} spins on {_lock(waiter)}; CPU {cpu}, where this task runs, "
            + ("has it: " if waiter.proven else "probably has it: ") + waiter.why,
            "another owner of the lock: a task that sleeps with it, or a CPU whose stack is lost",
            (*waiter.evidence, _runs(task, cpu)),
        )  # fmt: skip


def stuck_task(case: Case) -> Iterator[Culprit]:
    """The task that did not let go of its CPU, or that holds up RCU; an interrupted one is none."""
    crash_class = case.classification.crash_class
    if crash_class not in (C.HARD_LOCKUP, C.SOFT_LOCKUP, C.RCU_STALL):
        return
    spinning = {each.cpu for each in case.answers.spinning or ()}
    for stuck in case.answers.stuck or ():
        task = _running_on(case, stuck.cpu)
        if task is None or stuck.cpu in spinning or stuck.state in (None, "idle"):
            continue
        if stuck.interrupted:
            score, reason = 0.2, f"its CPU {stuck.cpu} was stuck in an interrupt; it was only there"
        elif crash_class is C.HARD_LOCKUP and (
            stuck.entry is None or stuck.entry.kind != "syscall"
        ):
            continue
        else:
            call = stuck.entry.name if stuck.entry and stuck.entry.kind == "syscall" else None
            where = f" in {stuck.function}" if stuck.function else ""
            score = 0.5
            reason = f"it did not let go of CPU {stuck.cpu}{where}" + (
                f", called by its {call}()" if call else ""
            )
        yield _of_task(
            task, score, stuck.cpu, reason,
            "the same code stuck under other tasks: then it is the code's fault",
            (*stuck.evidence, _runs(task, stuck.cpu)),
        )  # fmt: skip
    for reader in case.answers.blocked_readers or ():
        known = next((t for t in case.answers.who or () if t.pid == reader.pid), None)
        if known is not None:
            yield _of_task(
                known, 0.5, None, "it was preempted inside an RCU reader and did not run again",
                "somebody who kept it from running: a real-time task, a used-up CPU quota",
                reader.evidence,
            )  # fmt: skip


def _of_task(
    task: TaskIdentity, score: float, cpu: int | None, reason: str, refuted_by: str,
    evidence: tuple[Evidence, ...],
) -> Culprit:  # fmt: skip
    path = task.cgroup if task.cgroup not in (None, "/") else None
    container = task.container or (identify(path) if path else None)
    who = (
        identity(path, container)
        if path and container and container.runtime != "systemd"
        else {"kind": "process", "name": f"{task.comm} (pid {task.pid})", "path": path}
    )
    return Culprit.model_validate(
        {
            **who, "comms": (task.comm,) if task.comm else (), "score": score, "reason": reason,
            "cpus": (cpu,) if cpu is not None else (), "refuted_by": refuted_by,
            "evidence": evidence,
        }
    )  # fmt: skip


def _running_on(case: Case, cpu: int) -> TaskIdentity | None:
    """The task of that CPU, kernel threads too; None: it idles, or is not known."""
    role = f"running on CPU {cpu}"
    known = next((task for task in case.answers.who or () if role in task.roles), None)
    if known is not None:
        return known
    stack = next((each for each in stacks_of(case.facts) if each.cpu == cpu), None)
    if stack is None or not stack.pid or stack.task is None:
        return None
    same = case.panic_task if case.panic_task and case.panic_task.task == stack.task else None
    return TaskIdentity(
        task=stack.task, pid=stack.pid, comm=stack.comm,
        cgroup=same.cgroup if same else None, container=same.container if same else None,
    )  # fmt: skip


def _hands_out_quota(case: Case, cpu: int) -> bool:
    """Its task was only interrupted by the timer of a quota: another rule knows whose."""
    stacks = (each for each in stacks_of(case.facts) if each.cpu == cpu)
    return any(BANDWIDTH & set(names_of(stack)) for stack in stacks)


def _lock(waiter: Spinner) -> str:
    if waiter.lock_name:
        return f"the {waiter.lock_name}" if " of " in waiter.lock_name else waiter.lock_name
    return f"the lock at {waiter.lock}" if waiter.lock else "a lock"


def _runs(task: TaskIdentity, cpu: int) -> Evidence:
    return Evidence(
        command="bt -a", line=0, text=f"{task.comm} (pid {task.pid})",
        says=f"runs on CPU {cpu}" + (f", in {task.cgroup}" if task.cgroup else ""),
    )  # fmt: skip
