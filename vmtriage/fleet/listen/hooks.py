"""The ways to tell an event: a program, Nagios or Icinga, a web address, standard output."""

import errno
import os
import signal
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from vmtriage import __version__
from vmtriage.fleet.listen.notifier import Notifier, NotifyFailed
from vmtriage.fleet.listen.rules import Rule
from vmtriage.models.event import Event
from vmtriage.models.finding import Severity
from vmtriage.report.safe import visible

_STATES: dict[Severity, int] = {"panic": 2, "serious": 2, "notable": 1, "noise": 0}
_STATE_NAMES = ("OK", "WARNING", "CRITICAL")
_RETRIES = 4
_LONGEST_LINE = 2000  # bytes; below PIPE_BUF a write is not mixed with another's


class Exec(Notifier):
    """Runs a program with the event on standard input. Never by a shell."""

    def __init__(self, command: Sequence[str], timeout_s: float) -> None:
        super().__init__(f"exec {command[0]}")
        self._command, self._timeout_s = list(command), timeout_s

    def deliver(self, event: Event) -> None:
        """NotifyFailed on any exit status but 0; killed with its children when too slow."""
        try:
            child = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=2, start_new_session=True
            )
        except OSError as error:
            raise NotifyFailed(f"cannot run {self._command[0]}: {error.strerror}") from error
        try:
            child.communicate(event.model_dump_json().encode() + b"\n", timeout=self._timeout_s)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            raise NotifyFailed(f"killed after {self._timeout_s:g} s") from None
        if child.returncode < 0:
            raise NotifyFailed(f"killed by {signal.Signals(-child.returncode).name}")
        if child.returncode:
            raise NotifyFailed(f"exit status {child.returncode}")


class Nagios(Notifier):
    """A passive check result per host, into the command file of Nagios, Icinga or Shinken."""

    def __init__(self, path: Path, service: str) -> None:
        super().__init__(f"nagios {path}")
        self._path, self._service = path, service

    def deliver(self, event: Event) -> None:
        """Waits for no reader; NotifyFailed if there is none for a few seconds."""
        for host in event.hosts or (event.host,):
            self._write(check_result(event, host, self._service))

    def _write(self, line: bytes) -> None:
        for attempt in range(_RETRIES):
            if attempt and self.ending.wait(1):
                break
            try:
                file = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK | os.O_APPEND)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise NotifyFailed(f"cannot open it: {error.strerror}") from error
                continue  # a pipe without a reader: Nagios restarts
            try:
                if os.write(file, line) == len(line):
                    return
            except BlockingIOError:
                continue  # the pipe is full
            except OSError as error:
                raise NotifyFailed(f"cannot write: {error.strerror}") from error
            finally:
                os.close(file)
            if not self._path.is_fifo():
                raise NotifyFailed("the file system is full")
        raise NotifyFailed("nobody reads the command file: is Nagios running?")


def check_result(event: Event, host: str, service: str) -> bytes:
    """The line of the external command; `;` and line breaks of strangers cannot forge another."""
    state = _STATES[event.severity]
    known = f" [{', '.join(event.signatures)}]" if event.signatures else ""
    output = f"{_STATE_NAMES[state]}: {event.title}{known}: {event.line}"
    safe = visible(output).replace("|", "/").replace(";", ",")
    name = visible(host).replace(";", "_")
    command = f"PROCESS_SERVICE_CHECK_RESULT;{name};{service};{state};{safe}"
    line = f"[{int(event.received.timestamp())}] {command}"
    return line.encode("utf-8", "replace")[:_LONGEST_LINE] + b"\n"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """A POST does not follow: the event goes where the rule says, or nowhere."""


class Webhook(Notifier):
    """HTTP POST of the event as JSON; tried again when the other side is down."""

    def __init__(self, address: str, timeout_s: float, pause_s: float = 1.0) -> None:
        # the path is often a secret, and the name goes to stderr
        super().__init__(f"webhook {urllib.parse.urlsplit(address).hostname}")
        self._address, self._timeout_s, self._pause_s = address, timeout_s, pause_s
        self._opener = urllib.request.build_opener(_NoRedirect)

    def deliver(self, event: Event) -> None:
        """Four attempts, 1, 2 and 4 s apart; a refusal (4xx but 429) is final."""
        request = urllib.request.Request(
            self._address, data=event.model_dump_json().encode(), method="POST",
            headers={"Content-Type": "application/json", "User-Agent": f"vmtriage/{__version__}"},
        )  # fmt: skip
        why = ""
        for attempt in range(_RETRIES):
            if attempt and self.ending.wait(self._pause_s * 2 ** (attempt - 1)):
                break
            try:
                with self._opener.open(request, timeout=self._timeout_s):
                    return
            except urllib.error.HTTPError as error:
                error.close()
                why = f"{error.code} {error.reason}"
                if error.code < 500 and error.code != 429:
                    break
            except (OSError, ValueError) as error:
                why = str(getattr(error, "reason", error))
        raise NotifyFailed(why)


class Stdout(Notifier):
    """One event a line, as JSON; not by way of sys.stdout, whose lock would outlive a full pipe."""

    def __init__(self, file: int = 1) -> None:
        super().__init__("stdout")
        self._file = file

    def deliver(self, event: Event) -> None:
        """Whoever reads a pipe reads it now."""
        left = event.model_dump_json().encode() + b"\n"
        try:
            while left:
                left = left[os.write(self._file, left) :]
        except OSError as error:
            raise NotifyFailed(str(error.strerror)) from error


def notifier(rule: Rule) -> Notifier:
    """The notifier a rule asks for."""
    if rule.exec is not None:
        return Exec(rule.exec, rule.timeout_s)
    if rule.nagios is not None:
        return Nagios(rule.nagios, rule.service)
    if rule.webhook is not None:
        return Webhook(rule.webhook, rule.timeout_s)
    return Stdout()
