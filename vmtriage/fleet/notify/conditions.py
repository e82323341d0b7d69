"""Of what a rule speaks: one vocabulary for the rules of `listen` and the routes of `scan`."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import BeforeValidator, field_validator

from vmtriage.analysis.patterns import compile_error, compiled
from vmtriage.models.base import Model
from vmtriage.models.finding import CrashClass, Severity

GRAVE: tuple[Severity, ...] = ("panic", "serious")


def listed(value: object) -> object:
    """One word for a list of one."""
    return [value] if isinstance(value, str) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(listed)]


@dataclass(frozen=True, slots=True)
class Subject:
    """What conditions look at, of an event or a notice."""

    hosts: Sequence[str]  # names and addresses of the host
    crash_class: CrashClass
    severity: Severity
    signatures: Sequence[str]
    text: str  # title and first line


class Conditions(Model):
    """All have to hold; an empty one does."""

    hosts: Texts = ()  # shell patterns: name or address
    classes: Annotated[tuple[CrashClass, ...], BeforeValidator(listed)] = ()
    severities: Annotated[tuple[Severity, ...], BeforeValidator(listed)] = GRAVE
    signatures: Texts = ()  # ids, shell patterns
    match: str | None = None  # RE2, searched in title and first line

    @field_validator("match")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        if value is not None and (problem := compile_error(value)):
            raise ValueError(f"{value!r}: {problem}")
        return value

    def hold(self, subject: Subject) -> bool:
        """Is this what the rule speaks of?"""
        if subject.severity not in self.severities:
            return False
        if self.classes and subject.crash_class not in self.classes:
            return False
        if self.hosts and not any_fits(self.hosts, subject.hosts):
            return False
        if self.signatures and not any_fits(self.signatures, subject.signatures):
            return False
        return self.match is None or bool(compiled(self.match).search(subject.text))


def any_fits(patterns: Sequence[str], names: Sequence[str]) -> bool:
    """Whether one of the names fits one of the shell patterns."""
    return any(fnmatchcase(name, pattern) for pattern in patterns for name in names)
