"""The life of one crash process on a pty: start, wait under watch, Ctrl-C, end.

Only this file knows pexpect.
"""

import contextlib
import os
import re
import signal
import time
from collections.abc import Callable, Iterable, Sequence
from enum import Enum, auto
from pathlib import Path

import pexpect

from vmtriage.session.child import environment, plain
from vmtriage.session.limits import Limits, family_of, orphans_of

_LOOK_S = 0.25  # how often a busy child is looked at
_ORPHANS_S = 2.0  # how long those are hunted that left for a session of their own


class Waited(Enum):
    """How waiting for the child's words ended."""

    FOUND = auto()
    LATE = auto()
    DEAD = auto()
    OVER = auto()  # a limit of all of crash, see `why`: it has to be killed
    FLOOD = auto()  # the caller's own limit, see `why`: Ctrl-C may do


class CrashProcess:
    """One child. `command` are the sandbox's words and crash's own."""

    def __init__(
        self, command: Sequence[str], scratch: Path, limits: Limits, sandboxed: bool
    ) -> None:
        self._scratch, self._limits, self._sandboxed = scratch, limits, sandboxed
        self.why = ""
        self._child = pexpect.spawn(
            command[0],
            list(command[1:]),
            cwd=str(scratch),
            env=environment(scratch),
            echo=False,
            encoding="utf-8",
            codec_errors="backslashreplace",
            maxread=65536,
            dimensions=(50, 500),
            preexec_fn=limits.before_exec(deaf=sandboxed),
        )
        self._child.delaybeforesend = self._child.delayafterread = None  # crash needs no naps

    @property
    def pid(self) -> int:
        """Of the first process; it leads the session and the process group."""
        assert self._child.pid is not None
        return self._child.pid

    @property
    def said(self) -> str:
        """The terminal's text before what was waited for, made plain."""
        return plain(self._child.before or "")

    def type(self, text: str) -> None:
        """Types lines; a dead child is noticed by the next wait."""
        with contextlib.suppress(OSError):
            self._child.send(text)

    def interrupt(self) -> None:
        """Ctrl-C."""
        with contextlib.suppress(OSError):
            self._child.sendintr()

    def wait_for(
        self, wanted: str | re.Pattern[str], timeout_s: float,
        watch: Callable[[], str] | None = None,
    ) -> Waited:  # fmt: skip
        """Waits until the terminal shows the text or pattern. watch: a limit of the caller's."""
        deadline = time.monotonic() + timeout_s
        while True:
            left = deadline - time.monotonic()
            wait = max(0.0, min(left, _LOOK_S))
            try:
                if isinstance(wanted, str):
                    self._child.expect_exact([wanted], timeout=wait)
                else:
                    self._child.expect([wanted], timeout=wait)
            except pexpect.EOF:
                return Waited.DEAD
            except pexpect.TIMEOUT:
                console = len(self._child.before or "")
                self.why = self._limits.overrun(self.pid, console)
                if self.why:
                    return Waited.OVER
                self.why = watch() if watch else ""
                if self.why:
                    return Waited.FLOOD
                if left <= _LOOK_S:
                    return Waited.LATE
            else:
                return Waited.FOUND

    def ended(self) -> tuple[int | None, int | None]:
        """Exit code and signal of a child that is dead; bubblewrap tells a signal as 128 more."""
        with contextlib.suppress(pexpect.ExceptionPexpect, OSError):
            self._child.wait()
        code, by = self._child.exitstatus, self._child.signalstatus
        if self._sandboxed and code is not None and 128 < code <= 128 + signal.SIGRTMAX:
            return None, code - 128
        return code, by

    def kill(self) -> None:
        """Ends the child and whatever it started, for good."""
        family = tuple(family_of(self.pid))
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        _end(family[1:])
        until = time.monotonic() + _ORPHANS_S
        # one may have been born while we looked
        while not self._sandboxed and (left := tuple(orphans_of(self._scratch))):
            _end(left)
            if time.monotonic() > until:
                break
            time.sleep(0.01)
        # Both layers of pexpect sleep at the end to be kind to a child; this one is dead already.
        for layer in (self._child, getattr(self._child, "ptyproc", None)):
            for nap in ("delayafterclose", "delayafterterminate"):
                setattr(layer, nap, 0.0)
        with contextlib.suppress(pexpect.ExceptionPexpect, OSError):
            self._child.wait()
        with contextlib.suppress(pexpect.ExceptionPexpect, OSError):
            self._child.close(force=True)


def _end(pids: Iterable[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
