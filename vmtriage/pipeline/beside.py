"""The vmlinux beside a slim namelist: crash started on it once, for what that could not answer.

A slim namelist has the kernel's symbols and types; what it lacks is the types of variables that
nobody told it, symbols that kallsyms leaves out, and lines. Offsets and sizes are the same in both:
crash fills its table of them from either (`help -o`), so no command is asked again for those.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from vmtriage.errors import TriageError
from vmtriage.models.conditions import Tried
from vmtriage.models.evidence import CommandStatus, Problem
from vmtriage.pipeline.ways import Started
from vmtriage.session.base import CommandOutput, Fate
from vmtriage.session.commands import LOG, CrashCommand

# crash's own words (symbols.c, kernel.c, memory.c, task.c) where a symbol or a variable's type is
# missing. That it "cannot determine starting stack frame" is the dump's fault.
_LACKS = re.compile(
    r"^\w+: (?:cannot resolve:? |gdb request failed: |line numbers are not available"
    r"|cannot determine (?:size|type|root task_group)"
    r"|\w+ (?:doesn't|does not) exist in this kernel)",
    re.MULTILINE,
)


class Beside:
    """`open` starts crash on the vmlinux; None where none is at hand. It is called once at most."""

    def __init__(self, open: Callable[[], Started | None]) -> None:
        self._open = open
        self._opened = self._useless = False
        self._started: Started | None = None
        self._again: dict[str, str] = {}  # command -> why
        self._in_vain = ""

    def better(self, command: CrashCommand, output: CommandOutput) -> CommandOutput:
        """The vmlinux's answer, where the slim namelist's failed in a way that it may be to blame
        for; the same output where it did not, and where the vmlinux does no better."""
        why = _blame(output)
        if not why or command.small or command.text == LOG.text:
            return output
        try:
            started = self._get()
            again = next(iter(started.session.run([command])), None) if started else None
        except TriageError as error:
            self._give_up(command, why, " ".join(error.message.split()))
            return output
        if again is None:
            return output
        if again.status is not CommandStatus.OK or _blame(again):
            self._give_up(command, why, again.reason or "it fails there as well")
            return output
        self._again[command.text] = why
        return replace(again, reason=f"asked again with the vmlinux: {why}")

    def take(self) -> Started | None:
        """That crash, to go on with; from now on it is the caller's to close."""
        started = self._get()
        self._useless = True
        self._started = None
        return started

    def close(self) -> None:
        """Ends crash on the vmlinux, if it was started."""
        started, self._started = self._started, None
        self._useless = True
        if started is not None:
            started.session.close()

    def tried(self) -> Iterator[Tried]:
        """What the slim namelist did not answer."""
        if self._again:
            reason = next(iter(self._again.values()))
            yield Tried(rung="normal", slim=True, reason=reason, commands=tuple(self._again))

    def problems(self) -> Iterator[Problem]:
        """What was asked again, and how that went."""
        if self._again:
            told = "; ".join(f"{command} ({why})" for command, why in self._again.items())
            yield Problem(
                kind="asked_again",
                message=f"not answered with the slim namelist, but with the vmlinux: {told}",
            )
        if self._in_vain:
            yield Problem(kind="asked_again", message=self._in_vain)

    def _get(self) -> Started | None:
        if not self._opened:
            self._opened = True
            self._started = self._open()
        return None if self._useless else self._started

    def _give_up(self, command: CrashCommand, why: str, but: str) -> None:
        self._in_vain = f"{command.text} was asked again with the vmlinux ({why}), in vain: {but}"
        self.close()


def _blame(output: CommandOutput) -> str:
    """Why the namelist may be to blame for how the command ended; "" where it is not."""
    if output.fate is Fate.DIED:
        return output.reason
    lacks = _LACKS.search(output.text) or _LACKS.search(output.console)
    if lacks is None:
        return ""
    return lacks.string[lacks.start() :].splitlines()[0].strip()[:200]
