"""Is this line the first of a report, and of which form?

One search over a whole block of text finds the few lines worth a look; only their literals decide
which patterns are tried on them. Patterns are RE2: linear in the line, whatever it holds.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import re2

from vmtriage.analysis.klog.formats import FORMATS, Format

_LONGEST = 4096  # characters of a line that are looked at
_SUFFIX = re.compile(r"\d+$")
_REQUIRED_BLANK = re.compile(r"(?<!\\) (?![?*+{])")


class Head(NamedTuple):
    """A line some form claims. rank: the form's place in the table."""

    rank: int
    form: Format
    fields: dict[str, str]


def _options() -> Any:
    options = re2.Options()
    options.log_errors = False
    return options


def _without_blanks(pattern: str) -> str:
    """The pattern, where every blank may be missing; those in [...] stay as they are."""
    parts = re.split(r"(\[[^\]]*\])", pattern)
    return "".join(p if p.startswith("[") else _REQUIRED_BLANK.sub(" ?", p) for p in parts)


@cache
def _compiled(rank: int) -> Any:
    pattern = _without_blanks(FORMATS[rank].pattern)
    return re2.compile(f"(?s){pattern}", _options())


@cache
def trigger() -> Any:
    """RE2 over bytes that finds every line a form could claim, and few others."""
    literals = {literal for form in FORMATS for literal in form.has}
    shortest = {each for each in literals if not any(o in each for o in literals if o != each)}
    pattern = "|".join(_without_blanks(re.escape(each)) for each in sorted(shortest))
    return re2.compile(f"(?:{pattern})".encode(), _options())


@cache
def _by_literal() -> tuple[tuple[str, tuple[int, ...]], ...]:
    ranks: dict[str, list[int]] = {}
    for rank, form in enumerate(FORMATS):
        for literal in form.has:
            ranks.setdefault(literal.replace(" ", ""), []).append(rank)
    return tuple((literal, tuple(each)) for literal, each in ranks.items())


def head(text: str) -> Head | None:
    """The form that claims this line, None if none does."""
    text = text[:_LONGEST]
    squeezed = text.replace(" ", "")
    ranks: set[int] = set()
    for literal, each in _by_literal():
        if literal in squeezed:
            ranks.update(each)
    if not ranks:
        return None
    plain = text if text.isascii() else text.encode("utf-8", "replace").decode()
    for rank in sorted(ranks):
        found = _compiled(rank).search(plain)
        if found:
            return Head(rank, FORMATS[rank], _fields(found.groupdict()))
    return None


def _fields(groups: dict[str, str | None]) -> dict[str, str]:
    """Named groups under their plain names: alternatives number them (cpu, cpu2)."""
    return {_SUFFIX.sub("", name): text for name, text in groups.items() if text}


def interesting(text: str) -> bool:
    """Whether a form could claim the line: one cheap search."""
    return trigger().search(text.encode("utf-8", "replace")) is not None


def hits(block: bytes) -> Iterator[int]:
    """Offsets in a block of text at which a line worth a look is hit."""
    for found in trigger().finditer(block):
        yield found.start()
