"""`sym ADDRESS`, `sym NAME`: the symbol an address belongs to, the place of a symbol.

Sample::

    ffffffffc05e20e8 (?) crashlab_mutex+8 [crashlab]
    22e80 (D) hrtimer_bases
    ffffffff81a0c8a0 (T) schedule+26 debian/build/kernel/sched/core.c: 6626
"""

import re

from vmtriage.errors import ParseError
from vmtriage.models.memory import Symbol

COMMAND = "sym"

_SYMBOL = re.compile(
    r"^(?P<address>[0-9a-f]{1,16}) \((?P<kind>.)\) (?P<name>[\w.$]+)(?:\+(?P<offset>[0-9]{1,18}))?"
    r"(?: +\[(?P<module>[\w-]+)\])?(?: +(?P<where>\S.*?): (?P<line>\d{1,9}))?\s*$"
)


def parse(text: str) -> Symbol:
    """The symbol; ParseError where crash knows none."""
    for line in text.splitlines():
        if found := symbol_of(line):
            return found
    raise ParseError(COMMAND, "no symbol in it", 1, text[:80])


def symbol_of(line: str) -> Symbol | None:
    """The symbol of one line; None: the line is something else."""
    match = _SYMBOL.match(line)
    if match is None:
        return None
    return Symbol(
        address=match["address"], name=match["name"], offset=int(match["offset"] or 0),
        module=match["module"], file=match["where"],
        source_line=int(match["line"]) if match["line"] else None,
    )  # fmt: skip
