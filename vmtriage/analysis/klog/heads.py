"""Is this line the first of a report, and of which form?

One search over a whole block of text finds the few lines worth a look; only the literals found
there decide which patterns are tried. Patterns are RE2: linear in the line, whatever it holds.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import accumulate
from typing import Any, NamedTuple

import re2

from vmtriage.analysis.klog.formats import FORMATS, Format
from vmtriage.analysis.patterns import quiet

_LONGEST = 4096  # characters of a line that are looked at
_SUFFIX = re.compile(r"\d+$")
_BLANK = re.compile(r"(?<!\\) (?![?*+{])")


class Head(NamedTuple):
    """A line some form claims. rank: the form's place in the table."""

    rank: int
    form: Format
    fields: dict[str, str]


class _Literal(NamedTuple):
    text: str  # without blanks; empty: it is the one that was found
    ranks: tuple[int, ...]


def lossy(pattern: str) -> str:
    """The pattern, where every blank may be missing; those in [...] stay as they are."""
    parts = re.split(r"(\[[^\]]*\])", pattern)
    return "".join(p if p.startswith("[") else _BLANK.sub(" ?", p) for p in parts)


class _Pattern(NamedTuple):
    search: Any
    names: tuple[tuple[str, int], ...]  # fields and the groups that may fill them


@cache
def _compiled(rank: int) -> _Pattern:
    made = re2.compile(f"(?s){lossy(FORMATS[rank].pattern)}".encode(), quiet())
    # Alternatives number their groups (cpu, cpu2): one field, whichever matched.
    names = ((_SUFFIX.sub("", name.decode()), n) for name, n in made.groupindex.items())
    return _Pattern(made.search, tuple(names))


@cache
def _families() -> dict[bytes, tuple[_Literal, ...]]:
    """Literals by the shortest one inside them: finding that one is finding them all."""
    ranks: dict[str, list[int]] = {}
    for rank, form in enumerate(FORMATS):
        for literal in form.has:
            ranks.setdefault(literal.replace(" ", ""), []).append(rank)
    families: dict[bytes, list[_Literal]] = {}
    for text, each in ranks.items():
        for short in (s for s in ranks if s in text):
            own = _Literal("" if short == text else text, tuple(each))
            families.setdefault(short.encode(), []).append(own)
    return {short: tuple(each) for short, each in families.items()}


@cache
def trigger() -> Any:
    """RE2 over bytes that finds every line a form could claim, and few others."""
    literals = {literal for form in FORMATS for literal in form.has}
    squeezed = {each: each.replace(" ", "") for each in literals}
    shortest = (
        each for each, text in squeezed.items()
        if not any(other != text and other in text for other in squeezed.values())
    )  # fmt: skip
    pattern = "|".join(lossy(re.escape(each).replace("\\ ", " ")) for each in shortest)
    return re2.compile(f"(?:{pattern})".encode(), quiet())


def hits_in(texts: Sequence[str]) -> dict[int, list[bytes]]:
    """What the trigger finds in many lines, by their place: one search for all of them."""
    raw = [text.encode("utf-8", "replace") for text in texts]
    starts = list(accumulate((len(each) + 1 for each in raw), initial=0))
    found: dict[int, list[bytes]] = {}
    for hit in trigger().finditer(b"\n".join(raw)):
        found.setdefault(bisect_right(starts, hit.start()) - 1, []).append(hit.group())
    return found


def literals(text: str) -> tuple[bytes, ...]:
    """What the trigger finds in the line; empty: no form can claim it."""
    found = trigger().findall(text[:_LONGEST].encode("utf-8", "replace"))
    return tuple(found)


def head(text: str, hits: Sequence[bytes] | None = None) -> Head | None:
    """The form that claims this line, None if none does. hits: literals known to be in it."""
    ranks: set[int] = set()
    squeezed = ""
    families = _families()
    for hit in dict.fromkeys(literals(text) if hits is None else hits):
        family = families.get(hit) or families[hit.decode().replace(" ", "").encode()]
        for literal in family:
            if literal.text:
                squeezed = squeezed or text[:_LONGEST].replace(" ", "")
                if literal.text not in squeezed:
                    continue
            ranks.update(literal.ranks)
    return claim(text[:_LONGEST].encode("utf-8", "replace"), ranks) if ranks else None


def claim(text: bytes, ranks: Iterable[int]) -> Head | None:
    """The first of these forms whose pattern is found."""
    for rank in sorted(ranks):
        pattern = _compiled(rank)
        found = pattern.search(text)
        if found:
            return Head(rank, FORMATS[rank], _fields(pattern, found, text))
    return None


def _fields(pattern: _Pattern, found: Any, text: bytes) -> dict[str, str]:
    """Named groups under their plain names."""
    fields = {}
    for name, index in pattern.names:
        start, end = found.span(index)
        if 0 <= start < end:
            fields[name] = text[start:end].decode("utf-8", "replace")
    return fields
