"""Dumps that crash is not run on: the user wants it so, or crash would answer wrong."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vmtriage.errors import CrashLeftOut
from vmtriage.models.evidence import Part, Problem
from vmtriage.source.dumpfile.miscounted import miscounted


@dataclass(frozen=True)
class LeftOut:
    """Why crash is not run, and what else that means for the report."""

    why: CrashLeftOut
    problems: tuple[Problem, ...] = ()


def without(log_only: bool, files: Sequence[Path]) -> LeftOut | None:
    """None where crash is to be run. files: one dump, or the parts of a split one."""
    if log_only:
        return _on_purpose()
    part = miscounted(*files)
    return _misread(part, files) if part else None


def _on_purpose() -> LeftOut:
    why = "crash was left out on purpose: --log-only"
    return LeftOut(CrashLeftOut(why, next_step="analyze it without --log-only"))


def _misread(part: Path, files: Sequence[Path]) -> LeftOut:
    parts = " ".join(shlex.quote(path.name) for path in files)
    why = CrashLeftOut(
        "crash was left out: it would misread the parts of this split dump",
        next_step=f"join the parts, `makedumpfile --reassemble {parts} vmcore.whole`, and analyze"
        " that file",
    )
    problem = Problem(
        kind="parts_misread",
        message=f"{part.name} begins within a group of 64 pages: crash would take one page of it"
        " for another, and not say so",
        unsafe=(Part.CULPRIT,),
    )
    return LeftOut(why, (problem,))
