"""What an instruction did to memory, in words."""

from vmtriage.models.fault_site import MemoryOperand


def deed(operand: MemoryOperand, reached: int | None) -> str:
    """It writes 8 bytes at RDX+0x78 = 0x78."""
    verbs = {"read": "reads", "write": "writes", "read and write": "reads and writes"}
    done = verbs.get(operand.access or "", "accesses")
    size = "" if operand.size is None else f" {operand.size} byte" + "s" * (operand.size != 1)
    where = spelled(operand)
    if operand.segment:
        return f"it {done}{size} at {where} of the segment %{operand.segment}: a per-CPU variable"
    worked_out = "" if reached is None or where == f"{reached:#x}" else f" = {reached:#x}"
    return f"it {done}{size} at {where}{worked_out}"


def spelled(operand: MemoryOperand) -> str:
    """RDX+RCX*8+0x78."""
    parts = [operand.base] if operand.base else []
    if operand.index:
        parts.append(operand.index + (f"*{operand.scale}" if operand.scale > 1 else ""))
    text = "+".join(parts)
    if not operand.displacement and text:
        return text
    sign = "-" if operand.displacement < 0 else "+" if text else ""
    return f"{text}{sign}{abs(operand.displacement):#x}"
