"""The guilty function: where the CPU really was, below everything that only carried the crash."""

from collections.abc import Sequence

from vmtriage.analysis import plumbing
from vmtriage.analysis.klog.blame import Guilty, blame_code
from vmtriage.analysis.klog.formats import Blame
from vmtriage.analysis.klog.frames import Found
from vmtriage.analysis.klog.trace import Code, Trace
from vmtriage.analysis.logged import by_log, by_trace, own_incident, sure_trace
from vmtriage.analysis.lost_frames import lost_frames
from vmtriage.analysis.trigger_forms import HARDWARE_NMI
from vmtriage.models.backtrace import Backtrace, ExceptionFrame, Frame
from vmtriage.models.evidence import Evidence, Facts
from vmtriage.models.finding import Classification, CrashClass, GuiltyFunction, Incident

# The panic task is the watchdog, or whoever happened to ask for memory: not the victim.
_FROM_LOG_ONLY = frozenset({CrashClass.HUNG_TASK, CrashClass.OOM})
_NONE = frozenset({CrashClass.MEMORY_LEAK, CrashClass.MCE})  # no code is on trial
# These come with a register block at the fault: a stack without one lost its way.
FAULTS = frozenset(
    {CrashClass.NULL_POINTER, CrashClass.PAGE_FAULT, CrashClass.GENERAL_PROTECTION, CrashClass.BUG,
     CrashClass.DIVIDE_ERROR, CrashClass.DOUBLE_FAULT, CrashClass.LIST_CORRUPTION}
)  # fmt: skip
_INTERRUPTED = frozenset(
    {CrashClass.HARD_LOCKUP, CrashClass.SOFT_LOCKUP, CrashClass.RCU_STALL, CrashClass.NMI}
)
# The innermost frame is wherever the watchdog looked, or where the stack happened to end.
_LOOPS = frozenset(
    {CrashClass.HARD_LOCKUP, CrashClass.SOFT_LOCKUP, CrashClass.RCU_STALL,
     CrashClass.STACK_OVERFLOW}
)  # fmt: skip


def guilty_function(
    facts: Facts, classification: Classification, incidents: Sequence[Incident]
) -> GuiltyFunction | None:
    """The function with its module and evidence; None when no stack shows it."""
    crash_class = classification.crash_class
    if crash_class in _NONE or (crash_class is CrashClass.NMI and _by_chipset(facts)):
        return None
    stack = panic_stack(facts)
    from_stack = None
    if stack is not None and crash_class not in _FROM_LOG_ONLY:
        from_stack = _from_stack(stack, crash_class)
    told = own_incident(crash_class, incidents)
    from_log = by_log(facts, told) if told else None
    if told is not None and _passed_over(facts, classification, incidents):
        # The kernel printed what crash lost: no part of crash's stack can be relied on.
        from_stack, from_log = None, from_log or by_trace(facts, told)
    if from_stack is None or from_log is None:
        return from_stack or from_log
    if from_log.name == from_stack.name:
        both = (*from_stack.evidence, *from_log.evidence)
        return from_stack.model_copy(update={"evidence": both})
    # The kernel unwound its own stack; crash guesses where it finds no register block.
    chosen, other = from_log, from_stack
    if stack is not None and reaches_the_fault(stack, crash_class):
        chosen, other = from_stack, from_log
    names = dict.fromkeys((*chosen.alternatives, other.name, *other.alternatives))
    return chosen.model_copy(
        update={"alternatives": tuple(name for name in names if name != chosen.name)}
    )


def _by_chipset(facts: Facts) -> bool:
    """Whether hardware raised the NMI: it hit whatever ran."""
    records = facts.log.records if facts.log else ()
    return any("NMI" in each.text and HARDWARE_NMI.search(each.text) for each in records)


def believed(facts: Facts, classification: Classification, incidents: Sequence[Incident]) -> Facts:
    """Without crash's stack where the kernel printed what it lacks: the log's trace is left."""
    if _passed_over(facts, classification, incidents):
        return facts.model_copy(update={"panic_stack": None})
    return facts


def _passed_over(
    facts: Facts, classification: Classification, incidents: Sequence[Incident]
) -> tuple[str, ...]:
    """Functions of the crash that the kernel printed and crash's stack lacks."""
    stack, crash_class = panic_stack(facts), classification.crash_class
    told = own_incident(crash_class, incidents)
    if stack is None or told is None or crash_class in _FROM_LOG_ONLY:
        return ()
    return lost_frames(stack, sure_trace(told, facts))


def panic_stack(facts: Facts) -> Backtrace | None:
    """The panic task's stack: the one the context names, else the first that was printed."""
    stacks = facts.panic_stack.backtraces if facts.panic_stack else ()
    context = facts.system.context if facts.system else None
    named = (stack for stack in stacks if context is not None and stack.task == context.task)
    return next(named, stacks[0] if stacks else None)


def address_of(function: GuiltyFunction, stack: Backtrace) -> int | None:
    """The instruction of it on that stack: where it was interrupted, or called on."""
    blocks = [each for each in stack.exceptions if not each.user_mode and not each.bogus]
    for block in blocks:
        if block.rip and plumbing.base_name(block.function or "") == function.name:
            return int(block.rip, 16)
    for frame in stack.frames:
        if plumbing.base_name(frame.function) == function.name and frame.module == function.module:
            exact = any(block.rip == frame.address for block in blocks)
            return int(frame.address, 16) - (not exact)  # a call returns to the next one
    return None


def fault_frame(stack: Backtrace, crash_class: CrashClass) -> ExceptionFrame | None:
    """The register block of what was interrupted or faulted; None if crash doubts it."""
    for block in stack.exceptions:
        if block.user_mode or block.bogus or block.after_level is None:
            continue
        above = [f for f in stack.frames if f.level <= block.after_level]
        carried = all(
            plumbing.base_name(f.function) in plumbing.CARRIERS or f.module for f in above
        )
        if carried or crash_class in _INTERRUPTED:
            return block
        return None
    return None


def reaches_the_fault(stack: Backtrace, crash_class: CrashClass) -> bool:
    """Whether crash's unwinder got from the panic down to the code that crashed."""
    if fault_frame(stack, crash_class) is not None:
        return True
    if crash_class in FAULTS or crash_class in _INTERRUPTED:
        return False
    # A panic() in plain code: its frame must still stand above the first real one.
    first = stack.frames[0] if stack.frames else None
    return first is not None and plumbing.base_name(first.function) in plumbing.DUMPING


def relevant_frames(stack: Backtrace, crash_class: CrashClass) -> tuple[Frame, ...]:
    """Frames from the fault on, innermost first; carriers above it are left out."""
    block = fault_frame(stack, crash_class)
    if block is not None and block.after_level is not None:
        return tuple(f for f in stack.frames if f.level > block.after_level)
    if crash_class in _INTERRUPTED and stack.markers:
        after = stack.markers[0].after_level or 0
        return tuple(f for f in stack.frames if f.level > after)
    for index, frame in enumerate(stack.frames):
        if plumbing.base_name(frame.function) not in plumbing.CARRIERS:
            return stack.frames[index:]
    return ()


def _from_stack(stack: Backtrace, crash_class: CrashClass) -> GuiltyFunction | None:
    block = fault_frame(stack, crash_class)
    doubtful = any(e.bogus and not e.user_mode for e in stack.exceptions)
    if block is None and doubtful and crash_class in _INTERRUPTED:
        return None  # the frames below a bogus block are guesses
    frames = relevant_frames(stack, crash_class)
    guilty = _blamed(stack, block, frames, crash_class)
    if guilty is None:
        return None
    name = guilty.name
    frame = next((f for f in frames if plumbing.base_name(f.function) == name), None)
    on_rip = block is not None and block.function and plumbing.base_name(block.function) == name
    evidence: list[Evidence] = []
    if block is not None and block.function:
        offset = f"+{block.offset}" if block.offset is not None else ""
        evidence.append(
            Evidence(
                command="bt", line=block.line, text=f"[exception RIP: {block.function}{offset}]",
                says="where the CPU was",
            )
        )  # fmt: skip
    if frame is not None:
        evidence.append(
            Evidence(
                command="bt", line=frame.line,
                text=f"#{frame.level} [{frame.stack}] {frame.function} at {frame.address}"
                + (f" [{frame.module}]" if frame.module else ""),
                says=f"{name} is the first frame that is no mere carrier",
            )
        )  # fmt: skip
    raw = (
        block.function if on_rip and block and block.function else frame.function if frame else name
    )
    module = _module_of(stack, frames, frame, block if on_rip else None)
    others = dict.fromkeys((*plumbing.other_names(raw), *guilty.others))
    return GuiltyFunction(
        name=name, module=module, alternatives=tuple(others), path=guilty.path,
        evidence=tuple(evidence),
    )  # fmt: skip


def _blamed(
    stack: Backtrace, block: ExceptionFrame | None, frames: Sequence[Frame], crash_class: CrashClass
) -> Guilty | None:
    """By the rules a trace in the log is read by: both name the same function."""
    pc = None
    if block is not None and block.function:
        pc = Found(block.function, _module_of(stack, frames, None, block))
    outward = tuple(Found(f.function, f.module, f.reliable) for f in frames)
    looping, inner = crash_class in _LOOPS, None
    if looping and pc is not None and outward:
        inner = 0  # all of it stands below the interrupt that looked
        outward = outward if outward[0].name == pc.name else (pc, *outward)
    trace = Trace(outward, "Call Trace:", inner)
    return blame_code(
        Blame.LOOP if looping else Blame.FAULT, Code(pc, None, (trace,) if outward else ())
    )


def _module_of(
    stack: Backtrace, frames: Sequence[Frame], frame: Frame | None, block: ExceptionFrame | None
) -> str | None:
    if frame is not None and frame.module:
        return frame.module
    if block is None or block.rip is None:
        return None
    if block.module:
        return block.module
    # The exception block names no module: a frame of the same module page does.
    page = block.rip[:-4]
    same = (f.module for f in (*frames, *stack.frames) if f.module and f.address[:-4] == page)
    return next(same, None)
