"""The whole fleet's crashes in numbers: what is common anyway is no clue."""

from collections.abc import Iterable
from typing import NamedTuple

from vmtriage.analysis.problems.blame import culprit_label
from vmtriage.models.occurrence import Occurrence


class Seen(NamedTuple):
    """The little that counting needs of one occurrence; a store may keep it as plain columns."""

    problem: str
    host: str
    kernel: str | None = None
    hardware: str | None = None
    firmware: str | None = None
    culprit: str | None = None  # as `culprit_label` has it
    module: str | None = None


def seen(occurrence: Occurrence) -> Seen:
    """What counting needs of it."""
    return Seen(
        problem=occurrence.problem,
        host=occurrence.host,
        kernel=occurrence.release,
        hardware=occurrence.hardware,
        firmware=occurrence.firmware,
        culprit=culprit_label(occurrence.culprit),
        module=occurrence.module,
    )


class Fleet:
    """All occurrences there are, those of the problem in question too. Built once, asked often."""

    def __init__(self, rows: Iterable[Seen]) -> None:
        raise NotImplementedError

    @classmethod
    def of(cls, occurrences: Iterable[Occurrence]) -> "Fleet":
        """The fleet of these occurrences."""
        return cls(seen(each) for each in occurrences)
