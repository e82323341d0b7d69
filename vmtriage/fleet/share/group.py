"""The files of a directory by the crash they belong to: whose, when, and who wrote them."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from vmtriage.fleet.share import placenames
from vmtriage.fleet.share.filenames import LAST_GOOD_LOG, FileName
from vmtriage.fleet.share.listing import Listing
from vmtriage.fleet.share.placenames import PlaceName
from vmtriage.models.found import FoundKind, Layout

_Entry = os.DirEntry[str]
_Named = tuple[FileName, _Entry]


@dataclass(frozen=True, slots=True)
class Group:
    """One crash. place: names from the share down to its directory or its file."""

    place: tuple[str, ...]
    layout: Layout
    kind: FoundKind
    dump: tuple[_Entry, ...]
    log: _Entry | None
    host: str | None
    time: datetime | None

    @property
    def main(self) -> _Entry:
        """The file to name where something is wrong."""
        chosen = self.dump[0] if self.dump else self.log
        assert chosen is not None
        return chosen


@dataclass(slots=True)
class _Files:
    key: str
    dumps: list[_Named] = field(default_factory=list)
    logs: list[_Named] = field(default_factory=list)


def groups(listing: Listing) -> Iterator[Group]:
    """Every crash in one directory, in the order of their names."""
    if not listing.files:
        return
    here = placenames.parse(listing.names[-1]) if listing.names else PlaceName()
    found: dict[str, _Files] = {}
    for named in listing.files:
        key = named[0].key
        files = found.setdefault(key, _Files(key))
        (files.logs if named[0].kind == "log" else files.dumps).append(named)
    _join_cut(found)
    own = _own(listing, here, found)
    for key in sorted(found):
        if made := _group(listing, here, found[key], key == own):
            yield made


def _own(listing: Listing, here: PlaceName, found: Mapping[str, object]) -> str | None:
    """The crash that the directory was made for; the others in it are called by their files."""
    if not listing.names:
        return None
    return next((key for key in ("", here.stamp, listing.names[-1]) if key in found), None)


def _join_cut(found: dict[str, _Files]) -> None:
    """kdump-tools' dump-incomplete has no date: it is of the one log that has no dump."""
    cut = found.get("")
    lonely = [each for each in found.values() if each.key and not each.dumps
              and all(name.stamp for name, _ in each.logs)]  # fmt: skip
    if cut and len(lonely) == 1 and all(name.kind == "incomplete" for name, _ in cut.dumps):
        lonely[0].dumps, cut.dumps = cut.dumps, []
        lonely[0].logs += cut.logs
        del found[""]


def _group(listing: Listing, here: PlaceName, files: _Files, alone: bool) -> Group | None:
    dumps = sorted(files.dumps, key=lambda named: (named[0].rank, named[0].number, named[1].name))
    logs = sorted(files.logs, key=lambda named: (named[0].rank, named[1].name))
    if not dumps and _is_no_crash(listing, here, logs):
        return None
    kind: FoundKind = dumps[0][0].kind if dumps else "log"
    chosen = dumps if kind == "split" else dumps[:1]
    parts = [entry for name, entry in chosen if name.kind == kind]
    log = logs[0][1] if logs and not (dumps and logs[0][0].rank > LAST_GOOD_LOG) else None
    names = listing.names
    if alone:
        host, time = here.host or _above(names, here), here.time
        place = names
    else:
        own = placenames.parse(files.key)
        host = own.host or (None if own.time else placenames.host(files.key)) or here.host
        host, time = host or _above(names, here), own.time or here.time
        place = (*names, parts[0].name if parts else logs[0][1].name)
    layout = _layout(listing, here, files, alone)
    return Group(place, layout, kind, tuple(parts), log, host, time)


def _is_no_crash(listing: Listing, here: PlaceName, logs: list[_Named]) -> bool:
    """Logs that prove nothing: `log` is netdump's only where the directory says so."""
    name, entry = logs[0]
    if entry.name == "log":
        return here.time is None
    if entry.name.endswith(".crash"):  # apport's report of a crash that has a directory beside
        return name.stamp in listing.below
    return False


def _above(names: tuple[str, ...], here: PlaceName) -> str | None:
    """The nearest directory that is called like a host; this one too where it bears no date."""
    rest = names[:-1] if here.time else names
    for name in reversed(rest):
        told = placenames.parse(name)
        found = told.host if told.time else placenames.host(name)
        if found:
            return found
    return None


def _layout(listing: Listing, here: PlaceName, files: _Files, alone: bool) -> Layout:
    stamp = here.stamp or next((name.stamp for name, _ in (*files.dumps, *files.logs)), None)
    if stamp:  # only Ubuntu has apport write a report beside
        return "ubuntu" if stamp in listing.reports else "debian"
    if not alone:
        return "flat"
    logs = {entry.name for _, entry in files.logs}
    if listing.signs or "dmesg.txt" in logs:
        return "sles"
    if "log" in logs:
        return "netdump"
    if here.seconds or logs:  # vmcore-dmesg.txt, kexec-dmesg.log
        return "rhel"
    return "sles" if here.time and here.host is None else "unknown"
