"""Where the further questions go out: with a time limit, each counted, memory through `rd`."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from vmtriage.errors import ParseError
from vmtriage.models.evidence import CommandRun, CommandStatus
from vmtriage.parsers import rd
from vmtriage.session.base import CommandOutput, Session
from vmtriage.session.commands import CrashCommand, bytes_at

ByteOrder = Literal["little", "big"]

_BIG_ENDIAN = ("s390x", "s390", "ppc64", "ppc", "aarch64_be", "parisc", "sparc64")
_32_BIT = ("i386", "i486", "i586", "i686", "arm", "armv7l", "ppc", "mips", "s390")
_MANY = "rd -8 ADDRESS COUNT"


class Desk:
    """Puts questions to a session and keeps the record of them.

    After the time limit every question is answered by "not run": callers keep what they have.
    """

    def __init__(self, session: Session, machine: str | None = None) -> None:
        self._session = session
        self._deadline = float("inf")
        self._runs: list[CommandRun] = []
        self._reads = self._unread = self._read_bytes = 0
        self._read_s = 0.0
        self.refused = ""  # why the session answers nothing: it is a recording without this
        name = (machine or "").partition(" ")[0]
        self.byte_order: ByteOrder = "big" if name in _BIG_ENDIAN else "little"
        self.word = 4 if name in _32_BIT else 8

    def allow(self, seconds: float) -> None:
        """So long from now on may be spent."""
        self._deadline = time.monotonic() + seconds

    @property
    def out_of_time(self) -> bool:
        """Whether the time limit has passed."""
        return time.monotonic() >= self._deadline

    @property
    def runs(self) -> tuple[CommandRun, ...]:
        """Every command as it went; the many small reads of memory as one."""
        if not self._reads:
            return tuple(self._runs)
        reads = CommandRun(
            command=_MANY, status=CommandStatus.OK, seconds=round(self._read_s, 3),
            bytes=self._read_bytes,
            reason=f"{self._reads} reads of kernel memory, {self._unread} of them without answer",
        )  # fmt: skip
        return (*self._runs, reads)

    def ask(self, commands: Sequence[CrashCommand]) -> list[CommandOutput]:
        """The answers, in order."""
        outputs = self._put(commands)
        self._runs += [
            CommandRun(
                command=_label(each.command), status=each.status, seconds=round(each.seconds, 3),
                bytes=len(each.text.encode("utf-8", "replace")), reason=each.reason,
            )
            for each in outputs
            if each.status is not CommandStatus.NOT_RUN
        ]  # fmt: skip
        return outputs

    def read(self, address: int, count: int) -> bytes | None:
        """Kernel memory. Fewer bytes where the dump holds no more; None: none of them."""
        return self.read_all([(address, count)])[0]

    def read_all(self, places: Sequence[tuple[int, int]]) -> list[bytes | None]:
        """Several places at once: crash reads the next while we look at this one."""
        commands = [bytes_at(address, count) for address, count in places]
        found: list[bytes | None] = []
        for output in self._put(commands):
            self._reads += 1
            self._read_s += output.seconds
            self._read_bytes += len(output.text)
            content = _content(output)
            self._unread += content is None
            found.append(content)
        return found

    def _put(self, commands: Sequence[CrashCommand]) -> list[CommandOutput]:
        left = self._deadline - time.monotonic()
        if left <= 0:
            why = "the time for further questions is over"
            return [CommandOutput(c.text, "", CommandStatus.NOT_RUN, 0.0, reason=why)
                    for c in commands]  # fmt: skip
        limited = [replace(c, timeout_s=min(c.timeout_s, max(left, 0.5))) for c in commands]
        outputs = list(self._session.run(limited))
        self.refused = next((o.reason for o in outputs if o.status is CommandStatus.NOT_RUN), "")
        return outputs


def _label(command: str) -> str:
    """A list of offsets is no news to a reader."""
    return f"p {{{command.count(', ') + 1} offsets}}" if command.startswith("p {") else command


def _content(output: CommandOutput) -> bytes | None:
    if output.status is not CommandStatus.OK:
        return None
    try:
        return rd.parse(output.text).raw
    except ParseError:
        return None
