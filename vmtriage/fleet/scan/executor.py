"""Who runs the analyses: one job is one command in a process of its own. Local today."""

from collections.abc import Collection, Generator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

# killed by whom: its time was over, its memory, or the scan itself ended
Killed = Literal["deadline", "memory", "stopped"]


@dataclass(frozen=True)
class Job:
    """One command. Sizes in bytes, times in seconds.

    key: the caller's name of it. argv: words after the program. home: a private directory that is
    its TMPDIR, made and removed by the caller. group: the share it reads from. weight: what is done
    later when it is larger. memory: what it is expected to need at most; it is killed above.
    """

    key: str
    argv: tuple[str, ...]
    home: Path
    deadline_s: float
    group: str = ""
    weight: int = 0
    need: int = 1 << 30
    limit: int = 9 << 30
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ended:
    """How a job ended. code: its exit code, -N for signal N. words: the end of its stderr."""

    job: Job
    code: int
    seconds: float
    words: str = ""
    killed: Killed | None = None


class Overseer(Protocol):
    """Whom an executor asks, from the thread that runs it."""

    def admit(self, job: Job) -> bool:
        """Right before a job starts; False: leave it out, it never ends."""
        ...

    def tick(self) -> Collection[str]:
        """Every now and then; the keys of jobs that are to be stopped."""
        ...


class Executor(Protocol):
    """Runs jobs, as many at once as it can bear."""

    def run(self, jobs: Iterable[Job], overseer: Overseer) -> Generator[Ended, None, None]:
        """Each admitted job's end as it comes, in any order. Closing it kills the rest."""
        ...
