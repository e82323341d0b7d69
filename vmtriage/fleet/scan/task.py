"""What a scan is to do, and with what."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from vmtriage.fleet.scan.decide import Rules
from vmtriage.fleet.scan.executor import Executor
from vmtriage.fleet.scan.happening import Watcher
from vmtriage.fleet.scan.jobs import Manner
from vmtriage.fleet.scan.policy import Policy
from vmtriage.fleet.share import HostNames
from vmtriage.store.base import Store
from vmtriage.store.rows import Worker


@dataclass(frozen=True)
class Task:
    """site: the directory of pages and reports. limit: triage at most so many dumps.

    retriage: make anew the reports of another revision; the one that is wanted. crash: its name
    or path.
    """

    shares: tuple[Path, ...]
    site: Path
    names: HostNames
    manner: Manner = field(default_factory=Manner)
    rules: Rules = field(default_factory=Rules)
    policy: Policy = field(default_factory=Policy)
    retriage: str | None = None
    crash: str = "crash"
    limit: int | None = None
    look_s: float = 120.0


@dataclass(frozen=True)
class Published:
    """What telling came to. waiting: notices that could not be sent yet."""

    pages: int = 0
    new_problems: int = 0
    told: int = 0
    waiting: int = 0
    troubles: tuple[str, ...] = ()


class Publisher(Protocol):
    """Site, tickets and alerts, by what the store says has changed since the last time."""

    def prepare(self) -> None:
        """Raises what `publish` would, before any work is done for it."""
        ...

    def publish(self) -> Published:
        """Raises CannotWrite, StoreError; nothing for a notifier that is down."""
        ...


@dataclass(frozen=True)
class Hands:
    """Everything with effects. now: UTC."""

    store: Store
    worker: Worker
    executor: Executor
    publisher: Publisher
    watcher: Watcher
    now: Callable[[], datetime]
