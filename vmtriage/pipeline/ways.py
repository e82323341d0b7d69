"""The rungs of the ladder: how crash is started on one, and which may help where another failed."""

from collections.abc import Callable
from dataclasses import dataclass

from vmtriage.errors import NoDebuginfo, NoPrompt, TriageError
from vmtriage.models.conditions import RungName
from vmtriage.models.dump import Debuginfo
from vmtriage.session.base import CommandOutput, Session
from vmtriage.session.commands import CrashCommand

_MINIMAL = ("log", "dis ", "rd ", "sym ")  # what crash's minimal mode answers
_LACKING = ("page excluded", "page incomplete", "read error", "seek error", "truncated")


@dataclass(frozen=True)
class Started:
    """A crash that reads the dump, and with what."""

    session: Session
    debuginfo: Debuginfo


@dataclass(frozen=True)
class Way:
    """One rung that crash stands on. `open` gives None where there is no such namelist."""

    name: RungName
    open: Callable[[], Started | None]
    slim: bool = False

    def may_help(self, error: TriageError) -> bool:
        """Whether it can do better than the one that failed so; each costs a start of crash."""
        if isinstance(error, NoDebuginfo):
            return False
        if isinstance(error, NoPrompt):
            return self.name == "minimal"
        return self.name != "zero_excluded" or any(each in error.message for each in _LACKING)


@dataclass(frozen=True)
class FoundLog:
    """A kernel log had without crash, and whence."""

    text: str
    source: str


def answers(rung: RungName, command: CrashCommand) -> bool:
    """Whether crash knows the command on this rung."""
    return rung != "minimal" or command.text.startswith(_MINIMAL)


def is_log(output: CommandOutput) -> bool:
    """Whether a kernel log came, whole or in part, and not crash's excuses."""
    lines = (line.strip() for line in output.text.splitlines())
    return any(line and not line.startswith(("log:", "crash:", "WARNING:")) for line in lines)
