"""What a session is: something that answers crash commands, live or from a recording."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from vmtriage.models.evidence import CommandStatus
from vmtriage.session.commands import CrashCommand


class Fate(Enum):
    """What became of crash at a command."""

    LIVES = auto()  # or was killed for taking too much, and can be started again
    DIED = auto()  # by itself; it can be started again
    GONE = auto()  # it is not started again: neither this command nor a later one is answered


@dataclass(frozen=True)
class CommandOutput:
    """One command's answer. `text` is what the command printed, `console` what leaked past it."""

    command: str
    text: str
    status: CommandStatus
    seconds: float
    console: str = ""
    reason: str = ""
    fate: Fate = Fate.LIVES


def not_run(command: CrashCommand, why: str, fate: Fate = Fate.LIVES) -> CommandOutput:
    """The answer of a command that was never typed."""
    return CommandOutput(command.text, "", CommandStatus.NOT_RUN, 0.0, reason=why, fate=fate)


class Session(Protocol):
    """Answers commands in order. A command that fails is an output with a status, never an end."""

    @property
    def crash_version(self) -> str | None:
        """ "8.0.6", or None when not known."""

    @property
    def startup(self) -> str:
        """What crash printed before its first prompt: warnings that change what to trust."""

    @property
    def startup_s(self) -> float | None:
        """Seconds from start to the first prompt; None for a recording that does not say."""

    def run(self, commands: Sequence[CrashCommand]) -> Iterator[CommandOutput]:
        """The answers, one for each command, in order."""

    def close(self) -> None:
        """Ends crash and removes what it left behind."""


class Memory(Protocol):
    """Kernel memory that crash need not be asked for."""

    def read(self, address: int, count: int) -> bytes | None:
        """All `count` bytes at a kernel's virtual address; None: ask crash."""

    def close(self) -> None:
        """Lets go of the dump."""


Progress = Callable[[str], None]


def silent(_: str) -> None:
    """No progress wanted."""
