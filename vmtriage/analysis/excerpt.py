"""A crash's raw outputs cut down to a sample: what shows the crash, and little of the host."""

import re
from collections.abc import Mapping

from vmtriage.analysis.crash_view import CrashView

_SYS = re.compile(r"\s*(?:CPUS|RELEASE|VERSION|MACHINE|MEMORY|PANIC)\b")
_HEAD = re.compile(r"PID:\s")
_TRACE_END = re.compile(r"---\[ end ")
_BEFORE, _AFTER = 3, 120  # lines of the log around the crash's own message


def excerpts(outputs: Mapping[str, str], crash: CrashView) -> dict[str, str]:
    """`sys`, `bt` and `log`, each cut to what matters, and whole what else the class rests on."""
    rests_on = {each.command for each in crash.classification.evidence}
    if any(each.startswith("kmem") for each in rests_on):
        rests_on.add("kmem -i")  # shares of memory need its total
    whole = {command: outputs[command] for command in sorted(rests_on) if command in outputs}
    cut = whole | {
        "sys": _sys(outputs.get("sys", "")),
        "bt": _first_stack(outputs.get("bt", "")),
        "log": _log(outputs.get("log", ""), crash),
    }
    return {command: text for command, text in cut.items() if text.strip()}


def _sys(text: str) -> str:
    return _joined([line for line in text.splitlines() if _SYS.match(line)])


def _first_stack(text: str) -> str:
    lines = text.splitlines()
    heads = [number for number, line in enumerate(lines) if _HEAD.match(line)]
    return _joined(lines[heads[0] if heads else 0 : heads[1] if len(heads) > 1 else None])


def _log(text: str, crash: CrashView) -> str:
    """From the crash's message to the end of its trace, and the banner that names the kernel."""
    lines = text.splitlines()
    told = crash.classification.evidence
    told += crash.function.evidence if crash.function else ()
    numbers = [each.line for each in told if each.command == "log" and each.line]
    if not numbers:
        return ""
    first = max(min(numbers) - 1 - _BEFORE, 0)
    last = min(max(numbers) + _AFTER, min(numbers) + 2 * _AFTER)
    kept = lines[first:last]
    end = next(
        (n for n, line in enumerate(kept, 1) if n > _BEFORE and _TRACE_END.search(line)), None
    )
    banner = [line for line in lines[:first] if "Linux version " in line][:1]
    panic = [line for line in lines if "Kernel panic - not syncing" in line][:1]
    kept = kept[:end] if end else kept
    return _joined([*banner, *kept, *(line for line in panic if line not in kept)])


def _joined(lines: list[str]) -> str:
    return "\n".join(line.rstrip() for line in lines) + "\n"
