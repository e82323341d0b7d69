"""One round of the OOM killer with the lines that tell of it."""

from dataclasses import dataclass

from vmtriage.analysis.suspects import quotes
from vmtriage.analysis.suspects.case import Case
from vmtriage.models.details import OomReport
from vmtriage.models.evidence import Evidence


@dataclass(frozen=True)
class Round:
    """A report, and from which line of the log to which other it stands."""

    case: Case
    report: OomReport
    since: int
    until: int | None

    def quote(self, pattern: str, says: str) -> tuple[Evidence, ...]:
        """The first line of the round in which the pattern is found; or ()."""
        return quotes.find(self.case, pattern, says, self.since, self.until)


def row(told: Round, pid: int) -> tuple[Evidence, ...]:
    """The task's row of the table."""
    return told.quote(rf"^\[ *{pid}\] +[0-9]", "what this task held, in pages")
