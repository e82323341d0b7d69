"""Tasks as `ps` and `ps -m` list them."""

from vmtriage.models.base import Address, Model, Note


class Task(Model):
    """One row of `ps`. Sizes in bytes. `bracketed`: [name], a kernel thread or exited task."""

    pid: int
    ppid: int
    cpu: int | None
    task: Address
    state: str  # RU IN UN ID ZO ...
    mem_percent: float | None
    vsz: int
    rss: int
    comm: str
    bracketed: bool = False
    active: bool = False  # `>`: on a CPU
    line: int


class Tasks(Model):
    """`ps`: all tasks crash could see."""

    tasks: tuple[Task, ...]
    notes: tuple[Note, ...] = ()


class TaskLastRun(Model):
    """One row of `ps -m`: how long ago the task last ran, in milliseconds."""

    ago_ms: int
    state: str
    pid: int
    task: Address
    cpu: int | None
    comm: str
    line: int


class TasksLastRun(Model):
    """`ps -m`, most recent first as crash sorts it."""

    tasks: tuple[TaskLastRun, ...]
    notes: tuple[Note, ...] = ()
