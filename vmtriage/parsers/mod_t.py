"""`mod -t`: which modules taint the kernel, and with which letters.

Kernels that keep no letters per module show a hexadecimal mask instead, or `(U)` for an unsigned
module; `taints` is the text as printed.

Sample::

    NAME      TAINTS
    crashlab  OE
    nvidia    POE
"""

import re

from vmtriage.models.module import ModuleTaint, ModuleTaints
from vmtriage.parsers._lines import split_lines
from vmtriage.parsers._notes import Notes

COMMAND = "mod -t"

_HEADER = re.compile(r"\s*NAME\s+TAINTS?\s*")
_NONE = re.compile(r"\s*(?:no tainted modules|(?:mod: )?no modules (?:installed|loaded).*)\s*")
_ROW = re.compile(
    r"\s*([\w.-]{1,64})\s+([A-Z]{1,40}(?:\(U\))?|\(U\)|(?:0x)?[0-9a-f]{1,16}(?:\(U\))?)\s*"
)


def parse(text: str) -> ModuleTaints:
    """Read the output of `mod -t`. No tainted module, or no module at all, is an empty tuple."""
    notes = Notes(COMMAND)
    modules: list[ModuleTaint] = []
    answered = False
    for line in split_lines(text):
        if _HEADER.fullmatch(line.text) or _NONE.fullmatch(line.text):
            answered = True
        elif row := _ROW.fullmatch(line.text):
            modules.append(ModuleTaint(name=row[1], taints=row[2], line=line.number))
        else:
            notes.unfit(line)
    if not (modules or answered):
        notes.fail("table of modules and taints")
    return ModuleTaints(modules=tuple(modules), notes=notes.all())
