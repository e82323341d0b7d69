"""Where the further questions go out: with a time limit, each counted.

Memory comes straight out of the dump where it can be read so, and through crash's `rd` where not.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

from vmtriage.errors import ParseError
from vmtriage.models.evidence import CommandRun, CommandStatus
from vmtriage.parsers import rd
from vmtriage.session.base import CommandOutput, Session
from vmtriage.session.commands import CrashCommand, bytes_at

ByteOrder = Literal["little", "big"]
ReadMemory = Callable[[int, int], bytes | None]  # address, count; None: ask crash

_BIG_ENDIAN = ("s390x", "s390", "ppc64", "ppc", "aarch64_be", "parisc", "sparc64")
_32_BIT = ("i386", "i486", "i586", "i686", "arm", "armv7l", "ppc", "mips", "s390")
_MANY = "rd -8 ADDRESS COUNT"


class Desk:
    """Puts questions to a session and keeps the record of them.

    After the time limit every question is answered by "not run": callers keep what they have.
    """

    def __init__(
        self, session: Session, machine: str | None = None, direct: ReadMemory | None = None
    ) -> None:
        self._session, self._direct = session, direct
        self._deadline = float("inf")
        self._runs: list[CommandRun] = []
        self._reads = self._unread = self._read_bytes = self._asked = 0
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
            reason=f"{self._reads} reads of kernel memory, {self._asked} of them by crash,"
            f" {self._unread} without answer",
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
        began = time.monotonic()
        found = [self._from_dump(*each) for each in places]
        asked = [number for number, content in enumerate(found) if content is None]
        for number, output in zip(
            asked, self._put([bytes_at(*places[each]) for each in asked]), strict=True
        ):
            found[number] = _content(output)
        self._reads += len(found)
        self._asked += len(asked)
        self._unread += found.count(None)
        self._read_bytes += sum(len(each) for each in found if each)
        self._read_s += time.monotonic() - began
        return found

    def _from_dump(self, address: int, count: int) -> bytes | None:
        if self._direct is None or self.out_of_time:
            return None
        return self._direct(address, count)

    def _put(self, commands: Sequence[CrashCommand]) -> list[CommandOutput]:
        if not commands:
            return []
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
