"""One command and its answer: typed, awaited within its bounds, read from its own file."""

import secrets
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vmtriage.models.evidence import CommandStatus
from vmtriage.session.base import CommandOutput, Fate
from vmtriage.session.commands import CrashCommand
from vmtriage.session.process import CrashProcess, Waited

OUT_OF_TIME = "the time for the whole analysis is over"
_INTERRUPT_GRACE_S = 5.0


@dataclass(frozen=True)
class Exchange:
    """A command that was typed; the number that crash prints when it is done."""

    process: CrashProcess
    command: CrashCommand
    out: Path
    nonce: str
    at: float

    @classmethod
    def begin(cls, process: CrashProcess, command: CrashCommand, out: Path) -> "Exchange":
        """Types the command."""
        nonce = f"{secrets.randbits(60) | 1 << 59:x}"
        process.type(f"{command.text} > {out.name}\neval 0x{nonce}\n")
        return cls(process, command, out, nonce, time.monotonic())

    def finish(
        self, allowed_s: float, deadline: float, flooded: Callable[[], str]
    ) -> tuple[CommandOutput, bool]:
        """The answer, and whether crash can take another command; if not, it must be killed."""
        left = max(deadline - time.monotonic(), 0.0)
        how = self.process.wait_for(self._marker, min(allowed_s, left), flooded)
        status, reason = CommandStatus.OK, ""
        if how is Waited.LATE:
            late = f"no answer within {min(allowed_s, left):.0f} s"
            status = CommandStatus.TIMEOUT
            reason = late if allowed_s <= left else f"{late}: {OUT_OF_TIME}"
        elif how in (Waited.OVER, Waited.FLOOD):
            status, reason = CommandStatus.FAILED, f"stopped: {self.process.why}"
        elif how is Waited.DEAD:
            status, reason = CommandStatus.FAILED, _obituary(*self.process.ended())
        console = self.process.said
        beyond_help = how in (Waited.DEAD, Waited.OVER)
        alive = how is Waited.FOUND or (not beyond_help and self._interrupt())
        text, seconds = _read(self.out, self.command.max_bytes), time.monotonic() - self.at
        fate = Fate.DIED if how is Waited.DEAD else Fate.LIVES
        output = CommandOutput(self.command.text, text, status, seconds, console, reason, fate)
        return output, alive

    @property
    def _marker(self) -> str:
        return f"hexadecimal: {self.nonce}"

    def _interrupt(self) -> bool:
        """Ctrl-C; True when crash is back. The marker typed ahead may have been flushed."""
        self.process.interrupt()
        self.process.type(f"eval 0x{self.nonce}\n")
        return self.process.wait_for(self._marker, _INTERRUPT_GRACE_S) is Waited.FOUND


def _read(out: Path, limit: int) -> str:
    """The answer, as far as it may be long; the file is gone then."""
    try:
        with out.open("rb") as file:
            raw = file.read(limit)
    except OSError:
        return ""
    out.unlink(missing_ok=True)
    return raw.decode("utf-8", "backslashreplace")


def _obituary(code: int | None, by: int | None) -> str:
    if by == signal.SIGXFSZ:
        return "crash was killed by SIGXFSZ: its answer was too long"
    if by:
        return f"crash was killed by {signal.Signals(by).name}"
    return f"crash ended with exit code {code}"
