"""Which signatures can fit a crash at all: found by class, function names and words of the log.

Every signature is filed under one thing it cannot do without. What the index leaves out cannot
match; what it lets through is still checked condition by condition.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import re2

from vmtriage.analysis.crash_view import CrashView
from vmtriage.analysis.patterns import by_line, quiet
from vmtriage.models.finding import CrashClass
from vmtriage.models.signature import Match, Signature

_LITERAL = re.compile(r"\w+(?:\|\w+)*", re.ASCII)  # "a" or "a|b": names, no regex at all
_WORTH_A_FILTER = 16  # fewer patterns are searched sooner than a filter is made
_SENTINEL = "vmtriage sentinel: the filter works"


@dataclass(frozen=True)
class Clause:
    """Something a crash must have: one of these names, or one of these patterns in its text."""

    names: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()


class Index:
    """Signatures by what they cannot do without, filed once for all classes of crash."""

    def __init__(self, signatures: Sequence[Signature]) -> None:
        self._signatures = signatures
        self._allowed: dict[CrashClass, frozenset[int]] = {}

    def candidates(self, crash: CrashView) -> tuple[Signature, ...]:
        """Every signature that can fit this crash, in the order they were given."""
        kind = crash.classification.crash_class
        if kind not in self._allowed:
            fitting = (n for n, s in enumerate(self._signatures) if _allows(s.match, kind))
            self._allowed[kind] = frozenset(fitting)
        numbers = self._files.numbers(crash) & self._allowed[kind]
        return tuple(self._signatures[number] for number in sorted(numbers))

    @cached_property
    def _files(self) -> "_Files":
        return _Files(self._signatures)


class _Files:
    """The signatures under the rarest thing each must have."""

    def __init__(self, signatures: Sequence[Signature]) -> None:
        needs = [list(clauses(each.match)) for each in signatures]
        common = Counter(name for each in needs for clause in each for name in clause.names)
        self._always: set[int] = set()
        self._by_name: dict[str, set[int]] = defaultdict(set)
        self._by_text: dict[str, set[int]] = defaultdict(set)
        for number, found in enumerate(needs):
            if not found:
                self._always.add(number)
                continue
            rarest = min(found, key=lambda c: (len(c.texts), sum(common[n] for n in c.names)))
            for name in rarest.names:
                self._by_name[name].add(number)
            for text in rarest.texts:
                self._by_text[text].add(number)
        self._filter = _TextFilter(self._by_text) if self._by_text else None

    def numbers(self, crash: CrashView) -> set[int]:
        """Signatures that have what they need in this crash, whatever its class."""
        found = set(self._always)
        if self._by_name:
            for name in crash.names & self._by_name.keys():
                found |= self._by_name[name]
        if self._filter:
            for text in self._filter.possible(crash):
                found |= self._by_text[text]
        return found


class _TextFilter:
    """Patterns whose literal words stand in a text: RE2's own prefilter, one pass for them all."""

    def __init__(self, patterns: Sequence[str] | dict[str, set[int]]) -> None:
        self._patterns = tuple(patterns)
        self._filter = _compile(self._patterns) if len(patterns) >= _WORTH_A_FILTER else None

    def possible(self, crash: CrashView) -> Sequence[str]:
        """All patterns that may be found in the crash's text, and perhaps some that are not."""
        if self._filter is None:
            return self._patterns
        hits = self._filter.Match(f"{crash.text}\n{_SENTINEL}", True) or ()
        if len(self._patterns) not in hits:  # RE2 ran out of memory and cannot say so
            return self._patterns
        return [self._patterns[hit] for hit in hits if hit < len(self._patterns)]


def _compile(patterns: Sequence[str]) -> re2.Filter | None:
    made = re2.Filter()
    try:
        for pattern in patterns:
            made.Add(by_line(pattern), quiet())
        made.Add(_SENTINEL, quiet())
        made.Compile()
    except re2.error:  # too large for RE2: without the filter the answers are the same
        return None
    return made


def _allows(match: Match, kind: CrashClass) -> bool:
    """Whether a match can hold for this class of crash."""
    if match.classes and kind not in match.classes:
        return False
    if not all(_allows(each, kind) for each in match.all_of):
        return False
    return not match.any_of or any(_allows(each, kind) for each in match.any_of)


def clauses(match: Match) -> Iterator[Clause]:
    """What a crash must have for this match; one clause missing, and it cannot hold."""
    for pattern in match.stack:
        yield from _named((pattern,))
    yield from _named(match.exception)
    yield from _named(match.function)
    for texts in (match.log, match.panic, *((each,) for each in match.log_all)):
        if texts:
            yield Clause(texts=frozenset(texts))
    for each in match.all_of:
        yield from clauses(each)
    branches = [min(clauses(each), key=_size, default=None) for each in match.any_of]
    known = [branch for branch in branches if branch is not None]
    if known and len(known) == len(branches):
        yield Clause(
            names=frozenset().union(*(branch.names for branch in known)),
            texts=frozenset().union(*(branch.texts for branch in known)),
        )


def _named(patterns: Sequence[str]) -> Iterator[Clause]:
    if patterns and all(_LITERAL.fullmatch(each) for each in patterns):
        yield Clause(names=frozenset(name for each in patterns for name in each.split("|")))


def _size(clause: Clause) -> tuple[int, int]:
    return len(clause.texts), len(clause.names)
