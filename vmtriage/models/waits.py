"""What blocked tasks wait for, and who holds it: stacks merged, locks and their owners."""

from typing import Literal

from vmtriage.models.base import Address, Model

WaitKind = Literal[
    "mutex", "rwsem", "semaphore", "percpu_rwsem", "rt_mutex", "completion", "page", "bit",
    "io", "sleep", "running", "other",
]  # fmt: skip
StuckKind = Literal["block", "filesystem", "nfs", "frozen"]
# "read": the lock names its owner. "hint": the lock remembers a reader, perhaps a former one.
Certainty = Literal["read", "hint", "unknown"]
ChainEnd = Literal["running", "sleeping", "io", "no_owner", "cycle", "unknown"]


class TaskName(Model):
    """A task by its address, its number and its name."""

    task: Address
    pid: int
    comm: str

    def __str__(self) -> str:
        return f"{self.comm} (pid {self.pid})"


class BlockedGroup(Model):
    """Tasks in D state with the same stack. Waits in milliseconds since they last ran."""

    count: int
    tasks: tuple[TaskName, ...]  # some of them, the longest wait first
    comms: tuple[str, ...] = ()  # names of all, most frequent first
    kind: WaitKind
    stuck: StuckKind | None = None
    function: str | None = None  # the first that is not about waiting
    module: str | None = None
    frames: tuple[str, ...] = ()  # significant functions, innermost first
    shortest_ms: int | None = None
    longest_ms: int | None = None
    normal: str = ""  # why this is nothing to worry about; "" if it may be


class Blocked(Model):
    """All tasks in D state, the largest group first. left_out: tasks whose stack was not asked."""

    tasks: int
    groups: tuple[BlockedGroup, ...]
    left_out: int = 0


class Stuck(Model):
    """Waiting for a device, a server or a file system; device where something names it."""

    kind: StuckKind
    device: str | None = None
    line: int | None = None  # of the log, where it names the device
    text: str = ""  # that line


class Waiting(Model):
    """One task and what it waits for. No lock: it waits for none, or none was found."""

    task: TaskName
    state: str | None = None  # as ps prints it
    waited_ms: int | None = None  # since it last ran
    kind: WaitKind
    access: Literal["read", "write"] | None = None  # that it wants, of an rwsem
    function: str | None = None
    module: str | None = None
    stuck: Stuck | None = None
    lock: Address | None = None
    symbol: str | None = None  # of a static lock: "crashlab_mutex [crashlab]"
    owner: TaskName | None = None
    certainty: Certainty = "unknown"  # of the owner
    says: str = ""  # in words
    check: str = ""  # a crash command that shows the same


class WaitChain(Model):
    """From a victim to whoever all wait for: each link waits for the next one.

    The last link is the root; a cycle has none, its links are the deadlock's members.
    """

    end: ChainEnd
    root: TaskName | None = None
    links: tuple[Waiting, ...]
    certainty: Certainty  # of the weakest step
    waiters: int  # tasks that wait for the root, or for the deadlock's members
    victims: tuple[TaskName, ...] = ()  # some of them, those the log names first


class Waits(Model):
    """Every task looked at, and the chains they form, the one with most waiters first."""

    tasks: tuple[Waiting, ...]
    chains: tuple[WaitChain, ...] = ()
    left_out: int = 0  # tasks in D state that were not looked at
