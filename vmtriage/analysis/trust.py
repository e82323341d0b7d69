"""What crash said between the lines: which facts must not be trusted, and why.

crash goes on with exit code 0 when it is too old for a kernel, when pages are missing, when it
guesses at registers. Silence there would be a lie.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from vmtriage.models.backtrace import Backtrace
from vmtriage.models.evidence import Facts, Part, Problem
from vmtriage.models.finding import GuiltyFunction
from vmtriage.models.report import Culprit

_TASK_PARTS = (Part.TASKS, Part.RUN_QUEUES, Part.THROTTLED, Part.CULPRIT)
_EVERYTHING = tuple(Part)

# (words at start-up, kind, what it means, what it spoils)
_STARTUP: tuple[tuple[str, str, str, tuple[Part, ...]], ...] = (
    ("not found in PID hash", "tasks_lost",
     "this crash is too old for the dump's kernel and lost every task that was not running:"
     " empty run queues and short task lists prove nothing; use crash 8.0.4 or newer",
     _TASK_PARTS),
    ("kernel version inconsistency", "mismatch",
     "vmlinux and dump may be of different builds: everything below may be wrong", _EVERYTHING),
    ("may be truncated or incomplete", "truncated",
     "the dump is cut short: whatever lay behind the cut reads as missing", _EVERYTHING),
    ("cannot access vmalloc'd module memory", "no_modules",
     "module memory is unreadable: frames in modules carry no or wrong names",
     (Part.FUNCTION, Part.BACKTRACES)),
    ("no kernel module access", "no_modules",
     "module memory is unreadable: frames in modules carry no or wrong names",
     (Part.FUNCTION, Part.BACKTRACES)),
    ("panic task not found", "no_panic_task",
     "crash found no panic task: the stack shown is of whatever ran on the chosen CPU",
     (Part.PANIC_TASK, Part.FUNCTION, Part.BACKTRACES)),
    ("orc_entry structure has changed", "unwinder",
     "crash does not know this kernel's unwind tables: stacks are guessed",
     (Part.FUNCTION, Part.BACKTRACES)),
    ("log buf data structure(s) have changed", "log_format",
     "crash cannot read this kernel's log", (Part.INCIDENTS,)),
    ("slab", "slab_init", "crash could not set up the slab caches", (Part.SLABS, Part.MEMORY)),
)  # fmt: skip


_DOUBT = 0.7  # what is left of a score that rests on unsafe ground
# Commands whose answers stay good: what a lost task table, or a log alone, takes nothing from.
_FIRM: Mapping[str, tuple[str, ...]] = {
    "tasks_lost": ("log", "bt", "sys", "mod -t", "kmem", "rd", "sym", "dis", "p "),
    "log_only": ("log",),
    "zero_excluded": ("log",),
}


def weigh(facts: Facts, startup: str) -> Facts:
    """The facts with every reason for doubt added to `problems`."""
    problems = [
        *_of_startup(startup),
        *_of_counts(facts),
        *_of_queues(facts),
        *_of_dump(facts),
        *_of_stacks(facts),
    ]
    lost = any(problem.kind == "tasks_lost" for problem in problems)
    seen: set[tuple[str, str | None]] = set()
    kept = []
    for problem in (*facts.problems, *problems):
        key = (problem.kind, problem.command)
        if problem.kind in ("tasks_lost", "mismatch", "truncated", "bogus_frame") and key in seen:
            continue
        seen.add(key)
        kept.append(problem)
    return facts.model_copy(update={"problems": tuple(kept), "tasks_lost": lost})


def settle(
    suspects: Sequence[Culprit], problems: Sequence[Problem]
) -> tuple[tuple[Culprit, ...], tuple[Problem, ...]]:
    """Weighs the suspects against what is unsafe.

    One named by run queues whose lost tasks were read back stands on firm ground; any other that
    rests on unsafe parts is one step less sure.
    """
    recovered = any(problem.kind == "tasks_recovered" for problem in problems)
    firm = {id(each) for each in suspects if recovered and _by_queues(each)}
    weighed = [
        each.scored(each.score * _DOUBT)
        if id(each) not in firm and any(_spoils(problem, each) for problem in problems)
        else each
        for each in suspects
    ]
    if suspects and id(suspects[0]) in firm:
        safe = {Part.CULPRIT, Part.THROTTLED, Part.RUN_QUEUES}
        problems = tuple(
            problem.model_copy(
                update={"unsafe": tuple(part for part in problem.unsafe if part not in safe)}
            )
            if problem.kind == "tasks_lost"
            else problem
            for problem in problems
        )
    return tuple(sorted(weighed, key=lambda each: -each.score)), tuple(problems)


def _by_queues(culprit: Culprit) -> bool:
    return any(item.command == "runq -g" and item.line for item in culprit.evidence)


def _spoils(problem: Problem, culprit: Culprit) -> bool:
    """Whether the problem touches what this culprit was named by."""
    if Part.CULPRIT not in problem.unsafe:
        return False
    firm = _FIRM.get(problem.kind, ())
    return not all(item.command.startswith(firm) for item in culprit.evidence)


def cross_check(
    facts: Facts, stack: Backtrace | None, function: GuiltyFunction | None, reached: bool
) -> tuple[Problem, ...]:
    """Whether crash's stack shows the fault that the log shows."""
    if stack is None or function is None or reached or facts.log is None:
        return ()
    if any(item.command == "bt" for item in function.evidence):
        return ()
    return (
        Problem(
            command="bt", kind="stack_incomplete",
            message=f"crash's stack does not lead to {function.name}, where the kernel's own log"
            " says the CPU was: frames are missing or guessed; the log was believed",
            unsafe=(Part.BACKTRACES,),
        ),
    )  # fmt: skip


def _of_startup(startup: str) -> Iterator[Problem]:
    for line in startup.splitlines():
        text = line.strip()
        if not text:
            continue
        row = next((row for row in _STARTUP if row[0] in text), None)
        if row is not None:
            yield Problem(kind=row[1], message=f"{row[2]} (crash said: {text})", unsafe=row[3])
        elif re.match(r"(?:\w+: )?WARNING:", text):
            yield Problem(kind="startup_warning", message=f"crash said at its start: {text}")


def _of_counts(facts: Facts) -> Iterator[Problem]:
    """A recording without start-up text still shows it: no server has as few tasks as CPUs."""
    system = facts.system
    if system is None or system.tasks is None or not system.cpus:
        return
    if system.tasks <= system.cpus + (system.cpus_offline or 0) + 4:
        yield Problem(
            command="sys", kind="tasks_lost",
            message=f"crash knows {system.tasks} tasks on {system.cpus} CPUs: it lost every task"
            " that was not running; empty run queues and task lists prove nothing",
            unsafe=_TASK_PARTS,
        )  # fmt: skip


def _of_queues(facts: Facts) -> Iterator[Problem]:
    queues, system = facts.group_run_queues, facts.system
    if queues is None or system is None or system.cpus is None:
        return
    shown = len(queues.run_queues)
    if shown < system.cpus:
        yield Problem(
            command="runq -g", kind="cpus_missing",
            message=f"runq -g shows {shown} of {system.cpus} CPUs: what is said of run queues holds"
            " for these only",
        )  # fmt: skip


def _of_dump(facts: Facts) -> Iterator[Problem]:
    tags = facts.system.dump_tags if facts.system else ()
    if "INCOMPLETE" in tags:
        yield Problem(
            command="sys", kind="truncated", unsafe=_EVERYTHING,
            message="the dump is incomplete: it was cut while being written",
        )  # fmt: skip


def _of_stacks(facts: Facts) -> Iterator[Problem]:
    for command, stacks in (("bt", facts.panic_stack), ("bt -a", facts.cpu_stacks)):
        for stack in stacks.backtraces if stacks else ():
            if any(block.bogus for block in stack.exceptions):
                yield Problem(
                    command=command, kind="bogus_frame", message=_doubt(command, stack),
                    unsafe=(Part.BACKTRACES, Part.FUNCTION) if command == "bt" else
                    (Part.BACKTRACES,),
                )  # fmt: skip


def _doubt(command: str, stack: Backtrace) -> str:
    block = next(block for block in stack.exceptions if block.bogus)
    return (
        f"{command}, line {block.line}: crash doubts the registers it found on the stack of"
        f" {stack.comm} (CPU {stack.cpu}); frames below them may be guesses"
    )
