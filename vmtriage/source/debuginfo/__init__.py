"""Finds the vmlinux that belongs to a dump, or fetches it, and proves by build-id that it does.

crash accepts a vmlinux of another build with one warning and then prints nonsense: so this
check is ours. Read search.py first: it is the order of things.
"""

from vmtriage.source.debuginfo.elf import build_id_of, read_build_id
from vmtriage.source.debuginfo.hint import package_hint
from vmtriage.source.debuginfo.modules import ModuleFile, ModuleFiles
from vmtriage.source.debuginfo.near import at_hand
from vmtriage.source.debuginfo.search import Search, find
from vmtriage.source.debuginfo.servers import Servers

__all__ = [
    "ModuleFile",
    "ModuleFiles",
    "Search",
    "Servers",
    "at_hand",
    "build_id_of",
    "find",
    "package_hint",
    "read_build_id",
]
