"""One answer of `kmem ADDRESS` as a statement about a register."""

from vmtriage.models.evidence import Evidence
from vmtriage.models.fault_site import RegisterObject
from vmtriage.models.whereabouts import Whereabouts
from vmtriage.session.base import CommandOutput

_FAR = 1 << 16  # a symbol so far before an address says nothing of it


def placed(
    registers: tuple[str, ...], value: int, role: str, place: Whereabouts, output: CommandOutput
) -> RegisterObject | None:
    """The statement; None where there is nothing to say of a register nobody used."""
    found = _fields(value, role, place)
    if role == "other" and found["kind"] in ("nothing", "unknown", "page", "free page"):
        return None
    line = int(str(found.pop("line")))
    text = output.text.split("\n")[line - 1].strip() if line else ""
    who = f"{'='.join(registers)} ({value:x})" if registers else f"the address {value:x}"
    says = f"{who} {found.pop('says')}"
    return RegisterObject.model_validate(
        {
            **found, "registers": registers, "address": f"{value:x}", "role": role, "says": says,
            "evidence": (Evidence(command=output.command, line=line, text=text, says=says),),
        }
    )  # fmt: skip


def _fields(value: int, role: str, place: Whereabouts) -> dict[str, object]:
    """Kind, names and numbers, the sentence without its subject, and the line that shows it."""
    if place.task is not None and place.area is not None:
        name = f"{place.task.comm} (pid {place.task.pid})"
        return {
            "kind": "stack", "name": name, "says": f"lies in the kernel stack of {name}",
            "start": place.area.start, "offset": value - int(place.area.start, 16),
            "line": place.task.line,
        }  # fmt: skip
    if place.task is not None:
        task = place.task
        name, begin = f"{task.comm} (pid {task.pid})", task.task
        offset = value - int(begin, 16) if begin else None
        says = f"lies {offset} bytes into" if offset else "is" if begin else "belongs to"
        return {
            "kind": "task", "name": name, "start": begin, "offset": offset,
            "says": f"{says} the task_struct of {name}", "line": task.line,
        }  # fmt: skip
    if place.slab is not None:
        return _slab(value, role, place)
    symbol = place.symbol
    if symbol is not None and symbol.offset < _FAR:
        beyond = f"+{symbol.offset:#x}" if symbol.offset else ""
        of = f" of the module {symbol.module}" if symbol.module else " of the kernel itself"
        says = f"is {symbol.name}{beyond}{of}"
        if symbol.name.startswith(".") and symbol.module:  # a label of the compiler's
            says = f"lies in the module {symbol.module}"
        return {
            "kind": "module" if symbol.module else "kernel", "name": symbol.module or symbol.name,
            "says": says, "line": symbol.line,
        }  # fmt: skip
    if place.area is not None:
        start = int(place.area.start, 16)
        return {
            "kind": "vmalloc", "start": place.area.start, "offset": value - start,
            "size": int(place.area.end, 16) - start, "line": place.area.line,
            "says": f"lies {value - start} bytes into a vmalloc area that begins at {start:x}",
        }  # fmt: skip
    if place.free_page:
        return {"kind": "free page", "says": "lies in a free page", "line": place.line}
    if place.page is not None:
        what = f" ({place.page.flags})" if place.page.flags else ""
        return {"kind": "page", "says": f"lies in a page of no slab cache{what}",
                "line": place.page.line}  # fmt: skip
    if place.nowhere:
        return {"kind": "nothing", "says": "points to no memory that crash knows",
                "line": place.line}  # fmt: skip
    return {"kind": "unknown", "line": place.line,
            "says": "cannot be told: the dump does not hold the pages that say"}  # fmt: skip


def _slab(value: int, role: str, place: Whereabouts) -> dict[str, object]:
    slab = place.slab
    assert slab is not None
    cache = slab.cache.name
    if slab.object is None:
        return {"kind": "page", "name": cache, "line": slab.line,
                "says": f"belongs to a slab of the cache {cache}"}  # fmt: skip
    offset, size = value - int(slab.object, 16), slab.cache.objsize
    state = "an allocated" if slab.allocated else "a FREE"
    if offset == 0:
        says = f"is {state} object of the slab cache {cache}"
    else:
        says = f"lies {offset} bytes into {state} object of the slab cache {cache}"
    if size is not None and offset >= size:
        says += f", behind its {size} bytes"
    if not slab.allocated:
        says += (
            ": use after free" if role in ("base", "index", "target") else " (maybe a left-over)"
        )
    return {
        "kind": "slab", "name": cache, "start": slab.object, "offset": offset, "size": size,
        "allocated": slab.allocated, "says": says, "line": slab.line,
    }  # fmt: skip
