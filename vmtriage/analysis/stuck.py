"""Which CPUs made no progress, and who holds up RCU: by the log, else by the stacks.

Sources: kernel/watchdog.c, kernel/rcu/tree_stall.h (print_cpu_stall_info, rcu_print_task_stall).
"""

import re
from collections.abc import Iterator, Sequence

from vmtriage.analysis import plumbing
from vmtriage.analysis.classify import quote
from vmtriage.analysis.cpus import (
    entry_of,
    function_of,
    names_of,
    stacks_of,
    state_of,
)
from vmtriage.models.backtrace import Backtrace, Frame
from vmtriage.models.evidence import Evidence, Facts
from vmtriage.models.finding import CrashClass, Incident
from vmtriage.models.klog import LogRecord
from vmtriage.models.lockup import BlockedReader, StuckCpu

C = CrashClass

LOCKUPS = frozenset({C.HARD_LOCKUP, C.SOFT_LOCKUP, C.RCU_STALL, C.NMI})
_INTERRUPTS = ("hrtimer", "timer", "softirq", "interrupt")
# "rcu: 	3-...!: (1 GPs behind) idle=..." and before 4.19 without "rcu:"
_STALLED_CPU = re.compile(
    r"^(?:rcu:)?\s*(?P<cpu>\d{1,4})-[.!?OoNDdS#]{2,6}:? ?\("
    r"|detected stalls? on CPUs?(?:/tasks)?:? (?:\{ ?(?:P\d+ )*)?(?P<old>\d{1,4})\b"
)
_BLOCKED = re.compile(r"\bP(?P<pid>\d{1,8})(?:/\d+:\S+)?(?=\s|$)")
_BLOCKED_LINE = re.compile(
    r"Tasks blocked on level-\d+ rcu_node|^(?:rcu:)?\s+P\d+|detected stalls on CPUs/tasks: \{"
)
_MOST = 64


def stuck_cpus(
    facts: Facts, crash_class: CrashClass, incidents: Sequence[Incident]
) -> tuple[StuckCpu, ...]:
    """As the log names them; where it names none, the CPU in the bandwidth code."""
    stacks = {stack.cpu: stack for stack in stacks_of(facts) if stack.cpu is not None}
    named: dict[int, Evidence] = {}
    for incident in incidents:
        if incident.crash_class is not crash_class:
            continue
        if crash_class is C.RCU_STALL:
            for record, match in _matching(facts, incident, _STALLED_CPU):
                says = "this CPU holds up the grace period"
                named.setdefault(int(match["cpu"] or match["old"]), _line(record, says))
        if incident.cpu is not None and crash_class in (C.HARD_LOCKUP, C.SOFT_LOCKUP):
            says = "the CPU that did not get on, by the log"
            named.setdefault(incident.cpu, quote(incident, facts, says))
    if not named:  # an NMI that went to another CPU, or a log that is lost
        for cpu, stack in stacks.items():
            if frames := bandwidth_frames(stack):
                frame = frames[0]
                named[cpu] = Evidence(
                    command="bt -a" if facts.cpu_stacks else "bt", line=frame.line,
                    text=f"#{frame.level} {frame.function}",
                    says=f"CPU {cpu} was in the CFS bandwidth code",
                )  # fmt: skip
    return tuple(_stuck(cpu, stacks.get(cpu), said) for cpu, said in list(named.items())[:_MOST])


def _stuck(cpu: int, stack: Backtrace | None, said: Evidence) -> StuckCpu:
    if stack is None:
        return StuckCpu(cpu=cpu, evidence=(said,))
    names = names_of(stack)
    entry = entry_of(names)
    return StuckCpu(
        cpu=cpu, task=stack.task, pid=stack.pid, comm=stack.comm,
        state=state_of(stack), function=function_of(names) or (names[0] if names else None),
        entry=entry, interrupted=entry is not None and entry.kind in _INTERRUPTS,
        evidence=(said,),
    )  # fmt: skip


def blocked_readers(facts: Facts, incidents: Sequence[Incident]) -> tuple[BlockedReader, ...]:
    """Tasks that were preempted inside an RCU reader, by the log's P123."""
    by_pid = {task.pid: task for task in (facts.tasks.tasks if facts.tasks else ())}
    found: dict[int, BlockedReader] = {}
    for incident in incidents:
        if incident.crash_class is not C.RCU_STALL:
            continue
        for record, _ in _matching(facts, incident, _BLOCKED_LINE):
            for match in _BLOCKED.finditer(record.text):
                pid = int(match["pid"])
                task = by_pid.get(pid)
                found.setdefault(pid, BlockedReader(
                    pid=pid, comm=task.comm if task else None, task=task.task if task else None,
                    evidence=(_line(record, "this task holds up the grace period"),),
                ))  # fmt: skip
    return tuple(found.values())[:_MOST]


def bandwidth_frames(stack: Backtrace | None) -> list[Frame]:
    """Frames of the code that hands out CFS bandwidth."""
    frames = stack.frames if stack else ()
    return [f for f in frames if plumbing.base_name(f.function) in plumbing.BANDWIDTH]


def _matching(
    facts: Facts, incident: Incident, pattern: re.Pattern[str]
) -> Iterator[tuple[LogRecord, re.Match[str]]]:
    for record in facts.log.records if facts.log else ():
        if incident.first_line <= record.line <= incident.last_line and (
            match := pattern.search(record.text)
        ):
            yield record, match


def _line(record: LogRecord, says: str) -> Evidence:
    return Evidence(command="log", line=record.line, text=record.text.strip(), says=says)
