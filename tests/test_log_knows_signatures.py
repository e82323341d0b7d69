"""`vmtriage log` names every bundled signature on the sample that is a log and nothing else."""

import io
from functools import cache
from pathlib import Path

import pytest

from vmtriage.analysis.klog.stream import Stream
from vmtriage.analysis.knowledge import Knowledge
from vmtriage.analysis.signatures import home, load
from vmtriage.models.logreport import LogReport
from vmtriage.pipeline.logs import LogReader

# Samples whose signature `log` may not find, each with its reason.
EXCEPTIONS = {
    # Only a line of the boot says "virtual machine", and no report holds it. The kernel's own
    # report does, in `Hardware name:`, which this sample was cut before (see the test below).
    "nmi-injected/hit-virsh",
}


def _logs() -> list[Path]:
    folders = (each for each in home().glob("*/*/hit-*") if each.is_dir())
    alone = (each for each in folders if [file.name for file in each.iterdir()] == ["log.txt"])
    return sorted([*(each / "log.txt" for each in alone), *home().glob("*/*/hit-*.log")])


def _name(log: Path) -> str:
    case = log.parent if log.name == "log.txt" else log
    return f"{case.parent.name}/{case.name}"


LOGS = _logs()


@cache
def _knowledge() -> Knowledge:
    return Knowledge(load())


def _read(log: bytes) -> LogReport:
    return LogReader(_knowledge).read("log", io.BytesIO(log))


def _named(report: LogReport) -> set[str]:
    every = {each for row in report.incidents for each in row.signatures}
    return every | {each.id for each in report.signatures}


@pytest.mark.parametrize("log", LOGS, ids=_name)
def test_log_names_the_signature(log: Path) -> None:
    name = _name(log)
    assert (name.split("/")[0] in _named(_read(log.read_bytes()))) == (name not in EXCEPTIONS)


def test_every_exception_is_a_sample() -> None:
    assert {_name(log) for log in LOGS} >= EXCEPTIONS


def test_an_injected_nmi_is_known_by_the_machine_its_report_names() -> None:
    report = _read(
        b"[ 6006.337601] Uhhuh. NMI received for unknown reason 30 on CPU 0.\n"
        b"[ 6006.337701] Kernel panic - not syncing: NMI: Not continuing\n"
        b"[ 6006.337702] CPU: 0 PID: 0 Comm: swapper/0 Not tainted 5.14.0-70.el9.x86_64 #1\n"
        b"[ 6006.337703] Hardware name: Red Hat KVM/RHEL-AV, BIOS 1.16.0 04/01/2014\n"
        b"[ 6006.337704] Call Trace:\n"
        b"[ 6006.337705]  <NMI>\n"
        b"[ 6006.337706]  dump_stack_lvl+0x34/0x48\n"
        b"[ 6006.337707]  nmi_panic.cold+0xc/0xc\n"
    )
    assert report.signatures[0].id == "nmi-injected"


WARN = (
    "[  1.000001] ------------[ cut here ]------------",
    "[  1.000002] {words}",
    "[  1.000003] WARNING: CPU: 0 PID: 7 at kernel/sched/fair.c:6049 unthrottle_cfs_rq+0x624/0x634",
    "[  1.000004] Call trace:",
    "[  1.000005]  unthrottle_cfs_rq+0x624/0x634",
    "[  1.000006]  distribute_cfs_runtime+0x1b4/0x4a8",
    "[  1.000007] ---[ end trace 0000000000000000 ]---",
)


def _warn(words: str) -> list[str]:
    return [line.format(words=words) for line in WARN]


def test_the_words_of_a_warning_stand_before_it() -> None:
    report = _read("\n".join(["all is well"] * 50 + _warn("se->sched_delayed")).encode())
    assert report.primary is not None
    assert report.primary.first_line == 53
    assert report.signatures[0].id == "unthrottle-delayed-entity"
    assert report.signatures[0].evidence[-1].line in (52, 53)
    assert "se->sched_delayed" in report.raw[0].text
    assert "all is well" not in report.raw[0].text


def test_the_same_place_with_other_words_is_another_warning() -> None:
    log = [*_warn("cfs_rq->nr_running < 0"), *["all is well"] * 40, *_warn("se->sched_delayed")]
    rows = _read("\n".join(log).encode()).incidents
    found = ["unthrottle-delayed-entity" in each.signatures for each in rows]
    assert found == [False, True]


def test_the_words_are_those_of_the_same_task() -> None:
    mine, other = "[  1.000001][  T7] ", "[  1.000001][  T9] "
    log = [mine + line[13:] for line in _warn("cfs_rq->nr_running < 0")]
    log[2:2] = [other + "se->sched_delayed"]
    report = _read("\n".join(log).encode())
    assert "unthrottle-delayed-entity" not in _named(report)
    assert "nr_running < 0" in report.raw[0].text


@pytest.mark.parametrize(
    "rest",
    [
        ["all is well"] * 9,
        [f"[  2.000000][  T{n}] all is well" for n in range(200)],
        ["------------[ cut here ]------------"] * 9,
    ],
)
def test_a_cut_that_nothing_follows_is_forgotten(rest: list[str]) -> None:
    log = ["[  1.000000][  T7] ------------[ cut here ]------------", *rest]
    stream = Stream(io.BytesIO("\n".join(log).encode()))
    assert list(stream) == []
    assert stream.lines == len(log)


def test_a_cut_that_lost_its_line_end_is_read_all_the_same() -> None:
    report = _read(b"------------[ cut here ]------------ kernel BUG at mm/slub.c:305!\n")
    assert len(report.incidents) == 1
