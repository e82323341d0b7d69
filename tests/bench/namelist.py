"""Slim namelists against the distribution's vmlinux: answers of crash, seconds and memory.

`python -m tests.bench.namelist [SCENARIO...]`: for each scenario and both kernels of the lab every
command of the plan is asked on the vmlinux, on a namelist made of it and on one made of the dump
alone; prints what differs, and six commands' wall seconds and peak memory. The promise: a sixth of
the time with crash 8.0.2, a tenth with 8.0.6, and a third of the memory.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from fixtures import lab
from vmtriage.namelist.ensure import Wanted, ensure
from vmtriage.session.commands import BLOCKED_STACKS, PLAN
from vmtriage.session.crash import CrashSession, CrashTarget

_SIX = "sys\nbt\nrunq -g\nrunq -t\nkmem -i\nlog\nq\n"
_PROMISED = {"8.0.2": 6, "8.0.6": 10}
_MEMORY = 3
_KERNELS = (("6.1", 1), ("6.12", 2))


def measured(crash: Path, namelist: Path, vmcore: Path) -> tuple[float, int]:
    """Wall seconds and peak kilobytes of crash with the six commands."""
    with tempfile.TemporaryDirectory() as home:
        commands = Path(home) / "commands"
        commands.write_text(_SIX)
        began = time.perf_counter()
        child = os.fork()
        if not child:
            silent = os.open(os.devnull, os.O_RDWR)
            for stream in range(3):
                os.dup2(silent, stream)
            os.chdir(home)
            os.execve(crash, [str(crash), "-s", "--no_crashrc", "-i", str(commands),
                              str(namelist), str(vmcore)],
                      {"PATH": os.environ["PATH"], "HOME": home, "TERM": "dumb"})  # fmt: skip
        _, status, used = os.wait4(child, 0)
        if status:
            raise SystemExit(f"crash ended with {status} on {namelist}")
        return time.perf_counter() - began, used.ru_maxrss


def answers(crash: Path, namelist: Path, vmcore: Path) -> dict[str, str]:
    """What crash says to the plan, the namelist's own name aside."""
    with CrashSession(CrashTarget(crash, namelist, vmcore)) as session:
        told = {"start-up": session.startup}
        told |= {each.command: each.text for each in session.run([*PLAN, BLOCKED_STACKS])}
    return {command: text.replace(str(namelist), "NAMELIST") for command, text in told.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit 1 if an answer differs or a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("scenarios", nargs="*", default=["sysrq", "cfs_lockup", "oom"])
    wrong = 0
    for name in parser.parse_args(arguments).scenarios:
        for kernel, cgroup in _KERNELS:
            dump = lab.build(name, kernel=kernel, cgroup=cgroup)
            for version, crash in sorted(lab.crash_binaries().items()):
                if (kernel, version) != ("6.12", "8.0.2"):  # it cannot open that
                    wrong += compared(f"{name} {kernel} {version}", crash, dump, version)
    return min(wrong, 1)


def compared(title: str, crash: Path, dump: lab.Dump, version: str) -> int:
    """Prints a line for each namelist; how many are wrong."""
    wrong = 0
    true = answers(crash, dump.vmlinux, dump.vmcore)
    seconds, memory = measured(crash, dump.vmlinux, dump.vmcore)
    with tempfile.TemporaryDirectory() as scratch:
        for wanted in (Wanted(vmlinux=dump.vmlinux), Wanted(dump=dump.vmcore)):
            slim = ensure(wanted, Path(scratch))
            told = answers(crash, slim.path, dump.vmcore)
            differ = [command for command, text in true.items() if told[command] != text]
            fast, small = measured(crash, slim.path, dump.vmcore)
            ratio = seconds / fast
            print(f"{title} of {slim.made_from}: made in {slim.seconds:.1f} s,"
                  f" {seconds:.1f} -> {fast:.2f} s ({ratio:.0f} times),"
                  f" {memory >> 10} -> {small >> 10} MB, differ: {differ or 'none'}")  # fmt: skip
            broken = ratio < _PROMISED.get(version, 1) or small * _MEMORY > memory
            wrong += bool(differ) or broken
    return wrong


if __name__ == "__main__":
    sys.exit(main())
