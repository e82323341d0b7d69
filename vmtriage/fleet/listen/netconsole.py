r"""netconsole's two formats, read from a datagram of anybody.

Written down in the kernel's Documentation/networking/netconsole.rst and ABI/testing/dev-kmsg.

plain     [  123.456789] text\n[  123.456800] more\n
extended  [RELEASE,]LEVEL,SEQUENCE,MICROSECONDS,FLAG[,key=value...];text\n KEY=value\n
"""

import re
from typing import NamedTuple

MAX_LINE = 4096  # bytes; a line of printk holds 1000 to 2000
MAX_TOTAL = 65536  # bytes of one record over all its fragments

_HEADER = re.compile(
    rb"(?:([^,;\s]{1,64}),)?([0-9]{1,4}),([0-9]{1,19}),([0-9]{1,18}),([-c+])((?:,[^;\n]{0,200})?);"
)
_FRAGMENT = re.compile(rb",ncfrag=([0-9]{1,6})/([0-9]{1,6})(?:,|$)")
_CALLER = re.compile(rb",caller=([TC][0-9]{1,10})")
_ESCAPE = re.compile(rb"\\x([0-9a-f]{2})")
# what can only be the start of a line: an unfinished line before it stays unfinished
STAMPED = re.compile(rb"(?:<[0-9]{1,3}>)?\[ *[0-9]+\.[0-9]+\]|<[0-9]{1,3}>")


class Record(NamedTuple):
    """An extended record, or with `total` a fragment of one."""

    sequence: int
    time_us: int
    level: int  # 0-7
    flag: bytes  # b"-", b"c", b"+"
    caller: bytes
    release: bytes
    body: bytes
    offset: int = 0
    total: int = 0  # 0: not a fragment


def parse(data: bytes) -> Record | None:
    """The record in a datagram; None: not the extended format."""
    header = _HEADER.match(data)
    if header is None:
        return None
    release, level, sequence, time_us, flag, more = header.groups()
    body = data[header.end() :]
    offset = total = 0
    caller = b""
    if more:
        if fragment := _FRAGMENT.search(more):
            offset, total = int(fragment[1]), int(fragment[2])
            if not 0 < total <= MAX_TOTAL or offset + len(body) > total:
                offset = total = 0  # a header that contradicts itself: take the text as it is
        if found := _CALLER.search(more):
            caller = found[1]
    return Record(
        int(sequence), int(time_us), int(level) & 7, flag, caller, release or b"", body,
        offset, total,
    )  # fmt: skip


def _unescaped(match: re.Match[bytes]) -> bytes:
    byte = bytes.fromhex(match[1].decode())
    return b"\n" if byte == b"\n" else byte


def texts(record: Record) -> list[bytes]:
    r"""The lines of a record's message: \xNN undone, the dictionary behind it left out."""
    message = record.body.partition(b"\n")[0]
    if b"\\x" in message:
        message = _ESCAPE.sub(_unescaped, message)
    return [line[:MAX_LINE] for line in message.split(b"\n")]


def stamped(time_us: int, text: bytes) -> bytes:
    """The line as dmesg shows it."""
    return b"[%5d.%06d] %s" % (time_us // 1_000_000, time_us % 1_000_000, text)
