"""Other problems whose stacks come close."""

from collections.abc import Iterable
from typing import NamedTuple

from vmtriage.models.finding import CrashClass
from vmtriage.models.occurrence import Occurrence
from vmtriage.models.problem import Near


class Stack(NamedTuple):
    """One problem's stack, of any of its occurrences: the full triage's where there is one."""

    problem: str
    crash_class: CrashClass
    function: str | None
    module: str | None
    frames: tuple[str, ...]


def stack_of(occurrence: Occurrence) -> Stack:
    """Its problem's stack."""
    raise NotImplementedError


class Neighbours:
    """All problems' stacks, indexed by their functions. Built once, asked for each problem."""

    def __init__(self, stacks: Iterable[Stack]) -> None:
        raise NotImplementedError

    def near(self, stack: Stack, limit: int = 5) -> tuple[Near, ...]:
        """The nearest other problems, the nearest first; () where none is near enough.

        Nearness is mutual: whom a new problem names should have its own page made anew.
        """
        raise NotImplementedError


def near(stack: Stack, others: Iterable[Stack], limit: int = 5) -> tuple[Near, ...]:
    """The same for a single question."""
    return Neighbours(others).near(stack, limit)
