"""Passive check results, written into the command file of Nagios, Icinga or Shinken."""

import errno
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from vmtriage.fleet.notify.base import PROBLEM_EVENTS, Later, Past, Refused
from vmtriage.fleet.notify.words import headline
from vmtriage.models.finding import Severity
from vmtriage.models.notice import Notice, NoticeEvent
from vmtriage.report.safe import visible

_STATES: dict[Severity, int] = {"panic": 2, "serious": 2, "notable": 1, "noise": 0}
_STATE_NAMES = ("OK", "WARNING", "CRITICAL")
_TRIES = 4
_LONGEST_LINE = 2000  # bytes; below PIPE_BUF a write is not mixed with another's


def result(host: str, service: str, severity: Severity, output: str, when: datetime) -> bytes:
    """The line of the external command; `;` and line breaks of strangers cannot forge another."""
    state = _STATES[severity]
    safe = visible(f"{_STATE_NAMES[state]}: {output}").replace("|", "/").replace(";", ",")
    name = visible(host).replace(";", "_")
    command = f"PROCESS_SERVICE_CHECK_RESULT;{name};{service};{state};{safe}"
    line = f"[{int(when.timestamp())}] {command}"
    return line.encode("utf-8", "replace")[:_LONGEST_LINE] + b"\n"


def write(path: Path, line: bytes, pause: Callable[[], bool]) -> None:
    """Into the pipe, without waiting for a reader but by `pause`, which says when to stop."""
    for attempt in range(_TRIES):
        if attempt and pause():
            break
        try:
            file = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_APPEND)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise Refused(f"cannot open it: {error.strerror}") from error
            continue  # a pipe without a reader: Nagios restarts
        try:
            if os.write(file, line) == len(line):
                return
        except BlockingIOError:
            continue  # the pipe is full
        except OSError as error:
            raise Later(f"cannot write: {error.strerror}") from error
        finally:
            os.close(file)
        if not path.is_fifo():
            raise Later("the file system is full")
    raise Later("nobody reads the command file: is Nagios running?")


@dataclass(frozen=True)
class Nagios:
    """One result for the notice's host, or for the one that is configured."""

    name: str
    path: Path
    service: str
    host: str | None = None
    wants: Sequence[NoticeEvent] = PROBLEM_EVENTS
    asks_first: bool = False

    def tell(self, notice: Notice, past: Past) -> None:  # noqa: ARG002
        """The same result twice does no harm."""
        write(self.path, self._line(notice), lambda: True)  # the next run tries again

    def _line(self, notice: Notice) -> bytes:
        known = f" [{', '.join(notice.signatures)}]" if notice.signatures else ""
        where = f" {notice.link}" if notice.link else ""
        output = f"{notice.title}{known}: {headline(notice)}{where}"
        host = self.host or notice.host
        return result(host, self.service, notice.severity, output, notice.when)

    def preview(self, notice: Notice) -> str:
        """The line."""
        return f"{self.name}: write into {self.path}\n\n{self._line(notice).decode()}"
