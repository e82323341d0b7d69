"""The ways of a rule to tell an event: a program, Nagios or Icinga, a web address, stdout."""

import os
from collections.abc import Sequence
from pathlib import Path

from vmtriage.fleet.listen.notifier import Notifier, NotifyFailed
from vmtriage.fleet.listen.rules import Rule
from vmtriage.fleet.notify import passive, program
from vmtriage.fleet.notify.base import Later
from vmtriage.fleet.notify.http import Http
from vmtriage.models.event import Event

_RETRIES = 4


class Exec(Notifier):
    """Runs a program with the event on standard input. Never by a shell."""

    def __init__(self, command: Sequence[str], timeout_s: float) -> None:
        super().__init__(f"exec {command[0]}")
        self._command, self._timeout_s = list(command), timeout_s

    def deliver(self, event: Event) -> None:
        """NotifyFailed on any exit status but 0; killed with its children when too slow."""
        program.run(self._command, event.model_dump_json().encode() + b"\n", self._timeout_s)


class Nagios(Notifier):
    """A passive check result per host, into the command file of Nagios, Icinga or Shinken."""

    def __init__(self, path: Path, service: str) -> None:
        super().__init__(f"nagios {path}")
        self._path, self._service = path, service

    def deliver(self, event: Event) -> None:
        """Waits for no reader; NotifyFailed if there is none for a few seconds."""
        for host in event.hosts or (event.host,):
            line = check_result(event, host, self._service)
            passive.write(self._path, line, lambda: self.ending.wait(1))


def check_result(event: Event, host: str, service: str) -> bytes:
    """The line of the external command; `;` and line breaks of strangers cannot forge another."""
    known = f" [{', '.join(event.signatures)}]" if event.signatures else ""
    output = f"{event.title}{known}: {event.line}"
    return passive.result(host, service, event.severity, output, event.received)


class Webhook(Notifier):
    """HTTP POST of the event as JSON; tried again when the other side is down."""

    def __init__(self, address: str, timeout_s: float, pause_s: float = 1.0) -> None:
        self._http, self._pause_s = Http(address, timeout_s=timeout_s), pause_s
        # the path is often a secret, and the name goes to stderr
        super().__init__(f"webhook {self._http.host}")

    def deliver(self, event: Event) -> None:
        """Four attempts, 1, 2 and 4 s apart; a refusal (4xx but 429) is final."""
        for attempt in range(_RETRIES):
            try:
                self._http.send("POST", "", event.model_dump(mode="json"))
                return
            except Later:
                last = attempt == _RETRIES - 1
                if last or self.ending.wait(self._pause_s * 2**attempt):
                    raise


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
