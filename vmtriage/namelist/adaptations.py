"""Types told otherwise than they are, where an old crash misreads them as they are."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from vmtriage.source.btf import Kind
from vmtriage.source.btf_table import TypeTable


@dataclass(frozen=True, slots=True)
class Adaptation:
    """One such type. `below`: the first version of crash that needs it no more."""

    name: str
    below: tuple[int, ...]
    struct: str
    ends_with: str  # the member that has to be the last, and of unknown length
    adds: str  # the structure by whose size it is told larger
    why: str
    source: str


ADAPTATIONS = (
    Adaptation(
        name="pid-numbers",
        below=(8, 0, 4),
        struct="pid",
        ends_with="numbers",
        adds="upid",
        why="crash reads sizeof(struct pid) bytes and looks for numbers[0] in them; since Linux"
        " 6.5 and its backports numbers[] has no length, so it finds no tasks",
        source="Linux b69f0aeb0689 (pid: Replace struct pid 1-element array with flex-array),"
        " crash 8.0.4 (task.c, refresh_xarray_task_table)",
    ),
)


_FIRST = (8,)  # of the versions whose gdb reads what we write


def usable_with(crash_version: str | None) -> bool:
    """Whether this crash reads a slim namelist rightly; True where nobody knows its version."""
    version = _numbers(crash_version)
    return version is None or version >= _FIRST


def needed_by(crash_version: str | None) -> tuple[Adaptation, ...]:
    """What this crash needs, "8.0.2" or "8.0.2++"; nothing where nobody knows the version."""
    version = _numbers(crash_version)
    return tuple(each for each in ADAPTATIONS if version is not None and version < each.below)


def _numbers(crash_version: str | None) -> tuple[int, ...] | None:
    told = re.match(r"\d+(?:\.\d+)*", crash_version or "")
    return tuple(int(part) for part in told[0].split(".")) if told else None


def sizes_for(table: TypeTable, adaptations: Sequence[Adaptation]) -> dict[int, int]:
    """New sizes by type number, of those that this kernel has in the form that needs it."""
    sizes: dict[int, int] = {}
    for each in adaptations:
        told, more = _struct(table, each.struct), _struct(table, each.adds)
        if told is not None and more is not None and _open_ended(table, told, each.ends_with):
            sizes[told] = table.rests[told] + table.rests[more]
    return sizes


def _struct(table: TypeTable, name: str) -> int | None:
    place = table.place_of(name)
    if place is None:
        return None
    rows = zip(table.kinds, table.names, strict=True)
    return next((n for n, row in enumerate(rows) if row == (Kind.STRUCT, place)), None)


def _open_ended(table: TypeTable, number: int, member: str) -> bool:
    from vmtriage.namelist.dwarf.layout import array, members

    every = members(table, number)
    if not every:
        return False
    name, of, _ = every[-1]
    text = table.strings[name : table.strings.find(b"\0", name)].decode("utf-8", "replace")
    return text == member and table.kinds[of] == Kind.ARRAY and array(table, of)[1] == 0
