"""Suspects that are code or hardware: a module, a machine check."""

from collections.abc import Iterator

from vmtriage.analysis.suspects.case import Case
from vmtriage.models.evidence import Evidence
from vmtriage.models.finding import CrashClass
from vmtriage.models.report import Culprit

C = CrashClass


def module(case: Case) -> Iterator[Culprit]:
    """The guilty function lies in a module: its own code faulted, or looped, or waited."""
    if case.function is None or case.function.module is None:
        return
    name = case.function.module
    taints = next(
        (m for m in (case.facts.modules.modules if case.facts.modules else ()) if m.name == name),
        None,
    )
    its_own_fault = (C.NULL_POINTER, C.BUG, C.GENERAL_PROTECTION, C.DIVIDE_ERROR)
    sure = taints is not None and case.classification.crash_class in its_own_fault
    evidence = list(case.function.evidence)
    if taints is not None:
        evidence.append(
            Evidence(
                command="mod -t", line=taints.line, text=f"{taints.name}  {taints.taints}",
                says="the module is not part of the kernel as shipped",
            )
        )  # fmt: skip
    yield Culprit(
        kind="module", name=name, score=0.85 if sure else 0.65, comms=_victim(case),
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


def hardware(case: Case) -> Iterator[Culprit]:
    """The machine check architecture reported broken hardware: no code is to blame."""
    if case.classification.crash_class is not C.MCE:
        return
    yield Culprit(
        kind="hardware",
        name="see the machine check in the log",
        score=0.7,
        reason="the CPU reported a fatal hardware error",
        refuted_by="an injected error (mce-inject, einj), or firmware known to misreport",
        evidence=case.classification.evidence,
    )
