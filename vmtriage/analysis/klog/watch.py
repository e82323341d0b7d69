"""Lines that a site's own signatures ask for, and no message form of ours claims.

A pack may hold nothing but regexes of lines somebody wants to hear of. Each such signature becomes
a message form of its own; RE2's prefilter says which of them a block of text can hold at all.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import re2

from vmtriage.analysis.klog.formats import Blame, Format
from vmtriage.analysis.klog.heads import Head
from vmtriage.analysis.patterns import compiled, plain, quiet
from vmtriage.models.finding import CrashClass
from vmtriage.models.signature import Match, Signature

_PIECE = 8 << 10  # bytes: a pattern is searched only near the words it needs
_RANK = 1_000_000  # below every form of ours
_ANCHOR = re.compile(r"(?<![\\\[])\^")


class Wanted(NamedTuple):
    """One pattern that lines are asked for, and the form a hit is told as."""

    pattern: str
    form: Format


class Watch:
    """The patterns of some signatures. Empty: nothing to look for."""

    def __init__(self, signatures: Sequence[Signature]) -> None:
        wanted = (each for signature in signatures for each in _of(signature))
        self._wanted = tuple({each.pattern: each for each in wanted}.values())
        self._made: dict[int, Any] = {}

    @property
    def patterns(self) -> tuple[str, ...]:
        """What lines are asked for."""
        return tuple(each.pattern for each in self._wanted)

    def __bool__(self) -> bool:
        return bool(self._wanted)

    @cached_property
    def _filter(self) -> Any:
        made = re2.Filter()
        for each in self._wanted:
            made.Add(_anywhere(each.pattern), quiet())
        made.Compile()
        return made

    def _search(self, number: int) -> Any:
        if number not in self._made:
            pattern = _anywhere(self._wanted[number].pattern)
            self._made[number] = re2.compile(pattern, quiet())
        return self._made[number]

    def hits(self, block: bytes) -> list[tuple[int, int]]:
        """Where in a block which pattern may be found: offset and number, in order."""
        found: list[tuple[int, int]] = []
        begin = 0
        while begin < len(block):
            end = block.find(b"\n", begin + _PIECE) + 1 or len(block)
            piece = block[begin:end]
            for number in self._filter.Match(piece, True) or ():
                found += (
                    (begin + hit.start(), number) for hit in self._search(number).finditer(piece)
                )
            begin = end
        return sorted(found)

    def head(self, text: str, numbers: Sequence[int]) -> Head | None:
        """The first of these patterns that is in the line, now without what stood before it."""
        for number in numbers:
            wanted = self._wanted[number]
            if compiled(wanted.pattern).search(plain(text)):
                return Head(_RANK + number, wanted.form, {})
        return None


def _anywhere(pattern: str) -> bytes:
    """The pattern for whole lines with their prefix: it may be found behind any beginning."""
    return _ANCHOR.sub("", pattern).encode()


def _of(signature: Signature) -> Iterator[Wanted]:
    if signature.status == "retired":
        return
    for match in (signature.match, *signature.match.any_of):
        kind = _kind(match, signature.crash_class)
        if kind is None or not _lines_only(match):
            continue
        form = Format(
            f"signature:{signature.id}", kind, signature.title, (), "", "notable", Blame.NOBODY
        )
        for pattern in (*match.log, *match.log_all):
            yield Wanted(pattern, form)


def _lines_only(match: Match) -> bool:
    """Whether one line of the log can be all it takes."""
    asks = (match.stack, match.exception, match.function, match.panic, match.memory, match.all_of)
    return not any(asks) and match.throttled is None and len(match.log_all) <= 1


def _kind(match: Match, own: CrashClass) -> CrashClass | None:
    if not match.classes or own in match.classes:
        return own
    return CrashClass.UNKNOWN if CrashClass.UNKNOWN in match.classes else None
