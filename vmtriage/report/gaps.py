"""What is known, looked for in vain, not looked for, or not to be trusted: never look alike."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from vmtriage.models.evidence import CommandStatus, Part, Problem
from vmtriage.models.report import Report

Kind = Literal["known", "none", "not_checked", "unreadable"]


@dataclass(frozen=True)
class Fact:
    """How far a part of the report is known. `why` is the reason for a gap."""

    kind: Kind
    title: str
    why: str = ""
    doubts: tuple[str, ...] = ()  # why it must not be trusted, even if known or none

    @property
    def known(self) -> bool:
        """Whether there is something to show."""
        return self.kind == "known"

    @property
    def lead(self) -> str:
        """The first words of a gap."""
        if self.kind == "none":
            return "Checked, but it proves nothing" if self.doubts else "Checked, none"
        return {"not_checked": "Not checked", "unreadable": "Could not be read"}.get(self.kind, "")

    @property
    def mark(self) -> str:
        """A sign for each state, so that they differ without colour too."""
        if self.kind == "none":
            return "?" if self.doubts else "\N{CHECK MARK}"
        return {"not_checked": "\N{WHITE CIRCLE}", "unreadable": "\N{BALLOT X}"}.get(self.kind, "")


# What each part of the report is read from; None: no Part names it.
_SOURCES: Mapping[str, tuple[str, Part | None, tuple[str, ...]]] = {
    "system": ("System", Part.SYSTEM, ("sys",)),
    "panic_task": ("Panic task", Part.PANIC_TASK, ("set", "sys", "bt")),
    "backtraces": ("Stack", Part.BACKTRACES, ("bt",)),
    "run_queues": ("Run queues", Part.RUN_QUEUES, ("runq -g",)),
    "throttled": ("Throttled groups", Part.THROTTLED, ("runq -g",)),
    "clock_lag": ("Clock lag", Part.CLOCK_LAG, ("runq -t",)),
    "memory": ("Memory", Part.MEMORY, ("kmem -i",)),
    "top_slabs": ("Largest slab caches", Part.SLABS, ("kmem -s",)),
    "modules": ("Tainting modules", Part.MODULES, ("mod -t", "mod")),
    "incidents": ("Incidents in the log", Part.INCIDENTS, ("log",)),
    "signatures": ("Known bug", Part.SIGNATURES, ()),
    "culprit": ("Culprit", Part.CULPRIT, ()),
    "verdict": ("Verdict", Part.VERDICT, ()),
    "function": ("Guilty function", Part.FUNCTION, ("bt", "log")),
}

# What the further questions brought: field of the report -> its title and step of the plan.
_ASKED: Mapping[str, tuple[str, str]] = {
    "who": ("Who is who", "who"),
    "blocked": ("Blocked tasks", "blocked"),
    "waits": ("Who waits for whom", "waits"),
    "bandwidth": ("CPU quotas", "bandwidth"),
    "slab_users": ("Who allocated from the largest slab cache", "users"),
    "fault_site": ("What the instruction did", "instruction"),
}

PART_NAMES: Mapping[Part, str] = {
    Part.TASKS: "list of tasks",
    Part.SYSTEM: "system facts",
    Part.SIGNATURES: "known bug",
    **{part: title.lower() for title, part, _ in _SOURCES.values() if part is not None}
    | {Part.SYSTEM: "system facts", Part.SLABS: "slab caches", Part.INCIDENTS: "log incidents"},
}


def _is(command: str | None, wanted: Iterable[str]) -> bool:
    return command is not None and any(command == w or command.startswith(w + " ") for w in wanted)


def _missing(
    report: Report, title: str, part: Part | None, commands: tuple[str, ...]
) -> tuple[Kind, str, str]:
    by_command = [p.message for p in report.problems if _is(p.command, commands)]
    by_part = [p.message for p in report.problems if part is not None and part in p.unsafe]
    runs = [r for r in report.commands if _is(r.command, commands)]
    tried = [r for r in runs if r.status is not CommandStatus.NOT_RUN]
    reasons = [r.reason for r in tried or runs if r.reason]
    why = next(iter(by_command + reasons + by_part), "")
    if tried or by_command:
        return "unreadable", title, why or "crash gave no usable answer"
    return "not_checked", title, why or "the command was not part of this run"


def fact(report: Report, key: str) -> Fact:
    """How far `key`, a field of the report, is known."""
    title, part, commands = _SOURCES[key]
    value = getattr(report, key)
    if value is None:
        return Fact(*_missing(report, title, part, commands))
    doubts = tuple(p.message for p in report.problems if part is not None and part in p.unsafe)
    return Fact("known" if value != () else "none", title, "", doubts)


def asked(report: Report, key: str) -> Fact:
    """How far `key` is known, a field that a step of the class's plan fills."""
    title, step = _ASKED[key]
    value = getattr(report, key)
    if value is not None:
        return Fact("known" if value != () else "none", title)
    went = next((each for each in report.inquiries if each.step == step), None)
    if went is None:
        return Fact("not_checked", title, "this kind of crash does not ask for it")
    kind: Kind = "not_checked" if went.status == "skipped" else "unreadable"
    return Fact(kind, title, went.reason or "the dump does not hold what was asked for")


def facts(report: Report) -> dict[str, Fact]:
    """The state of every part, by field name."""
    return {key: fact(report, key) for key in _SOURCES} | {
        key: asked(report, key) for key in _ASKED
    }


def unsafe(report: Report) -> tuple[str, ...]:
    """Names of the parts not to be trusted, in the order of the report."""
    spoiled = {part for problem in report.problems for part in problem.unsafe}
    return tuple(PART_NAMES[part] for part in Part if part in spoiled)


def by_weight(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Those that spoil something first."""
    return tuple(sorted(problems, key=lambda p: not p.unsafe))
