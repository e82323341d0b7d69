"""Real dumps analysed, each once for all tests: opening one with crash takes seconds."""

import functools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from fixtures import lab
from vmtriage.source.dumpfile.miscounted import miscounted

Json = dict[str, Any]
OLD, NEW = "8.0.2", "8.0.6"


def crash_of(version: str) -> Path:
    binaries = lab.crash_binaries()
    if version not in binaries:
        pytest.fail(f"the lab has no crash {version}, only {sorted(binaries)}")
    return binaries[version]


def built(name: str, kernel: str, cgroup: int) -> lab.Dump:
    """The dump; a kernel that no package source has is said, and an error where it is required."""
    try:
        return lab.build(name, kernel=kernel, cgroup=cgroup)
    except lab.NoKernel as error:
        if os.environ.get("VMTRIAGE_LIVE") == "required":
            raise
        pytest.skip(str(error))


def vmtriage(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command as a user types it."""
    return subprocess.run(
        [sys.executable, "-m", "vmtriage", *map(str, arguments)],
        capture_output=True, text=True, timeout=600, check=False, stdin=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )  # fmt: skip


def analyze(dump: lab.Dump, crash: Path, out: Path, *more: str | Path) -> Json:
    done = vmtriage(
        "analyze", dump.vmcore, "--vmlinux", dump.vmlinux, "--crash", crash, "-o", out, *more
    )
    assert done.returncode == 0, done.stderr
    report: Json = json.loads((out / "report.json").read_text())
    return report


@functools.cache
def _home() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="vmtriage-live-")


def analyzed(name: str, kernel: str, cgroup: int) -> tuple[Json, Path]:
    """The newest crash's report on a dump, and where reports and `session/` lie."""
    dump = built(name, kernel, cgroup)
    home = Path(_home().name) / f"{name}-{kernel}-{cgroup}"
    if not home.exists():
        analyze(dump, crash_of(NEW), home, "--record", home / "session")
    return json.loads((home / "report.json").read_text()), home


def suspects(report: Json) -> list[Json]:
    return [*filter(None, [report["culprit"]]), *report["candidates"]]


def names(culprit: Json) -> str:
    """All by which it is called."""
    fields = ("name", "path", "container_id", "pod", "application", "owner_hint")
    return " ".join([*(culprit[field] or "" for field in fields), *culprit["comms"]])


def makedumpfile(*arguments: str | Path) -> None:
    tool = lab.cache.root() / "makedumpfile" / "makedumpfile"
    subprocess.run([tool, "--message-level", "0", *arguments], check=True)


def split(core: Path, parts: Sequence[Path], block: int) -> None:
    """block: kB; parts begin at multiples of it."""
    makedumpfile("-f", "-l", "-d", "31", "--split", "--splitblock-size", str(block), core, *parts)


def misread_parts(directory: Path) -> list[Path]:
    """Three parts of a dump that crash would misread."""
    parts = [directory / f"vmcore{number}" for number in range(3)]
    for block in (4, 8, 12, 20, 36, 52, 68, 100, 132, 196, 260, 1000):  # it differs by dump
        split(built("sysrq", "6.1", 1).vmcore_in("elf"), parts, block)
        if miscounted(*parts):
            return parts
    pytest.fail("crash would read all of them right")
