"""Fleets made by hand, for tests of problems, stores, sites and notifiers."""

import hashlib
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from vmtriage.analysis.fingerprint import of as fingerprint_of
from vmtriage.analysis.problems.identity import problem_id
from vmtriage.analysis.problems.words import title
from vmtriage.models.finding import CrashClass
from vmtriage.models.found import Found, FoundFile, Identity
from vmtriage.models.occurrence import Blamed, KnownBug, Occurrence

NOW = datetime(2017, 12, 8, 3, 0, tzinfo=UTC)
LOCKUP = ("unthrottle_cfs_rq", "distribute_cfs_runtime", "sched_cfs_period_timer")
EL7 = "3.10.0-327.28.3.el7.x86_64"
DELL = "Dell Inc. PowerEdge R730/0H21J3"
HP = "HP ProLiant DL380 Gen9/ProLiant DL380 Gen9"
APPLICATION = "application_1526_0042"


def dump_id(number: int) -> str:
    """The id of the dump of this number: 16 hex digits."""
    return hashlib.sha256(f"dump {number}".encode()).hexdigest()[:16]


def yarn(application: str = APPLICATION, container: int = 1) -> Blamed:
    """A YARN container of this application."""
    name = application.replace("application", "container_e06") + f"_01_{container:06}"
    return Blamed(
        kind="container", name=name, application=application, runtime="yarn",
        path=f"/hadoop-yarn/{name}", comms=("python",), confidence="high",
        reason="its group is THROTTLED on 30 of 48 CPUs",
    )  # fmt: skip


def make_occurrence(
    number: int = 1,
    *,
    crash_class: CrashClass = CrashClass.HARD_LOCKUP,
    frames: tuple[str, ...] = LOCKUP,
    scope: str = "",
    **changes: Any,
) -> Occurrence:
    """One crash, the lockup of the first incident unless told otherwise.

    Its fingerprint and problem id are those of class, frames and scope; `changes` are fields of
    Occurrence and stand as given. number: another dump on another host, an hour earlier.
    """
    function = frames[0] if frames else None
    when = NOW - timedelta(hours=number)
    mark = fingerprint_of(crash_class, function, frames[:5], release=EL7)
    fields: dict[str, Any] = {
        "dump": dump_id(number),
        "problem": "",
        "stage": "full",
        "host": f"hadoop-{number:03}.example.com",
        "crash_time": when,
        "first_seen": when + timedelta(minutes=5),
        "share": "/srv/crash",
        "place": f"hadoop-{number:03}.example.com-{when:%Y-%m-%d-%H:%M:%S}",
        "release": EL7,
        "distro": "CentOS/RHEL 7",
        "hardware": DELL,
        "firmware": "2.4.3 01/17/2017",
        "crash_class": crash_class,
        "title": title(crash_class, function, scope),
        "summary": f"{title(crash_class, function, scope).capitalize()} on CPU 34.",
        "severity": "panic",
        "confidence": "high",
        "function": function,
        "frames": frames,
        "algorithm": mark.algorithm,
        "fingerprint": mark.exact,
        "fingerprint_problem": mark.problem,
        "scope": scope,
        "tool_version": "0.6.0",
        "signatures_revision": "0" * 12,
    }
    made = Occurrence.model_validate(fields | changes)
    return made if made.problem else made.model_copy(update={"problem": problem_id(made)})


CFS_BUG = KnownBug(
    id="cfs-bandwidth-lockup", title="CFS bandwidth timer never ends", kernel="affected",
    fixed_in="3.10.0-693.11.1.el7",
)  # fmt: skip


def yarn_fleet() -> tuple[Occurrence, ...]:
    """The first incident: eleven hosts of a Hadoop cluster within a day, one application on nine.

    All are of one kernel and one model; the other two dumps name two other applications.
    """
    others = {10: "application_1526_0007", 11: "application_1526_0031"}
    return tuple(
        make_occurrence(
            number, culprit=yarn(others.get(number, APPLICATION), number), known=(CFS_BUG,)
        )
        for number in range(1, 12)
    )


_BUGS = (
    (CrashClass.HARD_LOCKUP, LOCKUP),
    (CrashClass.NULL_POINTER, ("pick_next_task_fair", "schedule_idle")),
    (
        CrashClass.SOFT_LOCKUP,
        ("ext4_mb_good_group", "ext4_mb_regular_allocator", "ext4_map_blocks"),
    ),
    (CrashClass.GENERAL_PROTECTION, ("nf_conntrack_find", "nf_conntrack_in", "ipv4_conntrack_in")),
    (CrashClass.BUG, ("xfs_bmap_add_extent", "xfs_bmapi_write", "xfs_iomap_write_direct")),
    (CrashClass.PAGE_FAULT, ("tcp_ack", "tcp_rcv_established", "tcp_v4_do_rcv", "tcp_v4_rcv")),
    (CrashClass.HUNG_TASK, ("jbd2_log_wait_commit", "ext4_sync_file", "do_fsync")),
)
_KERNELS = (
    (EL7, "CentOS/RHEL 7"),
    ("3.10.0-1160.118.1.el7.x86_64", "CentOS/RHEL 7"),
    ("4.18.0-553.16.1.el8_10.x86_64", "RHEL 8 family"),
    ("5.14.0-427.31.1.el9_4.x86_64", "RHEL 9 family"),
    ("6.1.0-23-amd64", "Debian 12"),
)
_MODELS = (
    (DELL, "2.4.3 01/17/2017"),
    (DELL, "2.13.0 05/14/2021"),
    (HP, "P89 10/05/2016"),
    ("Supermicro SYS-6029P/X11DPI-N", "3.3 02/21/2020"),
)


def fleet(count: int, seed: int = 1, hosts: int | None = None) -> Iterator[Occurrence]:
    """`count` crashes over two months, where nothing has to do with anything else.

    Host, kernel, model and bug are drawn independently; a host keeps its kernel and its model.
    hosts: how many there are; left out, a third of `count`. About one problem per 50 crashes.
    """
    draw = random.Random(seed)
    hosts = hosts or max(3, count // 3)
    machines = [(draw.choice(_KERNELS), draw.choice(_MODELS)) for _ in range(hosts)]
    problems = max(len(_BUGS), count // 50)
    for number in range(1, count + 1):
        bug, host = draw.randrange(problems), draw.randrange(hosts)
        crash_class, frames = _BUGS[bug % len(_BUGS)]
        if bug >= len(_BUGS):
            frames = (f"{frames[0]}_{bug}", *frames[1:])
        (release, distro), (hardware, firmware) = machines[host]
        when = NOW - timedelta(minutes=draw.randrange(60 * 24 * 60))
        culprit = yarn(f"application_1526_{draw.randrange(40):04}") if bug == 0 else None
        yield make_occurrence(
            number, crash_class=crash_class, frames=frames, host=f"node-{host:04}.example.com",
            crash_time=when, first_seen=when + timedelta(minutes=5), release=release,
            distro=distro, hardware=hardware, firmware=firmware, culprit=culprit,
            place=f"node-{host:04}.example.com-{when:%Y-%m-%d-%H:%M:%S}-{number}",
        )  # fmt: skip


def identity_of(number: int = 1) -> Identity:
    """A dump's identity."""
    return Identity(id=dump_id(number), release=EL7, size=1 << 20)


def found_of(number: int = 1) -> Found:
    """A dump as it lies on a share."""
    place = f"10.0.0.{number % 250}-2017-12-07-02:59:00"
    file = FoundFile(path=f"/srv/crash/{place}/vmcore", size=1 << 20, mtime_ns=number)
    return Found(share="/srv/crash", place=place, layout="rhel", kind="vmcore", files=(file,))
