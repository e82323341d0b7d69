"""Asks the session every planned command and turns each answer into facts, whatever fails."""

from collections.abc import Mapping, Sequence

from vmtriage.analysis import trust
from vmtriage.errors import ParseError
from vmtriage.models.base import Model, Note, NoteKind
from vmtriage.models.evidence import CommandRun, CommandStatus, Facts, Part, Problem
from vmtriage.models.report import RawOutput
from vmtriage.models.system import PanicContext, SystemInfo
from vmtriage.parsers.table import parse
from vmtriage.session import commands as crash
from vmtriage.session.base import CommandOutput, Session
from vmtriage.session.commands import CrashCommand

# Which field of Facts a command fills, and which parts of the report hang on it.
_FILLS: Mapping[str, tuple[str, tuple[Part, ...]]] = {
    crash.SYS.text: ("system", (Part.SYSTEM, Part.VERDICT)),
    crash.SET.text: ("context", (Part.PANIC_TASK,)),
    crash.BT.text: ("panic_stack", (Part.BACKTRACES, Part.FUNCTION)),
    crash.BT_A.text: ("cpu_stacks", (Part.BACKTRACES,)),
    crash.LOG.text: ("log", (Part.INCIDENTS,)),
    crash.RUNQ_G.text: ("group_run_queues", (Part.RUN_QUEUES, Part.THROTTLED, Part.CULPRIT)),
    crash.RUNQ.text: ("run_queues", (Part.RUN_QUEUES,)),
    crash.RUNQ_T.text: ("clocks", (Part.CLOCK_LAG,)),
    crash.KMEM_I.text: ("memory", (Part.MEMORY,)),
    crash.KMEM_S.text: ("slabs", (Part.SLABS,)),
    crash.KMEM_V.text: ("vm_stat", (Part.MEMORY,)),
    crash.PS.text: ("tasks", (Part.TASKS,)),
    crash.PS_M.text: ("last_run", (Part.TASKS,)),
    crash.MOD_T.text: ("modules", (Part.MODULES,)),
}


class Collected(Model):
    """The facts and the words they were read from."""

    facts: Facts
    raw: tuple[RawOutput, ...]


def collect(session: Session, plan: Sequence[CrashCommand], keep_bytes: int) -> Collected:
    """Runs the plan. A command that fails becomes a problem; the rest of the plan goes on."""
    fields: dict[str, Model] = {}
    runs: list[CommandRun] = []
    problems: list[Problem] = []
    raw: list[RawOutput] = []
    for output in session.run(plan):
        field, parts = _FILLS[output.command]
        parsed, problem = _read(output, parts)
        if parsed is not None:
            fields[field] = parsed
        problems += [problem] if problem else []
        problems += _from_notes(output, parsed, parts)
        runs.append(_run_of(output, parsed))
        if output.text:
            kept = output.text[:keep_bytes]
            raw.append(
                RawOutput(command=output.command, text=kept, cut=len(output.text) - len(kept))
            )
    facts = _assemble(fields, runs, [*problems, *_not_run(runs)])
    return Collected(facts=trust.weigh(facts, session.startup), raw=tuple(raw))


def _read(output: CommandOutput, parts: tuple[Part, ...]) -> tuple[Model | None, Problem | None]:
    if output.status is CommandStatus.NOT_RUN:
        return None, None  # told once for all such commands
    if output.status in (CommandStatus.FAILED, CommandStatus.TIMEOUT):
        problem = Problem(
            command=output.command, kind=output.status.value,
            message=f"{output.command}: {output.reason or 'no answer'}", unsafe=parts,
        )  # fmt: skip
        if not output.text:
            return None, problem
    else:
        problem = None
    try:
        return parse(output.command, output.text), problem
    except ParseError as error:
        said = output.text.strip().splitlines() or output.console.strip().splitlines()
        message = f"{output.command}: {error.reason}" + (f"; crash said: {said[0]}" if said else "")
        return None, Problem(
            command=output.command, kind="unreadable", message=message, unsafe=parts
        )


def notes_of(parsed: Model | None) -> tuple[Note, ...]:
    """All notes a parser left, those of the single stacks included."""
    notes: tuple[Note, ...] = getattr(parsed, "notes", ())
    for stack in getattr(parsed, "backtraces", ()):
        notes += stack.notes
    return notes


def _from_notes(
    output: CommandOutput, parsed: Model | None, parts: tuple[Part, ...]
) -> list[Problem]:
    """One problem per kind of error line, not one per line: a flood says the same thing often."""
    notes = notes_of(parsed)
    problems = []
    for kind, name in ((NoteKind.ERROR, "command_error"), (NoteKind.UNKNOWN, "unknown_lines")):
        hits = [note for note in notes if note.kind is kind and note.text.strip()]
        if not hits:
            continue
        more = f" (and {len(hits) - 1} more lines like it)" if len(hits) > 1 else ""
        problems.append(
            Problem(
                command=output.command, kind=name,
                message=f"{output.command}, line {hits[0].line}: {hits[0].text.strip()}{more}",
                unsafe=parts,
            )
        )  # fmt: skip
    return problems


def _not_run(runs: Sequence[CommandRun]) -> list[Problem]:
    """What was never asked is unknown, not unsafe: one line for each reason."""
    reasons: dict[str, list[str]] = {}
    for run in runs:
        if run.status is CommandStatus.NOT_RUN:
            reasons.setdefault(run.reason, []).append(run.command)
    return [
        Problem(kind="not_run", message=f"not run: {', '.join(commands)} ({reason})")
        for reason, commands in reasons.items()
    ]


def _run_of(output: CommandOutput, parsed: Model | None) -> CommandRun:
    status = output.status
    if status is CommandStatus.OK and parsed is None:
        status = CommandStatus.FAILED
    elif status is CommandStatus.OK and any(
        note.kind is NoteKind.ERROR for note in notes_of(parsed)
    ):
        status = CommandStatus.ERRORS
    return recorded(output, status)


def recorded(output: CommandOutput, status: CommandStatus) -> CommandRun:
    """The record of one command that was put to the session."""
    return CommandRun(
        command=output.command, status=status, seconds=round(output.seconds, 3),
        bytes=len(output.text.encode("utf-8", "replace")), reason=output.reason,
    )  # fmt: skip


def _assemble(
    fields: dict[str, Model], runs: Sequence[CommandRun], problems: Sequence[Problem]
) -> Facts:
    context = fields.pop("context", None)
    system = fields.get("system")
    if isinstance(context, PanicContext):
        base = system if isinstance(system, SystemInfo) else SystemInfo()
        if base.context is None:
            fields["system"] = base.model_copy(update={"context": context})
    return Facts(runs=tuple(runs), problems=tuple(problems)).model_copy(update=dict(fields))
