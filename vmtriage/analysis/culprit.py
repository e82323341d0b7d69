"""Who brought it about: candidates by declared rules, each with its evidence, best first.

A wrong culprit is worse than none, so every rule says how sure it is and what would refute it.
"""

from collections.abc import Sequence

from vmtriage.analysis.suspects import (
    asked,
    bandwidth,
    code,
    fault,
    groups,
    hardware,
    leaks,
    lockups,
    oom,
    storage,
    tasks,
)
from vmtriage.analysis.suspects.case import Case, Rule
from vmtriage.analysis.suspects.home import at_home
from vmtriage.models.report import HIGH, Culprit, close

# Of two that are equally sure, the rule that stands first here is believed.
RULES: Sequence[Rule] = (
    bandwidth.bandwidth,
    oom.out_of_memory,
    hardware.hardware,
    asked.asked_for,
    tasks.lock_owner,
    lockups.lock_holder,
    code.module,
    leaks.leaked,
    storage.device,
    lockups.stuck_task,
    fault.owner_of_the_object,
    groups.panic_task_group,
    code.corrupted,
    hardware.bad_memory,
    hardware.nmi,
)


def candidates(case: Case) -> tuple[Culprit, ...]:
    """Everybody the evidence points at, the surest first; () when it points at nobody."""
    who, wanted = case.answers.who or (), case.classification.deliberate
    found = [at_home(culprit, who, wanted) for rule in RULES for culprit in rule(case)]
    return settled(_merged(found))


def settled(found: Sequence[Culprit]) -> tuple[Culprit, ...]:
    """In order of their scores. Where the second is close, nobody is sure of the first."""
    ranked = sorted(found, key=lambda each: -each.score)
    if not ranked:
        return ()
    first, *rest = ranked
    contested = any(close(first, each) for each in rest)
    score = min(first.score, HIGH - 0.01) if contested else first.score
    return (first.scored(score).model_copy(update={"contested": contested}), *rest)


def _merged(found: Sequence[Culprit]) -> list[Culprit]:
    """Whom two rules name stands once, as the surer of them put it, with the evidence of both."""
    kept: dict[tuple[str, str], Culprit] = {}
    for each in sorted(found, key=lambda each: -each.score):
        own = each.name if each.kind == "process" else each.path or each.name
        key = (each.kind, own)
        if before := kept.get(key):
            more = [item for item in each.evidence if item not in before.evidence]
            each = before.model_copy(update={"evidence": (*before.evidence, *more)})
        kept[key] = each
    return list(kept.values())
