"""Under which name things are counted and found again."""

from vmtriage.analysis.problems.blame import culprit_label
from vmtriage.models.occurrence import Occurrence
from vmtriage.models.problem import Shared

# what is shared -> the column of `occurrences` that has it
COLUMNS: dict[Shared, str] = {
    "host": "host", "hardware": "hardware", "firmware": "firmware", "kernel": "release",
    "culprit": "culprit", "module": "module",
}  # fmt: skip


def culprit_key(occurrence: Occurrence) -> str | None:
    """As problems name it: what is the same on every host."""
    return culprit_label(occurrence.culprit)
