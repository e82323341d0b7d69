"""Suspects that are tasks: who holds the lock that others wait for."""

from collections.abc import Iterator

from vmtriage.analysis.classify import quote
from vmtriage.analysis.klog.owner import related, waits_for_a_lock
from vmtriage.analysis.suspects.case import Case
from vmtriage.analysis.suspects.chains import by_chains
from vmtriage.models.finding import CrashClass
from vmtriage.models.report import Culprit

C = CrashClass


def lock_owner(case: Case) -> Iterator[Culprit]:
    """Hung tasks: who holds the lock by its own memory, else the one that does not wait for it."""
    read = tuple(by_chains(case))
    yield from read
    if read:
        return
    hung = [i for i in case.incidents if i.crash_class is C.HUNG_TASK and i.comm]
    if case.classification.crash_class is not C.HUNG_TASK or not hung:
        return
    waiters = [i for i in hung if waits_for_a_lock(i)]
    others = [i for i in hung if i.trace and i not in waiters]
    owners = [i for i in others if any(related(i, waiter) for waiter in waiters)]
    suspect = owners[0] if owners else hung[0]
    says = "blocked, but not for the lock" if owners else "the first task reported as blocked"
    yield Culprit(
        kind="process",
        name=f"{suspect.comm} (pid {suspect.pid})",
        pid=suspect.pid,
        comms=(suspect.comm or "",),
        score=0.65 if owners else 0.3,
        reason=f"{len(waiters)} tasks wait for a lock; this one is blocked in the same code without"
        " waiting for it: it probably holds it"
        if owners
        else "the first task reported as blocked; who holds what it waits for is not known",
        refuted_by="`bt -f` of a waiter, then `struct mutex.owner ADDRESS` (or rw_semaphore.owner)"
        " that names another task",
        evidence=(
            quote(suspect, case.facts, says),
            *(quote(waiter, case.facts, "waits for a lock") for waiter in waiters[:3]),
        ),
    )
