"""The ways to open a dump, best first: what one cannot, the next does with less.

normal -> --zero_excluded -> --minimal -> the kernel log alone -> the header alone. A rung that does
not hold is told with its reason, and what the one that does takes from the report as well.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vmtriage.analysis.rungs import problem_of
from vmtriage.errors import NoDebuginfo, NoInput, NoPrompt, TriageError
from vmtriage.models.conditions import Conditions, Rung, RungName, Tried
from vmtriage.models.dump import Debuginfo
from vmtriage.models.evidence import CommandStatus
from vmtriage.pipeline.moving import Moving
from vmtriage.session.base import CommandOutput, Session, not_run
from vmtriage.session.commands import LOG, CrashCommand
from vmtriage.session.sandbox import Sandbox
from vmtriage.session.transcript import TranscriptSession

_NO_CRASH = "crash could not open this dump"
_NOT_TRIED = "crash was not run on this dump"
_MINIMAL = ("log", "dis ", "rd ", "sym ")  # what crash's minimal mode answers
_NOT_MINIMAL = "crash opened this dump in its minimal mode only"
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


@dataclass(frozen=True)
class FoundLog:
    """A kernel log had without crash, and whence."""

    text: str
    source: str


class Ladder:
    """A session that goes on with the best rung that holds; see session.base.Session."""

    def __init__(
        self,
        ways: Sequence[Way],
        dump: Path,
        find_log: Callable[[], FoundLog | None],
        sandbox: Sandbox | None = None,
        failed: TriageError | None = None,
        instead: Sequence[Way] = (),
        at_end: Callable[[], None] = lambda: None,
    ) -> None:
        """failed: why no rung of crash's can be tried at all. instead: the ways to go on where
        crash refuses the slim namelist. at_end: called when the session is closed."""
        self._ways, self._instead, self._moving = list(ways), list(instead), Moving(dump)
        self._at_end = at_end
        self._debuginfo: Debuginfo | None = None
        self._slim = False
        self._find_log = find_log
        self._sandbox = sandbox
        self._tried: list[Tried] = []
        self._exit_code = 0
        self._log_from: str | None = None
        self._version: str | None = None
        self._rung: RungName = "normal"
        self._stands = False
        if failed is None:
            self._session = self._next()
        else:
            self._note(failed)
            self._session = self._without_crash()

    @property
    def crash_version(self) -> str | None:
        """Of the crash that was tried last."""
        return self._session.crash_version or self._version

    @property
    def startup(self) -> str:
        """What crash said on the rung that holds; waits for it."""
        return self._standing().startup

    @property
    def startup_s(self) -> float | None:
        """How long that rung took; None below crash's rungs."""
        return self._standing().startup_s

    def run(self, commands: Sequence[CrashCommand]) -> Iterator[CommandOutput]:
        """The answers in order. A log that crash cannot give is looked for elsewhere."""
        session = self._standing()
        minimal = self._rung == "minimal"
        asked = [each for each in commands if not minimal or each.text.startswith(_MINIMAL)]
        answers = session.run(asked)
        for command in commands:
            if minimal and not command.text.startswith(_MINIMAL):
                yield not_run(command, _NOT_MINIMAL)
                continue
            output = next(answers)
            yield self._log(output) if command.text == LOG.text else output

    def close(self) -> None:
        """Ends the session."""
        self._session.close()
        self._at_end()

    @property
    def conditions(self) -> Conditions:
        """How it went, so far."""
        tried = tuple(self._tried)
        rung = Rung(
            name=self._rung, reason=tried[-1].reason if tried else "", tried=tried,
            log_from=self._log_from, exit_code=self._exit_code if self._rung == "header" else 0,
        )  # fmt: skip
        problems = (*problem_of(rung), *self._moving.problems())
        return Conditions(
            sandbox=self._sandbox.kind if self._sandbox else None,
            sandbox_reason=self._sandbox.reason if self._sandbox else "",
            rung=rung, debuginfo=self._debuginfo, problems=problems,
        )  # fmt: skip

    # -- going down ------------------------------------------------------------------------

    def _standing(self) -> Session:
        while not self._stands:
            try:
                _ = self._session.startup_s  # waits for crash's first prompt
                self._stands = True
            except TriageError as error:
                self._session.close()
                if isinstance(error, NoInput) and not isinstance(error, NoDebuginfo):
                    raise
                self._version = self._session.crash_version
                self._note(error)
                if isinstance(error, NoDebuginfo) and self._slim:
                    self._ways, self._instead = self._instead, []
                else:
                    self._ways = [way for way in self._ways if _may_help(way, error)]
                self._session = self._next()
        return self._session

    def _note(self, error: TriageError) -> None:
        self._exit_code = self._exit_code or error.exit_code
        reason, step = (" ".join(text.split()) for text in (error.message, error.next_step))
        told = Tried(rung=self._rung, slim=self._slim, reason=reason, next_step=step)
        self._tried.append(told)

    def _next(self) -> Session:
        while self._ways:
            way = self._ways.pop(0)
            started = way.open()
            if started is not None:
                self._rung, self._slim, self._debuginfo = way.name, way.slim, started.debuginfo
                return started.session
        return self._without_crash()

    def _without_crash(self) -> Session:
        self._stands, self._slim = True, False
        found = self._find_log()
        why = _NOT_TRIED if self._sandbox is None else _NO_CRASH
        if found is None:
            self._rung = "header"
            return TranscriptSession({}, why)
        self._rung, self._log_from = "log", found.source
        return TranscriptSession({LOG.text: found.text}, why)

    def _log(self, output: CommandOutput) -> CommandOutput:
        if self._log_from is not None or _is_log(output):
            return output
        found = self._find_log()
        if found is None and self._rung == "minimal":  # nothing is left of what it could tell
            words = output.reason or " ".join(output.text.split()[:20]) or "it is empty"
            reason = f"crash cannot read the kernel log: {words}"
            self._tried.append(Tried(rung="minimal", reason=reason))
            self._rung = "header"
        if found is None:
            return output
        self._log_from = found.source
        return CommandOutput(
            output.command, found.text, CommandStatus.OK, output.seconds, output.console
        )


def _may_help(way: Way, error: TriageError) -> bool:
    """Whether this rung can do better than the one that failed so; each costs a start of crash."""
    if isinstance(error, NoDebuginfo):
        return False
    if isinstance(error, NoPrompt):
        return way.name == "minimal"
    return way.name != "zero_excluded" or any(each in error.message for each in _LACKING)


def _is_log(output: CommandOutput) -> bool:
    """Whether a kernel log came, whole or in part, and not crash's excuses."""
    lines = (line.strip() for line in output.text.splitlines())
    return any(line and not line.startswith(("log:", "crash:", "WARNING:")) for line in lines)
