"""Under which name things are counted and found again."""

from vmtriage.models.occurrence import Occurrence
from vmtriage.models.problem import Shared

# what is shared -> the column of `occurrences` that has it
COLUMNS: dict[Shared, str] = {
    "host": "host", "hardware": "hardware", "firmware": "firmware", "kernel": "release",
    "culprit": "culprit", "module": "module",
}  # fmt: skip


def culprit_key(occurrence: Occurrence) -> str | None:
    """What is the same on every host: the application where there is one, else the name."""
    blamed = occurrence.culprit
    if blamed is None:
        return None
    return f"{blamed.kind}:{blamed.application or blamed.name}"
