"""Each stage's job: the public commands, as anybody could type them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vmtriage.fleet.scan.executor import Job
from vmtriage.fleet.scan.servers import server_of
from vmtriage.models.found import Found
from vmtriage.models.occurrence import Stage

REPORT, RECORDING = "out", "recording"  # below a job's home
MB = 1 << 20


@dataclass(frozen=True)
class Costs:
    """What a stage may use. Bytes and seconds; need: what is reckoned with, limit: never more."""

    deadline_s: float
    need: int
    limit: int


@dataclass(frozen=True)
class Manner:
    """How dumps are analysed. words: further options of `analyze`, for every stage."""

    log: Costs = Costs(300.0, 256 * MB, 2048 * MB)
    full: Costs = Costs(7200.0, 1024 * MB, 9216 * MB)
    words: tuple[str, ...] = ()
    crash_words: tuple[str, ...] = ()  # where crash runs
    environment: dict[str, str] = field(default_factory=dict)


def analysis(found: Found, dump: str, stage: Stage, home: Path, manner: Manner) -> Job:
    """The log's or the full stage of one dump."""
    files = [str(each.real) for each in found.files]
    only_log = not files
    if only_log and found.log:
        files = [str(found.log.real)]
    words = ["--log-only"] if stage == "log" and not only_log else []
    if stage == "full" or only_log:
        words += ["--record", str(home / RECORDING)]
    if stage == "full":
        words += manner.crash_words
    # the logs in the order they are given: a log takes no longer for a larger dump
    weight = sum(each.size for each in found.files) if stage == "full" else 0
    costs = manner.full if stage == "full" else manner.log
    return _job(dump, (*files, *words), home, server_of(found.share), weight, costs, manner)


def again(dump: str, home: Path, manner: Manner) -> Job:
    """A report from the recording that lies in `home`."""
    return _job(dump, (str(home / RECORDING),), home, "", 0, manner.log, manner)


def _job(
    dump: str, words: Sequence[str], home: Path, share: str, weight: int, costs: Costs,
    manner: Manner,
) -> Job:  # fmt: skip
    argv = ("vmtriage", "analyze", *words, "-q", "-o", str(home / REPORT), *manner.words)
    return Job(
        key=dump, argv=argv, home=home, deadline_s=costs.deadline_s, group=share, weight=weight,
        need=costs.need, limit=costs.limit, environment=manner.environment,
    )  # fmt: skip
