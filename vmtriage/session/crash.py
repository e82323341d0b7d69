"""The live driver: crash(8) on a pty, one private directory, every answer in its own file.

Only this file knows pexpect. The rules of the house here:
- The end of a command is a random number that crash was asked to print, never a bare prompt.
- Output goes to a private file, so nothing inside a dump can end a read.
- HOME, cwd and rc files are private and empty: nothing beside a dump is ever run.
- A command out of time gets Ctrl-C, then the whole process group is killed, crash is started
  again, and the next command goes on.
"""

import contextlib
import os
import re
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pexpect

from vmtriage.errors import BadDump, SessionError
from vmtriage.models.evidence import CommandStatus
from vmtriage.session.base import CommandOutput, Progress, silent
from vmtriage.session.child import environment, last_words, limits, plain, version_of
from vmtriage.session.commands import CrashCommand
from vmtriage.session.startup import explain_failed_start

_INTERRUPT_GRACE_S = 5.0
_MAX_RESTARTS = 3


@dataclass(frozen=True)
class CrashTarget:
    """What to open, with what: crash's path, the namelist, the dump (or its split parts)."""

    crash: Path
    vmlinux: Path
    dump: Path
    debug: Path | None = None  # the vmlinux's debuginfo, where that is a file of its own
    start_timeout_s: float = 900.0
    time_factor: float = 1.0  # multiplies every command's own time

    @property
    def files(self) -> tuple[Path, ...]:
        """The files as crash wants them."""
        return (self.vmlinux, *([self.debug] if self.debug else []), self.dump)


class CrashSession:
    """One running crash. Use as a context manager; see session.base.Session."""

    def __init__(self, target: CrashTarget, progress: Progress = silent) -> None:
        self._target = target
        self._progress = progress
        self._scratch = Path(tempfile.mkdtemp(prefix="vmtriage-"))
        self._child: pexpect.spawn[str] | None = None
        self._serial = 0
        self._starts = 0
        self._startup = ""
        self._startup_s: float | None = None
        self._began = time.monotonic()
        self._ready = False
        try:
            self._spawn()
            self._version = version_of(target.crash, environment(self._scratch))
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
        self._wait_until_ready()
        return self._startup

    @property
    def startup_s(self) -> float | None:
        """Seconds until the first prompt; waits for it."""
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

    # -- the child -------------------------------------------------------------------------

    def _spawn(self) -> None:
        self._starts += 1
        self._ready = False
        self._began = time.monotonic()
        target = self._target
        self._child = pexpect.spawn(
            str(target.crash),
            ["-s", "--no_scroll", "--no_crashrc", *map(str, target.files)],
            cwd=str(self._scratch),
            env=environment(self._scratch),
            echo=False,
            encoding="utf-8",
            codec_errors="backslashreplace",
            maxread=65536,
            dimensions=(50, 500),
            preexec_fn=limits,
        )
        self._child.delaybeforesend = None

    def _wait_until_ready(self) -> None:
        if self._ready:
            return
        child = self._child
        assert child is not None
        self._progress("crash is reading the namelist and the dump")
        prompt = re.escape(self._target.crash.name) + "> "
        try:
            child.expect(
                [rf"(?:^|[\r\n]){prompt}", r"(?:^|[\r\n])crash> "],
                timeout=self._target.start_timeout_s,
            )
        except pexpect.EOF:
            text = plain(child.before or "")
            child.wait()
            if not text and not child.signalstatus:
                target = self._target
                private = environment(self._scratch)
                text = last_words(target.crash, target.files, private)
            raise explain_failed_start(
                text, child.exitstatus, child.signalstatus, self._target.dump, self._target.vmlinux
            ) from None
        except pexpect.TIMEOUT:
            self._kill()
            raise SessionError(
                f"crash gave no prompt within {self._target.start_timeout_s:.0f} s",
                next_step="is the share with the dump slow? raise VMTRIAGE_START_TIMEOUT_S",
            ) from None
        self._ready = True
        if self._starts == 1:
            self._startup = plain(child.before or "")
            self._startup_s = time.monotonic() - self._began

    def _kill(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        # pexpect makes the child a session leader: its pid is the process group's.
        if child.pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
        # Both layers of pexpect sleep at the end to be kind to a child; this one is dead already.
        for layer in (child, getattr(child, "ptyproc", None)):
            for nap in ("delayafterclose", "delayafterterminate"):
                setattr(layer, nap, 0.0)
        with contextlib.suppress(pexpect.ExceptionPexpect, OSError):
            child.wait()
        with contextlib.suppress(pexpect.ExceptionPexpect, OSError):
            child.close(force=True)

    # -- one command -----------------------------------------------------------------------

    def _send(self, command: CrashCommand) -> "_Sent":
        """Types the command, after starting crash again where it died."""
        if self._child is None:
            if self._starts > _MAX_RESTARTS:
                return _Sent.never(command, "crash died too often; not started again")
            self._progress(f"starting crash again for {command.text}")
            self._spawn()
        try:
            self._wait_until_ready()
        except (SessionError, BadDump) as error:
            self._kill()
            if self._starts == 1:
                raise
            return _Sent.never(command, error.message)
        self._serial += 1
        out = self._scratch / f"out-{self._serial}"
        nonce = f"{secrets.randbits(60) | 1 << 59:x}"
        child = self._child
        assert child is not None
        self._progress(command.text)
        with contextlib.suppress(OSError):
            child.send(f"{command.text} > {out.name}\neval 0x{nonce}\n")
        return _Sent(command, out, f"hexadecimal: {nonce}", time.monotonic())

    def _receive(self, sent: "_Sent") -> CommandOutput:
        if sent.failed:
            return CommandOutput(
                sent.command.text, "", CommandStatus.NOT_RUN, 0.0, reason=sent.failed
            )
        child = self._child
        assert child is not None
        status, reason = CommandStatus.OK, ""
        limit = sent.command.timeout_s * self._target.time_factor
        try:
            child.expect_exact(sent.marker, timeout=limit)
        except pexpect.TIMEOUT:
            status, reason = CommandStatus.TIMEOUT, f"no answer within {limit:.0f} s"
            if not self._interrupt(sent.marker):
                self._kill()
        except pexpect.EOF:
            status, reason = CommandStatus.FAILED, self._obituary()
            self._kill()
        console = plain(child.before or "")
        text = sent.out.read_text("utf-8", "backslashreplace") if sent.out.exists() else ""
        sent.out.unlink(missing_ok=True)
        seconds = time.monotonic() - sent.at
        return CommandOutput(sent.command.text, text, status, seconds, console, reason)

    def _interrupt(self, marker: str) -> bool:
        """Ctrl-C; True when crash is back. The marker typed ahead may have been flushed."""
        child = self._child
        assert child is not None
        with contextlib.suppress(OSError):
            child.sendintr()
            child.send(f"eval 0x{marker.rpartition(' ')[2]}\n")
        try:
            child.expect_exact(marker, timeout=_INTERRUPT_GRACE_S)
        except (pexpect.TIMEOUT, pexpect.EOF):
            return False
        return True

    def _obituary(self) -> str:
        child = self._child
        assert child is not None
        with contextlib.suppress(pexpect.ExceptionPexpect, OSError):
            child.wait()
        if child.signalstatus:
            return f"crash was killed by {signal.Signals(child.signalstatus).name}"
        return f"crash ended with exit code {child.exitstatus}"


@dataclass(frozen=True)
class _Sent:
    """A command that was typed, and the text that will mark its end."""

    command: CrashCommand
    out: Path
    marker: str
    at: float
    failed: str = ""

    @classmethod
    def never(cls, command: CrashCommand, why: str) -> "_Sent":
        return cls(command, Path(), "", 0.0, why)
