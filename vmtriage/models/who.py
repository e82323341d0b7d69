"""Who a task is: its cgroups, its container, its names inside and outside."""

from typing import Literal

from vmtriage.models.base import Address, Model
from vmtriage.models.container import Container

TaskKind = Literal["user", "kernel_thread", "worker"]


class CgroupPath(Model):
    """Where a task stands in one hierarchy. No controllers and no name: the unified one (v2)."""

    controllers: tuple[str, ...] = ()  # cpu, memory ... of a v1 hierarchy
    hierarchy: str | None = None  # of a v1 hierarchy without controllers: systemd
    path: str


class Ancestor(Model):
    """A parent, or a parent's parent."""

    pid: int
    comm: str
    task: Address


class TaskIdentity(Model):
    """One task as the dump's memory knows it. None: could not be read; `unread` says what.

    ns_pid: its number in its own PID namespace, None where that is the host's. hostname: of its
    UTS namespace where that is not the host's: Docker's short id, a pod's name.
    """

    task: Address
    pid: int | None
    tgid: int | None = None
    comm: str | None
    kind: TaskKind | None = None
    roles: tuple[str, ...] = ()  # why it is here: "panic task", "running on CPU 3" ...
    workqueue: str | None = None  # "events foo_work" for a worker at work
    cgroup: str | None = None  # the path that says most
    cgroups: tuple[CgroupPath, ...] = ()
    container: Container | None = None
    hostname: str | None = None
    ns_pid: int | None = None
    ancestors: tuple[Ancestor, ...] = ()  # the parent first, up to the container's init
    unread: tuple[str, ...] = ()
