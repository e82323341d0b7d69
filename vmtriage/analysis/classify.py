"""What kind of crash it was: by the panic text, the log's incidents and the panic task's stack."""

import re
from collections.abc import Sequence

from vmtriage.analysis import plumbing
from vmtriage.analysis.fromlog import panic_record, panic_text
from vmtriage.analysis.klog.primary import primary
from vmtriage.analysis.leak import find_leak
from vmtriage.models.evidence import Confidence, Evidence, Facts
from vmtriage.models.finding import Classification, CrashClass, Incident

C = CrashClass

# What a panic text alone decides; the first row that fits wins. None: the log knows better.
_PANIC_TEXTS: tuple[tuple[re.Pattern[str], CrashClass | None], ...] = tuple(
    (re.compile(pattern), crash_class)
    for pattern, crash_class in (
        (r"sysrq triggered crash|[Ss]ys[Rr]q ?: (?:Trigger a )?[Cc]rash", C.SYSRQ),
        (r"hard LOCKUP|Hard LOCKUP", C.HARD_LOCKUP),
        (r"softlockup|soft lockup", C.SOFT_LOCKUP),
        (r"hung_task: blocked tasks|hung_task", C.HUNG_TASK),
        (r"RCU [Ss]tall", C.RCU_STALL),
        (r"[Oo]ut of memory|deadlocked on memory", C.OOM),
        (r"stack overflow|stack-protector|corrupted stack end|Thread overran", C.STACK_OVERFLOW),
        (r"[Mm]achine check|Fatal hardware error|Hardware Error", C.MCE),
        (r"NMI: Not continuing|NMI IOCK|NMI: |An NMI occurred", C.NMI),
        (r"Attempted to kill", C.INIT_KILLED),
        (r"VFS: Unable to mount root|No (?:working )?init found", C.NO_ROOT),
        (r"panic_on_warn", None),
        (r"NULL pointer dereference", C.NULL_POINTER),
        (r"kernel paging request|handle page fault|access to user memory", C.PAGE_FAULT),
        (r"general protection fault", C.GENERAL_PROTECTION),
        (r"double fault", C.DOUBLE_FAULT),
        (r"divide error", C.DIVIDE_ERROR),
        (r"kernel BUG at", None),
        (r"scheduling while atomic", C.ATOMIC_SLEEP),
        (r"KASAN", C.KASAN),
        (r"Fatal exception|^Oops|Oops: |BUG: |invalid opcode", None),
    )
)
_STACK_SAYS = (
    ("sysrq_handle_crash", C.SYSRQ),
    ("check_panic_on_warn", C.WARNING),
    ("mce_panic", C.MCE),
    ("out_of_memory", C.OOM),
    ("watchdog_overflow_callback", C.HARD_LOCKUP),
    ("handle_bad_stack", C.STACK_OVERFLOW),
)
# The exception's entry, where the panic text only says "Fatal exception" and no log says more.
# What was dereferenced is in no stack: a NULL pointer is a page fault here.
_ENTRIES = (
    (re.compile(r"(?:asm_|exc_|do_)*general_protection"), C.GENERAL_PROTECTION),
    (re.compile(r"(?:asm_|exc_|do_)*divide_error"), C.DIVIDE_ERROR),
    (re.compile(r"(?:asm_|exc_|do_)*double_fault"), C.DOUBLE_FAULT),
    (re.compile(r"(?:asm_|exc_|do_)*invalid_op|handle_bug"), C.BUG),
    (re.compile(r"(?:asm_|exc_|do_)*page_fault|page_fault_oops|no_context"), C.PAGE_FAULT),
)


def classify(facts: Facts, incidents: Sequence[Incident]) -> Classification:
    """The class, with the lines that decide it. Without any text the class is unknown."""
    panic = facts.system.panic if facts.system else None
    texts = [(panic, "sys", facts.system.panic_line or 0)] if facts.system and panic else []
    if record := panic_record(facts):
        texts.append((record.text, "log", record.line))
    decided: CrashClass | None = None
    evidence: list[Evidence] = []
    for text, command, line in texts:
        row = next((row for row in _PANIC_TEXTS if row[0].search(text)), None)
        if row is None:
            continue
        if decided is None or row[1] is not None:
            evidence.append(Evidence(command=command, line=line, text=text, says="the panic text"))
        decided = decided or row[1]
    stack_class = _from_stack(facts)
    if stack_class and decided in (None, C.PANIC):
        decided = stack_class[0]
        evidence.append(stack_class[1])
    elif stack_class and stack_class[0] is decided:
        evidence.append(stack_class[1])
    if decided is None:
        decided, evidence = _from_log(incidents, evidence, facts)
    return _finish(decided, facts, incidents, evidence)


def _from_stack(facts: Facts) -> tuple[CrashClass, Evidence] | None:
    if not facts.panic_stack or not facts.panic_stack.backtraces:
        return None
    for frame in facts.panic_stack.backtraces[0].frames:
        for name, crash_class in _STACK_SAYS:
            if plumbing.base_name(frame.function) == name:
                return crash_class, Evidence(
                    command="bt", line=frame.line, text=f"#{frame.level} {frame.function}",
                    says=f"{name} is on the panic task's stack",
                )  # fmt: skip
    return None


def _from_entry(facts: Facts) -> tuple[CrashClass, Evidence] | None:
    """The class by the exception that the panic task's kernel code ran into."""
    if not facts.panic_stack or not facts.panic_stack.backtraces:
        return None
    stack = facts.panic_stack.backtraces[0]
    block = next((e for e in stack.exceptions if not e.user_mode and not e.bogus), None)
    if block is None or block.after_level is None:
        return None
    for frame in stack.frames:
        if frame.level > block.after_level:
            break
        for entry, crash_class in _ENTRIES:
            if entry.fullmatch(plumbing.base_name(frame.function)):
                return crash_class, Evidence(
                    command="bt", line=frame.line, text=f"#{frame.level} {frame.function}",
                    says=f"{frame.function} is above the code that ran into it",
                )  # fmt: skip
    return None


def _from_log(
    incidents: Sequence[Incident], evidence: list[Evidence], facts: Facts
) -> tuple[CrashClass, list[Evidence]]:
    """The incident that brought the kernel down; without a log the panic text must do."""
    cause = primary(incidents)
    if cause is None and (fault := _from_entry(facts)):
        return fault[0], [*evidence, fault[1]]
    if cause is None:
        panicked = evidence or "Kernel panic - not syncing" in (panic_text(facts) or "")
        return (C.PANIC if panicked else C.UNKNOWN), evidence
    if cause.severity == "notable" and evidence:
        return C.PANIC, evidence  # something else ended it, and the log does not show what
    return cause.crash_class, [*evidence, quote(cause, facts, "the cause, by the log")]


def cause(incidents: Sequence[Incident], classification: Classification) -> Incident | None:
    """The incident that is the crash: of its class, the primary one if that is."""
    first = primary(incidents)
    if first is not None and first.crash_class is classification.crash_class:
        return first
    same = (each for each in incidents if each.crash_class is classification.crash_class)
    return next(same, None)


def quote(incident: Incident, facts: Facts, says: str) -> Evidence:
    """The incident's first line, word for word."""
    records = facts.log.records if facts.log else ()
    text = next((r.text for r in records if r.line == incident.first_line), incident.title)
    return Evidence(command="log", line=incident.first_line, text=text, says=says)


def _finish(
    decided: CrashClass, facts: Facts, incidents: Sequence[Incident], evidence: list[Evidence]
) -> Classification:
    deliberate = decided is C.SYSRQ
    leak = find_leak(facts) if deliberate else None
    if leak is not None:
        # Somebody took this dump to look at the leak: the leak is the finding.
        return Classification(
            crash_class=C.MEMORY_LEAK, title=leak.title, severity="serious", deliberate=True,
            confidence="medium", evidence=(*leak.evidence, *evidence),
        )  # fmt: skip
    told = next((each for each in incidents if each.crash_class is decided), None)
    if told is not None and not any(e.line == told.first_line for e in evidence):
        evidence.append(quote(told, facts, "the kernel's own message"))
    sources = {each.command for each in evidence}
    confidence: Confidence = "high" if len(sources) > 1 else "medium" if evidence else "low"
    return Classification(
        crash_class=decided,
        title=decided.value.replace("_", " "),
        severity="notable" if deliberate else "panic" if decided is not C.UNKNOWN else "serious",
        deliberate=deliberate,
        confidence=confidence if decided not in (C.UNKNOWN, C.PANIC) else "low",
        evidence=tuple(evidence),
    )
