"""Who brought it about: candidates by declared rules, each with its evidence, best first.

A wrong culprit is worse than none, so every rule says how sure it is and what would refute it.
"""

from collections.abc import Sequence

from vmtriage.analysis.suspects import bandwidth, code, groups, lockups, memory, tasks
from vmtriage.analysis.suspects.case import Case, Rule
from vmtriage.models.report import HIGH, Culprit

# Of two that are equally sure, the rule that stands first here is believed.
RULES: Sequence[Rule] = (
    bandwidth.bandwidth,
    memory.out_of_memory,
    code.hardware,
    tasks.asked_for,
    tasks.lock_owner,
    lockups.lock_holder,
    code.module,
    memory.leaking_cache,
    lockups.stuck_task,
    groups.panic_task_group,
)
CLOSE = 0.1  # whoever comes so near to the first may be the one


def candidates(case: Case) -> tuple[Culprit, ...]:
    """Everybody the evidence points at, the surest first; () when it points at nobody."""
    found = [culprit for rule in RULES for culprit in rule(case)]
    return settled(_merged(found))


def settled(found: Sequence[Culprit]) -> tuple[Culprit, ...]:
    """In order of their scores. Where the second is close, nobody is sure of the first."""
    ranked = sorted(found, key=lambda each: -each.score)
    if not ranked:
        return ()
    first, *rest = ranked
    contested = any(first.score - each.score < CLOSE for each in rest)
    score = min(first.score, HIGH - 0.01) if contested else first.score
    return (first.scored(score).model_copy(update={"contested": contested}), *rest)


def _merged(found: Sequence[Culprit]) -> list[Culprit]:
    """Whom two rules name stands once, as the surer of them put it, with the evidence of both."""
    kept: dict[tuple[str, str], Culprit] = {}
    for each in sorted(found, key=lambda each: -each.score):
        key = (each.kind, each.path or each.name)
        if before := kept.get(key):
            more = [item for item in each.evidence if item not in before.evidence]
            each = before.model_copy(update={"evidence": (*before.evidence, *more)})
        kept[key] = each
    return list(kept.values())
