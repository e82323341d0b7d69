"""The step "source": file and line of the guilty function, where debuginfo of it is at hand.

It comes last: crash knows the module otherwise from then on.
"""

from vmtriage.analysis.function import address_of
from vmtriage.analysis.inquiry.module_id import build_id_of
from vmtriage.analysis.inquiry.scene import Reach, Scene
from vmtriage.errors import ParseError
from vmtriage.models.answers import Answers
from vmtriage.models.evidence import CommandStatus, Evidence
from vmtriage.models.source_line import SourceLine, short
from vmtriage.parsers import sym
from vmtriage.session.commands import load_module, symbol_at
from vmtriage.source.debuginfo import ModuleFile


def why_not(scene: Scene) -> str:
    """The stack must say where in the function the CPU was."""
    return "" if _at(scene) else "no stack shows where in the guilty function the CPU was"


def source_line(scene: Scene, reach: Reach, answers: Answers) -> Answers:
    """Has crash load the module's debuginfo, if it is there, and asks for the line.

    Of the kernel's own code a slim namelist has no lines: the vmlinux may, if one is at hand.
    """
    address, guilty = _at(scene), scene.function
    if address is None or guilty is None:
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


def _at(scene: Scene) -> int | None:
    guilty, stack = scene.function, scene.stack
    return address_of(guilty, stack) if guilty and stack else None
