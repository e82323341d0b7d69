"""The conditions of a signature, one function each: evidence if it holds, None if it does not."""

from collections.abc import Callable, Mapping

from vmtriage.analysis.crash_view import CrashView, said_by
from vmtriage.analysis.machine_conditions import memory, memory_unread, taint
from vmtriage.analysis.patterns import compiled, fits, plain
from vmtriage.models.evidence import Evidence
from vmtriage.models.signature import Match

Found = tuple[Evidence, ...] | None  # None: the condition does not hold


def conditions(match: Match, crash: CrashView) -> Found:
    """Evidence for every condition of a signature, or None as soon as one does not hold."""
    evidence: list[Evidence] = []
    for check in CHECKS.values():
        found = check(match, crash)
        if found is None:
            return None
        evidence += found
    for each in match.all_of:
        found = conditions(each, crash)
        if found is None:
            return None
        evidence += found
    if match.any_of:
        inner = next((f for m in match.any_of if (f := conditions(m, crash)) is not None), None)
        if inner is None:
            return None
        evidence += inner
    if any(may_hold(each, crash) for each in match.none_of):
        return None
    return tuple(dict.fromkeys(evidence))


def may_hold(match: Match, crash: CrashView) -> bool:
    """Whether a match holds, or would if only what was not read were there."""
    return conditions(_without_unread(match, crash), crash) is not None


def _without_unread(match: Match, crash: CrashView) -> Match:
    update: dict[str, object] = {
        field: tuple(_without_unread(each, crash) for each in inner)
        for field in ("all_of", "any_of")
        if (inner := getattr(match, field))
    }
    if match.taint and crash.taint is None:
        update["taint"] = ()
    if match.throttled is not None and crash.facts.group_run_queues is None:
        update["throttled"] = None
    if match.memory and memory_unread(match.memory, crash):
        update["memory"] = None
    return match.model_copy(update=update) if update else match


def _classes(match: Match, crash: CrashView) -> Found:
    if not match.classes:
        return ()
    if crash.classification.crash_class not in match.classes:
        return None
    says = f"the crash is of the class {crash.classification.crash_class.value}"
    return tuple(e.model_copy(update={"says": says}) for e in crash.classification.evidence[:1])


def _release(match: Match, crash: CrashView) -> Found:
    if not match.release:
        return ()
    said = crash.release
    name = crash.facts.system.release if crash.facts.system else None
    if said is None or not name or not any(compiled(p).search(name) for p in match.release):
        return None
    return (_says(said, "the kernel release fits"),)


def _throttled(match: Match, crash: CrashView) -> Found:
    if match.throttled is None:
        return ()
    if crash.facts.group_run_queues is None or bool(crash.throttled) is not match.throttled:
        return None  # not looked at is not the same as none
    if not crash.throttled:
        return (said_by("runq -g", 0, "no (THROTTLED)", "no group is throttled"),)
    first = crash.throttled[0].evidence
    return tuple(_says(e, "a group is throttled") for e in first[:1])


def _panic(match: Match, crash: CrashView) -> Found:
    if not match.panic:
        return ()
    for said in crash.panic_texts:
        if any(compiled(p).search(plain(said.text)) for p in match.panic):
            return (_says(said, "the panic text fits"),)
    return None


def _function(match: Match, crash: CrashView) -> Found:
    if not match.function:
        return ()
    guilty = crash.function
    names = (guilty.name, *guilty.alternatives) if guilty else ()
    if guilty is None or not any(fits(p, n) for p in match.function for n in names):
        return None
    said = guilty.evidence[0] if guilty.evidence else said_by("bt", 0, guilty.name)
    return (_says(said, f"the guilty function is {guilty.name}"),)


def _exception(match: Match, crash: CrashView) -> Found:
    if not match.exception:
        return ()
    for each in crash.faulting:
        if any(fits(p, each.name) for p in match.exception):
            return (_says(each.evidence, f"the CPU was in {each.name}"),)
    return None


def _stack(match: Match, crash: CrashView) -> Found:
    if any(fits(p, each.name) for p in match.stack_exclude for each in crash.stack):
        return None
    evidence, rest = [], iter(crash.stack)
    for pattern in match.stack:
        hit = next((each for each in rest if fits(pattern, each.name)), None)
        if hit is None:
            return None
        evidence.append(_says(hit.evidence, f"{hit.name} is on the stack, in this order"))
    return tuple(evidence)


def _modules(match: Match, crash: CrashView) -> Found:
    if not match.modules:
        return ()
    for name, said in crash.modules:
        if any(fits(p, name) for p in match.modules):
            return (_says(said, f"the module {name} is involved"),)
    return None


def _log(match: Match, crash: CrashView) -> Found:
    evidence = []
    if match.log:
        first = next((r for p in match.log if (r := crash.log_line(p))), None)
        if first is None:
            return None
        evidence.append(said_by("log", first.line, first.text, "the log has the line"))
    for pattern in match.log_all:
        line = crash.log_line(pattern)
        if line is None:
            return None
        evidence.append(said_by("log", line.line, line.text, "the log has the line"))
    return tuple(evidence)


def _says(evidence: Evidence, says: str) -> Evidence:
    return evidence.model_copy(update={"says": says})


# Cheap ones first: most signatures are out before the log is searched.
CHECKS: Mapping[str, Callable[[Match, CrashView], Found]] = {
    "classes": _classes, "release": _release, "throttled": _throttled, "taint": taint,
    "memory": memory, "panic": _panic, "function": _function, "exception": _exception,
    "stack": _stack, "modules": _modules, "log": _log,
}  # fmt: skip
