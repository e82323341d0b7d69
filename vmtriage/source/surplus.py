"""What a cache gives up when it is larger than it may be: what was not used for longest."""

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar


class OnDisk(Protocol):
    """A file of a cache."""

    @property
    def bytes(self) -> int:
        """On disk."""


Kept = TypeVar("Kept", bound=OnDisk)


@dataclass(frozen=True, slots=True)
class Cached:
    """A file of a cache: its bytes on disk, its last use in seconds since 1970."""

    path: Path
    bytes: int
    last_used: float


def by_last_use(paths: Iterable[Path]) -> list[Cached]:
    """The files that are there, the last used first."""
    found = []
    for path in paths:
        with contextlib.suppress(OSError):
            stat = path.lstat()
            found.append(Cached(path, stat.st_blocks * 512, stat.st_mtime))
    return sorted(found, key=lambda each: -each.last_used)


def used_now(path: Path) -> None:
    """Notes a use."""
    with contextlib.suppress(OSError):
        os.utime(path)


def surplus(
    files: Iterable[Kept], limit: int, spare: Callable[[Kept], bool],
    useless: Callable[[Kept], bool] = lambda _: False,
) -> Iterator[Kept]:  # fmt: skip
    """Those to be removed so that `limit` bytes are left; files: the last used first."""
    held = 0
    for each in files:
        held += each.bytes
        if not spare(each) and (held > limit or useless(each)):
            held -= each.bytes
            yield each
