"""`dis ADDRESS COUNT`: instructions, in gdb's syntax (AT&T on x86).

Sample::

    0xffffffffc05ae20e <crashlab_uaf+62>:	movq   $0x0,0x8(%rax)
    0xffff800010a1b2c4 <lab_write+36>:      ldr     x0, [x1, #120]
"""

import re

from vmtriage.models.whereabouts import Disassembly, Instruction
from vmtriage.parsers._lines import split_lines
from vmtriage.parsers._notes import Notes

COMMAND = "dis"

_COLOUR = re.compile(r"\x1b\[[0-9;]{0,16}m")
_ROW = re.compile(
    r"\s{0,8}(?:=> ?)?0x(?P<address>[0-9a-f]{1,16})"
    r"(?: <(?P<function>[^<>\s]{1,200}?)(?:\+(?P<offset>0x[0-9a-f]{1,8}|[0-9]{1,9}))?>)?"
    r":\s+(?P<text>\S.*)"
)


def parse(text: str) -> Disassembly:
    """The instructions; ParseError where crash could read none."""
    notes = Notes(COMMAND)
    found: list[Instruction] = []
    for line in split_lines(text):
        row = _ROW.fullmatch(_COLOUR.sub("", line.text))
        if row is None:
            notes.unfit(line)
            continue
        function, offset = row["function"], row["offset"]
        found.append(
            Instruction(
                address=row["address"], function=function, text=" ".join(row["text"].split()),
                offset=_number(offset) if offset else 0 if function else None, line=line.number,
            )
        )  # fmt: skip
    if not found:
        notes.fail("instruction")
    return Disassembly(instructions=tuple(found), notes=notes.all())


def _number(text: str) -> int:
    return int(text, 16 if "x" in text else 10)
