"""Under what conditions a dump was read: how crash was confined, and how far it could open it."""

from typing import Literal

from vmtriage.models.base import Model
from vmtriage.models.dump import Debuginfo
from vmtriage.models.evidence import Problem
from vmtriage.models.whereabouts import TableLine

SandboxKind = Literal["bubblewrap", "limits"]
RungName = Literal["normal", "zero_excluded", "minimal", "log", "header"]


class Tried(Model):
    """A rung that did not hold, and why.

    commands: those that it held until, or failed for; () where crash did not start on it.
    """

    rung: RungName
    slim: bool = False  # with the slim namelist
    reason: str
    next_step: str = ""
    commands: tuple[str, ...] = ()


class Rung(Model):
    """How far down the ladder of ways to open a dump one had to go: `name` is the one that held.

    exit_code: what `analyze` ends with; not 0 where nothing of the crash itself could be read.
    """

    name: RungName
    reason: str = ""  # why not the one above; "" on the first
    tried: tuple[Tried, ...] = ()  # from the first on
    log_from: str | None = None  # where the kernel log comes from, if not from crash's `log`
    exit_code: int = 0

    @property
    def refused(self) -> tuple[Tried, ...]:
        """The rungs that crash did not start on."""
        return tuple(each for each in self.tried if not each.commands)


class Conditions(Model):
    """What has to be known of a session beside its answers."""

    lines: tuple[TableLine, ...] = ()  # that were asked for
    sandbox: SandboxKind | None = None  # None: crash was not run
    sandbox_reason: str = ""  # why not bubblewrap
    rung: Rung | None = None
    debuginfo: Debuginfo | None = None  # that crash opened the dump with
    problems: tuple[Problem, ...] = ()
