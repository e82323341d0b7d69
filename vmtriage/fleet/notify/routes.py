"""Which notice goes to whom: every route that fits, from top to bottom, until one ends it.

[[routes]]
hosts = ["test-*"]
drop = true

[[routes]]
classes = ["hard_lockup"]
culprits = ["application_*"]
to = ["jira", "chat"]
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Self

from pydantic import BeforeValidator, model_validator

from vmtriage.fleet.notify.conditions import Conditions, Subject, Texts, any_fits, listed
from vmtriage.models.base import Model
from vmtriage.models.notice import OPERATOR_EVENTS, Notice, NoticeEvent
from vmtriage.models.problem import State


class Route(Conditions):
    """Conditions, and the notifiers that are told when all of them hold."""

    culprits: Texts = ()  # shell patterns: name, application, pod, container id, owner
    states: Annotated[tuple[State, ...], BeforeValidator(listed)] = ()  # any of them
    # none: what each notifier is for; quarantined and broken only where they are named
    events: Annotated[tuple[NoticeEvent, ...], BeforeValidator(listed)] = ()
    to: Texts = ()  # names of notifiers
    drop: bool = False  # no route below sees the notice
    last: bool = False  # it is told here, and no route below sees it

    @model_validator(mode="after")
    def _has_target(self) -> Self:
        if bool(self.to) == self.drop:
            raise ValueError("a route has either `to` with names of notifiers, or `drop = true`")
        return self

    def fits(self, notice: Notice) -> bool:
        """Does this route speak of this notice?"""
        if self.events and notice.event not in self.events:
            return False
        if notice.event in OPERATOR_EVENTS and not self.events and not self.drop:
            return False
        if self.states and not set(self.states) & set(notice.states):
            return False
        if self.culprits and not any_fits(self.culprits, notice.culprits):
            return False
        return self.hold(_subject(notice))


class Routes(Model):
    """All routes, in the order of the file."""

    routes: tuple[Route, ...] = ()

    def chosen(self, notice: Notice, wants: Mapping[str, Sequence[NoticeEvent]]) -> tuple[str, ...]:
        """Names of the notifiers to tell, each once. wants: what each is for, by its name."""
        found: dict[str, None] = {}
        for route in self.routes:
            if not route.fits(notice):
                continue
            for name in route.to:
                if route.events or notice.event in wants.get(name, ()):
                    found[name] = None
            if route.drop or route.last:
                break
        return tuple(found)


def _subject(notice: Notice) -> Subject:
    return Subject(
        (notice.host,), notice.crash_class, notice.severity, notice.signatures,
        f"{notice.title}\n{notice.summary}",
    )  # fmt: skip
