"""New, spreading, regressed, quiet: each with its reason in words."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from vmtriage.models.occurrence import Occurrence
from vmtriage.models.problem import State


class Closed(NamedTuple):
    """When a problem was closed as fixed, and by which kernel if that was said."""

    at: datetime
    release: str | None = None


class Stated(NamedTuple):
    """A state and why."""

    state: State
    reason: str


def states(
    occurrences: Sequence[Occurrence], now: datetime, closed: Closed | None = None
) -> tuple[Stated, ...]:
    """The states of a problem, the most urgent first; never empty for a non-empty problem."""
    raise NotImplementedError
