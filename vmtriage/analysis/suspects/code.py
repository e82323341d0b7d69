"""Suspects that are code: a module whose function failed; whoever corrupted memory."""

from collections.abc import Iterator

from vmtriage.analysis.classify import cause
from vmtriage.analysis.suspects.case import Case
from vmtriage.analysis.suspects.modules import foreign, foreigners, taints
from vmtriage.analysis.trigger import messenger
from vmtriage.models.details import Poison
from vmtriage.models.finding import CrashClass
from vmtriage.models.report import Culprit

C = CrashClass
# Code that fails in its own instruction: who else should have done it?
_OWN_FAULT = frozenset({C.NULL_POINTER, C.PAGE_FAULT, C.BUG, C.GENERAL_PROTECTION, C.DIVIDE_ERROR})
# The checker saw the bad access itself, as it happened.
_SEEN = frozenset({C.KASAN, C.KMSAN, C.KFENCE, C.KCSAN, C.UBSAN})
# Found afterwards, by whoever touched the damage next.
CORRUPTION = frozenset({C.LIST_CORRUPTION, C.SLAB_CORRUPTION, C.BAD_PAGE, C.GENERAL_PROTECTION})
_FOREIGN_OWN, _IN_TREE_OWN = 0.85, 0.65
_FOREIGN_FOUND, _IN_TREE_FOUND = 0.65, 0.5  # it gave the damaged thing back, or used it
_FOREIGN_THERE, _IN_TREE_THERE = 0.65, 0.55  # it looped or waited: maybe for somebody else
_ONLY_FOREIGN = 0.35  # the one module that is not the kernel's own: nothing else points at it
_NOBODY_KNOWN = 0.2  # beneath any lead: it names what was found, not who did it


def module(case: Case) -> Iterator[Culprit]:
    """The guilty function lies in a module: its own code faulted, or looped, or waited."""
    if case.function is None or case.function.module is None:
        return
    if case.classification.crash_class is C.PANIC and messenger(case.trigger):
        return
    name, crash_class = case.function.module, case.classification.crash_class
    told = taints(case, name)
    elsewhere = told is not None and foreign(told[0])
    if crash_class in _OWN_FAULT or crash_class in _SEEN:
        scores = _FOREIGN_OWN, _IN_TREE_OWN
    elif crash_class in CORRUPTION:
        scores = _FOREIGN_FOUND, _IN_TREE_FOUND
    else:
        scores = _FOREIGN_THERE, _IN_TREE_THERE
    poison = _poison(case)
    yield Culprit(
        kind="module", name=name, score=scores[not elsewhere],
        reason=f"{case.function.name} is code of the module {name}{_at(case)}"
        + (f", which taints the kernel ({told[0]})" if told else "")
        + (f"; {_says(poison)}" if poison else "")
        + ("; it met the damage, which others may have done" if crash_class in CORRUPTION else ""),
        refuted_by=f"`dis -l {case.function.name}` and `bt -f`: a bad pointer handed to it;"
        " `log | grep -e WARNING: -e Tainted`: an earlier report (taint W, B)",
        evidence=(*case.function.evidence, *(told[1] if told else ())),
    )  # fmt: skip


def _at(case: Case) -> str:
    """The line of source, where debuginfo tells it."""
    source = case.answers.source
    if source is None:
        return ""
    doubt = ", by a file that no build-id proves" if source.debuginfo and not source.proved else ""
    return f" ({source.where}{doubt})"


def corrupted(case: Case) -> Iterator[Culprit]:
    """Corruption that core code ran into: who did it is not known, and that is what it says."""
    if case.classification.crash_class not in CORRUPTION:
        return
    if case.function is None or case.function.module is not None:
        return
    function, poison = case.function.name, _poison(case)
    others = foreigners(case)
    found = f"{function} ran into damaged memory" + (f": {_says(poison)}" if poison else "")
    refuted = (
        "a run with slub_debug=FZPU (6.9 on: slab_debug) or a KASAN kernel, which stop whoever"
        " does it"
    )
    if len(others) == 1:
        told = taints(case, others[0])
        yield Culprit(
            kind="module", name=others[0], score=_ONLY_FOREIGN,
            reason=f"{found}; who damaged it is not known, and this module is the only code that"
            " did not come with the kernel",
            refuted_by=f"the same crash without it (`modprobe -r {others[0]}`), or {refuted}",
            evidence=(*(told[1] if told else ()), *case.function.evidence),
        )  # fmt: skip
        return
    several = f"; modules from elsewhere: {', '.join(others[:6])}" if others else ""
    yield Culprit(
        kind="kernel", name="unknown code that damaged memory", score=_NOBODY_KNOWN,
        reason=f"{found}; who damaged it is not known, {function} only met it{several}",
        refuted_by=f"`rd -S ADDRESS 32` and `kmem ADDRESS` of the damaged object: whose data lies"
        f" there; {refuted}",
        evidence=case.function.evidence,
    )  # fmt: skip


def _poison(case: Case) -> Poison | None:
    """What the faulting address, or a register, says; the address before others."""
    incident = cause(case.incidents, case.classification)
    poisons = incident.fault.poisons if incident and incident.fault else ()
    known = [each for each in poisons if each.name and _telling(each)]
    return next((each for each in known if each.where == "address"), known[0] if known else None)


def _telling(poison: Poison) -> bool:
    """NULL is said already; in a register only poison means something, an error number nothing."""
    name = poison.name or ""
    return name != "NULL" if poison.where == "address" else "POISON" in name or "RED_" in name


def _says(poison: Poison) -> str:
    where = "the address" if poison.where == "address" else f"register {poison.where}"
    return f"{where} looks like {poison.name}, {poison.meaning}"
