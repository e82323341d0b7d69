"""Every error a user can meet: what went wrong, what to do next, and the exit code cron will see.

Exit codes follow sysexits(3); `retryable` is data, so that a fleet run never parses messages.
"""

import errno
from typing import ClassVar


class TriageError(Exception):
    """Base of all errors. `next_step` is the one thing the user can do about it."""

    exit_code: ClassVar[int] = 70  # EX_SOFTWARE: our bug
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.message}\n  {self.next_step}" if self.next_step else self.message


class BadDump(TriageError):
    """The input is no dump, or nothing in it can be read."""

    exit_code = 65  # EX_DATAERR


class ParseError(TriageError):
    """Output of a crash command that has nothing of the expected form."""

    exit_code = 65

    def __init__(self, command: str, reason: str, line: int = 0, text: str = "") -> None:
        where = f", line {line}: {text!r}" if line else ""
        super().__init__(
            f"cannot read the output of {command!r}: {reason}{where}",
            next_step="is this really the output of that command? see: vmtriage parse --help",
        )
        self.command, self.reason, self.line = command, reason, line


class NoInput(TriageError):
    """The dump, session directory or debuginfo is not there or cannot be opened."""

    exit_code = 66  # EX_NOINPUT


class ShareAway(NoInput):
    """A share or a file on it cannot be read now: stale, timed out, I/O error, no memory."""

    exit_code = 75  # EX_TEMPFAIL
    retryable = True


class CrashLeftOut(NoInput):
    """crash(8) was not run, on purpose; an error where there is no log either."""


class NoDebuginfo(NoInput):
    """No vmlinux with debuginfo belongs to this dump, or the one given does not."""


class SessionError(TriageError):
    """crash(8) is missing, did not start, or died."""

    exit_code = 69  # EX_UNAVAILABLE


class NoPrompt(SessionError):
    """crash(8) was still opening the dump when its time was over."""


class CannotListen(TriageError):
    """The address to listen on cannot be had."""

    exit_code = 69


class CannotWrite(TriageError):
    """A report could not be written: permission, no space, read-only."""

    exit_code = 75
    retryable = True


class BadSignature(TriageError):
    """A signature file breaks the rules of the knowledge base."""

    exit_code = 78  # EX_CONFIG


class BadSetting(TriageError):
    """An environment variable VMTRIAGE_... has a value that cannot be meant."""

    exit_code = 78


class BadConfig(TriageError):
    """A file that says whom to notify, or a name map, breaks its rules."""

    exit_code = 78


class StoreError(TriageError):
    """The store cannot be used: damaged, of a newer vmtriage, on a network filesystem."""

    exit_code = 78


class StoreBusy(StoreError):
    """The store cannot be reached now: locked, server down, no space."""

    exit_code = 75
    retryable = True


class ClaimLost(TriageError):
    """Somebody else has taken over the work: this result is not wanted any more."""

    exit_code = 75
    retryable = True


# What a share, a disk or a busy machine gets over by itself; everything else needs somebody.
PASSING = frozenset({
    errno.ESTALE, errno.EIO, errno.EREMOTEIO, errno.ETIMEDOUT, errno.ENOSPC, errno.EDQUOT,
    errno.EAGAIN, errno.EINTR, errno.EBUSY, errno.ETXTBSY, errno.ENOMEM, errno.ENOBUFS,
    errno.EMFILE, errno.ENFILE, errno.ENOLCK, errno.ENOTCONN, errno.ECONNREFUSED,
    errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE, errno.EHOSTDOWN, errno.EHOSTUNREACH,
    errno.ENETDOWN, errno.ENETUNREACH, errno.ESHUTDOWN, errno.EPROTO, errno.ENOLINK,
})  # fmt: skip


def passes(error: OSError) -> bool:
    """Whether trying again later may help. EACCES, ENOENT, EROFS ... do not pass by themselves."""
    return error.errno in PASSING


def unreadable(what: str, error: OSError) -> NoInput:
    """The error for something on a share that cannot be read: ShareAway where that may pass."""
    message = f"cannot read {what}: {error.strerror or error}"
    if passes(error):
        return ShareAway(message, next_step="it is tried again; if it stays, check the mount")
    return NoInput(message, next_step="check the path, and that you may read it")
