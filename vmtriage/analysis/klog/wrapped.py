"""Logs that went through a terminal of some width: lines cut there go on in the next one.

Only logs whose lines begin with a stamp can be told: there a line without one, behind a line that
is as long as lines get, is that line's rest.
"""

import re

_NARROWEST, _WIDEST = 40, 300
_SAMPLE = 64 << 10  # bytes; a log that is wrapped is wrapped everywhere
_PROOF = 3  # lines cut at the width, before it is believed
_BEGINS = re.compile(
    rb"\s*(?:<\d{1,3}>)?\[\s*\d+\.\d+\]|[A-Z][a-z]{2} +\d+ \d\d:|\d{4}-\d\d-\d\d[T ]"
    rb"|\[[A-Z][a-z]{2} |\d+,\d+,\d+,|\w+ *:\w+ *: *\["
)


def width(block: bytes) -> int:
    """The width the lines of a block were wrapped at; 0: they were not."""
    sizes = list(map(len, block[:_SAMPLE].split(b"\n")))
    longest = max(sizes)
    if not _NARROWEST <= longest <= _WIDEST or sizes.count(longest) < _PROOF:
        return 0
    lines = block.split(b"\n")
    if max(map(len, lines)) > longest:
        return 0
    full = [n for n, line in enumerate(lines[:-1]) if len(line) == longest]
    rests = sum(1 for n in full if lines[n + 1] and not _BEGINS.match(lines[n + 1]))
    stamped = sum(1 for line in lines if _BEGINS.match(line)) * 2 > len(lines) - rests
    return longest if rests >= _PROOF and rests * 2 > len(full) and stamped else 0


def joined(block: bytes, at: int, end: int, width: int) -> tuple[int, int]:
    """The end of the line that begins at `at` with what was cut off it, and how many rests."""
    rests = 0
    while end - at == width and end < len(block):
        stop = block.find(b"\n", end + 1)
        stop = len(block) if stop < 0 else stop
        rest = block[end + 1 : stop]
        if not rest or len(rest) > width or _BEGINS.match(rest):
            break
        rests += 1
        at, end = end + 1, stop
    return end, rests
