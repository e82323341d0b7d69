"""Where in the source the guilty function was."""

import re

from vmtriage.models.base import Address, Model
from vmtriage.models.evidence import Evidence

_BUILT_IN = re.compile(r"^(?:.*?/)?(?:(?:linux-|build_)[^/]+/)+")


class SourceLine(Model):
    """A line of source, by debuginfo.

    address: of the code; debuginfo: the file it was read from, None: the vmlinux that crash read.
    proved: the file's build-id is the one the dump tells; None: one of them does not tell. Both
    are None for a module's line in a report of a recording, too.
    """

    function: str
    offset: int
    module: str | None = None
    address: Address
    file: str  # as the debuginfo has it: a path of whoever built it
    line: int
    where: str  # both, without the directory the kernel was built in: "drivers/net/foo.c:123"
    debuginfo: str | None = None
    proved: bool | None = None
    evidence: tuple[Evidence, ...] = ()


def short(file: str, line: int) -> str:
    """ "drivers/net/foo.c:123": without the directory the kernel was built in."""
    return f"{_BUILT_IN.sub('', file)}:{line}"
