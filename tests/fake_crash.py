"""A stand-in for crash(8) that misbehaves on demand."""

import sys
from dataclasses import replace
from pathlib import Path

from vmtriage.session.crash import CrashTarget
from vmtriage.session.sandbox import Wanted, choose

# Answers like crash on a pty: a prompt, `COMMAND > FILE`, `eval 0xN`.
FAKE = """#!{python}
import os, re, signal, sys, time
if "--version" in sys.argv:
    print("\\ncrash 9.9.9"); sys.exit(0)
{startup}
def handle(*_): print("^C"); raise KeyboardInterrupt
signal.signal(signal.SIGINT, handle)
while True:
    try:
        sys.stdout.write("crash> "); sys.stdout.flush()
        line = sys.stdin.readline()
        if not line: break
        if found := re.match(r"eval 0x(\\w+)", line):
            print("hexadecimal:", found[1]); print("    decimal: 1"); continue
        command, _, name = line.strip().partition(" > ")
        with open(name, "w") as out:
            {answer}
    except KeyboardInterrupt:
        continue
"""


def fake(
    tmp_path: Path, answer: str = "out.write(command)", startup: str = "", wanted: Wanted = "limits"
) -> CrashTarget:
    """A crash that does `answer` for every command; in the sandbox that is wanted."""
    home = tmp_path / "program"  # what the sandbox shows of it
    home.mkdir(exist_ok=True)
    path = home / "crash"
    python = Path(sys.executable).resolve()  # the sandbox has no virtual environment
    path.write_text(FAKE.format(python=python, answer=answer, startup=startup))
    path.chmod(0o755)
    for name in ("vmlinux", "vmcore"):
        (tmp_path / name).write_text("")
    files = (tmp_path / "vmlinux", tmp_path / "vmcore")
    sandbox = replace(choose(wanted, path, files), more=(Path(sys.base_prefix),))
    return CrashTarget(path, *files, start_timeout_s=20, sandbox=sandbox)


def sandboxes() -> list[Wanted]:
    """Those that work on this machine."""
    true = Path("/bin/sh")
    return ["limits", "bubblewrap"] if choose("auto", true, ()).bwrap else ["limits"]
