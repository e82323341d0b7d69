"""A terminal's lines: a label, the text beside it, plain ASCII, no colour."""

import textwrap

from vmtriage.report import safe

WIDTH = 96
_LABEL = 12

KERNEL = {
    "affected": "this kernel is AFFECTED",
    "fixed": "this kernel has the FIX; look further",
    "unknown": "whether this kernel has it is NOT KNOWN",
}


def entry(label: str, text: str, limit: int) -> list[str]:
    """A label and at most `limit` lines of text beside it."""
    return textwrap.wrap(
        safe.plain(text),
        WIDTH,
        initial_indent=f"{label:<{_LABEL}}",
        subsequent_indent=" " * _LABEL,
        max_lines=limit,
        placeholder=" ...",
        break_on_hyphens=False,
    )


def clip(text: str) -> str:
    """One quoted line, cut to the width."""
    line = safe.plain(text).strip()
    room = WIDTH - _LABEL - 2
    return " " * _LABEL + "| " + (line if len(line) <= room else line[: room - 4] + " ...")
