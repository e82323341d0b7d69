"""The guilty function of a report: which of its functions to name, and by what other names.

Each class has its own question. A fault: where was the program counter? A lockup: which loop does
not end (the innermost frame is wherever the watchdog happened to look)? A hung task: what does it
wait for? A leak: who asked for the memory? Functions that only carry or were handed what is wrong
are passed over (skip.py); if nothing else is left, the innermost of them is named.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from vmtriage.analysis import anchors, plumbing, skip
from vmtriage.analysis.klog import frames
from vmtriage.analysis.klog.formats import Blame
from vmtriage.analysis.klog.frames import Found
from vmtriage.analysis.klog.heads import Head
from vmtriage.analysis.klog.trace import Code, Trace
from vmtriage.parsers.klog_line import Line


class Guilty(NamedTuple):
    """The function with its module and other names. path: it and its callers, significant ones."""

    name: str
    module: str | None = None
    others: tuple[str, ...] = ()
    path: tuple[str, ...] = ()


def blame(head: Head, lines: Sequence[Line], code: Code) -> Guilty | None:
    """The function to name for this report; None when no code is on trial or none is shown."""
    title = head.fields.get("fn") or _told(lines)
    guilty = blame_code(head.form.blame, code, title, tuple(_lock_sites(lines)))
    return _with_module(guilty, lines) if guilty and not guilty.module else guilty


_WORK = re.compile(r"^\s*(?:last function: |.*\bworkfn=)(?P<fn>[A-Za-z_][\w.]*)")


def _told(lines: Sequence[Line]) -> str | None:
    """The work item's function, where the message names it in a line of its own."""
    return next((found["fn"] for each in lines[1:4] if (found := _WORK.match(each.text))), None)


def _with_module(guilty: Guilty, lines: Sequence[Line]) -> Guilty:
    """The module some line of the report prints beside the function's name."""
    for line in lines[:100]:
        if guilty.name in line.text and "[" in line.text:
            for each in frames.named(line.text):
                if each.module and plumbing.base_name(each.name) == guilty.name:
                    return guilty._replace(module=each.module)
    return guilty


def blame_code(
    kind: Blame, code: Code, title: str | None = None, sites: Sequence[Found] = ()
) -> Guilty | None:
    """The same for any source of frames: a log's trace, or crash's `bt`."""
    if kind is Blame.NOBODY:
        name = plumbing.base_name(title) if title else None
        return Guilty(name, path=(name,)) if name else None
    if kind is Blame.LOOP:
        return loop(code)
    if kind is Blame.WAIT:
        return wait(code.stack.certain if code.stack else ())
    return _first_real(_candidates(kind, code, title, sites))


def _candidates(
    kind: Blame, code: Code, title: str | None, sites: Sequence[Found]
) -> tuple[Found, ...]:
    if kind is Blame.LOCK:
        return (*sites, *_stack(code))
    if kind is Blame.ORDER:
        return (*sites, *(f for t in code.traces for f in t.certain))
    if kind is Blame.CHAIN:
        return _announced(code, "which became") or _stack(code)
    if kind is Blame.ALLOC:
        return _stack(code)
    if kind is Blame.OWNER:
        return _announced(code, "page last allocated") or _stack(code)
    start = (Found(title),) if kind is Blame.TITLE and title else ()
    if code.pc is not None:
        start = (*start, code.pc)
    elif code.lr is not None and kind is Blame.FAULT:
        start = (*start, code.lr)
    return (*start, *_stack(code))


def _announced(code: Code, label: str) -> tuple[Found, ...]:
    """The trace that such words announce."""
    return next((each.certain for each in code.traces if label in each.label), ())


def _stack(code: Code) -> tuple[Found, ...]:
    """The report's own frames: above an exception inside the trace if anything real is there."""
    trace = code.stack
    if trace is None:
        return ()
    if trace.inner is None:
        return trace.certain
    above = trace.before
    real = any(not skip.carries(plumbing.base_name(each.name)) for each in above)
    return above if real or code.pc is not None else trace.below


def _first_real(candidates: Iterable[Found]) -> Guilty | None:
    """The first that neither carries nor was handed the fault; else the best of the others."""
    named = [each for each in candidates if each.name]
    kept = [each for each in named if not skip.carries(plumbing.base_name(each.name))]
    real = [each for each in kept if not skip.passes(plumbing.base_name(each.name))]
    last = [each for each in named if not skip.never(plumbing.base_name(each.name))]
    best = next(iter(real or kept or last), None)
    return _guilty(best, named, kept[:1]) if best is not None else None


def _guilty(best: Found, frames_: Sequence[Found], also: Sequence[Found] = ()) -> Guilty:
    name = plumbing.base_name(best.name)
    others = [*plumbing.other_names(best.name)]
    plain = (plumbing.base_name(each.name) for each in also)
    others += [each for each in plain if each != name and not skip.never(each)]
    index = next((i for i, each in enumerate(frames_) if each is best), 0)
    return Guilty(name, best.module, tuple(dict.fromkeys(others)), _path(name, frames_[index:]))


_PATH = 5


def _path(name: str, outward: Sequence[Found]) -> tuple[str, ...]:
    """The function and the callers that say where it was called from, without mere carriers."""
    plain = (plumbing.base_name(each.name) for each in outward)
    kept = dict.fromkeys(p for p in plain if not (skip.carries(p) or skip.passes(p)))
    return tuple(dict.fromkeys([name, *kept]))[:_PATH]


def loop(code: Code) -> Guilty | None:
    """The frame below the loop's leaf: what stands right above an anchor of the stuck code."""
    stuck = _own(tuple(_stuck(code)))
    names = [plumbing.base_name(each.name) for each in stuck]
    for anchor in plumbing.LOCKUP_ANCHORS:
        if anchor in names[:12]:
            return _guilty(stuck[names.index(anchor)], stuck, stuck[:1])
    last: Found | None = None
    for each, name in zip(stuck, names, strict=True):
        if anchors.waits_for_cpus(name):
            return _guilty(each, stuck, stuck[:1])
        if anchors.hands_over(name):
            if last is not None:
                break
        elif not (skip.carries(name) or skip.passes(name)):
            last = each
    if not stuck or (last is None and skip.never(plumbing.base_name(stuck[0].name))):
        return None
    found = _guilty(last or stuck[0], stuck, stuck[:1])
    return _in_module(found, stuck[: stuck.index(last)] if last else ())


def _in_module(found: Guilty, inner: Sequence[Found]) -> Guilty:
    """The innermost frame of a module above it: a module seldom lends its code to others.

    The path keeps the stable frame, so that the leaf of the moment is in no fingerprint.
    """
    for each in inner:
        name = plumbing.base_name(each.name)
        if each.module and not (skip.carries(name) or skip.passes(name)):
            others = dict.fromkeys((found.name, *found.others))
            return Guilty(name, each.module, tuple(o for o in others if o != name), found.path)
    return found


def _stuck(code: Code) -> Iterator[Found]:
    """Frames of the code that does not end: below the interrupt that looked at it."""
    own = [each for each in code.traces if not each.waits]
    for trace in own:
        frames_ = trace.below or trace.certain[_looked(trace) + 1 :]
        if any(not skip.carries(plumbing.base_name(each.name)) for each in frames_):
            if trace is own[0] and code.pc is not None and not trace.below:
                yield code.pc
            yield from frames_
            return
    if code.pc is not None:
        yield code.pc
    if code.stack is not None:
        yield from code.stack.certain


def _own(stuck: Sequence[Found]) -> Sequence[Found]:
    """Without what an interrupt that is stuck itself came upon: that is another's code."""
    for index, each in enumerate(stuck):
        if anchors.interrupts(each.name):
            inside = (plumbing.base_name(f.name) for f in stuck[:index])
            if any(not (skip.carries(name) or skip.passes(name)) for name in inside):
                return stuck[:index]
    return stuck


def _looked(trace: Trace) -> int:
    """The index of the interrupt's entry, below which the interrupted code stands; -1: none."""
    entries = (i for i, f in enumerate(trace.certain) if anchors.interrupts(f.name))
    return max(entries, default=-1)


def wait(trace: Sequence[Found]) -> Guilty | None:
    """Who waits, and for the two great queues of the kernel: what for."""
    names = [plumbing.base_name(each.name) for each in trace]
    for each, name in zip(trace, names, strict=True):
        if name == "rtnl_lock":
            return _guilty(each, trace)
    for each, name in zip(trace, names, strict=True):
        if re.search(r"synchronize_(?:s?rcu|net|sched)", name):
            path = _path(name, trace[trace.index(each) :])
            others = (name,) if name != "synchronize_rcu" else ()
            return Guilty("synchronize_rcu", None, others, path)
    for each, name in zip(trace, names, strict=True):
        if not (anchors.only_waits(name) or skip.passes(name)):
            return _guilty(each, trace)
    return None


_SITE = re.compile(r", at:|^at: ")
_ASKED = re.compile(
    r"is trying to|takes:|is freeing memory|is leaving|still holding|held by|exiting the|lock held|"
    r"returned with|already holding|is attempting|takes \(|locks? held"
)


def _lock_sites(lines: Sequence[Line]) -> Iterator[Found]:
    """Where the locks in question were (to be) taken, the wanted one before the held one.

    The list of all locks held (`#0: ...`) counts only where nothing else is told.
    """
    asked = told = False
    held: list[Found] = []
    for line in lines[:40]:
        text = line.text
        if "existing dependency" in text or "stack backtrace" in text:
            break
        if _SITE.search(text) or (asked and "[<" in text):
            if text.lstrip().startswith("#"):
                held += frames.named(text)
                continue
            told = True
            yield from frames.named(text)
        if _ASKED.search(text):
            asked = True
    if not told:
        yield from held
