"""The kept vmlinux files as a whole: how many there may be, and which have to go."""

import re
import time
from contextlib import suppress
from pathlib import Path

from vmtriage.source.surplus import Cached, by_last_use, surplus

LIMIT = 8 << 30  # bytes on disk
IN_USE_S = 3600.0  # an analysis takes no longer
NAME = re.compile(r"vmlinux-(?:of-)?[0-9a-f]{8,128}(?:\.debug|\.stripped)?")
FOLDER = "debuginfo"  # of the cache


def kept(directory: Path) -> list[Cached]:
    """All, the last used first. A directory that is not there has none."""
    return by_last_use(
        each for each in directory.glob("vmlinux-*")
        if NAME.fullmatch(each.name) and not each.is_symlink() and each.is_file()
    )  # fmt: skip


def prune(
    directory: Path, limit: int, spare: Path | None = None, unused_s: float = 0.0
) -> list[Cached]:  # fmt: skip
    """Removes those not used for longest until `limit` bytes are left.

    Not `spare` nor its other half, nor what was used in the last `unused_s` seconds: crash may be
    reading it. What is removed is unpacked or fetched again when it is needed.
    """
    began, removed = time.time(), []

    def spared(each: Cached) -> bool:
        kin = spare is not None and _whole(each.path) == _whole(spare)
        return kin or began - each.last_used < unused_s

    for each in surplus(kept(directory), limit, spared):
        with suppress(OSError):
            each.path.unlink()
            removed.append(each)
    return removed


def _whole(path: Path) -> str:
    """The name without what says which half it is."""
    return path.name.partition(".")[0]
