"""Suspects that are hardware: the part, as exactly as the reports name it. No code is blamed."""

import re
from collections.abc import Iterator, Sequence

from vmtriage.analysis.suspects import quotes
from vmtriage.analysis.suspects.case import Case
from vmtriage.analysis.suspects.code import CORRUPTION
from vmtriage.analysis.suspects.parts import Part, parts
from vmtriage.analysis.trigger_forms import HARDWARE_NMI
from vmtriage.models.finding import CrashClass, Incident
from vmtriage.models.report import Culprit

C = CrashClass
# How exactly the part is named, for an error that was not corrected: by its label or address,
# by CPU and bank, not at all.
_BY_NAME, _BY_BANK, _NOWHERE = 0.9, 0.75, 0.5
_CORRECTED = 0.4  # nothing worse is told: worth a look, seldom a crash
_WEARS_OUT = 0.55  # so many that the part is about to fail
_OFTEN = 100  # corrected errors
_LEAD = 0.3  # corrected errors beside another crash that bad memory could explain
_LEAD_UNCORRECTED = 0.45
_NMI = 0.5  # the chipset reported it, and only the BMC knows which part
_SENT = 0.3  # an NMI of unknown reason: more often a person than hardware
_TOLD = 3  # parts
_MEMORY_LIKE = CORRUPTION | {C.NULL_POINTER, C.PAGE_FAULT, C.DOUBLE_FAULT, C.BUG, C.REFCOUNT}
_BMC = "`ipmitool sel elist`, `ras-mc-ctl --errors`: another part, or nothing at all;"
_INJECTED = " `log | grep -i -e einj -e mce-inject`: an injected error"


def hardware(case: Case) -> Iterator[Culprit]:
    """The class is hardware's: the parts that reported, those with uncorrected errors first."""
    if case.classification.crash_class is not C.MCE:
        return
    found = _ranked(case)
    for part, score in found[:_TOLD]:
        yield _culprit(part, score)
    # corrected errors do not stand in for the part of a fatal one that was not told
    if not found or (_fatal(case.incidents) and not any(part.grave for part, _ in found)):
        yield Culprit(
            kind="hardware", name="a part that the log does not name", score=_NOWHERE,
            reason="the hardware reported an error; the log does not say which part",
            refuted_by=_BMC + _INJECTED, evidence=case.classification.evidence,
        )  # fmt: skip


def bad_memory(case: Case) -> Iterator[Culprit]:
    """Memory errors beside a crash that damaged memory could explain: a lead, no proof."""
    if case.classification.crash_class not in _MEMORY_LIKE:
        return
    dimms = [each for each in parts(case, case.incidents) if each.memory]
    worst = sorted(dimms, key=lambda each: (not each.grave, -each.count))
    for part in worst[:1]:
        yield _culprit(part, _LEAD_UNCORRECTED if part.grave else _LEAD).model_copy(
            update={
                "reason": f"{part.says}; memory that lies would explain this crash, but nothing"
                " shows that it lay here",
                "refuted_by": f"the same crash on other hosts (same fingerprint); {_BMC} a clean"
                " memtest86+",
            }
        )  # fmt: skip


def nmi(case: Case) -> Iterator[Culprit]:
    """An NMI by the chipset, or one of unknown reason: who can have sent it."""
    if case.classification.crash_class is not C.NMI:
        return
    seen = quotes.find(case, HARDWARE_NMI.pattern, "the chipset's reason for the NMI")
    if seen:
        what = "PCI bus or memory (SERR)" if "IOCK" not in seen[0].text else "I/O check (IOCK)"
        yield Culprit(
            kind="hardware", name=what, score=_NMI,
            reason="the chipset raised an NMI for a hardware error; which part it was, only the"
            " BMC's log can say. Where the CPU was at that moment means nothing",
            refuted_by="`ipmitool sel elist` (iLO: IML, iDRAC: SEL) without an entry at that time,"
            " or with somebody's NMI request",
            evidence=seen,
        )  # fmt: skip
        return
    told = quotes.find(case, r"NMI received for unknown reason|An NMI occurred|NMI: Not cont", "")
    yield Culprit(
        kind="hardware", name="whoever sent the NMI", score=_SENT,
        reason="no driver claimed the NMI: a hypervisor's operator or a BMC can have sent it, to"
        " get a dump of a machine that hung, or hardware failed",
        refuted_by="`virsh` or vCenter events, `ipmitool sel elist` (iLO: IML): no NMI request and"
        " no error at that time",
        evidence=tuple(e.model_copy(update={"says": "an NMI without a reason"}) for e in told)
        or case.classification.evidence,
    )  # fmt: skip


def _ranked(case: Case) -> list[tuple[Part, float]]:
    """Parts by score; each name once."""
    found = [(part, _score(part)) for part in parts(case, case.incidents)]
    if not any(part.grave for part, _ in found) and _fatal(case.incidents):
        found = [(part, min(score, _CORRECTED)) for part, score in found]
    return sorted(found, key=lambda row: -row[1])


def _fatal(incidents: Sequence[Incident]) -> bool:
    return any(each.crash_class is C.MCE and each.severity == "panic" for each in incidents)


def _score(part: Part) -> float:
    if not part.grave:
        return _WEARS_OUT if part.count >= _OFTEN else _CORRECTED
    return {"name": _BY_NAME, "bank": _BY_BANK, "nowhere": _NOWHERE}[part.exact]


def _culprit(part: Part, score: float) -> Culprit:
    check = _BMC
    if address := re.fullmatch(r"PCI device ([0-9a-f:.]+)", part.name):
        check = f"`lspci -vvs {address[1]}`: no error bits (UESta, CESta); {_BMC}"
    return Culprit(
        kind=part.kind, name=part.name, score=score,
        reason=f"{part.says}; no code is to blame",
        refuted_by=check + _INJECTED, evidence=part.evidence[:4],
    )  # fmt: skip
