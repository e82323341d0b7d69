"""The live driver: crash(8) in its sandbox, one private directory, every answer in its own file.

The rules of the house here:
- The end of a command is a random number that crash was asked to print, never a bare prompt.
- Output goes to a private file, so nothing inside a dump can end a read.
- HOME, cwd and rc files are private and empty: nothing beside a dump is ever run.
- A command over its time or its bytes gets Ctrl-C; where that does not help, and where crash takes
  too much memory, it is killed with all it started, crash is started again, and the next command
  goes on, as long as the time for the whole analysis lasts.
"""

import re
import shlex
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vmtriage.errors import NoPrompt, SessionError, TriageError
from vmtriage.session.base import CommandOutput, Fate, Progress, not_run, silent
from vmtriage.session.child import last_words, version_of
from vmtriage.session.commands import CrashCommand
from vmtriage.session.exchange import OUT_OF_TIME, Exchange
from vmtriage.session.limits import Limits, default_memory_bytes
from vmtriage.session.process import CrashProcess, Waited
from vmtriage.session.sandbox import Sandbox
from vmtriage.session.startup import explain_failed_start

_MAX_RESTARTS = 3


@dataclass(frozen=True)
class CrashTarget:
    """What to open, with what: crash's path, the namelist, the dump; and within which bounds."""

    crash: Path
    vmlinux: Path
    dump: Path
    debug: Path | None = None  # the vmlinux's debuginfo, where that is a file of its own
    parts: tuple[Path, ...] = ()  # the others of a split dump
    start_timeout_s: float = 900.0
    version: str | None = None  # of crash; None: it is asked
    time_factor: float = 1.0  # multiplies every command's own time
    options: tuple[str, ...] = ()  # of crash: --zero_excluded, --minimal
    sandbox: Sandbox = field(default_factory=Sandbox)
    limits: Limits = field(default_factory=lambda: Limits(default_memory_bytes()))
    deadline: float = float("inf")  # of time.monotonic(), for all commands together
    remade_of: Path | None = None  # where the namelist goes with the session: what it is made of

    @property
    def files(self) -> tuple[Path, ...]:
        """The files as crash wants them."""
        return (self.vmlinux, *([self.debug] if self.debug else []), self.dump, *self.parts)

    @property
    def by_hand(self) -> str:
        """What a reader types to see crash fail."""
        dump = shlex.join(map(str, (self.dump, *self.parts)))
        if self.remade_of is None:
            return f"`crash -d1 {shlex.quote(str(self.vmlinux))} {dump}`"
        source = shlex.quote(str(self.remade_of))
        return f"`vmtriage namelist build {source} -o slim`, then `crash -d1 slim {dump}`"


class CrashSession:
    """One running crash. Use as a context manager; see session.base.Session."""

    def __init__(self, target: CrashTarget, progress: Progress = silent) -> None:
        self._target = target
        self._progress = progress
        self._scratch = Path(tempfile.mkdtemp(prefix="vmtriage-")).resolve()
        self._command = target.sandbox.command(target.crash, self._scratch, target.files)
        self._process: CrashProcess | None = None
        self._serial = 0
        self._starts = 0
        self._startup = ""
        self._startup_s: float | None = None
        self._began = time.monotonic()
        self._ready = False
        try:
            self._spawn()
            self._version = target.version or version_of(self._command, self._scratch)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "CrashSession":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def crash_version(self) -> str | None:
        """As `crash --version` says."""
        return self._version

    @property
    def startup(self) -> str:
        """Text before the first prompt of the first start; waits for it."""
        if self._startup_s is None:
            self._wait_until_ready()
        return self._startup

    @property
    def startup_s(self) -> float | None:
        """Seconds until the first prompt; waits for it."""
        if self._startup_s is None:
            self._wait_until_ready()
        return self._startup_s

    def run(self, commands: Sequence[CrashCommand]) -> Iterator[CommandOutput]:
        """The answers in order. crash works on the next command while the caller reads this one."""
        if not commands:
            return
        sent = self._send(commands[0])
        for following in (*commands[1:], None):
            output = self._receive(sent)
            if following is not None:
                sent = self._send(following)
            yield output

    def close(self) -> None:
        """Kills crash and its children, and removes the private directory."""
        self._kill()
        shutil.rmtree(self._scratch, ignore_errors=True)

    # -- starting and ending ---------------------------------------------------------------

    def _spawn(self) -> None:
        self._starts += 1
        self._ready = False
        self._began = time.monotonic()
        self._process = CrashProcess(
            [*self._command, *self._arguments("-s", "--no_scroll")],
            self._scratch, self._target.limits, self._target.sandbox.kind == "bubblewrap",
        )  # fmt: skip

    def _arguments(self, *more: str) -> list[str]:
        target = self._target
        return [*more, "--no_crashrc", *target.options, *map(str, target.files)]

    def _wait_until_ready(self) -> None:
        if self._ready:
            return
        target, process = self._target, self._process
        if process is None:
            raise SessionError("crash has ended", next_step="analyze the dump again")
        self._progress("crash is reading the namelist and the dump")
        names = {re.escape(path.name) for path in (target.crash, target.crash.resolve())}
        allowed = max(min(target.start_timeout_s, target.deadline - time.monotonic()), 0.0)
        prompt = re.compile(rf"(?:^|[\r\n])(?:{'|'.join(names)}|crash)> ")
        how = process.wait_for(prompt, allowed)
        if how is not Waited.FOUND:
            raise self._failed_start(process, how, allowed)
        self._ready = True
        if self._starts == 1:
            self._startup = process.said
            self._startup_s = time.monotonic() - self._began

    def _failed_start(self, process: CrashProcess, how: Waited, allowed: float) -> TriageError:
        target, text = self._target, process.said
        if how is Waited.DEAD:
            code, by = process.ended()
            if not text and not by:
                command = [*self._command, *self._arguments("-d1", "-s")]
                text = last_words(command, self._scratch, target.limits)
            return explain_failed_start(text, code, by, target.dump, target.by_hand)
        self._kill()
        if how is Waited.OVER:
            return SessionError(
                f"crash was stopped while opening {target.dump}: {process.why}",
                next_step="the dump may be damaged; where it is only large, raise"
                " VMTRIAGE_MEMORY_BYTES",
            )
        return NoPrompt(
            f"crash gave no prompt within {allowed:.0f} s",
            next_step="is the share with the dump slow? raise VMTRIAGE_START_TIMEOUT_S and"
            " VMTRIAGE_BUDGET_S",
        )

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()

    # -- one command -----------------------------------------------------------------------

    def _send(self, command: CrashCommand) -> Exchange | CommandOutput:
        """Types the command, after starting crash again where it died; or says why not."""
        if time.monotonic() >= self._target.deadline:
            return not_run(command, OUT_OF_TIME)
        if self._process is None:
            if self._starts > _MAX_RESTARTS:
                return not_run(command, "crash died too often; not started again", Fate.GONE)
            self._progress(f"starting crash again for {command.text}")
            self._spawn()
        try:
            self._wait_until_ready()
        except TriageError as error:
            self._kill()
            if self._starts == 1:
                raise
            self._starts = _MAX_RESTARTS + 1  # it would fail again
            return not_run(command, f"crash did not start again: {error.message}", Fate.GONE)
        self._serial += 1
        self._progress(command.text)
        assert self._process is not None
        return Exchange.begin(self._process, command, self._scratch / f"out-{self._serial}")

    def _receive(self, sent: Exchange | CommandOutput) -> CommandOutput:
        if isinstance(sent, CommandOutput):
            return sent
        target, command = self._target, sent.command
        output, alive = sent.finish(
            command.timeout_s * target.time_factor,
            target.deadline,
            lambda: target.limits.flood(self._scratch, command.max_bytes),
        )
        if not alive:
            self._kill()
        return output
