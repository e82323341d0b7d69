"""`p {...}`: numbers that gdb worked out: offsets and sizes by the namelist's own types.

Sample::

    $1 = {5336, 32, 44, 3600}
"""

import re

from vmtriage.errors import ParseError
from vmtriage.models.memory import Numbers

COMMAND = "p"

_ARRAY = re.compile(r"^\$\d+ = \{(?P<numbers>-?\d+(?:, -?\d+)*)\}$")
_REPEATED = re.compile(r"(?P<number>-?\d+) <repeats (?P<times>\d{1,4}) times>")


def parse(text: str) -> Numbers:
    """The numbers in the order asked for."""
    for line in text.splitlines():
        # gdb tells ten equal ones in a row by their count
        whole = _REPEATED.sub(lambda m: ", ".join([m["number"]] * int(m["times"])), line.strip())
        if match := _ARRAY.match(whole):
            return Numbers(numbers=tuple(map(int, match["numbers"].split(", "))))
    raise ParseError(COMMAND, "no list of numbers in it", 1, text[:80])
