"""Functions in the lines of a kernel report: where the CPU was, and who called whom.

Sources: arch/*/kernel/{process,traps,stacktrace,dumpstack}.c, lib/vsprintf.c (%pB, %pS). Frames
marked `?` or `(unreliable)` were found on the stack, not unwound; inlined ones only symbolizers
print. Both are told apart here and left out by whoever looks for the guilty function.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple


class Found(NamedTuple):
    """One function in one line of a report."""

    name: str
    module: str | None = None
    certain: bool = True
    offset: int | None = None  # into the function, bytes


_NAME = r"[A-Za-z_$][\w.$]*"
_AT = rf"\.?(?P<fn>{_NAME})\+(?P<off>0x[0-9a-f]+)(?:/0x[0-9a-f]+)?"
_STACK = r"(?:<{0,2}/?(?:IRQ|EOI|EOE|NMI|TASK|\w*IRQ|SYSENTER|ENTRY_\w+|#[A-Z]+)>{1,2}\s*)*"
_ADDRESS = r"(?:\(?\[<?[0-9a-fA-F]{8,16}>?\]:?\s*)"
_FRAME = re.compile(
    rf"^\s*(?:Call [Tt]race:\s*)?{_STACK}(?:#\d+ )?{_ADDRESS}{{0,2}}(?P<maybe>\? )?\(?{_AT}"
    rf"(?P<rest>.*)$"
)
# 32-bit ARM: `[<c010>] (dump_stack) from [<c011>] (show_stack+0x18/0x1c)`, `a from b+0x1/0x2`
_FROM = re.compile(
    rf"^\s*(?:\[<[0-9a-f]+>\] \((?P<callee>{_NAME})(?:\+0x[0-9a-f/x]+)?\) from \[<[0-9a-f]+>\] \("
    rf"|(?P<callee2>{_NAME}) from ){_AT}(?P<rest>.*)$"
)
_MODULE = re.compile(r"\[(?P<module>[A-Za-z][\w-]*)(?: [0-9a-f]{20,40})?\]")
_UNRELIABLE = re.compile(r"\(unreliable\)|\(u\)")

# Where the CPU was. The address forms before the name: [<...>] twice (2.6), once, or none.
_PC = re.compile(
    r"^\s*(?:RIP\s*: [0-9a-f]{4}:|RIP  ?|EIP: (?:[0-9a-f]{4}:)?|EIP is at |[EIR]?IP: |IP: "
    r"|PC is at |pc ?: |PC: ?|NIP ?:? |epc ?: |era: |ERA: |Krnl PSW : |TPC: <|IAOQ\[0\]: "
    r"|pc 0x[0-9a-f]+ )"
    r"(?P<body>.*)$"
)
_LR = re.compile(r"^\s*(?:LR is at |lr ?: |LR ?:? |ra ?: |Call Trace LR )(?P<body>.*)$")
_IN_BODY = re.compile(rf"(?:^|[\s(<\]>]){_AT}")
_USER = re.compile(r"^\s*RIP: 0033:|^\s*EIP: 0(?:073|023):")
# `pc : [<ffffff80084b1234>] lr : [<...>]`: numbers only, the names stand in other lines
_CALLERS = re.compile(
    r"^\s*(?:Call [Tt]race|Backtrace|[Ss]tack backtrace|stack backtrace|Traceback)\b[^=]{0,40}$"
)


def frame(text: str) -> Found | None:
    """The function in a call trace's line, None for any other line."""
    if "+0x" not in text:
        return None
    # The caller is named by its return address; the callee only by where it begins.
    found = (_FROM.match(text) if " from " in text else None) or _FRAME.match(text)
    if found is None:
        return None
    rest = found["rest"]
    module = _MODULE.search(rest) if "[" in rest else None
    certain = not found.groupdict().get("maybe") and not (rest and _UNRELIABLE.search(rest))
    return Found(found["fn"], module and module["module"], certain, int(found["off"], 16))


def pc(text: str) -> Found | None:
    """The function in a RIP, EIP, PC, NIP, PSW or epc line; None for any other line."""
    return _pointed(_PC, text)


def link(text: str) -> Found | None:
    """The function in a link register's line (LR, ra); None for any other line."""
    return _pointed(_LR, text)


def _pointed(form: re.Pattern[str], text: str) -> Found | None:
    if "+0x" not in text:
        return None
    line = form.match(text)
    if line is None or _USER.match(text):
        return None
    found = _IN_BODY.search(line["body"])
    if found is None:
        return None
    module = _MODULE.search(line["body"], found.end())
    return Found(found["fn"], module and module["module"], True, int(found["off"], 16))


def begins_trace(text: str) -> bool:
    """Whether a call trace begins after this line."""
    return _CALLERS.match(text) is not None or text.lstrip().startswith("Call Trace:")


def named(text: str) -> Iterator[Found]:
    """Every function with an offset in the line, whatever stands around it."""
    for found in _IN_BODY.finditer(text):
        module = _MODULE.match(text, found.end() + 1)
        yield Found(found["fn"], module and module["module"], True, int(found["off"], 16))
