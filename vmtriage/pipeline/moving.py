"""Whether a dump is still being written, or copied, while it is read."""

from collections.abc import Iterator
from pathlib import Path

from vmtriage.models.evidence import Part, Problem


class Moving:
    """Remembers a dump's size and time, to be compared at the end: minutes of crash lie between."""

    def __init__(self, dump: Path) -> None:
        self._dump, self._seen = dump, _stamp(dump)

    def problems(self) -> Iterator[Problem]:
        """What the dump's name and its change tell."""
        if self._seen != _stamp(self._dump):
            yield Problem(
                kind="still_written", unsafe=tuple(Part),
                message="the dump changed while it was read: is it still being written or copied?"
                " Analyze it again once it is whole",
            )  # fmt: skip
        elif "incomplete" in self._dump.name:
            yield Problem(
                kind="incomplete_name", unsafe=tuple(Part),
                message=f"{self._dump.name} is what kdump calls a dump that it has not finished:"
                " it is cut short, or still being written",
            )  # fmt: skip


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns
