"""A terminal's lines: a label, the text beside it, plain ASCII, no colour."""

import textwrap
from collections.abc import Sequence

from vmtriage.models.signature import SignatureMatch
from vmtriage.report import safe

WIDTH = 96
_LABEL = 12

_KERNEL = {
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


def known_bug(signatures: Sequence[SignatureMatch]) -> list[str]:
    """The best of the signatures that fit, and what it means for this kernel."""
    if not signatures:
        return entry("Known bug", "none of the signatures fits", 1)
    best = signatures[0]
    label = "Looks like" if best.generic or best.kernel == "fixed" else "Known bug"
    out = entry(label, f"{best.title} [{best.id}, confidence {best.confidence}]", 2)
    if best.generic:
        return out
    out += entry("Kernel", f"{_KERNEL[best.kernel]}: {best.kernel_reason}", 2)
    if best.fixed_in:
        out += entry("Fixed in", best.fixed_in, 1)
    return out
