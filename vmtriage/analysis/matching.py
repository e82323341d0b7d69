"""Which signatures fit this crash, and what each means for this kernel.

Every match carries one piece of evidence per condition, so that a reader can check it.
"""

from collections.abc import Callable, Sequence

from vmtriage.analysis.crash_view import CrashView, plain, said_by
from vmtriage.analysis.kernels import parse_kernel
from vmtriage.analysis.plumbing import base_name
from vmtriage.analysis.signatures import compiled
from vmtriage.analysis.versions import Answer, verdict
from vmtriage.models.evidence import Confidence, Evidence, Facts
from vmtriage.models.finding import Classification, GuiltyFunction, Throttled
from vmtriage.models.signature import KernelVerdict, Match, Signature, SignatureMatch

_FIXED = "same pattern but this kernel has the fix: another bug, or a regression"
_VERDICT_RANK: dict[KernelVerdict, int] = {"affected": 0, "unknown": 1, "fixed": 2}


def match_all(
    signatures: Sequence[Signature],
    facts: Facts,
    classification: Classification,
    function: GuiltyFunction | None,
    throttled: Sequence[Throttled],
) -> tuple[SignatureMatch, ...]:
    """All signatures that fit, best first; those a better one supersedes are left out."""
    crash = CrashView(facts, classification, function, throttled)
    system = facts.system
    kernel = parse_kernel(system.release if system else None, system.version if system else None)
    found: list[tuple[Signature, tuple[Evidence, ...], Answer]] = []
    for signature in signatures:
        if signature.status == "retired":
            continue
        evidence = conditions(signature.match, crash)
        if evidence is not None:
            found.append((signature, evidence, verdict(kernel, signature.kernels)))
    # a known bug this kernel is rid of explains nothing, so it hides nothing either
    hidden = {
        other
        for signature, _, answer in found
        if answer[0] != "fixed" and signature.status == "stable"
        for other in signature.supersedes
    }
    kept = [each for each in found if each[0].id not in hidden]
    kept.sort(key=lambda each: _rank(*each))
    return tuple(_result(*each) for each in kept)


def _rank(
    signature: Signature, evidence: Sequence[Evidence], answer: Answer
) -> tuple[bool, bool, int, int, str]:
    return (
        signature.generic,
        signature.status != "stable",
        _VERDICT_RANK[answer[0]],
        -len(evidence),
        signature.id,
    )


def _result(signature: Signature, evidence: tuple[Evidence, ...], answer: Answer) -> SignatureMatch:
    kernel, reason, fixed_in = answer
    confidence: Confidence = "low" if signature.status == "draft" else "medium"
    if signature.generic:
        reason = "a class of crash, not one bug: no kernel version settles it"
    elif kernel == "fixed":
        confidence, reason = "low", f"{reason}; {_FIXED}"
    elif kernel == "affected" and signature.status == "stable":
        confidence = "high"
    return SignatureMatch(
        id=signature.id, title=signature.title, status=signature.status,
        generic=signature.generic, confidence=confidence, kernel=kernel, kernel_reason=reason,
        fixed_in=fixed_in, what=signature.what, do_now=signature.do_now,
        do_for_good=signature.do_for_good, usually_caused_by=signature.usually_caused_by,
        refuted_by=signature.refuted_by, references=signature.references,
        upstream=signature.upstream, evidence=evidence,
    )  # fmt: skip


Found = tuple[Evidence, ...] | None  # None: the condition does not hold


def conditions(match: Match, crash: CrashView) -> Found:
    """Evidence for every condition of a signature, or None as soon as one does not hold."""
    evidence: list[Evidence] = []
    for check in _CHECKS:
        found = check(match, crash)
        if found is None:
            return None
        evidence += found
    if match.any_of:
        inner = next((f for m in match.any_of if (f := conditions(m, crash)) is not None), None)
        if inner is None:
            return None
        evidence += inner
    if any(conditions(each, crash) is not None for each in match.none_of):
        return None
    return tuple(dict.fromkeys(evidence))


def _classes(match: Match, crash: CrashView) -> Found:
    if not match.classes:
        return ()
    if crash.classification.crash_class not in match.classes:
        return None
    says = f"the crash is of the class {crash.classification.crash_class.value}"
    return tuple(e.model_copy(update={"says": says}) for e in crash.classification.evidence[:1])


def _release(match: Match, crash: CrashView) -> Found:
    if not match.release:
        return ()
    said = crash.release
    name = crash.facts.system.release if crash.facts.system else None
    if said is None or not name or not any(compiled(p).search(name) for p in match.release):
        return None
    return (said.model_copy(update={"says": "the kernel release fits"}),)


def _throttled(match: Match, crash: CrashView) -> Found:
    if match.throttled is None:
        return ()
    if crash.facts.group_run_queues is None or bool(crash.throttled) is not match.throttled:
        return None  # not looked at is not the same as none
    if not crash.throttled:
        return (said_by("runq -g", 0, "no (THROTTLED)", "no group is throttled"),)
    first = crash.throttled[0].evidence
    return tuple(e.model_copy(update={"says": "a group is throttled"}) for e in first[:1])


def _panic(match: Match, crash: CrashView) -> Found:
    if not match.panic:
        return ()
    for said in crash.panic_texts:
        if any(compiled(p).search(plain(said.text)) for p in match.panic):
            return (said.model_copy(update={"says": "the panic text fits"}),)
    return None


def _function(match: Match, crash: CrashView) -> Found:
    if not match.function:
        return ()
    guilty = crash.function
    names = (guilty.name, *guilty.alternatives) if guilty else ()
    if guilty is None or not any(_fits(p, n) for p in match.function for n in names):
        return None
    said = guilty.evidence[0] if guilty.evidence else said_by("bt", 0, guilty.name)
    return (said.model_copy(update={"says": f"the guilty function is {guilty.name}"}),)


def _exception(match: Match, crash: CrashView) -> Found:
    if not match.exception:
        return ()
    for each in crash.faulting:
        if any(_fits(p, each.name) for p in match.exception):
            return (each.evidence.model_copy(update={"says": f"the CPU was in {each.name}"}),)
    return None


def _stack(match: Match, crash: CrashView) -> Found:
    if any(_fits(p, each.name) for p in match.stack_exclude for each in crash.stack):
        return None
    evidence, rest = [], iter(crash.stack)
    for pattern in match.stack:
        hit = next((each for each in rest if _fits(pattern, each.name)), None)
        if hit is None:
            return None
        says = f"{hit.name} is on the stack, in this order"
        evidence.append(hit.evidence.model_copy(update={"says": says}))
    return tuple(evidence)


def _fits(pattern: str, name: str) -> bool:
    return compiled(pattern, whole=True).search(plain(base_name(name))) is not None


def _modules(match: Match, crash: CrashView) -> Found:
    if not match.modules:
        return ()
    for name, said in crash.modules:
        if any(_fits(p, name) for p in match.modules):
            return (said.model_copy(update={"says": f"the module {name} is involved"}),)
    return None


def _log(match: Match, crash: CrashView) -> Found:
    evidence = []
    if match.log:
        first = next((r for p in match.log if (r := crash.log_line(p))), None)
        if first is None:
            return None
        evidence.append(said_by("log", first.line, first.text, "the log has the line"))
    for pattern in match.log_all:
        line = crash.log_line(pattern)
        if line is None:
            return None
        evidence.append(said_by("log", line.line, line.text, "the log has the line"))
    return tuple(evidence)


# Cheap ones first: most signatures are out before the log is searched.
_CHECKS: tuple[Callable[[Match, CrashView], Found], ...] = (
    _classes, _release, _throttled, _panic, _function, _exception, _stack, _modules, _log,
)  # fmt: skip
