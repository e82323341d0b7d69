"""What drgn reads in a dump's memory, to hold vmtriage's report against: a second opinion.

    truth = read(vmcore, vmlinux)
    truth.throttled, truth.panic_task, truth.running[cpu], truth.tasks[address], truth.waits

Nothing here knows vmtriage or crash(8): where both agree, two programs came to it on their own.
Addresses are hex without 0x, as in report.json. Half a second a dump.
"""

from dataclasses import dataclass
from pathlib import Path

import drgn

from .groups import ThrottledGroup, throttled_groups
from .locks import Wait, waits
from .tasks import PanicTask, Task, all_tasks, panic_task, running

__all__ = ["PanicTask", "Task", "ThrottledGroup", "Truth", "Wait", "read"]


@dataclass(frozen=True)
class Truth:
    """All that is asked of one dump."""

    throttled: tuple[ThrottledGroup, ...]
    panic_task: PanicTask
    tasks: dict[str, Task]  # by address; the idle tasks of online CPUs too
    running: dict[int, str]  # online CPU -> address of the task on it
    waits: tuple[Wait, ...]


def read(vmcore: Path, vmlinux: Path) -> Truth:
    """Opens the dump and reads everything at once; drgn stays open no longer."""
    prog = drgn.Program()
    prog.set_core_dump(vmcore)
    prog.load_debug_info([vmlinux])  # the lab's module is not needed: only the kernel's own types
    return Truth(
        throttled=throttled_groups(prog),
        panic_task=panic_task(prog),
        tasks=all_tasks(prog),
        running=running(prog),
        waits=waits(prog),
    )
