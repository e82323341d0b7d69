"""A stack as rows to draw: plumbing dimmed, the place of the fault and the guilty one lit."""

from dataclasses import dataclass
from typing import Literal

from vmtriage.analysis.plumbing import base_name
from vmtriage.models.backtrace import Backtrace, ExceptionFrame
from vmtriage.models.report import Report


@dataclass(frozen=True)
class Row:
    """One line of a drawn stack."""

    kind: Literal["frame", "exception", "marker"]
    text: str
    level: int | None = None
    address: str = ""
    module: str = ""
    plumbing: bool = False  # how the kernel got from the fault into kdump
    guilty: bool = False
    alternative: bool = False  # another name the same fault may carry
    unreliable: bool = False
    exception: ExceptionFrame | None = None


@dataclass(frozen=True)
class SameStack:
    """Stacks with the same functions, told once."""

    cpus: tuple[int, ...]
    who: tuple[str, ...]
    chain: tuple[str, ...]


def at(exception: ExceptionFrame) -> str:
    """Where the exception struck."""
    if exception.function is not None:
        offset = f"+{exception.offset}" if exception.offset is not None else ""
        return f"{exception.function}{offset}"
    if exception.user_mode:
        return "user mode"
    return exception.text or exception.kind or "unknown place"


def panic_stack(report: Report) -> Backtrace | None:
    """The stack of the panic task; the first one if none is marked as its."""
    stacks = report.backtraces or ()
    task = report.panic_task.task if report.panic_task else None
    return next((b for b in stacks if b.task == task), stacks[0] if stacks else None)


def rows(trace: Backtrace, guilty: str, others: frozenset[str]) -> tuple[Row, ...]:
    """Frames, exception blocks and markers in the order crash printed them."""
    faults = [e.after_level for e in trace.exceptions if not e.user_mode]
    first_fault = faults[0] if faults and faults[0] is not None else -1
    out = _after(trace, None)
    for frame in trace.frames:
        out.append(
            Row(
                "frame",
                frame.function + (f"+{frame.offset}" if frame.offset is not None else ""),
                level=frame.level,
                address=frame.address,
                module=frame.module or "",
                plumbing=frame.level <= first_fault,
                guilty=base_name(frame.function) == guilty,
                alternative=base_name(frame.function) in others - {guilty},
                unreliable=not frame.reliable,
            )
        )
        out += _after(trace, frame.level)
    return tuple(out)


def _after(trace: Backtrace, level: int | None) -> list[Row]:
    found: list[tuple[int, Row]] = [
        (e.line, Row("exception", at(e), address=e.rip or "", exception=e))
        for e in trace.exceptions
        if e.after_level == level
    ]
    found += [(m.line, Row("marker", m.name)) for m in trace.markers if m.after_level == level]
    return [row for _, row in sorted(found, key=lambda pair: pair[0])]


def others(report: Report) -> tuple[SameStack, ...]:
    """Every stack but the panic task's, equal ones together, the most common first."""
    main = panic_stack(report)
    groups: dict[tuple[str, ...], list[Backtrace]] = {}
    for trace in report.backtraces or ():
        if trace is main or (
            main is not None and trace.task is not None and trace.task == main.task
        ):
            continue
        groups.setdefault(tuple(f.function for f in trace.frames), []).append(trace)
    same = [
        SameStack(
            cpus=tuple(t.cpu for t in traces if t.cpu is not None),
            who=tuple(dict.fromkeys(t.comm for t in traces if t.comm is not None)),
            chain=chain,
        )
        for chain, traces in groups.items()
    ]
    return tuple(sorted(same, key=lambda s: -len(s.cpus)))
