"""What the rules look at, and the shape of a rule."""

from collections.abc import Callable, Iterator
from functools import cached_property

from vmtriage.analysis.trigger import find as find_trigger
from vmtriage.models.answers import Answers
from vmtriage.models.backtrace import Backtrace
from vmtriage.models.base import Model
from vmtriage.models.evidence import Facts
from vmtriage.models.finding import (
    Classification,
    GuiltyFunction,
    Incident,
    PanicTask,
    Throttled,
)
from vmtriage.models.report import Culprit
from vmtriage.models.trigger import Trigger


class Case(Model):
    """All that the rules may look at."""

    facts: Facts
    classification: Classification
    function: GuiltyFunction | None
    throttled: tuple[Throttled, ...] | None
    panic_task: PanicTask | None
    stack: Backtrace | None
    incidents: tuple[Incident, ...] = ()
    answers: Answers = Answers()

    @cached_property
    def trigger(self) -> Trigger | None:
        """Who asked for the dump."""
        return find_trigger(self.facts, self.incidents, self.stack, self.panic_task)


Rule = Callable[[Case], Iterator[Culprit]]
