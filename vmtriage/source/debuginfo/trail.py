"""What was looked at on the way to a vmlinux, and why it was not taken."""

from vmtriage.models.dump import LookedAt


class Unusable(Exception):
    """This place has no vmlinux that can be used; the text says why, the search goes on."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Trail:
    """The places in the order they were looked at."""

    def __init__(self) -> None:
        self._looked: list[LookedAt] = []

    @property
    def looked(self) -> tuple[LookedAt, ...]:
        """The record so far."""
        return tuple(self._looked)

    def absent(self, place: object, found_by: str, reason: str = "") -> None:
        """Nothing is there."""
        self._note(place, found_by, "absent", reason)

    def rejected(self, place: object, found_by: str, reason: str) -> None:
        """Something is there, and it cannot be used."""
        self._note(place, found_by, "rejected", reason)

    def used(self, place: object, found_by: str, reason: str = "") -> None:
        """The vmlinux came from here."""
        self._note(place, found_by, "used", reason)

    def _note(self, place: object, found_by: str, outcome: str, reason: str) -> None:
        self._looked.append(
            LookedAt.model_validate(
                {"place": str(place), "found_by": found_by, "outcome": outcome, "reason": reason}
            )
        )
