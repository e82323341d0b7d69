"""Which signatures fit this crash, and what each means for this kernel.

Every match carries one piece of evidence per condition, so that a reader can check it.
"""

from collections.abc import Iterable, Sequence

from vmtriage.analysis.conditions import conditions
from vmtriage.analysis.crash_view import CrashView
from vmtriage.analysis.kernels import parse_kernel
from vmtriage.analysis.relevance import relevant
from vmtriage.analysis.versions import Answer, verdict
from vmtriage.models.evidence import Confidence, Evidence
from vmtriage.models.signature import KernelVerdict, Signature, SignatureMatch

_FIXED = "same pattern but this kernel has the fix: another bug, or a regression"
_VERDICT_RANK: dict[KernelVerdict, int] = {"affected": 0, "unknown": 1, "fixed": 2}


def match_view(signatures: Iterable[Signature], crash: CrashView) -> tuple[SignatureMatch, ...]:
    """All signatures that fit, best first; those a better one supersedes are left out."""
    system = crash.facts.system
    kernel = parse_kernel(system.release if system else None, system.version if system else None)
    found: list[tuple[Signature, tuple[Evidence, ...], Answer]] = []
    for signature in signatures:
        if signature.status == "retired":
            continue
        evidence = conditions(signature.match, crash)
        if evidence is not None and relevant(signature, evidence, crash):
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
