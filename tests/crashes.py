"""Made-up crashes of a fleet, as the scan hands them to the store."""

from datetime import UTC, datetime, timedelta

from vmtriage.models.finding import CrashClass
from vmtriage.models.found import Found, FoundFile, FoundKind, Identity
from vmtriage.models.occurrence import Blamed, Occurrence, Stage

SHARE = "/srv/crash"
BEGAN = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)


def found(
    place: str = "web1-2026-11-01-08:00:00", kind: FoundKind = "vmcore", size: int = 1000,
    share: str = SHARE,
) -> Found:  # fmt: skip
    log = FoundFile(path=f"{share}/{place}/vmcore-dmesg.txt", size=size // 10, mtime_ns=7)
    files = () if kind == "log" else (
        FoundFile(path=f"{share}/{place}/vmcore", size=size, mtime_ns=8),
    )  # fmt: skip
    return Found(share=share, place=place, layout="rhel", kind=kind, files=files, log=log,
                 host="web1")  # fmt: skip


def identity(name: str = "d1", crash_time: datetime | None = BEGAN, size: int = 1000) -> Identity:
    return Identity(id=name, build_id="ab12", release="6.1.0-9", crash_time=crash_time,
                    nodename="web1.example.org", size=size)  # fmt: skip


def occurrence(
    dump: str = "d1", problem: str = "p1", stage: Stage = "full", host: str = "web1",
    hours: float = 0, application: str | None = None, **more: object,
) -> Occurrence:  # fmt: skip
    culprit = Blamed(kind="container", name=f"container_{dump}", application=application,
                     confidence="high") if application else None  # fmt: skip
    fields: dict[str, object] = {
        "dump": dump, "problem": problem, "stage": stage, "host": host,
        "crash_time": BEGAN + timedelta(hours=hours), "first_seen": BEGAN + timedelta(days=1),
        "share": SHARE, "place": f"{host}-{dump}", "release": "6.1.0-9", "hardware": "Dell R740",
        "firmware": "2.10.2", "class": CrashClass.HARD_LOCKUP, "title": f"{problem}: hard lockup",
        "summary": "It hung.", "severity": "panic", "confidence": "high",
        "function": "unthrottle_cfs_rq", "frames": ("unthrottle_cfs_rq", "hrtimer_interrupt"),
        "algorithm": "5", "fingerprint": f"exact-{problem}", "fingerprint_problem": problem,
        "culprit": culprit, "tool_version": "0.1", "signatures_revision": "s1",
    }  # fmt: skip
    return Occurrence.model_validate({**fields, **more})
