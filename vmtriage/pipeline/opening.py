"""What was given on the command line: a dump, a recorded session, a pasted one, or a log."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from vmtriage.errors import BadDump, NoDebuginfo, NoInput
from vmtriage.models.conditions import Conditions
from vmtriage.models.dump import Debuginfo, DumpInfo
from vmtriage.models.evidence import Part, Problem
from vmtriage.pipeline.ladder import FoundLog, Ladder
from vmtriage.session.base import Progress, Session, silent
from vmtriage.session.record import RecordingSession, ReplaySession, is_recording
from vmtriage.settings import Settings
from vmtriage.source import btf
from vmtriage.source import debuginfo as debuginfos
from vmtriage.source import dump as dumps
from vmtriage.source.beside import log_beside
from vmtriage.source.btf import Btf

if TYPE_CHECKING:
    from vmtriage.pipeline.rungs import Bounds

_TEXT_BYTES = 64 << 20  # a pasted session or a log is text and not larger


@dataclass(frozen=True)
class Request:
    """One `analyze`: the input and what the user asked for."""

    path: Path
    vmlinux: Path | None = None
    record: Path | None = None
    debuginfo_dirs: tuple[Path, ...] = ()
    fetch: bool = True  # False: the network is left alone, whatever the settings say
    allow_mismatch: bool = False  # also with a vmlinux of another build


@dataclass(frozen=True)
class Opened:
    """A session to question, and what is known before the first question."""

    session: Session
    dump: DumpInfo
    debuginfo: Debuginfo | None
    began: float  # time.monotonic()
    namelist_s: float | None = None
    problems: tuple[Problem, ...] = field(default=())
    cache_dir: Path | None = None  # None: nothing learned of this kernel is kept, or taken
    types: Btf | None = None  # the kernel's own, where its vmlinux has them
    conditions: Callable[[], Conditions] = Conditions  # asked when all answers are there


def open_input(request: Request, settings: Settings, progress: Progress = silent) -> Opened:
    """Finds out what the path is, by content, and opens it. Errors say what to do."""
    began = time.monotonic()
    path = request.path
    if path.is_dir():
        inside = None if is_recording(path) else _in_crash_directory(path)
        if inside is None:
            return _recording(path, began)
        return open_input(replace(request, path=inside), settings, progress)
    if not path.exists():
        raise NoInput(f"{path}: no such file or directory", next_step="check the path")
    try:
        dump = dumps.identify(path)
    except BadDump as error:
        text = _as_text(path)
        if text is not None:
            return _pasted(path, text, began)
        return _log_beside(path, error, began)
    return _live(request, dump, settings, progress, began)


# What kdump leaves in a host's directory, the best first: RHEL, flattened, Debian, the log alone.
_LEFT_BEHIND = (
    "vmcore", "vmcore.flat", "dump.[0-9]*", "vmcore-incomplete",
    "vmcore-dmesg.txt", "vmcore-dmesg-incomplete.txt", "dmesg.[0-9]*",
)  # fmt: skip


def _in_crash_directory(directory: Path) -> Path | None:
    """The dump, or at least the log, that kdump left in this directory."""
    found = (path for name in _LEFT_BEHIND for path in sorted(directory.glob(name)))
    return next((path for path in found if path.is_file()), None)


def _live(
    request: Request, dump: DumpInfo, settings: Settings, progress: Progress, began: float
) -> Opened:
    from vmtriage.pipeline.rungs import Bounds, without_crash

    path, bounds = request.path.resolve(), Bounds.of(settings, began)
    directories = (*request.debuginfo_dirs, *settings.debuginfo_dirs)
    try:
        namelist = debuginfos.find(dump, request.vmlinux, directories)
    except NoDebuginfo as error:
        if request.vmlinux is not None:
            raise
        ladder = without_crash(path, bounds, error)
        return _opened(ladder, request, dump, None, began)
    progress(f"vmlinux: {namelist.path} ({namelist.found_by})")
    return _with_crash(request, dump, settings, namelist, bounds, progress, began)


def _with_crash(
    request: Request, dump: DumpInfo, settings: Settings, namelist: Debuginfo, bounds: "Bounds",
    progress: Progress, began: float,
) -> Opened:  # fmt: skip
    from vmtriage.pipeline.rungs import with_crash
    from vmtriage.session.child import find_crash

    namelist_s = round(time.monotonic() - began, 3)
    vmlinux = Path(namelist.path).resolve()
    crash = find_crash(settings.crash)
    ladder = with_crash(crash, vmlinux, request.path.resolve(), bounds, progress)
    opened = replace(
        _opened(ladder, request, dump, namelist, began),
        namelist_s=namelist_s, problems=_doubts(namelist, dump),
    )  # fmt: skip
    if request.record is not None or not namelist.build_id_matches:
        return opened  # a recording has to hold every answer
    types = btf.of_vmlinux(vmlinux)  # while crash starts
    return replace(opened, cache_dir=settings.cache_dir, types=types)


def _opened(
    ladder: Ladder, request: Request, dump: DumpInfo, namelist: Debuginfo | None, began: float
) -> Opened:
    def conditions() -> Conditions:
        return ladder.conditions

    session: Session = ladder
    if request.record is not None:
        session = RecordingSession(ladder, request.record, dump, namelist, conditions)
    return Opened(session, dump, namelist, began, conditions=conditions)


def _log_beside(path: Path, error: BadDump, began: float) -> Opened:
    """A dump that is none may still have its log beside it."""
    beside = log_beside(path)
    if beside is None:
        raise error
    log = FoundLog(beside.text, f"{beside.name} beside the dump")
    ladder = Ladder((), path, lambda: log, failed=error)
    dump = DumpInfo(path=str(path), format="unknown", size=path.stat().st_size)
    return Opened(ladder, dump, None, began, conditions=lambda: ladder.conditions)


def _search(request: Request, settings: Settings) -> debuginfos.Search:
    return debuginfos.Search(
        given=request.vmlinux,
        directories=(*request.debuginfo_dirs, *settings.debuginfo_dirs),
        cache_dir=settings.cache_dir,
        command=settings.debuginfo_command,
        servers=debuginfos.Servers.from_environment(),
        fetch=request.fetch and settings.fetch,
        fetch_timeout_s=settings.fetch_timeout_s,
        allow_mismatch=request.allow_mismatch,
    )


def _doubts(namelist: Debuginfo, dump: DumpInfo) -> tuple[Problem, ...]:
    if namelist.build_id_matches is False:
        return (
            Problem(
                kind="build_id_mismatch",
                message=f"the vmlinux is of another build: {namelist.path} has build-id"
                f" {namelist.build_id}, the dump needs {dump.build_id}; --allow-mismatch took it,"
                " and nothing in this report can be trusted",
                unsafe=tuple(Part),
            ),
        )
    if namelist.build_id_matches is None:
        who = "the dump" if dump.build_id is None else namelist.path
        return (
            Problem(
                kind="build_id_unknown",
                message=f"{who} carries no build-id: that the vmlinux belongs to the dump is"
                " crash's own judgement (it compares the version banner only)",
            ),
        )
    return ()


def _recording(path: Path, began: float) -> Opened:
    session = ReplaySession(path)
    meta = session.recording
    dump = meta.dump or DumpInfo(path=str(path), format="session")
    problems: tuple[Problem, ...] = ()
    if meta.origin:
        problems = (Problem(kind="by_hand", message=f"recording made by hand: {meta.origin}"),)
    return Opened(
        session, dump, meta.debuginfo, began, None, problems, conditions=lambda: meta.conditions
    )


def _as_text(path: Path) -> str | None:
    """The file as text; None when it is binary or far too large for one."""
    try:
        with path.open("rb") as file:
            raw = file.read(_TEXT_BYTES + 1)
    except OSError:
        return None
    head = raw[:4096]
    # a host that died while it wrote leaves holes of NULs in its log; a binary is mostly odd
    if not raw or len(raw) > _TEXT_BYTES or head.count(0) * 4 > len(head):
        return None
    head = head.replace(b"\0", b"")
    odd = sum(byte < 32 and byte not in (9, 10, 13, 27) for byte in head)
    if odd * 50 >= len(head):
        return None
    return raw.replace(b"\0", b"").decode("utf-8", "backslashreplace")


def _pasted(path: Path, text: str, began: float) -> Opened:
    from vmtriage.parsers.pasted import outputs
    from vmtriage.session.transcript import TranscriptSession

    answers = outputs(text)
    if answers and set(answers) != {"log"}:
        dump = DumpInfo(path=str(path), format="transcript", size=len(text.encode()))
        return Opened(TranscriptSession(answers), dump, None, began)
    dump = DumpInfo(path=str(path), format="log", size=len(text.encode()))
    only = Problem(
        kind="log_only", message="this is a kernel log: no run queues, tasks or memory to look at",
        unsafe=(Part.CULPRIT,),
    )  # fmt: skip
    return Opened(TranscriptSession({"log": text}), dump, None, began, None, (only,))
