"""`p &((struct T *)0)->member`: where a member lies, by the namelist's own types.

Sample::

    $1 = (struct rb_node *) 0x90
"""

import re

from vmtriage.errors import ParseError
from vmtriage.models.runqueue import Offset

COMMAND = "p"

_VALUE = re.compile(r"^\$\d+ = \(.*\) 0x(?P<offset>[0-9a-f]{1,8})$")


def parse(text: str) -> Offset:
    """The offset in bytes."""
    for line in text.splitlines():
        if match := _VALUE.match(line.strip()):
            return Offset(offset=int(match["offset"], 16))
    raise ParseError(COMMAND, "no pointer value in it", 1, text[:80])
