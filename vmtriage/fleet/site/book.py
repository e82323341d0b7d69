"""What the site reads: the store's facts, as few at a time as a change needs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from vmtriage.models.occurrence import Occurrence
from vmtriage.models.problem import ProblemView
from vmtriage.report.site.facts import Try, Unread


@dataclass(frozen=True)
class Changes:
    """What changed after a revision, up to `revision`. Things that are gone are named too."""

    revision: int
    dumps: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


class Book(Protocol):
    """One site's view of the store. Answers may be of different instants: what changed in
    between is in the changes of the next run."""

    def revision(self) -> int:
        """Of the last change."""

    def changes(self, since: int) -> Changes:
        """All that changed after this revision."""

    def occurrence(self, dump: str) -> Occurrence | None:
        """The crash of a dump; None: there is none (any more)."""

    def occurrences(self) -> Iterator[Occurrence]:
        """All of them."""

    def problem(self, problem: str) -> ProblemView | None:
        """As it stands today; None: no crash belongs to it (any more)."""

    def tries(self, dump: str) -> Sequence[Try]:
        """The ledger of a dump, oldest first."""

    def reports(self, dump: str) -> Path | None:
        """The directory where its newest report.html, .md and .json lie; None: no report."""

    def unread(self) -> Sequence[Unread]:
        """All that lies on the shares without a full report, with the reason."""

    def moved_problems(self) -> Mapping[str, str]:
        """Ids of problems that went into another one, and into which."""

    def moved_dumps(self) -> Mapping[str, str]:
        """Ids of dumps that turned out to be another one (a log whose vmcore came later)."""
