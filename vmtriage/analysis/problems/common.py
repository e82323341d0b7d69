"""What the occurrences of a problem have in common, beyond what the whole fleet has."""

from collections.abc import Sequence

from vmtriage.analysis.problems.fleet import Fleet
from vmtriage.models.occurrence import Occurrence
from vmtriage.models.problem import Common


def common(occurrences: Sequence[Occurrence], fleet: Fleet) -> tuple[Common, ...]:
    """What they share, the most telling first; () where nothing is beyond chance.

    occurrences: all of one problem. fleet: all there are, these too.
    """
    raise NotImplementedError
