"""Who every task is. Sources: include/linux/sched.h, cgroup-defs.h, pid.h."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from drgn import Object, Program, cast
from drgn.helpers.linux.cgroup import cgroup_path
from drgn.helpers.linux.cpumask import for_each_online_cpu
from drgn.helpers.linux.kthread import kthread_data
from drgn.helpers.linux.list import list_for_each_entry
from drgn.helpers.linux.percpu import per_cpu
from drgn.helpers.linux.pid import for_each_task
from drgn.helpers.linux.sched import cpu_curr, idle_task, task_cpu

Kind = Literal["user", "kernel_thread", "worker"]
_PF_WQ_WORKER, _PF_KTHREAD = 0x20, 0x200000  # macros: not in the debuginfo


@dataclass(frozen=True)
class PanicTask:
    """The task on the CPU that panicked."""

    task: str
    pid: int
    comm: str
    cpu: int


@dataclass(frozen=True)
class Ancestor:
    """A parent, or a parent's parent."""

    pid: int
    comm: str
    task: str


@dataclass(frozen=True)
class Hierarchy:
    """Where a task stands in one v1 hierarchy; `name` of one without controllers: systemd."""

    controllers: frozenset[str]
    name: str
    path: str


@dataclass(frozen=True)
class Task:
    """One task as its task_struct and what hangs on it say."""

    task: str
    pid: int
    tgid: int
    comm: str
    kind: Kind
    work: tuple[str, str] | None  # workqueue and function of a worker at work
    unified: str  # path in the default hierarchy, that is v2
    v1: tuple[Hierarchy, ...]
    nodename: str | None  # None: it has left its namespaces, as zombies do
    ns_level: int  # 0: the host's PID namespace
    ns_pid: int  # in its innermost PID namespace
    ancestors: tuple[Ancestor, ...]  # the parent first, up to PID 1


def text(value: Object) -> str:
    """A string of the kernel."""
    raw: bytes = value.string_()
    return raw.decode(errors="replace")


def address(pointer: Object) -> str:
    """As report.json writes it."""
    return f"{int(pointer):x}"


def all_tasks(prog: Program) -> dict[str, Task]:
    """All of the host's PID namespace, and the idle tasks, which no list has."""
    idle = [idle_task(prog, cpu) for cpu in for_each_online_cpu(prog)]
    return {address(task): _task(task) for task in (*for_each_task(prog), *idle)}


def running(prog: Program) -> dict[int, str]:
    """The task that each online CPU calls current.

    Its run queue names the next one a moment before: a CPU may be stopped between the two.
    """
    return {cpu: address(_current(prog, cpu)) for cpu in for_each_online_cpu(prog)}


def _current(prog: Program, cpu: int) -> Object:
    try:
        return per_cpu(prog["pcpu_hot"], cpu).current_task
    except KeyError:  # before 6.2
        return per_cpu(prog["current_task"], cpu)


def panic_task(prog: Program) -> PanicTask:
    """By the kernel's own mark of the CPU that panicked; drgn's finding has to be the same."""
    cpu = int(prog["panic_cpu"].counter)
    task = cpu_curr(prog, cpu)
    assert int(task) == int(prog.crashed_thread().object), "drgn disagrees with panic_cpu"
    assert task_cpu(task) == cpu
    return PanicTask(task=address(task), pid=int(task.pid), comm=text(task.comm), cpu=cpu)


def _task(task: Object) -> Task:
    pid = task.thread_pid
    level = int(pid.level)
    kind = _kind(task)
    css_set = task.cgroups
    return Task(
        task=address(task),
        pid=int(task.pid),
        tgid=int(task.tgid),
        comm=text(task.comm),
        kind=kind,
        work=_work(task) if kind == "worker" else None,
        unified=cgroup_path(css_set.dfl_cgrp).decode(),
        v1=tuple(_v1(css_set)),
        nodename=text(task.nsproxy.uts_ns.name.nodename) if task.nsproxy else None,
        ns_level=level,
        ns_pid=int(pid.numbers[level].nr),
        ancestors=tuple(_ancestors(task)),
    )


def _kind(task: Object) -> Kind:
    flags = int(task.flags)
    if flags & _PF_WQ_WORKER:
        return "worker"
    return "kernel_thread" if flags & _PF_KTHREAD else "user"


def _work(task: Object) -> tuple[str, str] | None:
    worker = cast("struct worker *", kthread_data(task))
    if not worker.current_func:
        return None
    function = int(worker.current_func)
    try:
        name = task.prog_.symbol(function).name
    except LookupError:  # a module's
        name = f"{function:x}"
    return text(worker.current_pwq.wq.name), name


def _v1(css_set: Object) -> Iterator[Hierarchy]:
    """All hierarchies but the default one; a controller that none has mounted is in that."""
    prog = css_set.prog_
    default = prog["cgrp_dfl_root"].address_of_()
    controllers: dict[int, set[str]] = {}
    for subsystem in prog["cgroup_subsys"]:
        group = css_set.subsys[subsystem.id].cgroup
        controllers.setdefault(int(group), set()).add(text(subsystem.legacy_name))
    links = css_set.cgrp_links.address_of_()
    for link in list_for_each_entry("struct cgrp_cset_link", links, "cgrp_link"):
        if link.cgrp.root != default:
            yield Hierarchy(
                controllers=frozenset(controllers.get(int(link.cgrp), ())),
                name=text(link.cgrp.root.name),
                path=cgroup_path(link.cgrp).decode(),
            )


def _ancestors(task: Object) -> Iterator[Ancestor]:
    parent = task.real_parent.read_()
    while parent.pid:
        yield Ancestor(pid=int(parent.pid), comm=text(parent.comm), task=address(parent))
        parent = parent.real_parent.read_()
