"""RE2 patterns of signatures: compiled once, checked, and found inside a match."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import re2

from vmtriage.analysis.plumbing import base_name
from vmtriage.models.signature import Match

WHOLE = ("stack", "stack_exclude", "exception", "function", "modules")  # fit a whole name
SEARCHED = ("panic", "log", "log_all", "release")
NESTED = ("all_of", "any_of", "none_of")

Where = tuple[int | str, ...]  # the keys that lead to a value in signature.yaml


def quiet() -> Any:
    """RE2's options without its own words on stderr."""
    options = re2.Options()
    options.log_errors = False
    return options


@lru_cache(maxsize=8192)
def compiled(pattern: str, whole: bool = False) -> Any:
    """The RE2 pattern; `whole` ones must fit a whole name. Lines are matched one by one."""
    return re2.compile(f"^(?:{pattern})$" if whole else by_line(pattern), quiet())


def by_line(pattern: str) -> str:
    """The pattern with ^ and $ at the ends of each line."""
    return f"(?m){pattern}"


def compile_error(pattern: str) -> str | None:
    """What RE2 says against a pattern, or None."""
    try:
        compiled(pattern)
    except re2.error as error:
        reason = error.args[0] if error.args else error
        return reason.decode() if isinstance(reason, bytes) else str(reason)
    return None


def patterns(match: Match, where: Where = ("match",)) -> Iterator[tuple[Where, str]]:
    """Every pattern in a match, with the keys that lead to it."""
    for field in (*SEARCHED, *WHOLE):
        for number, pattern in enumerate(getattr(match, field)):
            yield (*where, field, number), pattern
    if match.memory:
        for number, pattern in enumerate(match.memory.top_slab):
            yield (*where, "memory", "top_slab", number), pattern
    for field in NESTED:
        for number, inner in enumerate(getattr(match, field)):
            yield from patterns(inner, (*where, field, number))


def fits(pattern: str, name: str) -> bool:
    """Whether a pattern fits a whole name, compiler suffixes aside."""
    return compiled(pattern, whole=True).search(plain(base_name(name))) is not None


def plain(text: str) -> str:
    """RE2 takes UTF-8 only: half characters from a broken dump become question marks."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
