"""Whom to tell what: the file of `--notify`, checked before anything is listened to.

notify:
  - {hosts: ["test-*"], drop: true}
  - {severities: [panic], exec: [/usr/local/bin/page-somebody]}
  - {nagios: /var/lib/nagios3/rw/nagios.cmd, service: kernel}
"""

from pathlib import Path
from typing import Annotated, Protocol, Self

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from vmtriage.analysis.signatures import line_of
from vmtriage.errors import BadConfig
from vmtriage.fleet.notify.conditions import GRAVE, Conditions, Subject, listed
from vmtriage.models.base import Model
from vmtriage.models.event import Event, EventKind

__all__ = ["GRAVE", "Chooser", "Rule", "Rules", "read"]

_TARGETS = ("exec", "nagios", "webhook", "stdout", "drop")


class Rule(Conditions):
    """Conditions, which all have to hold (an empty one does), and one target."""

    kinds: Annotated[tuple[EventKind, ...], BeforeValidator(listed)] = ()

    exec: tuple[str, ...] | None = None  # program and arguments; the event is its standard input
    nagios: Path | None = None  # the command file
    webhook: str | None = None  # an address for HTTP POST
    stdout: bool = False  # one line of JSON
    drop: bool = False  # no rule below sees the event

    service: str = Field("kernel", pattern=r"^[^;\n]{1,100}$")  # of nagios
    timeout_s: float = Field(10.0, gt=0, le=600)  # of exec and webhook

    @field_validator("exec")
    @classmethod
    def _has_program(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value is not None and not (value and value[0]):
            raise ValueError("a list: the program and its arguments")
        return value

    @field_validator("webhook")
    @classmethod
    def _is_web(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError(f"{value!r} is no http or https address")
        return value

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        if len([name for name in _TARGETS if getattr(self, name)]) != 1:
            raise ValueError(f"a rule has exactly one of {', '.join(_TARGETS)}")
        return self

    def fits(self, event: Event) -> bool:
        """Does this rule speak of this event?"""
        if self.kinds and event.kind not in self.kinds:
            return False
        return self.hold(subject_of(event))


def subject_of(event: Event) -> Subject:
    """What conditions look at."""
    return Subject(
        (event.host, event.address), event.crash_class, event.severity, event.signatures,
        f"{event.title}\n{event.line}",
    )  # fmt: skip


class Chooser(Protocol):
    """Whom an event is for, by numbers of notifiers."""

    def chosen(self, event: Event) -> list[int]:
        """Those that get the event."""


class Rules(Model):
    """The file. Every rule that fits is told, in order, until one drops the event."""

    notify: Annotated[tuple[Rule, ...], Field(min_length=1)]

    def chosen(self, event: Event) -> list[int]:
        """The numbers of the rules that get the event."""
        found = []
        for number, rule in enumerate(self.notify):
            if rule.fits(event):
                if rule.drop:
                    break
                found.append(number)
        return found


def read(path: Path) -> Rules:
    """The rules of a file; BadConfig names file, line and what is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
        data = YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _bad(path, mark.line + 1 if mark else 1, error.problem or "no YAML") from error
    except (OSError, UnicodeDecodeError, YAMLError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise BadConfig(f"{path}: {reason}", next_step="see --notify") from error
    try:
        return Rules.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(step) for step in first["loc"]) or "file"
        reason = first["msg"].removeprefix("Value error, ")
        raise _bad(path, line_of(text, first["loc"]), f"{name}: {reason}") from error


def _bad(path: Path, line: int, reason: str) -> BadConfig:
    return BadConfig(
        f"{path}:{line}: {reason}",
        next_step="check it with: vmtriage listen --check-config FILE; keys are told in README.md",
    )
