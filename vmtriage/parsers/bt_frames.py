"""One frame line of `bt`, on every architecture.

Sample:
     #4 [ffff9a94817138b0] asm_exc_page_fault+34 at ffffffffb9c00ace [ext4]  (unreliable)
    #10 [<c0123456>] (sys_write [mod]) from [<c0100000>]          (32-bit arm)
"""

import re
from typing import NamedTuple

from vmtriage.models.backtrace import Frame
from vmtriage.parsers._lines import Line

_HEX = r"(?:0x)?([0-9a-f]{1,16})(?![0-9a-f])"
_HEAD = re.compile(r"\s*#([0-9]{1,6})\s+")
_FRAME = re.compile(rf"\[{_HEX}\] ?(\S.*?) at {_HEX}(.*)", re.DOTALL)
_ARM_FRAME = re.compile(rf"\[<{_HEX}>\] \((.*)\) from \[<{_HEX}>\](.*)", re.DOTALL)
_USER_SPACE = re.compile(r"\s*#[0-9]{1,6}\s+\[user space\]\s*")
# START: is the first line of `bt -t`; the others are words on the stack that look like code.
_STACK_WORD = re.compile(rf"\s*(?:START: |\[{_HEX}\] )(\S.*?) at {_HEX}(.*)", re.DOTALL)
_OFFSET = re.compile(r"(.+)\+(0x[0-9a-f]{1,16}|[0-9]{1,18})", re.DOTALL)
_TAIL = re.compile(r"\s*(?:\((via [^)]*)\)|\[([^][]+)\]|(\*)(?=\s|$)|(\(unreliable\)))")


class FrameLine(NamedTuple):
    """A frame, and what stood behind it on the line that crash does not print."""

    frame: Frame
    rest: str


def frame_of(line: Line) -> FrameLine | None:
    """The frame of a `#n [...]` line; None if the line is none, or one that was cut."""
    head = _HEAD.match(line.text)
    if head is None:
        return None
    level, text = int(head[1]), line.text[head.end() :]
    if found := _FRAME.fullmatch(text):
        return _build(line, level, found[1], found[2], found[3], found[4])
    if found := _ARM_FRAME.fullmatch(text):
        name, _, module = found[2].partition(" [")
        # The bracketed address is the code itself; the `from` address is the next frame's.
        return _build(line, level, None, name, found[1], f" [{module}" if module else found[4])
    return None


def stack_word_of(line: Line, level: int) -> FrameLine | None:
    """A line of `bt -t`/`-T` or of "text symbols on stack": a guess, so never reliable."""
    found = _STACK_WORD.fullmatch(line.text)
    if found is None:
        return None
    built = _build(line, level, found[1], found[2], found[3], found[4])
    return FrameLine(built.frame.model_copy(update={"reliable": False}), built.rest)


def is_user_space(line: Line) -> bool:
    """`#0 [user space]`: the task ran in user space, so there is no kernel stack."""
    return bool(_USER_SPACE.fullmatch(line.text))


def split_offset(symbol: str) -> tuple[str, int | None]:
    """`panic+0x1f` or `panic+31` -> ("panic", 31); no offset: None."""
    found = _OFFSET.fullmatch(symbol)
    return (found[1], int(found[2], 0)) if found else (symbol, None)


def _build(
    line: Line, level: int, stack: str | None, symbol: str, address: str, tail: str
) -> FrameLine:
    function, offset = split_offset(symbol)
    module, reliable, at = None, True, 0
    while mark := _TAIL.match(tail, at):
        module = mark[2] or module
        reliable = reliable and not (mark[3] or mark[4])
        at = mark.end()
    frame = Frame(
        level=level,
        function=function,
        address=address,
        stack=stack,
        offset=offset,
        module=module,
        reliable=reliable,
        line=line.number,
    )
    return FrameLine(frame, tail[at:].strip())
