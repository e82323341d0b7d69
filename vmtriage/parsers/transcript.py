"""A crash session pasted from a terminal, a ticket or a mail, cut into commands and outputs.

Sample:
> crash> bt
> PID: 4481   TASK: ffff89c6941b0000  CPU: 53  COMMAND: "bash"
>  #7 [ffff9a9481713988] pci_enable_atomic_ops_to_root at
> ffffffffb95359a6
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from vmtriage.parsers._lines import Line, split_lines
from vmtriage.parsers._unwrap import unwrap_lines
from vmtriage.parsers.sys import LABEL as SYS_LABEL


class Segment(NamedTuple):
    """One command as typed and its output; `line` is where the output starts in the paste."""

    command: str
    text: str
    line: int


_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]{0,16}[A-Za-z]|[=>])")
_PROMPT = re.compile(r"(\s*)crash[\w.+-]{0,20}>(?:\s+(.*)|)", re.DOTALL)
_QUOTE = re.compile(r"\s?(?:>\s?)+")
# Where a ticket's own words begin or end.
_FENCE = re.compile(
    r"\s*(?:(?:`{3,}|~{3,})\s*[\w+.-]{0,20}|\{(?:code|noformat)(?::[^}]{0,80})?\})\s*"
)
# An output glued to its command, for the page it came from kept no line breaks.
_GLUED = re.compile(
    r"((?:runq|bt|sys|set|ps|foreach)(?: [\w-]{1,16}){0,4}?)\s+"
    r"((?:CPU [0-9]{1,5} |\s?[0-9]{1,5}: |PID: |KERNEL: ).*)",
    re.DOTALL,
)

# What an output without a prompt above it can be told by.
_SIGNS = (
    ("bt", re.compile(r"\s*PID:\s*[0-9]+\s+TASK:|\s*#[0-9]+\s+\[<?[0-9a-f]")),
    ("log", re.compile(r"(?:<[0-7]>)?\[\s*[0-9]+\.[0-9]{6}\]")),
    ("runq -t", re.compile(r"\s*CPU [0-9]+: (?:0x)?[0-9a-f]{6,}\s*$")),
    ("runq", re.compile(r"CPU [0-9]+ RUNQUEUE:")),
    ("runq -g", re.compile(r"CPU [0-9]+(?: \[OFFLINE\])?(?:\s*$|\s+CURRENT:)")),
    ("kmem -i", re.compile(r"\s*PAGES\s+TOTAL\s+PERCENTAGE")),
    ("kmem -s", re.compile(r"\s*CACHE\s+.*OBJSIZE\s+ALLOCATED")),
    ("kmem -V", re.compile(r"\s*VM_\w+:?\s*$")),
    ("ps", re.compile(r"\s*PID\s+PPID\s+CPU\s+TASK")),
    ("ps -m", re.compile(r"\s*\[\s*[0-9]+ [0-9:.]{12}\] +\[[A-Z]{2}\]")),
    ("mod -t", re.compile(r"\s*NAME\s+TAINTS?\s*$")),
    ("set", re.compile(r"\s*PID:\s*[0-9]+\s*$")),
)


def split(text: str) -> tuple[Segment, ...]:
    """The commands and outputs of a session, in order; quotes and common indents are removed.

    Text without a prompt above it is told by its first lines: start-up text is "sys". The fences of
    a ticket or page (``` or {code}) end an output as a prompt does: what stands between is prose.
    Commands that printed nothing are kept, with an empty text.
    """
    lines = _unquoted([Line(n, _ESCAPES.sub("", raw)) for n, raw in split_lines(text)])
    segments: list[Segment] = []
    command: str | None = None
    body: list[Line] = []
    indent, start = 0, 1
    for line in [*lines, Line(len(lines) + 1, "crash>")]:
        found = _PROMPT.fullmatch(line.text)
        if found is None and not _FENCE.fullmatch(line.text):
            body.append(_dedented(line, indent) if command is not None else line)
            continue
        if command:
            segments.append(_segment(command, body, start))
        else:
            segments += _told_by_signs(body)
        if found is None:
            command, body = None, []
            continue
        command, body, start = (found[2] or "").strip(), [], line.number + 1
        indent = len(found[1])
        if glued := _GLUED.fullmatch(command):
            command, body, start = glued[1], [Line(line.number, glued[2])], line.number
    return tuple(segments)


def unwrap(command: str, text: str) -> str:
    """The output as crash printed it: joins what a mailer wrapped, re-breaks what lost its lines.

    Needed for pasted text only; a true output comes back unchanged.
    """
    name = base_command(command)
    lines = [line.text for line in split_lines(text)]
    return "\n".join(unwrap_lines(name, lines)) + "\n" if name and lines else text


def _segment(command: str, body: list[Line], start: int) -> Segment:
    texts = [line.text.rstrip() for line in body]
    while texts and not texts[-1]:
        texts.pop()
    return Segment(command, "\n".join(texts) + "\n" if texts else "", start)


def _unquoted(lines: list[Line]) -> list[Line]:
    """Without a mail's `> ` prefixes, when nearly every line has them: `ps` uses > as well."""
    full = [line for line in lines if line.text.strip()]
    quoted = sum(line.text.lstrip().startswith(">") for line in full)
    if not full or not full[0].text.lstrip().startswith(">") or quoted < 0.8 * len(full):
        return lines
    return [Line(n, _QUOTE.sub("", text, count=1)) for n, text in lines]


def _dedented(line: Line, indent: int) -> Line:
    blank = len(line.text) - len(line.text.lstrip(" "))
    return Line(line.number, line.text[min(indent, blank) :])


def _told_by_signs(body: list[Line]) -> Iterator[Segment]:
    """Segments of text that has no prompts, cut where another kind of output begins."""
    full = [line.text for line in body if line.text.strip()]
    indent = min((len(text) - len(text.lstrip(" ")) for text in full), default=0)
    command, part = "", list[Line]()
    for line in (_dedented(line, indent) for line in body):
        found = _sign_of(line.text, command)
        if found and found != command:
            if command:
                yield _segment(command, part, part[0].number)
                part = []
            command = found  # what stood before the first sign goes with it
        part.append(line)
    if command:
        yield _segment(command, part, part[0].number)


def _sign_of(text: str, command: str) -> str | None:
    if SYS_LABEL.fullmatch(text):
        return "sys"
    for name, sign in _SIGNS:
        if sign.match(text):
            # The context block is part of the start-up text.
            return None if name == "set" and command == "sys" else name
    return None


def base_command(command: str) -> str | None:
    """The parser for a command line as typed; None if there is none.

    `bt 0x342a3` -> "bt", `bt -a` -> "bt -a", `foreach UN bt` -> "bt", `sys | grep CPUS` ->
    "sys", `runq -g -c3` -> "runq -g", `set -p` -> "set", `set scroll off` -> None.
    """
    words = re.split(r"[|!<>]", command.strip(), maxsplit=1)[0].split()
    if not words:
        return None
    name, args = words[0], words[1:]
    if name in ("foreach", "for"):
        found = [n for n, word in enumerate(args) if word in ("bt", "ps")]
        if not found:
            return None
        name, args = args[found[-1]], args[found[-1] + 1 :]
    options = "".join(word[1:] for word in args if word.startswith("-"))
    return _by_options(name, options, [word for word in args if not word.startswith("-")])


_ALIASES = {"dmesg": "log", "lsmod": "mod"}


def _by_options(name: str, options: str, operands: Iterable[str]) -> str | None:
    """The parser by command name and the letters of its options."""
    name = _ALIASES.get(name, name)
    if name == "bt":
        return "bt -a" if "a" in options else "bt"
    if name == "runq":
        # crash looks at -t, -T, -m, -d, -g in this order and takes the first.
        first = next((letter for letter in "tTmdg" if letter in options), "")
        return {"": "runq", "t": "runq -t", "g": "runq -g"}.get(first)
    if name == "kmem":
        return f"kmem -{options}" if options in ("i", "s", "V") else None
    if name == "ps":
        return {"": "ps", "m": "ps -m"}.get(options.translate(str.maketrans("", "", "kuAG")))
    if name == "set":
        numbers = all(re.fullmatch(r"(?:0x)?[0-9a-f]{1,16}", word) for word in operands)
        return "set" if numbers and set(options) <= set("pca") else None
    if name == "sys":
        return "sys" if not options and not list(operands) else None
    if name == "log":
        return None if "a" in options else "log"
    return "mod -t" if name == "mod" and options == "t" else None
