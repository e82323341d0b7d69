"""What a user reads when no vmlinux was found: what was looked for, where, and what to type."""

from itertools import groupby
from pathlib import Path

from vmtriage.errors import NoDebuginfo
from vmtriage.models.dump import DumpInfo, LookedAt
from vmtriage.source.debuginfo.hint import hint, package_hint


def not_found(
    dump: DumpInfo, looked: tuple[LookedAt, ...], given: Path | None = None
) -> NoDebuginfo:
    """The error for a search that ended with nothing. given: all that --vmlinux allowed."""
    release = dump.release or "an unknown release"
    build_id = f" (build-id {dump.build_id})" if dump.build_id else ""
    what = f"--vmlinux {given}: not the vmlinux" if given else "no vmlinux with debuginfo"
    lines = [f"{what} for {release}{build_id}"]
    rejected = [each for each in looked if each.outcome == "rejected"]
    lines += [f"  rejected: {each.place}: {each.reason}" for each in rejected]
    absent = [each for each in looked if each.outcome == "absent"]
    for found_by, group in groupby(absent, key=lambda each: each.found_by):
        places = [f"{each.place}: {each.reason}" if each.reason else each.place for each in group]
        between = " " if len(places) == 1 else "\n    "
        lines.append(between.join([f"  not there ({found_by}):", *places]))
    return NoDebuginfo("\n".join(lines), next_step=_next_step(dump, given, rejected))


def _next_step(dump: DumpInfo, given: Path | None, rejected: list[LookedAt]) -> str:
    advice = package_hint(dump.release)
    if not hint(dump.release):
        advice += ", and give it with --vmlinux"
    if any("needs" in each.reason for each in rejected):
        advice += "\n  --allow-mismatch uses the wrong one, and nothing it says can be trusted"
    return f"{advice}\n  or leave --vmlinux out, to have it looked for" if given else advice
