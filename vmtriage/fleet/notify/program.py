"""A program that is run with the notice on standard input. Never by a shell."""

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from vmtriage.fleet.notify.base import PROBLEM_EVENTS, Later, Past, Refused
from vmtriage.models.notice import Notice, NoticeEvent

_TRY_AGAIN = 75  # EX_TEMPFAIL of sysexits(3)


def run(command: Sequence[str], data: bytes, timeout_s: float) -> None:
    """NotTold on any exit status but 0; killed with its children when too slow."""
    try:
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=2, start_new_session=True)
    except OSError as error:
        raise Refused(f"cannot run {command[0]}: {error.strerror}") from error
    try:
        child.communicate(data, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        raise Later(f"killed after {timeout_s:g} s", unsure=True) from None
    if child.returncode < 0:
        raise Later(f"killed by {signal.Signals(-child.returncode).name}", unsure=True)
    if child.returncode == _TRY_AGAIN:
        raise Later(f"exit status {_TRY_AGAIN}")
    if child.returncode:
        raise Refused(f"exit status {child.returncode}", everything=False)


@dataclass(frozen=True)
class Program:
    """The notice as one line of JSON; its id is the same when it is told again after a kill."""

    name: str
    command: Sequence[str]
    timeout_s: float
    wants: Sequence[NoticeEvent] = PROBLEM_EVENTS
    asks_first: bool = False

    def tell(self, notice: Notice, past: Past) -> None:  # noqa: ARG002
        """Exit status 75 asks to be run later; any other but 0 too, an hour later."""
        run(self.command, notice.model_dump_json().encode() + b"\n", self.timeout_s)

    def preview(self, notice: Notice) -> str:
        """The command and its standard input."""
        return f"{self.name}: run {' '.join(self.command)}\n\n{notice.model_dump_json(indent=1)}\n"
