"""Directories read one after the other, in bounded memory, whatever lies in them."""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from vmtriage.fleet.share import filenames
from vmtriage.fleet.share.filenames import FileName

DEEPEST = 8  # directories below the share
_BATCH = 100_000  # names of one directory held at once; more are taken as several directories

Fails = Callable[[tuple[str, ...], OSError], None]


@dataclass(slots=True)
class Listing:
    """What matters of a directory. names: from the share down to it; path: as opened."""

    names: tuple[str, ...]
    path: str
    files: list[tuple[FileName, os.DirEntry[str]]] = field(default_factory=list)
    below: list[str] = field(default_factory=list)  # names of directories
    signs: set[str] = field(default_factory=set)  # of filenames.SIGNS
    reports: set[str] = field(default_factory=set)  # dates of apport's, here and one above

    def __len__(self) -> int:
        return len(self.files) + len(self.below)


def listings(share: str, fails: Fails) -> Iterator[Listing]:
    """The share's and every directory's below it; links are not followed, hidden ones skipped.

    A directory that cannot be read, or not to its end, is told by `fails`; what was read of it
    comes nevertheless.
    """
    waiting: list[Iterator[Listing]] = [_read((), share, fails)]
    while waiting:
        listing = next(waiting[-1], None)
        if listing is None:
            waiting.pop()
            continue
        yield listing
        if len(listing.names) < DEEPEST and listing.below:
            waiting.append(_below(listing, fails))


def _below(listing: Listing, fails: Fails) -> Iterator[Listing]:
    for name in sorted(listing.below):
        path = f"{listing.path}/{name}"
        yield from _read((*listing.names, name), path, fails, listing.reports)


def _read(
    names: tuple[str, ...], path: str, fails: Fails, reports: Iterable[str] = ()
) -> Iterator[Listing]:
    listing = Listing(names, path, reports=set(reports))
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                try:
                    _add(listing, entry)
                except OSError as error:  # file systems that do not tell a name's type are asked
                    fails((*names, entry.name), error)
                if len(listing) >= _BATCH:
                    yield listing
                    listing = Listing(names, path, signs=listing.signs, reports=listing.reports)
    except OSError as error:
        fails(names, error)
    yield listing


def _add(listing: Listing, entry: os.DirEntry[str]) -> None:
    name = entry.name
    told = filenames.parse(name)
    if told is not None and entry.is_file(follow_symlinks=False):
        listing.files.append((told, entry))
        if told.stamp and name.endswith(".crash"):
            listing.reports.add(told.stamp)
        return
    if name.startswith(filenames.SIGNS):
        listing.signs.add(next(sign for sign in filenames.SIGNS if name.startswith(sign)))
    if name.startswith(".") or name in filenames.SKIPPED_DIRECTORIES:
        return
    if entry.is_dir(follow_symlinks=False):
        listing.below.append(name)
