"""The one sentence for the ticket, and how sure it is."""

from collections.abc import Sequence

from vmtriage.models.evidence import Confidence, Facts, Part
from vmtriage.models.finding import Classification, CrashClass, GuiltyFunction, Throttled
from vmtriage.models.report import Culprit, Verdict, close
from vmtriage.models.signature import SignatureMatch

_NAMES = {
    CrashClass.HARD_LOCKUP: "Hard lockup",
    CrashClass.SOFT_LOCKUP: "Soft lockup",
    CrashClass.RCU_STALL: "RCU stall",
    CrashClass.NULL_POINTER: "NULL pointer dereference",
    CrashClass.BUG: "Kernel BUG",
    CrashClass.OOM: "Out of memory",
    CrashClass.MCE: "Machine check",
    CrashClass.NMI: "NMI",
    CrashClass.SYSRQ: "Crash asked for by sysrq",
    CrashClass.PAGE_FAULT: "Bad kernel memory access",
    CrashClass.UNKNOWN: "Crash of an unknown kind",
    CrashClass.PANIC: "Kernel panic",
}
_LOWER: dict[Confidence, Confidence] = {"high": "medium", "medium": "low", "low": "low"}


def conclude(
    facts: Facts,
    classification: Classification,
    function: GuiltyFunction | None,
    matches: Sequence[SignatureMatch],
    suspects: Sequence[Culprit],
    throttled: Sequence[Throttled] | None,
    advice: Sequence[str] = (),
) -> Verdict:
    """What happened, known bug or not, this kernel, the fix, the culprit: in that order."""
    known = next((each for each in matches if not each.generic), None)
    generic = next((each for each in matches if each.generic), None)
    best = known if known and known.kernel != "fixed" else generic or known
    sentence = [_what(facts, classification, function), _bug(facts, known)]
    sentence.append(_who(suspects, throttled))
    steps: list[str] = []  # beyond what the first signature says itself
    if known and known.kernel == "affected" and known.fixed_in:
        steps.append(f"Upgrade the kernel to {known.fixed_in} or newer.")
    if best is not None and best is not matches[0]:
        steps += [best.do_now, best.do_for_good]
    steps += advice
    return Verdict(
        summary=" ".join(part for part in sentence if part),
        crash_class=classification.crash_class,
        severity=classification.severity,
        confidence=_confidence(facts, classification),
        evidence=classification.evidence,
        refuted_by=best.refuted_by if best else "",
        next_steps=tuple(dict.fromkeys(steps)),
    )


def _what(facts: Facts, classification: Classification, function: GuiltyFunction | None) -> str:
    crash_class = classification.crash_class
    name = _NAMES.get(crash_class, crash_class.value.replace("_", " ").capitalize())
    if crash_class is CrashClass.MEMORY_LEAK:
        if not classification.deliberate:
            return "Memory leak."
        return f"Memory leak: {classification.title}; the dump itself was asked for by sysrq."
    # Every OOM is "in out_of_memory", and a hung task's CPU is the watchdog's: no news.
    named = function is not None and crash_class is not CrashClass.OOM
    where = f" in {function.name}" if function and named else ""
    inside = f" [{function.module}]" if function and function.module else ""
    context = facts.system.context if facts.system else None
    told = context is not None and crash_class is not CrashClass.HUNG_TASK
    cpu = f" on CPU {context.cpu}" if told and context and context.cpu is not None else ""
    if crash_class is CrashClass.SYSRQ:
        return f"{name}{cpu}: nothing broke by itself."
    return f"{name}{where}{inside}{cpu}."


def _bug(facts: Facts, known: SignatureMatch | None) -> str:
    if known is None:
        return "No known bug of the knowledge base fits."
    release = facts.system.release if facts.system and facts.system.release else "this kernel"
    draft = "" if known.status == "stable" else " (draft signature)"
    if known.kernel == "affected":
        fix = f", fixed in {known.fixed_in}" if known.fixed_in else ""
        return f"Known bug{draft}: {known.title}; {release} is affected{fix}."
    if known.kernel == "fixed":
        return (
            f"It has the pattern of a known bug{draft} ({known.title}), but {release} has the fix:"
            " another bug with the same face, or a regression."
        )
    return f"Known bug{draft} fits: {known.title}; whether {release} has it is not known."


def _who(suspects: Sequence[Culprit], throttled: Sequence[Throttled] | None) -> str:
    if not suspects:
        return "The dump does not show who brought it about."
    culprit, *others = suspects
    sure = {"high": "Culprit", "medium": "Probable culprit", "low": "Lead"}[culprit.confidence]
    text = f"{sure}: {_named(culprit)}"
    if culprit.application:
        text += f" of {culprit.application}"
    row = next((t for t in throttled or () if t.cpus == culprit.cpus and culprit.cpus), None)
    if row is not None:
        text += f", THROTTLED on {len(row.cpus)} of {row.cpus_seen} CPUs"
    if culprit.kind in ("container", "cgroup"):
        text += f", running {', '.join(culprit.comms[:3])}" if culprit.comms else ""
        whole = culprit.container_id or ""
        if whole and not whole.startswith(culprit.name):
            inside = "Docker" if culprit.runtime == "yarn" else "container"
            text += f" in {inside} {whole[:12]}"
    rivals = [each for each in others if culprit.contested and close(culprit, each)]
    also = ", ".join(_named(each) for each in rivals[:2])
    return text + (f"; or, as likely, {also}." if also else ".")


def _named(culprit: Culprit) -> str:
    runtime = {"yarn": "YARN"}.get(culprit.runtime or "", (culprit.runtime or "").capitalize())
    if culprit.kind in culprit.name.split()[:-1]:  # PCI device 0000:00:03.0
        return culprit.name
    return f"{runtime + ' ' if runtime else ''}{culprit.kind} {culprit.name}"


def _confidence(facts: Facts, classification: Classification) -> Confidence:
    """A class read from unsafe ground is one step less sure."""
    spoiled = any(Part.VERDICT in p.unsafe for p in facts.problems if p.kind != "not_run")
    return _LOWER[classification.confidence] if spoiled else classification.confidence
