"""Suspects that asked for the dump: somebody wrote to sysrq-trigger, or pressed the keys."""

from collections.abc import Iterator

from vmtriage.analysis.suspects.case import Case
from vmtriage.analysis.suspects.groups import membership
from vmtriage.analysis.trigger import asker, way
from vmtriage.models.finding import CrashClass
from vmtriage.models.report import Culprit

C = CrashClass
_SHOWN = 0.9  # the stack leads from the write to the crash
_LIKELY = 0.6  # no stack: the panic task may have been interrupted by a console
_REFUTED = (
    "a trouble that made somebody ask for it:"
    " `log | grep -i -e blocked -e lockup -e stall -e error`"
)


def asked_for(case: Case) -> Iterator[Culprit]:
    """Whoever asked for the crash by sysrq. An interrupted task has nothing to do with it."""
    if case.classification.crash_class is not C.SYSRQ:
        return
    came, who = way(case.incidents, case.stack), asker(case.incidents, case.panic_task)
    if came is not None and came[0] != "task":
        yield Culprit(
            kind="device", name=came[0], score=_SHOWN, refuted_by=_REFUTED,
            reason=f"sysrq-c came by {came[1]}; the task it interrupted has nothing to do with it",
            evidence=case.classification.evidence,
        )  # fmt: skip
        return
    if who is None or (came is None and who[1] == 0):
        return
    comm, pid = who
    yield Culprit.model_validate(
        {
            **membership(case.panic_task.cgroup if case.panic_task else None),
            "kind": "process", "name": f"{comm} (pid {pid})" if pid is not None else comm,
            "pid": pid, "comms": (comm,), "score": _SHOWN if came else _LIKELY,
            "reason": "this task asked for the crash by sysrq; nothing broke by itself",
            "refuted_by": _REFUTED, "evidence": case.classification.evidence,
        }
    )  # fmt: skip
