"""A problem with all that its occurrences tell: what its page and its ticket are made of."""

from collections.abc import Sequence
from datetime import datetime

from vmtriage.analysis.problems.fleet import Fleet
from vmtriage.analysis.problems.states import Closed
from vmtriage.models.occurrence import Occurrence
from vmtriage.models.problem import Near, ProblemView


def view(
    occurrences: Sequence[Occurrence],
    fleet: Fleet,
    near: tuple[Near, ...] = (),
    *,
    now: datetime,
    closed: Closed | None = None,
    ticket: str | None = None,
) -> ProblemView:
    """Made anew whenever an occurrence is added. occurrences: all of one problem, at least one."""
    raise NotImplementedError
