"""Problems as they stand, out of the store; what all of them need is read once."""

from datetime import datetime
from functools import cached_property

from vmtriage.analysis.problems import Fleet, Neighbours, Seen, stack_of, view
from vmtriage.models.occurrence import Occurrence
from vmtriage.models.problem import ProblemView
from vmtriage.store.base import Store


class Views:
    """For one publishing: the store may change meanwhile, the next one sees it."""

    def __init__(self, store: Store, now: datetime) -> None:
        self._store, self._now = store, now
        self._made: dict[str, ProblemView | None] = {}
        self._crashes: dict[str, tuple[Occurrence, ...]] = {}

    def of(self, problem: str) -> ProblemView | None:
        """None: no crash belongs to it (any more)."""
        if problem not in self._made:
            self._made[problem] = self._view(problem)
        return self._made[problem]

    def crashes(self, problem: str) -> tuple[Occurrence, ...]:
        """All of a problem, the latest first; read once."""
        if problem not in self._crashes:
            self._crashes[problem] = self._store.occurrences.of_problem(problem)
        return self._crashes[problem]

    @cached_property
    def _fleet(self) -> Fleet:
        return Fleet(
            Seen(each.host, each.release, each.hardware, each.firmware, each.culprit)
            for each in self._store.occurrences.briefs()
        )

    @cached_property
    def _neighbours(self) -> Neighbours:
        return Neighbours(map(stack_of, self._store.occurrences.representatives()))

    def _view(self, problem: str) -> ProblemView | None:
        occurrences = self.crashes(problem)
        if not occurrences:
            return None
        near = self._neighbours.near(stack_of(occurrences[0]))
        tickets = self._store.problems.tickets(problem)
        ticket = next((each.url for each in tickets if each.url), None)
        return view(occurrences, self._fleet, near, now=self._now, ticket=ticket)
