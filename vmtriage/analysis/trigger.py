"""Who asked for the dump, and why: so that nobody debugs a crash that somebody wanted."""

from collections.abc import Sequence

from vmtriage.analysis import plumbing
from vmtriage.analysis.trigger_forms import CONSOLES, ERRORS_PANIC, FORMS, OOPS, SYSRQ
from vmtriage.models.backtrace import Backtrace
from vmtriage.models.evidence import Evidence, Facts
from vmtriage.models.finding import CrashClass, Incident, PanicTask
from vmtriage.models.trigger import Trigger

_PANIC = "Kernel panic - not syncing"
_BY_TASK = "write_sysrq_trigger"


def find(
    facts: Facts, incidents: Sequence[Incident], stack: Backtrace | None, task: PanicTask | None
) -> Trigger | None:
    """By sysrq, by the panic text, by what crash calls the panic; None: nothing tells."""
    texts = _texts(facts)
    asked = next((each for each in texts if SYSRQ.search(each.text)), None) or _on_stack(stack)
    if asked is not None:
        return _sysrq(asked, incidents, stack, task)
    for text in texts:
        form = next((form for form in FORMS if form.pattern.search(text.text)), None)
        if form is not None:
            says = form.says.format(form.setting)
            quoted = (text.model_copy(update={"says": "the panic text"}),)
            return Trigger(
                kind=form.kind, deliberate=form.kind == "fence", setting=form.setting, says=says,
                evidence=quoted,
            )  # fmt: skip
    return _other(facts, texts)


def messenger(trigger: Trigger | None) -> bool:
    """Whether the code that called panic() only did as it was told: it broke nothing."""
    if trigger is None:
        return False
    return trigger.kind in ("sysrq", "watchdog", "fence") or trigger.setting == ERRORS_PANIC


def way(incidents: Sequence[Incident], stack: Backtrace | None) -> tuple[str, str] | None:
    """How a sysrq came: ("task", "") or a console and its description; None: no stack shows it."""
    names = {plumbing.base_name(frame.function) for frame in stack.frames} if stack else set()
    for each in incidents:
        if each.crash_class is CrashClass.SYSRQ:
            names.update(each.trace)
    if _BY_TASK in names:
        return "task", ""
    for name, says, pattern in CONSOLES:
        if any(pattern.fullmatch(each) for each in names):
            return name, says
    return None


def asker(incidents: Sequence[Incident], task: PanicTask | None) -> tuple[str, int | None] | None:
    """Name and pid of the task in whose context the request was made."""
    if task is not None:
        return task.comm, task.pid
    told = (each for each in incidents if each.crash_class is CrashClass.SYSRQ and each.comm)
    return next(((each.comm or "", each.pid) for each in told), None)


def _texts(facts: Facts) -> list[Evidence]:
    """The panic message by `sys`, the lines of the log that may be one."""
    system = facts.system
    found = []
    if system and system.panic:
        found.append(_said("sys", system.panic_line or 0, system.panic))
    first = last = None
    for record in facts.log.records if facts.log else ():
        if first is None and _PANIC in record.text:
            first = record
        elif "rigger a crash" in record.text and SYSRQ.search(record.text):
            last = record
    found += [_said("log", r.line, r.text.strip()) for r in (first, last) if r is not None]
    return found


def _said(command: str, line: int, text: str) -> Evidence:
    return Evidence(command=command, line=line, text=text, says="the request for the crash")


def _on_stack(stack: Backtrace | None) -> Evidence | None:
    for frame in stack.frames if stack else ():
        if plumbing.base_name(frame.function) == "sysrq_handle_crash":
            return _said("bt", frame.line, f"#{frame.level} {frame.function}")
    return None


def _sysrq(
    asked: Evidence, incidents: Sequence[Incident], stack: Backtrace | None,
    task: PanicTask | None,
) -> Trigger:  # fmt: skip
    came, who = way(incidents, stack), asker(incidents, task)
    by = None
    if came is not None and came[0] != "task":
        by, says = came[0], f"sysrq-c came by {came[1]}"
    elif came is not None and who is not None:
        by = f"{who[0]} (pid {who[1]})" if who[1] is not None else who[0]
        says = f"{by} wrote c to /proc/sysrq-trigger"
    else:
        says = "somebody asked for the crash by sysrq-c"
    return Trigger(
        kind="sysrq", deliberate=True, asked_by=by,
        says=f"{says}: this dump was wanted, nothing broke by itself", evidence=(asked,),
    )  # fmt: skip


def _other(facts: Facts, texts: Sequence[Evidence]) -> Trigger | None:
    """A panic() that no row knows, or an oops the dump was taken at."""
    panic = next((each for each in texts if _PANIC in each.text), None)
    if panic is not None:
        quoted = panic.model_copy(update={"says": "the panic text"})
        says = "the kernel's own code called panic() here: no setting is known to prevent it"
        return Trigger(kind="panic_call", deliberate=False, says=says, evidence=(quoted,))
    told = facts.system.panic if facts.system else None
    if told is None or not OOPS.search(told):
        return None
    return Trigger(
        kind="oops", deliberate=False,
        says="the oops itself: kernel.panic_on_oops is set, or it hit an interrupt, the idle task"
        " or init",
        evidence=(texts[0].model_copy(update={"says": "what crash calls the panic"}),),
    )  # fmt: skip
