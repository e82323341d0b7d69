"""From what a user says to a task and the hands for it; everything is checked before a scan."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from vmtriage.fleet.notify.desk import Desk
from vmtriage.fleet.scan.decide import Rules
from vmtriage.fleet.scan.happening import Watcher
from vmtriage.fleet.scan.jobs import MB, Costs, Manner
from vmtriage.fleet.scan.local import Bounds, LocalExecutor
from vmtriage.fleet.scan.notices import Links
from vmtriage.fleet.scan.publisher import SitePublisher
from vmtriage.fleet.scan.task import Hands, Task
from vmtriage.fleet.share import HostNames, Patience
from vmtriage.models.found import path_text
from vmtriage.session.child import find_crash
from vmtriage.session.limits import default_memory_bytes
from vmtriage.settings import Settings
from vmtriage.store.location import default_path
from vmtriage.store.opening import open_store
from vmtriage.store.workers import this_worker

_SYSTEM_PATH = ("/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin")


@dataclass(frozen=True)
class Options:
    """As the command line has them. None: the default."""

    shares: tuple[Path, ...]
    site: Path
    store: str | None = None
    config: Path | None = None
    base_url: str | None = None
    names: Path | None = None
    jobs: int | None = None
    memory_mb: int | None = None
    per_share: int = 4
    settle_s: float = 30.0
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
    """said: the file that remembers which troubles were told."""

    task: Task
    hands: Hands
    said: Path


@contextmanager
def prepared(options: Options, watcher: Watcher, read_only: bool = False) -> Iterator[Prepared]:
    """Everything opened; closed on leaving. read_only: nothing is made that is not there."""
    site = options.site.absolute()
    shares = tuple(dict.fromkeys(each.absolute() for each in options.shares))
    where: str | Path = options.store or default_path(site)
    names = HostNames(options.names and options.names.absolute())
    path = os.environ.get("PATH", "")
    # cron's has neither sbin nor local
    os.environ["PATH"] = os.pathsep.join(dict.fromkeys((*filter(None, path.split(os.pathsep)),
                                                        *_SYSTEM_PATH)))  # fmt: skip
    if not read_only:
        find_crash(options.crash or Settings.from_environment().crash)
    memory = (options.memory_mb or 0) * MB or default_memory_bytes()
    with open_store(where, read_only) as store:
        task = Task(
            shares=shares, site=site, names=names, manner=_manner(options, memory),
            rules=Rules(Patience(settled=options.settle_s), options.insist),
            retriage=_revision(options) if options.retriage else None, limit=options.limit,
        )  # fmt: skip
        publisher = SitePublisher(
            store, _public(where), site, tuple(path_text(each) for each in shares),
            Links(options.base_url), _desk(options), _now,
        )  # fmt: skip
        bounds = Bounds(options.jobs or Bounds.of().jobs, memory, options.per_share)
        hands = Hands(store, this_worker(), LocalExecutor(bounds), publisher, watcher, _now)
        yield Prepared(task, hands, default_path(site).with_suffix(".said.json"))


def _now() -> datetime:
    return datetime.now(UTC)


def _desk(options: Options) -> Desk | None:
    return None


def _public(where: str | Path) -> str:
    from vmtriage.store.location import shown, url_of

    return shown(url_of(where))


def _revision(options: Options) -> str:
    from vmtriage import __version__
    from vmtriage.analysis.knowledge import Knowledge
    from vmtriage.analysis.signatures import load

    settings = Settings.from_environment()
    packs = (*settings.packs, *options.packs)
    known = load(options.signatures or settings.signatures, packs, settings.cache_dir)
    return f"{__version__} {Knowledge(known).revision}"


def _manner(options: Options, memory: int) -> Manner:
    """crash has its own limit; the child that drives it gets a little more."""
    words: list[str] = []
    for name, value in (("--signatures", options.signatures),):
        words += [name, str(value.absolute())] if value else []
    for pack in options.packs:
        words += ["--pack", str(pack.absolute())]
    crash_words = ["--crash", options.crash] if options.crash else []
    for directory in options.debuginfo_dirs:
        crash_words += ["--debuginfo-dir", str(directory.absolute())]
    if not options.fetch:
        crash_words += ["--no-fetch"]
    usual = Manner()
    full = Costs(options.deadline_s or usual.full.deadline_s, usual.full.need, memory + MB * 1024)
    return Manner(usual.log, full, tuple(words), tuple(crash_words))
