"""The lines around something bad: what a host said before it, and until it fell silent."""

from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Limits:
    """When a window closes, and what may be kept. Seconds, lines, bytes."""

    quiet_s: float = 2.0  # a host silent for so long has said it all
    dying_s: float = 0.5  # the same after the last line of a panic
    patience: float = 4  # times quiet_s in the middle of an oops: a serial console is slow
    longest_s: float = 30.0
    lines: int = 2000
    size: int = 256 * 1024
    context: int = 60  # lines before the first of interest
    context_size: int = 8192
    windows: int = 256  # open at a time; then the oldest is closed early
    hosts: int = 4096  # remembered; then the one heard of least lately is forgotten


_BEGUN = (b"Oops: ", b"Internal error: ")
_ENDED = b"---[ end "


class Finished(NamedTuple):
    """A closed window, to be assessed."""

    address: str
    opened: datetime
    release: bytes
    line: bytes  # the one that opened it
    lines: list[bytes]
    size: int  # bytes of the lines
    dying: bool  # the host has panicked

    def text(self) -> str:
        """The log as dmesg would show it."""
        return b"\n".join(self.lines).decode("utf-8", "backslashreplace")


class Context:
    """The last lines of a host; whole datagrams as they came, split only when needed."""

    __slots__ = ("_chunks", "_count", "_limit", "_size")

    def __init__(self, limits: Limits) -> None:
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._count, self._limit = limits.context, limits.context_size

    def add(self, chunk: bytes) -> None:
        """One or more lines; what is too old goes."""
        self._chunks.append(chunk)
        self._size += len(chunk)
        while self._size > self._limit or len(self._chunks) > self._count:
            self._size -= len(self._chunks.popleft())

    def take(self) -> list[bytes]:
        """The lines, which a window has now: they are not shown a second time."""
        lines = b"\n".join(chunk.rstrip(b"\n") for chunk in self._chunks).split(b"\n")
        self._chunks.clear()
        self._size = 0
        return [line for line in lines[-self._count :] if line]


class Window:
    """Lines being collected."""

    __slots__ = (
        "_closes",
        "_limits",
        "_quiet_s",
        "dying",
        "line",
        "lines",
        "opened",
        "quiet_at",
        "size",
    )

    def __init__(
        self, before: list[bytes], line: bytes, now: float, wall: float, limits: Limits
    ) -> None:
        self.lines, self.line = before, line
        self.opened = datetime.fromtimestamp(wall, UTC)
        self._limits = limits
        self._quiet_s = limits.quiet_s
        self._closes = now + limits.longest_s
        self.size = sum(map(len, before))
        self.dying = False
        self.quiet_at = 0.0

    def add(self, line: bytes, now: float) -> bool:
        """False when the window is full."""
        limits = self._limits
        self.lines.append(line)
        self.size += len(line)
        if b"Kernel panic" in line:
            self.dying = True
        if _ENDED in line:
            # behind a panic's end comes nothing more: the host is dead or boots again
            self._quiet_s = limits.dying_s if self.dying else limits.quiet_s
        elif any(word in line for word in _BEGUN):
            self._quiet_s = limits.quiet_s * limits.patience
        self.quiet_at = now + self._quiet_s
        return len(self.lines) < limits.lines and self.size < limits.size

    def finished(self, address: str, release: bytes) -> Finished:
        """What there is, to be assessed."""
        return Finished(address, self.opened, release, self.line, self.lines, self.size, self.dying)

    def over(self, now: float) -> bool:
        """Is it time to close it?"""
        return now >= self.quiet_at or now >= self._closes
