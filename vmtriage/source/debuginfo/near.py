"""A vmlinux that can be read as it lies there: nothing is unpacked, fetched or waited for."""

from itertools import chain
from pathlib import Path

from vmtriage.errors import TriageError
from vmtriage.models.dump import DumpInfo
from vmtriage.source.debuginfo import places
from vmtriage.source.debuginfo.elf import Kind, kind_of, read_elf
from vmtriage.source.debuginfo.places import Place
from vmtriage.source.debuginfo.search import Search


def at_hand(dump: DumpInfo, search: Search) -> Path | None:
    """The debuginfo of this very build, proved by its build-id; None where there is none."""
    if dump.build_id is None:
        return None
    given = search.given
    if given is not None:
        named = iter([Place(given, "--vmlinux")])
        there = places.in_directory(given, "--vmlinux", dump) if given.is_dir() else named
    else:
        there = places.everywhere(dump, search.directories, search.root)
    near = chain.from_iterable(_files(place) for place in there)
    return next((path for path in near if _is_it(path, dump.build_id)), None)


def _files(place: Place) -> list[Path]:
    try:
        return place.files()
    except OSError:
        return []


def _is_it(path: Path, build_id: str) -> bool:
    try:
        if kind_of(path) is not Kind.ELF:
            return False
        elf = read_elf(path)
    except TriageError:
        return False
    return elf.has_debuginfo and elf.build_id == build_id
