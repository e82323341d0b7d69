"""Who brought it about: candidates by declared rules, each with its evidence, best first.

A wrong culprit is worse than none, so every rule says how sure it is and what would refute it.
"""

from collections.abc import Sequence

from vmtriage.analysis.suspects import code, groups, memory, tasks
from vmtriage.analysis.suspects.case import Case, Rule
from vmtriage.models.report import Culprit

# Of two that are equally sure, the rule that stands first here is believed.
RULES: Sequence[Rule] = (
    groups.bandwidth,
    memory.out_of_memory,
    code.hardware,
    tasks.asked_for,
    tasks.lock_owner,
    code.module,
    memory.leaking_cache,
    groups.panic_task_group,
)
_RANK = {"high": 0, "medium": 1, "low": 2}


def candidates(case: Case) -> tuple[Culprit, ...]:
    """Everybody the evidence points at, the surest first; () when it points at nobody."""
    found = [culprit for rule in RULES for culprit in rule(case)]
    return tuple(sorted(found, key=lambda each: _RANK[each.confidence]))
