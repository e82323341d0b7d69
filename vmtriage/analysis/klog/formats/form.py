"""What one message form is: how its first line looks and how to read what follows."""

from dataclasses import dataclass
from enum import Enum

from vmtriage.models.finding import CrashClass, Severity


class Blame(Enum):
    """Where the guilty function of a report stands."""

    FAULT = "the program counter, then the trace"
    TITLE = "the first line, then the program counter, then the trace"
    LOCK = "the place the lock was taken at, then the trace"
    ORDER = "the places the two locks were taken at, then every trace"
    CHAIN = "the place a lock became one that interrupts take"
    OWNER = "who asked for the page last, where that is told, else the first call trace"
    TRACE = "the first call trace"
    LOOP = "the frame below the loop the CPU was stuck in"
    WAIT = "the caller of what the task waits for"
    ALLOC = "the caller of the allocator"
    NOBODY = "no code is on trial"


@dataclass(frozen=True, slots=True)
class Format:
    """One message form. Named groups of the pattern fill the incident: cpu, pid, comm, fn, what,
    where, device.

    `has`: one of these literals is in every such line; they gate the pattern, which is RE2 and
    searched. A blank in either may be missing in the log: pages and mails swallow them.
    """

    id: str
    crash_class: CrashClass
    title: str  # `{what}` and other groups are filled in
    has: tuple[str, ...]
    pattern: str
    severity: Severity = "serious"
    blame: Blame = Blame.NOBODY
    body: int = 0  # lines that may follow; 0: the line is all there is
    tail: bool = False  # also stands at the end of a longer report of its class
    final: bool = False  # the kernel's last words: never part of another report
