"""The step "instruction": what stood at the fault, held against the registers and the log."""

from collections.abc import Mapping

from vmtriage.analysis.classify import cause
from vmtriage.analysis.function import fault_frame
from vmtriage.analysis.inquiry import address, arm64_operand, x86_operand
from vmtriage.analysis.inquiry.decoded import Decoded
from vmtriage.analysis.inquiry.deed import deed
from vmtriage.analysis.inquiry.scene import Reach, Scene
from vmtriage.errors import ParseError
from vmtriage.models.answers import Answers
from vmtriage.models.backtrace import ExceptionFrame
from vmtriage.models.details import FaultReport
from vmtriage.models.evidence import Evidence
from vmtriage.models.fault_site import FaultSite, MemoryOperand
from vmtriage.models.finding import CrashClass
from vmtriage.models.whereabouts import Instruction
from vmtriage.parsers import dis
from vmtriage.session.commands import instruction_at

_PAGE = 4096
_FAULTS = frozenset({CrashClass.NULL_POINTER, CrashClass.PAGE_FAULT, CrashClass.GENERAL_PROTECTION})


def why_not(scene: Scene) -> str:
    """There must be a register block of the fault."""
    return "" if block_of(scene) else "crash shows no register block of the fault"


def block_of(scene: Scene) -> ExceptionFrame | None:
    """The register block of the fault, if crash believes it."""
    if scene.stack is None:
        return None
    block = fault_frame(scene.stack, scene.classification.crash_class)
    return block if block and block.rip else None


def module_of(block: ExceptionFrame, scene: Scene) -> str | None:
    """The module of the code: most versions of crash leave it out of the block."""
    known = scene.function
    return block.module or (known.module if known and known.name == block.function else None)


def registers_of(block: ExceptionFrame) -> dict[str, int]:
    """All of them as numbers, under crash's names."""
    return {name: int(value, 16) for name, value in block.registers.items()}


def instruction(scene: Scene, reach: Reach, answers: Answers) -> Answers:
    """Reads the instruction at the fault and works out what it did."""
    block = block_of(scene)
    if block is None or block.rip is None:
        return answers
    report = _report(scene)
    at = FaultSite(
        function=block.function, offset=block.offset, module=module_of(block, scene),
        address=block.rip,
        log_address=report.address if report else None,
    )  # fmt: skip
    where = int(block.rip, 16)
    fetched = report is not None and report.address is not None and (
        report.access == "execute" or int(report.address, 16) == where
    )  # fmt: skip
    bits = reach.desk.word * 8
    if where < _PAGE or fetched:
        return answers.model_copy(update={"fault_site": _jumped(at, where, bits, scene)})
    (output,) = reach.desk.ask([instruction_at(where)])
    try:
        found = dis.parse(output.text).instructions[0]
    except ParseError:
        return answers
    if int(found.address, 16) != where:
        return answers
    shown = Evidence(
        command=output.command,
        line=found.line,
        text=found.text,
        says="the instruction at the fault",
    )
    at = at.model_copy(update={"instruction": found.text, "evidence": (shown,)})
    site = _explained(at, found, registers_of(block), bits, scene, report)
    return answers.model_copy(update={"fault_site": site})


def _report(scene: Scene) -> FaultReport | None:
    found = cause(scene.incidents, scene.classification)
    return found.fault if found else None


def _machine(scene: Scene) -> str:
    system = scene.facts.system
    return (system.machine if system else None) or ""


def _explained(
    at: FaultSite, found: Instruction, registers: Mapping[str, int], bits: int, scene: Scene,
    report: FaultReport | None,
) -> FaultSite:  # fmt: skip
    machine = _machine(scene)
    x86 = machine.startswith("x86_64")
    if not x86 and not machine.startswith("aarch64"):
        return at
    decoded = (x86_operand if x86 else arm64_operand).read(found.text)
    if decoded.mnemonic == "int3" and scene.classification.crash_class in _FAULTS:
        says = "a breakpoint (a kprobe's) stands in place of the instruction: it is not to be"
        return at.model_copy(update={"says": (f"{says} seen",), "confidence": "low"})
    if decoded.trap == "bug":
        return _stopped(at, scene)
    if decoded.trap == "divide" and scene.classification.crash_class is CrashClass.DIVIDE_ERROR:
        return _divided(at, decoded, registers)
    if not decoded.memory or scene.classification.crash_class not in _FAULTS:
        return at
    operand = _accused(decoded.memory, registers, bits, x86, at.log_address)
    return _accessed(at, operand, registers, bits, x86, report)


def _accused(
    operands: tuple[MemoryOperand, ...], registers: Mapping[str, int], bits: int, x86: bool,
    log_address: str | None,
) -> MemoryOperand:  # fmt: skip
    """Of two (movs, cmps), the one the kernel reported, or whose pointer is bad."""
    wanted = int(log_address, 16) if log_address else None
    hit = (o for o in operands if address.effective(o, registers, bits) == wanted)
    bad = (o for o in operands if address.wrong(o, registers, bits, x86))
    return next(hit, None) or next(bad, operands[0])


def _accessed(
    at: FaultSite, operand: MemoryOperand, registers: Mapping[str, int], bits: int, x86: bool,
    report: FaultReport | None,
) -> FaultSite:  # fmt: skip
    reached = address.effective(operand, registers, bits)
    bad = address.wrong(operand, registers, bits, x86) if operand.segment is None else None
    matches = None
    if reached is not None and at.log_address is not None:
        matches = 0 <= int(at.log_address, 16) - reached < (operand.size or 8)
    says = [deed(operand, reached)]
    if matches is False:
        says.append(
            f"the kernel reported {int(at.log_address or '0', 16):#x}: the registers are not those"
            " of the fault, or the fault came from elsewhere"
        )
        bad = None
    elif bad is not None:
        shown = "" if bad.value < _PAGE else f" ({bad.value:x})"
        says.append(f"{bad.register}{shown} is {bad.meaning}")
    elif report is not None and report.reason:
        says.append(f"the kernel says of that address: {report.reason}")
    if matches:
        says.append("the kernel reported the same address")
    return at.model_copy(
        update={
            "operand": operand, "computed": None if reached is None else f"{reached:x}",
            "matches_log": matches, "says": tuple(says),
            "bad_register": bad.register if bad else None,
            "bad_value": f"{bad.value:x}" if bad else None,
            "bad_meaning": bad.meaning if bad else None,
            "confidence": "high" if matches else "low" if matches is False else "medium",
        }
    )  # fmt: skip


def _stopped(at: FaultSite, scene: Scene) -> FaultSite:
    found = cause(scene.incidents, scene.classification)
    where = f" at {found.where}" if found and found.where else ""
    says = f"it is the trap of BUG() or WARN(){where}: the kernel stopped itself, no access failed"
    return at.model_copy(update={"trap": "bug", "says": (says,), "confidence": "high"})


def _divided(at: FaultSite, decoded: Decoded, registers: Mapping[str, int]) -> FaultSite:
    update: dict[str, object] = {"trap": "divide", "says": ("it divides by a value in memory",)}
    if decoded.divisor is not None and decoded.divisor[0] in registers:
        name, width = decoded.divisor
        value = registers[name] % (1 << 8 * width)
        part = "" if width == 8 else f" (its low {width} bytes)"
        says = (
            f"it divides by {name}{part}, which is 0" if value == 0
            else f"it divides by {name}{part} = {value:#x}: the quotient does not fit"
        )  # fmt: skip
        update |= {
            "bad_register": name if value == 0 else None, "bad_value": f"{value:x}",
            "says": (says,),
            "bad_meaning": "zero" if value == 0 else None, "confidence": "high",
        }  # fmt: skip
    return at.model_copy(update=update)


def _jumped(at: FaultSite, where: int, bits: int, scene: Scene) -> FaultSite:
    x86 = _machine(scene).startswith("x86_64")
    meaning = address.sense(where, bits, x86)
    matches = at.log_address is not None and int(at.log_address, 16) == where
    says = [
        f"the CPU went to {where:#x} for its next instruction: a bad function pointer or return"
    ]
    says += [f"that is {meaning}"] if meaning else []
    return at.model_copy(
        update={
            "bad_register": "RIP" if x86 else "PC", "bad_value": f"{where:x}",
            "bad_meaning": meaning,
            "computed": f"{where:x}", "matches_log": matches if at.log_address else None,
            "says": tuple(says), "confidence": "high" if matches else "medium",
        }
    )  # fmt: skip
