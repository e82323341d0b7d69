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
    r"^(?P<address>[0-9a-f]{1,16}) \((?P<kind>.)\) (?P<name>[\w.$]+)(?:\+(?P<offset>\d+))?"
    r"(?: +\[(?P<module>[\w-]+)\])?(?: +(?P<where>\S.*?): (?P<line>\d+))?\s*$"
)


def parse(text: str) -> Symbol:
    """The symbol; ParseError where crash knows none."""
    for line in text.splitlines():
        if match := _SYMBOL.match(line):
            return Symbol(
                address=match["address"], name=match["name"], offset=int(match["offset"] or 0),
                module=match["module"],
            )  # fmt: skip
    raise ParseError(COMMAND, "no symbol in it", 1, text[:80])
