"""Under which name things are counted and found again."""

from vmtriage.models.occurrence import Occurrence


def culprit_key(occurrence: Occurrence) -> str | None:
    """What is the same on every host: the application where there is one, else the name."""
    blamed = occurrence.culprit
    if blamed is None:
        return None
    return f"{blamed.kind}:{blamed.application or blamed.name}"
