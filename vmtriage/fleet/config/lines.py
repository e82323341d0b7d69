"""On which line of a TOML file a key stands.

The standard library's parser has no lines, so it is asked itself: a statement ends with the first
line after which the text up to there can be parsed and has the key.
"""

import tomllib
from collections.abc import Sequence
from itertools import product
from typing import Any

Where = Sequence[str | int]

# what may be open in the middle of a statement that goes over several lines
_CLOSERS = ["".join(each) for length in (1, 2, 3, 4) for each in product("]}", repeat=length)]


class Lines:
    """A text that can be parsed as a whole."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._parsed: dict[int, Any] = {}

    def of(self, where: Where) -> int:
        """The line, counted from 1, of the key or element; of a missing one that of its table."""
        whole = self._prefix(len(self._lines))
        while where and not _has(whole, where):
            where = where[:-1]
        if not where:
            return 1
        before, end = 0, len(self._lines)  # the key is not there yet; it is there
        while (middle := self._between(before, end)) is not None:
            if _has(self._prefix(middle), where):
                end = middle
            else:
                before = middle
        return self._inside(before, end, where)

    def _between(self, before: int, end: int) -> int | None:
        """A length, about the middle of the two, at which the text can be parsed."""
        middle = (before + end) // 2
        tried: tuple[int, ...] = (*range(middle, end), *range(middle, before, -1))
        for each in tried:
            if before < each and self._prefix(each) is not None:
                return each
        return None

    def _inside(self, before: int, end: int, where: Where) -> int:
        """The line within one statement: of an element of an array that has many lines."""
        for length in range(before + 1, end):
            closed = self._closed(length)
            if _has(closed, where):
                return length
            if length == end - 1 and _has(closed, where[:-1]):
                return end  # the last element of all
        for number in range(before + 1, end):
            if self._lines[number - 1].strip():
                return number  # one value, over several lines
        return end

    def _closed(self, length: int) -> Any:
        """The first so many lines, with what is open there closed."""
        text = "\n".join(self._lines[:length])
        return next((data for each in _CLOSERS if (data := _parse(f"{text}\n{each}"))), None)

    def _prefix(self, length: int) -> Any:
        """What stands in the first so many lines; None: a statement is cut there."""
        if length not in self._parsed:
            self._parsed[length] = _parse("\n".join(self._lines[:length]))
        return self._parsed[length]


def _parse(text: str) -> Any:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _has(data: Any, where: Where) -> bool:
    for step in where:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return False
    return data is not None
