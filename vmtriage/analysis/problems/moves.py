"""What becomes of a problem's link when the full triage knows better than the log did."""

from collections.abc import Mapping
from dataclasses import dataclass

from vmtriage.models.occurrence import Occurrence


@dataclass(frozen=True)
class Redirect:
    """The problem `old` is empty; its page and link lead to `new`.

    follow: what a log alone takes for `old` is put into `new` at once, for that is what the full
    triage made of it. False: `old` said too little for that (a class without a function).
    """

    old: str
    new: str
    follow: bool


@dataclass(frozen=True)
class Placed:
    """Where an occurrence goes. lifted: the redirect from this id ends, the problem lives again."""

    problem: str
    lifted: str | None = None


def place(occurrence: Occurrence, redirects: Mapping[str, Redirect]) -> Placed:
    """Which problem an occurrence joins, given all redirects by their old id. Loops end."""
    raise NotImplementedError


def redirect(before: Occurrence, after: Occurrence, left: int) -> Redirect | None:
    """The redirect to record when `after` replaces `before`; None: nothing moved, or not empty.

    left: how many other occurrences the problem of `before` still has.
    """
    raise NotImplementedError
