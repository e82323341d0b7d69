"""The whole job as one function: read this first.

dump -> header -> debuginfo -> session -> raw output -> models -> findings -> culprit -> report
"""

import time
from datetime import UTC, datetime

from vmtriage import __version__
from vmtriage.analysis.advice import next_time
from vmtriage.analysis.classify import cause, classify
from vmtriage.analysis.collect import collect
from vmtriage.analysis.containers import identify
from vmtriage.analysis.culprit import candidates
from vmtriage.analysis.fingerprint import fingerprint
from vmtriage.analysis.fromlog import with_log_facts
from vmtriage.analysis.function import (
    believed,
    guilty_function,
    panic_stack,
    reaches_the_fault,
)
from vmtriage.analysis.incidents import find as find_incidents
from vmtriage.analysis.inquiry.doubts import doubts
from vmtriage.analysis.inquiry.layout import LayoutCache, Learned
from vmtriage.analysis.inquiry.plans import inquire
from vmtriage.analysis.inquiry.scene import Reach, Scene
from vmtriage.analysis.knowledge import Knowledge
from vmtriage.analysis.lockholder import by_the_lock
from vmtriage.analysis.ready import get_ready
from vmtriage.analysis.recover import recover
from vmtriage.analysis.relevance import own_lines
from vmtriage.analysis.rungs import steps_of
from vmtriage.analysis.runqueues import cgroup_of, clock_lag, throttled
from vmtriage.analysis.suspects.case import Case
from vmtriage.analysis.system import system_facts, top_slabs
from vmtriage.analysis.trigger import find as find_trigger
from vmtriage.analysis.trust import cross_check, settle
from vmtriage.analysis.verdict import conclude
from vmtriage.models.answers import Answers
from vmtriage.models.backtrace import Backtrace
from vmtriage.models.dump import DumpInfo
from vmtriage.models.evidence import Facts
from vmtriage.models.finding import PanicTask
from vmtriage.models.report import ConfinedTool, Report, ReportIncident, Timing
from vmtriage.pipeline.opened import Opened
from vmtriage.session.commands import PLAN


def triage(opened: Opened, knowledge: Knowledge, keep_bytes: int) -> Report:
    """Everything vmtriage can say about one crash. Closing the session is the caller's."""
    session = opened.session
    get_ready()
    started = session.startup_s  # waits for crash's first prompt
    asked = time.monotonic()
    collected = collect(session, PLAN, keep_bytes)

    machine = collected.facts.system.machine if collected.facts.system else None
    build_id = opened.debuginfo.build_id if opened.debuginfo else None
    learned = Learned(opened.types, LayoutCache(opened.cache_dir, build_id))
    direct = opened.memory.read if opened.memory else None
    reach = Reach(session, machine, learned, direct, opened.module_files, opened.lines.of)
    facts = with_log_facts(recover(reach.desk, reach.memory, collected.facts))
    incidents = find_incidents(facts.log) if facts.log else ()
    classification = classify(facts, incidents)
    function = guilty_function(facts, classification, incidents)
    groups = throttled(facts)
    stack = panic_stack(facts)
    answers = inquire(
        Scene(facts, classification, function, incidents, groups, stack), reach, opened.quick
    )
    answered = time.monotonic()

    told, function = function, by_the_lock(function, classification, answers)
    task = panic_task(facts, answers)
    own = own_lines(cause(incidents, classification))
    seen = believed(facts, classification, incidents)
    matches = knowledge.match(seen, classification, function, groups or (), own)
    suspects = candidates(
        Case(
            facts=facts, classification=classification, function=function, throttled=groups,
            panic_task=task, stack=stack, incidents=incidents, answers=answers,
        )
    )  # fmt: skip
    good = panic_stack(seen)
    reached = good is not None and reaches_the_fault(good, classification.crash_class)
    unclear = (*cross_check(facts, stack, told, reached), *doubts(answers))
    conditions = opened.conditions()
    before = (*conditions.problems, *opened.problems)
    suspects, problems = settle(suspects, (*before, *facts.problems, *unclear))
    culprit = suspects[0] if suspects else None
    advice = next_time(facts, classification, incidents, culprit, answers)
    known = facts.model_copy(update={"problems": (*before, *facts.problems)})
    verdict = conclude(known, classification, function, matches, suspects, groups,
                       (*steps_of(conditions), *advice))  # fmt: skip
    done = time.monotonic()
    return Report(
        tool=ConfinedTool(
            version=__version__, crash_version=session.crash_version,
            signatures_revision=knowledge.revision,
            sandbox=conditions.sandbox, sandbox_reason=conditions.sandbox_reason,
        ),
        rung=conditions.rung,
        dump=_with_crash_time(opened, facts),
        debuginfo=conditions.debuginfo or opened.debuginfo,
        system=system_facts(facts),
        verdict=verdict,
        trigger=find_trigger(facts, incidents, stack, task),
        panic_task=task,
        function=function.name if function else None,
        module=function.module if function else None,
        alternatives=function.alternatives if function else (),
        function_evidence=function.evidence if function else (),
        source=answers.source if function == told else None,
        backtraces=_all_stacks(facts),
        run_queues=facts.group_run_queues.run_queues if facts.group_run_queues else None,
        throttled=groups,
        clock_lag=clock_lag(facts.clocks),
        memory=facts.memory,
        top_slabs=top_slabs(facts),
        modules=facts.modules.modules if facts.modules else None,
        incidents=tuple(map(ReportIncident.of, incidents)) if facts.log else None,
        signatures=matches,
        culprit=culprit,
        candidates=suspects[1:],
        fingerprint=fingerprint(facts, classification, told),
        problems=problems,
        blocked=answers.blocked,
        waits=answers.waits,
        who=answers.who,
        fault_site=answers.fault_site,
        bandwidth=answers.bandwidth,
        stuck=answers.stuck,
        cpu_groups=answers.cpu_groups,
        spinning=answers.spinning,
        blocked_readers=answers.blocked_readers,
        slab_users=answers.slab_users,
        inquiries=answers.inquiries,
        commands=(*facts.runs, *reach.desk.runs),
        timing=Timing(
            total_s=round(done - opened.began, 3),
            namelist_s=opened.namelist_s,
            crash_start_s=None if started is None else round(started, 3),
            commands_s=round(answered - asked, 3),
            analysis_s=round(done - answered, 3),
        ),
        raw=collected.raw,
        created=datetime.now(UTC),
    )  # fmt: skip


def panic_task(facts: Facts, answers: Answers) -> PanicTask | None:
    """The task the machine died in, with its cgroup where memory or its run queue shows it."""
    context = facts.system.context if facts.system else None
    stack = panic_stack(facts)
    if context is not None:
        pid, comm, cpu, task = context.pid, context.comm, context.cpu, context.task
    elif stack is not None and stack.pid is not None and stack.task is not None:
        pid, comm, cpu, task = stack.pid, stack.comm or "", stack.cpu, stack.task
    else:
        return None
    known = next((each for each in answers.who or () if each.task == task), None)
    cgroup = known.cgroup if known and known.cgroup else cgroup_of(facts, task, cpu)
    return PanicTask(
        pid=pid, comm=comm, cpu=cpu, task=task, cgroup=cgroup,
        state=context.state if context else None,
        container=identify(cgroup) if cgroup else None,
        hostname=known.hostname if known else None,
    )  # fmt: skip


def _all_stacks(facts: Facts) -> tuple[Backtrace, ...] | None:
    """The panic task's stack first, then the other CPUs'; None when neither could be read."""
    if facts.panic_stack is None and facts.cpu_stacks is None:
        return None
    first = facts.panic_stack.backtraces if facts.panic_stack else ()
    known = {stack.task for stack in first}
    rest = facts.cpu_stacks.backtraces if facts.cpu_stacks else ()
    return (*first, *(stack for stack in rest if stack.task not in known))


def _with_crash_time(opened: Opened, facts: Facts) -> DumpInfo:
    """The dump's header, completed by what `sys` says."""
    dump, system = opened.dump, facts.system
    if system is None:
        return dump
    update: dict[str, object] = {}
    if dump.crash_time is None and system.time is not None:
        update["crash_time"] = system.time
    if dump.release is None and system.release is not None:
        update["release"] = system.release
    if dump.partial is None and system.dump_tags:
        update["partial"] = "PARTIAL DUMP" in system.dump_tags
    return dump.model_copy(update=update)
