"""The short questions of a recording, answered again, also where they are put differently now.

A later vmtriage asks for more offsets at once, or reads memory in other pieces: what was recorded
is taken as the numbers and the bytes it told.
"""

import re
from collections.abc import Iterator

from vmtriage.session.commands import expressions_of

PROMPT = "crash> "
_NUMBERS = re.compile(r"^\$\d+ = \{(?P<numbers>-?\d+(?:, -?\d+)*)\}$", re.MULTILINE)
_REPEATED = re.compile(r"(-?\d+) <repeats (\d{1,4}) times>")
_ROW = re.compile(r"^\s*(?P<at>[0-9a-f]{8,16}):  (?P<hex>(?:[0-9a-f]{2} ){1,16})", re.MULTILINE)
_READ = re.compile(r"rd -8 (?P<at>[0-9a-f]{1,16}) (?P<count>\d{1,6})")


class Questions:
    """Answers by command: as recorded, else worked out of what was recorded.

    memory: what was read without crash.
    """

    def __init__(self, text: str, memory: "Octets | None" = None) -> None:
        parts = (part.partition("\n") for part in f"\n{text}".split(f"\n{PROMPT}")[1:])
        self._told = {command: _ended(answer) for command, _, answer in parts}
        self._numbers: dict[str, int] = {}
        self._bytes: dict[int, str] = dict(memory.known) if memory else {}
        for command, answer in self._told.items():
            if command.startswith("p {"):
                self._numbers.update(_pairs(command, answer))
            elif command.startswith("rd "):
                self._bytes.update(_octets(answer))

    def answer(self, command: str) -> str | None:
        """None: the recording does not tell."""
        if (told := self._told.get(command)) is not None:
            return told
        if command.startswith("p {"):
            found = [self._numbers.get(each) for each in expressions_of(command)]
            known = [str(number) for number in found if number is not None]
            return f"$1 = {{{', '.join(known)}}}\n" if len(known) == len(found) else None
        if match := _READ.fullmatch(command):
            return self._read(int(match["at"], 16), int(match["count"])) or None
        return None

    def _read(self, address: int, count: int) -> str:
        found: list[str] = []
        while len(found) < count and (octet := self._bytes.get(address + len(found))):
            found.append(octet)
        rows = (found[at : at + 16] for at in range(0, len(found), 16))
        return "".join(
            f"{address + 16 * number:x}:  {' '.join(row)}\n" for number, row in enumerate(rows)
        )


class Octets:
    """Rows of bytes as `rd -8` prints them, as memory that can be read."""

    def __init__(self, text: str) -> None:
        self.known = dict(_octets(text))  # two hex digits each

    def read(self, address: int, count: int) -> bytes | None:
        """All `count` bytes, or None."""
        found = [self.known.get(address + number, "") for number in range(count)]
        return bytes.fromhex("".join(found)) if all(found) else None

    def close(self) -> None:
        """Nothing to let go of."""


def _ended(answer: str) -> str:
    """With the end of its last line, which the next prompt took away."""
    return answer + "\n" if answer and not answer.endswith("\n") else answer


def _pairs(command: str, answer: str) -> Iterator[tuple[str, int]]:
    whole = _REPEATED.sub(lambda m: ", ".join([m[1]] * int(m[2])), answer)
    match = _NUMBERS.search(whole)
    values = match["numbers"].split(", ") if match else []
    expressions = expressions_of(command)
    if len(values) == len(expressions):
        yield from zip(expressions, map(int, values), strict=True)


def _octets(answer: str) -> Iterator[tuple[int, str]]:
    for row in _ROW.finditer(answer):
        start = int(row["at"], 16)
        for number, octet in enumerate(row["hex"].split()):
            yield start + number, octet
