"""The ways to open a dump, best first: what one cannot, the next does with less.

normal -> --zero_excluded -> --minimal -> the kernel log alone -> the header alone. A rung that does
not hold is told with its reason, and what the one that does takes from the report as well. Where
crash dies too often in the middle, the commands that are left go down the same way.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from vmtriage.analysis.rungs import gave_up, problem_of
from vmtriage.errors import NoDebuginfo, NoInput, SessionError, TriageError
from vmtriage.models.conditions import Conditions, Rung, RungName, Tried
from vmtriage.models.dump import Debuginfo
from vmtriage.models.evidence import CommandStatus
from vmtriage.pipeline.beside import Beside
from vmtriage.pipeline.moving import Moving
from vmtriage.pipeline.ways import FoundLog, Way, answers, is_log
from vmtriage.session.base import CommandOutput, Fate, Session, not_run
from vmtriage.session.commands import LOG, CrashCommand
from vmtriage.session.sandbox import Sandbox
from vmtriage.session.transcript import TranscriptSession

_NO_CRASH = "crash could not open this dump"
_NOT_TRIED = "crash was not run on this dump"
_NOT_MINIMAL = "crash opened this dump in its minimal mode only"
_IN_MINIMAL = "its minimal mode does not tell this"
_NEWER = "try a newer crash with --crash"


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
        beside: Beside | None = None,
        at_end: Callable[[], None] = lambda: None,
    ) -> None:
        """failed: why no rung of crash's can be tried at all. instead: the ways to go on where
        crash refuses the slim namelist. beside: who is asked what that could not answer.
        at_end: called when the session is closed."""
        self._ways, self._instead, self._moving = list(ways), list(instead), Moving(dump)
        self._beside, self._at_end = beside, at_end
        self._debuginfo: Debuginfo | None = None
        self._slim = False
        self._find_log = find_log
        self._sandbox = sandbox
        self._tried: list[Tried] = []
        self._exit_code = 0
        self._log_from: str | None = None
        self._version: str | None = None
        self._rung: RungName = "normal"  # that it stands on now
        self._held: RungName | None = None  # that the first answers came from
        self._first: Session | None = None  # who gave those
        self._died: list[str] = []  # the commands crash died of on this rung
        self._left = self._why_left = ""  # the command that the former rung left behind
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
        return (self._first or self._standing()).startup

    @property
    def startup_s(self) -> float | None:
        """How long that rung took; None below crash's rungs."""
        return (self._first or self._standing()).startup_s

    def run(self, commands: Sequence[CrashCommand]) -> Iterator[CommandOutput]:
        """The answers in order, of the rung that holds. A log that crash cannot give is looked for
        elsewhere."""
        left = list(commands)
        while left:
            for output in self._ask(tuple(left)):
                if output.fate is Fate.GONE:
                    self._go_on(left[0], output.reason)
                    break
                yield self._settled(left.pop(0), output)

    def close(self) -> None:
        """Ends the session."""
        self._session.close()
        if self._beside is not None:
            self._beside.close()
        self._at_end()

    @property
    def conditions(self) -> Conditions:
        """How it went, so far."""
        name, beside = self._held or self._rung, self._beside
        tried = (*self._tried, *(beside.tried() if beside else ()))
        rung = Rung(
            name=name, tried=tried, log_from=self._log_from,
            exit_code=self._exit_code if name == "header" else 0,
        )  # fmt: skip
        if rung.refused:
            rung = rung.model_copy(update={"reason": rung.refused[-1].reason})
        problems = (
            *problem_of(rung), *gave_up(self._tried, self._rung),
            *(beside.problems() if beside else ()), *self._moving.problems(),
        )  # fmt: skip
        return Conditions(
            sandbox=self._sandbox.kind if self._sandbox else None,
            sandbox_reason=self._sandbox.reason if self._sandbox else "",
            rung=rung, debuginfo=self._debuginfo, problems=problems,
        )  # fmt: skip

    # -- one rung --------------------------------------------------------------------------

    def _ask(self, commands: Sequence[CrashCommand]) -> Iterator[CommandOutput]:
        session, rung = self._standing(), self._rung
        why = f"{self._why_left}; {_IN_MINIMAL}" if self._left else _NOT_MINIMAL
        got = session.run([each for each in commands if answers(rung, each)])
        for command in commands:
            yield next(got) if answers(rung, command) else not_run(command, why)

    def _settled(self, command: CrashCommand, output: CommandOutput) -> CommandOutput:
        """The answer that is handed on."""
        if self._first is None:
            self._held, self._first = self._rung, self._session
        if output.fate is Fate.DIED:
            self._died.append(command.text)
        if self._slim and self._beside is not None:
            output = self._beside.better(command, output)
        return self._log(output) if command.text == LOG.text else output

    # -- going down ------------------------------------------------------------------------

    def _go_on(self, command: CrashCommand, reason: str) -> None:
        """Another rung takes over, as crash will not be started again on this one."""
        session, rung, slim = self._session, self._rung, self._slim
        session.close()
        self._version = session.crash_version
        self._left, self._why_left = command.text, reason
        only = slim and self._beside is None  # the vmlinux takes longer than anybody may wait
        error = SessionError(reason)
        self._ways = [w for w in self._ways if w.may_help(error) and (w.slim or not only)]
        self._session, self._stands = self._next(), False
        step = "" if self._rung == "normal" else _NEWER
        self._tried.append(
            Tried(rung=rung, slim=slim, reason=reason, next_step=step, commands=(*self._died,
                  command.text))
        )  # fmt: skip
        self._died = []

    def _standing(self) -> Session:
        while not self._stands:
            try:
                _ = self._session.startup_s  # waits for crash's first prompt
                self._stands = True
            except TriageError as error:
                self._session.close()
                bad_input = isinstance(error, NoInput) and not isinstance(error, NoDebuginfo)
                if bad_input and not self._left:
                    raise
                self._version = self._session.crash_version
                self._note(error)
                if isinstance(error, NoDebuginfo) and self._slim:
                    self._ways, self._instead = self._instead, []
                else:
                    self._ways = [way for way in self._ways if way.may_help(error)]
                self._session = self._next()
        return self._session

    def _note(self, error: TriageError) -> None:
        self._exit_code = self._exit_code or error.exit_code
        reason, step = (" ".join(text.split()) for text in (error.message, error.next_step))
        told = Tried(rung=self._rung, slim=self._slim, reason=reason, next_step=step,
                     commands=(self._left,) if self._left else ())  # fmt: skip
        self._tried.append(told)

    def _next(self) -> Session:
        while self._ways:
            way = self._ways.pop(0)
            started = way.open()
            if started is not None:
                self._rung, self._slim = way.name, way.slim
                if self._first is None:
                    self._debuginfo = started.debuginfo
                return started.session
        return self._without_crash()

    def _without_crash(self) -> Session:
        self._stands, self._slim = True, False
        if self._left:
            self._rung = "log"  # it is looked for when it is asked for
            return TranscriptSession({}, self._why_left)
        found = self._find_log()
        why = _NOT_TRIED if self._sandbox is None else _NO_CRASH
        if found is None:
            self._rung = "header"
            return TranscriptSession({}, why)
        self._rung, self._log_from = "log", found.source
        return TranscriptSession({LOG.text: found.text}, why)

    def _log(self, output: CommandOutput) -> CommandOutput:
        if self._log_from is not None or is_log(output):
            return output
        found = self._find_log()
        if found is None and self._held == "minimal":  # nothing is left of what it could tell
            words = output.reason or " ".join(output.text.split()[:20]) or "it is empty"
            reason = f"crash cannot read the kernel log: {words}"
            self._tried.append(Tried(rung="minimal", reason=reason))
            self._held = self._rung = "header"
        if found is None:
            return output
        self._log_from = found.source
        return CommandOutput(
            output.command, found.text, CommandStatus.OK, output.seconds, output.console
        )
