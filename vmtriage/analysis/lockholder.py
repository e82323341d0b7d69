"""The function of a hang by the lock itself: where the one stands for whom the others wait."""

from vmtriage.analysis.suspects.chains import evidence_of
from vmtriage.models.answers import Answers
from vmtriage.models.finding import Classification, CrashClass, GuiltyFunction


def by_the_lock(
    function: GuiltyFunction | None, classification: Classification, answers: Answers
) -> GuiltyFunction | None:
    """The holder's function where the lock names its owner; else the one that was known before.

    The log cannot know it: fingerprints are made of what was known before, so that a dump and its
    log stay one problem.
    """
    chains = answers.waits.chains if answers.waits else ()
    sure = next((chain for chain in chains if chain.certainty == "read"), None)
    if classification.crash_class is not CrashClass.HUNG_TASK or sure is None:
        return function
    last = sure.links[-1]
    if last.function is None:
        return function
    names = [link.function for link in sure.links] + (
        [function.name, *function.alternatives] if function else []
    )
    others = dict.fromkeys(name for name in names if name and name != last.function)
    return GuiltyFunction(
        name=last.function, module=last.module, alternatives=tuple(others),
        evidence=evidence_of(sure),
    )  # fmt: skip
