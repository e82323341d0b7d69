"""The step "source": file and line of the guilty function, where debuginfo of it is at hand.

It comes last: crash knows the module otherwise from then on.
"""

from vmtriage.analysis.function import fault_frame
from vmtriage.analysis.inquiry.module_id import build_id_of
from vmtriage.analysis.inquiry.scene import Reach, Scene
from vmtriage.analysis.plumbing import base_name
from vmtriage.errors import ParseError
from vmtriage.models.answers import Answers
from vmtriage.models.evidence import CommandStatus, Evidence
from vmtriage.models.source_line import SourceLine, short
from vmtriage.parsers import sym
from vmtriage.session.commands import load_module, symbol_at
from vmtriage.source.debuginfo import ModuleFile


def why_not(scene: Scene) -> str:
    """The stack must say where in the function the CPU was."""
    return "" if _address(scene) else "no stack shows where in the guilty function the CPU was"


def source_line(scene: Scene, reach: Reach, answers: Answers) -> Answers:
    """Has crash load the module's debuginfo, if it is there, and asks for the line."""
    address, guilty = _address(scene), scene.function
    if address is None or guilty is None:
        return answers
    file = _loaded(reach, guilty.module) if guilty.module else None
    (output,) = reach.desk.ask([symbol_at(address)])
    try:
        found = sym.parse(output.text)
    except ParseError:
        return answers
    if found.file is None or found.source_line is None:
        return answers
    text = output.text.strip().split("\n")[0]
    told = SourceLine(
        function=found.name, offset=found.offset, module=found.module or guilty.module,
        address=f"{address:x}", file=found.file, line=found.source_line,
        where=short(found.file, found.source_line),
        debuginfo=str(file.path) if file else None, proved=file.proved if file else None,
        evidence=(Evidence(command=output.command, line=1, text=text, says="the line of source"),),
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


def _address(scene: Scene) -> int | None:
    """Of the instruction that failed in the guilty function, else of its call."""
    guilty, stack = scene.function, scene.stack
    if guilty is None or stack is None:
        return None
    block = fault_frame(stack, scene.classification.crash_class)
    if block is not None and block.rip and base_name(block.function or "") == guilty.name:
        return int(block.rip, 16)
    frame = next((f for f in stack.frames if base_name(f.function) == guilty.name), None)
    return int(frame.address, 16) - 1 if frame else None  # it will return behind the call
