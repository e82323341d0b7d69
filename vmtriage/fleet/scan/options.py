"""From what a user says to a task and the hands for it; everything is checked before a scan."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from vmtriage import __version__
from vmtriage.analysis.knowledge import Knowledge
from vmtriage.analysis.signatures import load
from vmtriage.errors import BadConfig
from vmtriage.fleet.config.model import Config
from vmtriage.fleet.config.read import read
from vmtriage.fleet.notify.make import desk
from vmtriage.fleet.notify.metrics import write as write_metrics
from vmtriage.fleet.notify.numbers import numbers
from vmtriage.fleet.notify.stored import StoredRecords
from vmtriage.fleet.scan.decide import Rules
from vmtriage.fleet.scan.happening import Watcher
from vmtriage.fleet.scan.jobs import MB, Costs, Manner
from vmtriage.fleet.scan.last import last_scan
from vmtriage.fleet.scan.local import Bounds, LocalExecutor, cores
from vmtriage.fleet.scan.notices import Links
from vmtriage.fleet.scan.publisher import SitePublisher
from vmtriage.fleet.scan.task import Hands, Task
from vmtriage.fleet.share import HostNames, Patience
from vmtriage.models.found import path_text
from vmtriage.session.limits import default_memory_bytes
from vmtriage.settings import Settings
from vmtriage.store.base import Store
from vmtriage.store.location import default_path, shown, url_of
from vmtriage.store.opening import open_store
from vmtriage.store.workers import this_worker

T = TypeVar("T")
_READY = ("vmtriage.cli", "vmtriage.pipeline.everything:get_ready")  # what every job imports
_WINDOW_S = 24 * 3600.0
_SYSTEM_PATH = ("/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin")


@dataclass(frozen=True)
class Options:
    """As the command line has them. None: the default."""

    shares: tuple[Path, ...]
    site: Path | None = None
    store: str | None = None
    config: Path | None = None
    base_url: str | None = None
    names: Path | None = None
    jobs: int | None = None
    memory_mb: int | None = None
    per_share: int | None = None
    settle_s: float | None = None
    deadline_s: float | None = None
    limit: int | None = None
    retriage: bool = False
    insist: bool = False
    notify: bool = True
    crash: str | None = None
    debuginfo_dirs: tuple[Path, ...] = ()
    fetch: bool = True
    signatures: Path | None = None
    packs: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Prepared:
    """metrics: the file for Prometheus, where one is wanted. publisher: that of the hands."""

    task: Task
    hands: Hands
    metrics: Path | None = None
    publisher: SitePublisher | None = None

    def measure(self, seconds: float) -> None:
        """Writes the metrics; seconds: how long the scan took."""
        if self.metrics is not None:
            last = last_scan(self.task.site)
            told = numbers(
                self.hands.store, self.hands.now(), _WINDOW_S, last.finished if last else None
            )
            write_metrics(self.metrics, told, seconds)


@contextmanager
def prepared(options: Options, watcher: Watcher, read_only: bool = False) -> Iterator[Prepared]:
    """Everything opened; closed on leaving. read_only: nothing is made that is not there.

    What the options do not say is taken from the configuration file, then from the environment.
    """
    config = read(options.config) if options.config else Config()
    site = _needed(options.site or config.site, "--out SITE", "site").absolute()
    shares = tuple(dict.fromkeys(each.absolute() for each in options.shares or config.shares))
    _needed(shares, "SHARE", "shares")
    settings = config.settings()
    where = options.store or config.store_address() or default_path(site)
    names = HostNames(options.names or config.hosts)
    memory = (options.memory_mb or 0) * MB or settings.memory_bytes or default_memory_bytes()
    revision = _revision(options, settings)  # a mistake in a signature is said before any work
    with _store(where, read_only) as store:
        worker = this_worker()
        settled = config.settle_s if options.settle_s is None else options.settle_s
        task = Task(
            shares=shares, site=site, names=names, manner=_manner(options, config, memory),
            rules=Rules(Patience(settled=settled), options.insist),
            retriage=revision if options.retriage else None, limit=options.limit,
            crash=options.crash or settings.crash,
        )  # fmt: skip
        told = desk(config, StoredRecords(store, worker)) if options.notify else None
        publisher = SitePublisher(
            store, shown(url_of(where)), site, tuple(path_text(each) for each in shares),
            Links(options.base_url or config.base_url), told, _now,
        )  # fmt: skip
        jobs = options.jobs or config.jobs or cores()
        bounds = Bounds(jobs, memory, options.per_share or config.per_share)
        with closing(LocalExecutor(bounds, _READY)) as executor:
            hands = Hands(store, worker, executor, publisher, watcher, _now)
            yield Prepared(task, hands, config.metrics, publisher)


def _now() -> datetime:
    return datetime.now(UTC)


def _needed(value: T | None, option: str, key: str) -> T:
    if not value:
        raise BadConfig(
            f"{option} is missing", next_step=f"name it, or write `{key} = ...` into the --config"
        )
    return value


@contextmanager
def _store(where: str | Path, read_only: bool) -> Iterator[Store]:
    """Where nothing is to be made, an empty one stands for the one that is not there yet."""
    if read_only and "://" not in str(where) and not Path(where).exists():
        with tempfile.TemporaryDirectory() as scratch, open_store(Path(scratch) / "empty") as store:
            yield store
        return
    with open_store(where, read_only) as store:
        yield store


def _revision(options: Options, settings: Settings) -> str:
    """That of a report made now."""
    packs = (*settings.packs, *options.packs)
    known = load(options.signatures or settings.signatures, packs, settings.cache_dir)
    return f"{__version__} {Knowledge(known).revision}"


def _manner(options: Options, config: Config, memory: int) -> Manner:
    """crash has its own limit on memory; the child that drives it gets a little more."""
    words = ["--signatures", str(options.signatures.absolute())] if options.signatures else []
    for pack in options.packs:
        words += ["--pack", str(pack.absolute())]
    crash_words = ["--crash", options.crash] if options.crash else []
    for directory in options.debuginfo_dirs:
        crash_words += ["--debuginfo-dir", str(directory.absolute())]
    crash_words += [] if options.fetch else ["--no-fetch"]
    usual = Manner()
    deadline_s = options.deadline_s or config.deadline_s or usual.full.deadline_s
    full = Costs(deadline_s, usual.full.need, memory + 1024 * MB)
    path = os.environ.get("PATH", "").split(os.pathsep)
    environment = {
        **config.environment(),
        "PATH": os.pathsep.join(dict.fromkeys((*filter(None, path), *_SYSTEM_PATH))),
        "VMTRIAGE_MEMORY_BYTES": str(memory),
    }
    return Manner(usual.log, full, tuple(words), tuple(crash_words), environment)
