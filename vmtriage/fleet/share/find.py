"""Every crash on a share, whoever wrote it there; nothing is opened but directories."""

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from vmtriage.errors import NoInput, unreadable
from vmtriage.fleet.share.group import Group, groups
from vmtriage.fleet.share.listing import listings
from vmtriage.models.found import Found, FoundFile, path_text

_GONE = (errno.ENOENT, errno.ENOTDIR)


@dataclass(frozen=True)
class Unread:
    """A directory or file that could not be read: nobody knows what is there, or whether it is.

    place: below the share, as in `Found`; error.retryable: it may pass.
    """

    place: str
    error: NoInput


class _Vanished(Exception):
    """A file went, or got its final name, while its directory was read: the next look will tell."""


def find(share: Path, tell: Callable[[Unread], None] = lambda _: None) -> Iterator[Found]:
    """Every crash below `share`, one after the other as they are come upon.

    A directory that cannot be read is told and the others go on; of the share itself it is raised
    (ShareAway where it may pass, else NoInput). Costs one reading of each directory and one
    stat(2) for each file of a dump, at most 8 directories deep; none for what is no dump. Links are
    not followed, hidden directories and snapshots not looked into.
    """
    root = str(share.absolute())

    def fails(names: tuple[str, ...], error: OSError) -> None:
        if not names:
            raise unreadable(f"the share {path_text(root)}", error) from error
        if error.errno not in _GONE:
            place = path_text("/".join(names))
            tell(Unread(place, unreadable(f"{path_text(root)}/{place}", error)))

    for listing in listings(root, fails):
        for group in groups(listing):
            try:
                yield _found(root, group)
            except _Vanished:
                continue
            except OSError as error:
                fails((*listing.names, group.main.name), error)


def _found(root: str, group: Group) -> Found:
    files = tuple(_file(entry) for entry in group.dump)
    log = group.log and (_unasked(group.log) if files else _file(group.log))
    return Found(
        share=path_text(root), place=path_text("/".join(group.place)), layout=group.layout,
        kind=group.kind, files=files, log=log, host=group.host, named_time=group.time,
    )  # fmt: skip


def _file(entry: os.DirEntry[str]) -> FoundFile:
    try:
        told = entry.stat(follow_symlinks=False)
    except OSError as error:
        if error.errno in _GONE:
            raise _Vanished from error
        raise
    return FoundFile(path=path_text(entry.path), size=told.st_size, mtime_ns=told.st_mtime_ns)


def _unasked(entry: os.DirEntry[str]) -> FoundFile:
    """The log beside a dump is finished when the dump is, and every stat(2) costs a round trip."""
    return FoundFile(path=path_text(entry.path), size=0, mtime_ns=0)
