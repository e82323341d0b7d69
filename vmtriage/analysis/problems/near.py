"""Other problems whose stacks come close: another face of the same bug, or its neighbour.

The distance is Levenshtein's over functions, innermost first, divided by the longer stack: how
many of them would have to be put in, left out or exchanged. Of two stacks of unequal length only
as much of the longer one counts as the shorter one has, and one more: a log tells less than a dump.
What hands over (vfs_write, worker_thread) ends a stack, for beyond it everything is alike.

Two problems are near if their innermost function is the same (they differ in class then), or if
the distance is at most FAR and they share at least two functions, one of which is rare in the
fleet. FAR is measured: see tests/test_near.py for what it rests on.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from rapidfuzz.distance import Levenshtein

from vmtriage.analysis.anchors import hands_over
from vmtriage.analysis.problems.words import class_words
from vmtriage.models.finding import CrashClass
from vmtriage.models.occurrence import Occurrence
from vmtriage.models.problem import Near

FAR = 0.5
_SHARED = 2
# A function in more problems than this is no clue: whichever is more.
_RARE, _RARE_SHARE = 8, 0.01


class Stack(NamedTuple):
    """One problem's stack, of any of its occurrences: the full triage's where there is one."""

    problem: str
    crash_class: CrashClass
    module: str | None
    frames: tuple[str, ...]


def stack_of(occurrence: Occurrence) -> Stack:
    """Its problem's stack, up to where control was handed over."""
    return Stack(
        problem=occurrence.problem,
        crash_class=occurrence.crash_class,
        module=occurrence.module,
        frames=tuple(_own(occurrence.frames)),
    )


def distance(one: tuple[str, ...], other: tuple[str, ...]) -> float:
    """0: the same as far as both are known; 1: nothing in common."""
    if not one or not other:
        return 1.0
    known = min(len(one), len(other)) + 1
    return float(Levenshtein.normalized_distance(one[:known], other[:known]))


class Neighbours:
    """All problems' stacks, indexed by their functions. Built once, asked for each problem."""

    def __init__(self, stacks: Iterable[Stack]) -> None:
        """A problem that comes twice counts with the longest stack."""
        self._stacks: dict[str, Stack] = {}
        for stack in stacks:
            known = self._stacks.get(stack.problem)
            if known is None or len(stack.frames) > len(known.frames):
                self._stacks[stack.problem] = stack
        self._by: defaultdict[str, list[str]] = defaultdict(list)
        for stack in self._stacks.values():
            for name in dict.fromkeys(stack.frames):
                self._by[name].append(stack.problem)
        self._rare = max(_RARE, int(len(self._stacks) * _RARE_SHARE))

    def near(self, stack: Stack, limit: int = 5) -> tuple[Near, ...]:
        """The nearest other problems, the nearest first; () where none is near enough.

        Nearness is mutual: whom a new problem names should have its own page made anew.
        """
        found = []
        for other in self._candidates(stack):
            if not _comparable(stack, other):
                continue
            apart = distance(stack.frames, other.frames)
            if apart <= FAR or stack.frames[0] == other.frames[0]:
                agree = (other.crash_class is stack.crash_class, other.module == stack.module)
                found.append((round(apart, 2), tuple(not each for each in agree), other))
        found.sort(key=lambda each: (each[0], each[1], each[2].problem))
        return tuple(
            Near(problem=other.problem, distance=apart, reason=reason(stack, other))
            for apart, _, other in found[:limit]
        )

    def _candidates(self, stack: Stack) -> Iterator[Stack]:
        """Those that share a rare function."""
        seen = {stack.problem}
        for name in dict.fromkeys(stack.frames):
            problems = self._by.get(name, ())
            if len(problems) > self._rare:
                continue
            for problem in problems:
                if problem not in seen:
                    seen.add(problem)
                    yield self._stacks[problem]


def near(stack: Stack, others: Iterable[Stack], limit: int = 5) -> tuple[Near, ...]:
    """The same for a single question."""
    return Neighbours(others).near(stack, limit)


def reason(stack: Stack, other: Stack) -> str:
    """In words: what is the same, what is not. `there` is the other problem."""
    here, there = _without(stack.frames, other.frames), _without(other.frames, stack.frames)
    known = min(len(stack.frames), len(other.frames)) + 1
    here = [name for name in here if name in stack.frames[:known]]
    there = [name for name in there if name in other.frames[:known]]
    parts = [f"{_few(names)} {where}" for names, where in ((here, "here"), (there, "there"))
             if names]  # fmt: skip
    same = f"the same but for {' and '.join(parts)}" if parts else "the same stack"
    if stack.frames[0] == other.frames[0] and len(parts) == 2:
        same = f"the same function {stack.frames[0]}, other callers: {', '.join(parts)}"
    if stack.crash_class is not other.crash_class:
        return f"{same}; another class there: {class_words(other.crash_class)}"
    if stack.module == other.module and stack.module:
        return f"{same}; class and module agree"
    return f"{same}; class agrees"


def _comparable(stack: Stack, other: Stack) -> bool:
    if stack.frames[0] == other.frames[0]:
        return True
    return len(set(stack.frames) & set(other.frames)) >= _SHARED


def _own(frames: tuple[str, ...]) -> Iterator[str]:
    for name in frames:
        if hands_over(name):
            return
        yield name


def _without(names: tuple[str, ...], others: tuple[str, ...]) -> list[str]:
    rest = Counter(names) - Counter(others)
    return [name for name in dict.fromkeys(names) if name in rest]


def _few(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
