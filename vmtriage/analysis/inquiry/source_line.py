"""The step "source": file and line of the guilty function, where debuginfo of it is at hand.

It comes last: crash knows the module otherwise from then on.
"""

import re

from vmtriage.analysis.function import address_of
from vmtriage.analysis.inquiry.module_id import build_id_of
from vmtriage.analysis.inquiry.scene import Reach, Scene
from vmtriage.errors import ParseError
from vmtriage.models.answers import Answers
from vmtriage.models.evidence import CommandStatus, Evidence
from vmtriage.models.source_line import SourceLine, short
from vmtriage.parsers import sym
from vmtriage.session.commands import CrashCommand, load_module, symbol_at, symbol_named
from vmtriage.source.debuginfo import ModuleFile

# A line of the log: `name+0x10/0x20 [module]`, behind the name of the program counter or not.
# symbol_named takes no other names than these.
_PLACE = re.compile(r"\b(?P<name>[a-z_][a-z0-9_]{1,40})\+0x(?P<offset>[0-9a-f]{1,6})/0x")
_COUNTER = re.compile(r"\b(?:[RE]?IP|NIP|PC|e?pc)\b")


def why_not(scene: Scene) -> str:
    """The stack, or the log's trace, must say where in the function the CPU was."""
    if _on_stack(scene) is not None or _in_log(scene) is not None:
        return ""
    return "no stack shows where in the guilty function the CPU was"


def source_line(scene: Scene, reach: Reach, answers: Answers) -> Answers:
    """Has crash load the module's debuginfo, if it is there, and asks for the line.

    Of the kernel's own code a slim namelist has no lines: the vmlinux may, if one is at hand.
    """
    guilty, address = scene.function, _on_stack(scene)
    if address is None:
        address = _by_log(scene, reach)
    if guilty is None or address is None:
        return answers
    file = _loaded(reach, guilty.module) if guilty.module else None
    (output,) = reach.desk.ask([symbol_at(address)])
    try:
        found = sym.parse(output.text)
    except ParseError:
        return answers
    module = found.module or guilty.module
    row = None if found.file or module else reach.line_at(address)
    name, line = (row.file, row.line) if row else (found.file, found.source_line)
    if name is None or line is None:
        return answers
    by = row.vmlinux if row else str(file.path) if file else None
    says = f"the line of source, by {by}" if row else "the line of source"
    text = output.text.strip().split("\n")[0]
    told = SourceLine(
        function=found.name, offset=found.offset, module=module, address=f"{address:x}",
        file=name, line=line, where=short(name, line), debuginfo=by,
        proved=True if row else file.proved if file else None,
        evidence=(Evidence(command=output.command, line=1, text=text, says=says),),
    )  # fmt: skip
    return answers.model_copy(update={"source": told})


def _loaded(reach: Reach, module: str) -> ModuleFile | None:
    """The file that crash has loaded now."""
    if not reach.modules.trees:
        return None
    file = reach.modules.find(module, build_id_of(reach, module))
    command = load_module(module, str(file.path)) if file else None
    if command is None:
        return None
    (output,) = reach.desk.ask([command])
    return file if output.status is CommandStatus.OK else None


def _on_stack(scene: Scene) -> int | None:
    guilty, stack = scene.function, scene.stack
    return address_of(guilty, stack) if guilty and stack else None


def _in_log(scene: Scene) -> tuple[CrashCommand, int] | None:
    """The question where the function begins, and how far behind it the CPU was, by the log."""
    guilty = scene.function if scene.stack else None  # without a stack there is no crash to ask
    for item in guilty.evidence if guilty else ():
        found = _PLACE.search(item.text) if item.command == "log" and guilty else None
        if found and guilty and found["name"] == guilty.name:
            # a call returns to the next instruction; a program counter stands at its own
            called = _COUNTER.search(item.text, 0, found.start()) is None
            behind = int(found["offset"], 16) - called
            return symbol_named(guilty.name), behind
    return None


def _by_log(scene: Scene, reach: Reach) -> int | None:
    """Silent where several functions have the name."""
    place, module = _in_log(scene), scene.function.module if scene.function else None
    if place is None:
        return None
    (output,) = reach.desk.ask([place[0]])
    found = [each for each in map(sym.symbol_of, output.text.splitlines()) if each]
    if len(found) != 1 or found[0].module != module:
        return None
    return int(found[0].address, 16) + place[1]
