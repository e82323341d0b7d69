"""A signature's samples: tiny captures, run through the same steps as a real dump."""

from collections.abc import Sequence
from pathlib import Path

from vmtriage.analysis.classify import classify
from vmtriage.analysis.fromlog import with_log_facts
from vmtriage.analysis.function import guilty_function
from vmtriage.analysis.incidents import find
from vmtriage.analysis.matching import match_all
from vmtriage.analysis.runqueues import throttled
from vmtriage.analysis.signatures import home, load, samples
from vmtriage.models.base import Model
from vmtriage.models.evidence import Facts
from vmtriage.models.signature import Signature, SignatureMatch
from vmtriage.parsers import parse

_FIELDS = {
    "sys": "system", "bt": "panic_stack", "log": "log", "runq -g": "group_run_queues",
    "kmem -i": "memory", "kmem -s": "slabs", "kmem -V": "vm_stat", "mod -t": "modules",
}  # fmt: skip


def facts_of(case: Path) -> Facts:
    """Facts from a folder of outputs named like their commands: bt.txt, runq_-g.txt."""
    fields: dict[str, Model] = {}
    for path in sorted(case.glob("*.txt")):
        command = path.stem.replace("_", " ")
        fields[_FIELDS[command]] = parse(command, path.read_text(encoding="utf-8"))
    return with_log_facts(Facts().model_copy(update=dict(fields)))


def match_sample(signatures: Sequence[Signature], case: Path) -> tuple[SignatureMatch, ...]:
    """What the knowledge base says about one sample."""
    facts = facts_of(case)
    incidents = find(facts.log) if facts.log else ()
    classification = classify(facts, incidents)
    function = guilty_function(facts, classification, incidents)
    return match_all(signatures, facts, classification, function, throttled(facts) or ())


def check(directory: Path | None = None) -> list[str]:
    """Every sample that is not caught as its folder says; empty when all are.

    A hit-* sample is caught by its own signature and by no other (what that one supersedes
    aside); a miss-* sample by anything but its own.
    """
    signatures = load(directory)
    drafts = {signature.id for signature in signatures if signature.status == "draft"}
    messages = []
    for path in sorted((directory or home()).rglob("signature.yaml")):
        own = path.parent.name
        for case in samples(path.parent, "hit"):
            # a draft hides nothing, so the generic class stays beside it
            beside = own in drafts
            matches = match_sample(signatures, case)
            found = [match.id for match in matches if not (beside and match.generic)]
            if found != [own]:
                messages.append(f"{case}: expected {own}, found {', '.join(found) or 'nothing'}")
        for case in samples(path.parent, "miss"):
            found = [match.id for match in match_sample(signatures, case)]
            if own in found:
                messages.append(f"{case}: must not be taken for {own}")
    return messages
