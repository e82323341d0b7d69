"""Ingredients to a file that crash opens as it does a vmlinux with debuginfo."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vmtriage.namelist import elf
from vmtriage.namelist.adaptations import Adaptation, sizes_for
from vmtriage.namelist.dwarf.sections import Constant, debug_sections
from vmtriage.namelist.ingredients import Ingredients, Symbol
from vmtriage.namelist.symbols import kept
from vmtriage.namelist.variables import variables_of
from vmtriage.source.btf import BadBtf
from vmtriage.source.btf_modules import with_modules
from vmtriage.source.btf_table import table_of

# Where crash looks for `write_expire`, in its order; task_init() of task.c.
_DEADLINE = (b"dd_init_queue", b"dd_init_sched", b"deadline_init_queue")
_EXPIRES_S = 5  # write_expire = 5 * HZ


ALGORITHM = 2  # to be raised with every change of what is written: a cache keeps the old


@dataclass(frozen=True, slots=True)
class Built:
    """adapted: the adaptations that this kernel needed; modules: whose types are in it;
    left_out: modules whose types are not, each with the reason."""

    adapted: tuple[Adaptation, ...]
    modules: tuple[str, ...]
    left_out: tuple[str, ...]


def build(of: Ingredients, path: Path, adaptations: Sequence[Adaptation] = ()) -> Built:
    """Writes the namelist.

    Raises BadBtf where the types contradict themselves, OSError where there is no room.
    """
    try:
        return _build(of, path, adaptations)
    except (BadBtf, struct.error, LookupError, OverflowError) as error:  # a reference to nowhere
        if of.module_btfs:  # without them it may do
            left_out = tuple(f"{name}: {error}" for name in of.module_btfs)
            return replace(build(replace(of, module_btfs={}), path, adaptations), left_out=left_out)
        raise BadBtf(f"the types contradict themselves: {error}") from error


def _build(of: Ingredients, path: Path, adaptations: Sequence[Adaptation]) -> Built:
    table = table_of(of.btf)
    by_name = _by_name(of.symbols)
    types = with_modules(table, of.module_btfs, by_name)
    debug = debug_sections(
        types, of.pointer, variables_of(table, by_name), of.sizes_known,
        _ticks(of, by_name), sizes_for(table, adaptations),
    )  # fmt: skip
    elf.write(path, of, kept(of.symbols), debug)
    adapted = tuple(each for each in adaptations if sizes_for(table, [each]))
    return Built(adapted, types.modules, types.left_out)


def _by_name(symbols: Sequence[Symbol]) -> dict[bytes, Symbol]:
    """Of several with one name the one that all files of the kernel see, or the first."""
    found: dict[bytes, Symbol] = {}
    for each in symbols:
        if each.name not in found or (each.kind.isupper() and not found[each.name].kind.isupper()):
            found[each.name] = each
    return found


def _ticks(of: Ingredients, symbols: Mapping[bytes, Symbol]) -> Constant | None:
    scope = next((symbols[name] for name in _DEADLINE if name in symbols), None)
    if of.hz is None or scope is None:
        return None
    end = scope.address + (scope.size or 16)
    return Constant("write_expire", _EXPIRES_S * of.hz, scope.address, end)
