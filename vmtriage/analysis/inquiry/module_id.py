"""The build-id of a loaded module, from the notes the kernel keeps of it.

Sources: include/linux/module.h (struct module), kernel/module/sysfs.c (struct module_notes_attrs:
since 2.6.24, other since 6.14), include/linux/sysfs.h (struct bin_attribute).
"""

import struct

from vmtriage.analysis.inquiry.layout import member, size
from vmtriage.analysis.inquiry.memory import Memory
from vmtriage.analysis.inquiry.scene import Reach

_LIST = member("module", "list")
_NAME = member("module", "name")
_NOTES = member("module", "notes_attrs")
_COUNT = member("module_notes_attrs", "notes")
_EVERY = member("module_notes_attrs", "attrs")
_FILE = member("bin_attribute", "attr.name")
_PLACE = member("bin_attribute", "private")
_BYTES = member("bin_attribute", "size")
_EACH = size("bin_attribute")
_SECTION = ".note.gnu.build-id"
_MOST_NOTES, _LONGEST = 64, 256
_GNU, _BUILD_ID = b"GNU\0", 3  # NT_GNU_BUILD_ID


def build_id_of(reach: Reach, module: str) -> str | None:
    """As hex; None: the dump does not tell."""
    memory = reach.memory
    memory.layout.learn((_LIST, _NAME, _NOTES, _COUNT, _EVERY, _FILE, _PLACE, _BYTES, _EACH))
    loaded = _place_of(reach, module)
    notes = memory.pointer(loaded, _NOTES)
    count, every = memory.unsigned(notes, _COUNT), memory.at(notes, _EVERY)
    each = memory.layout[_EACH]
    for number in range(min(count or 0, _MOST_NOTES)) if every and each else ():
        attribute = (every or 0) + number * (each or 0)
        if memory.text(memory.pointer(attribute, _FILE), 64) == _SECTION:
            return _read(memory, attribute)
    return None


def _place_of(reach: Reach, module: str) -> int | None:
    """The struct module."""
    memory, head, link = reach.memory, reach.place_of("modules"), reach.memory.layout[_LIST]
    for node in memory.linked(head) if head and link is not None else ():
        if memory.text(memory.at(node - (link or 0), _NAME), 64) == module:
            return node - (link or 0)
    return None


def _read(memory: Memory, attribute: int) -> str | None:
    place, count = memory.pointer(attribute, _PLACE), memory.unsigned(attribute, _BYTES, 8)
    raw = memory.read(place, count) if place and count and count <= _LONGEST else None
    if raw is None or len(raw) < 16:
        return None
    order = "<" if memory.byte_order == "little" else ">"
    name, length, kind = struct.unpack_from(f"{order}III", raw)
    if (name, kind, raw[12:16]) != (len(_GNU), _BUILD_ID, _GNU) or len(raw) < 16 + length:
        return None
    return raw[16 : 16 + length].hex() or None
