"""`rd -8`: memory byte by byte.

Sample::

    ffff88e61fd1cd20:  70 79 74 68 6f 6e 00 00 00 00 00 00 00 00 00 00   python..........
"""

import re

from vmtriage.errors import ParseError
from vmtriage.models.memory import MemoryBytes

COMMAND = "rd"

_ROW = re.compile(r"^\s*(?P<at>[0-9a-f]{8,16}):  (?P<hex>(?:[0-9a-f]{2} ){1,16})")


def parse(text: str) -> MemoryBytes:
    """All rows as one run of bytes; an error line means the memory is not in the dump."""
    rows = [match for line in text.splitlines() if (match := _ROW.match(line + " "))]
    if not rows:
        raise ParseError(COMMAND, "no bytes in it", 1, text[:80])
    content = "".join(row["hex"].replace(" ", "") for row in rows)
    return MemoryBytes(address=rows[0]["at"], content=content)
