"""What was given on the command line: a dump, a recorded session, a pasted one, or a log."""

import time
from dataclasses import replace
from pathlib import Path

from vmtriage.errors import BadDump, NoInput
from vmtriage.models.conditions import Conditions
from vmtriage.models.dump import DumpInfo
from vmtriage.models.evidence import Part, Problem
from vmtriage.pipeline.ladder import Ladder
from vmtriage.pipeline.lines import Told
from vmtriage.pipeline.opened import Opened, Request
from vmtriage.pipeline.ways import FoundLog
from vmtriage.session.base import Progress, Session, silent
from vmtriage.session.record import RecordingSession, ReplaySession, is_recording
from vmtriage.settings import Settings
from vmtriage.source import dump as dumps
from vmtriage.source.beside import log_beside

__all__ = ["Opened", "Request", "open_input"]

_TEXT_BYTES = 64 << 20  # a pasted session or a log is text and not larger


def open_input(request: Request, settings: Settings, progress: Progress = silent) -> Opened:
    """Finds out what the path is, by content, and opens it. Errors say what to do."""
    return replace(_opened(request, settings, progress), quick=request.quick)


def _opened(request: Request, settings: Settings, progress: Progress) -> Opened:
    began = time.monotonic()
    path = request.path
    if path.is_dir():
        inside = None if is_recording(path) else _in_crash_directory(path)
        if inside is None:
            return _recording(path, began)
        return _opened(replace(request, path=inside), settings, progress)
    if not path.exists():
        raise NoInput(f"{path}: no such file or directory", next_step="check the path")
    try:
        dump = dumps.identify(path, *request.parts)
    except BadDump as error:
        text = _as_text(path) if not request.parts else None
        if text is not None:
            return _pasted(path, text, began, request.record)
        return _log_beside(path, error, began)
    from vmtriage.pipeline.live import open_live

    return open_live(request, dump, settings, progress, began)


# What kdump leaves in a host's directory, the best first: RHEL, flattened, Debian, the log alone.
_LEFT_BEHIND = (
    "vmcore", "vmcore.flat", "dump.[0-9]*", "vmcore-incomplete",
    "vmcore-dmesg.txt", "dmesg.txt", "vmcore-dmesg-incomplete.txt", "dmesg.[0-9]*",
)  # fmt: skip


def _in_crash_directory(directory: Path) -> Path | None:
    """The dump, or at least the log, that kdump left in this directory."""
    found = (path for name in _LEFT_BEHIND for path in sorted(directory.glob(name)))
    return next((path for path in found if path.is_file()), None)


def _log_beside(path: Path, error: BadDump, began: float) -> Opened:
    """A dump that is none may still have its log beside it."""
    beside = log_beside(path)
    if beside is None:
        raise error
    log = FoundLog(beside.text, f"{beside.name} beside the dump")
    ladder = Ladder((), path, lambda: log, failed=error)
    dump = DumpInfo(path=str(path), format="unknown", size=path.stat().st_size)
    return Opened(ladder, dump, None, began, conditions=lambda: ladder.conditions)


def _recording(path: Path, began: float) -> Opened:
    session = ReplaySession(path)
    meta = session.recording
    dump = meta.dump or DumpInfo(path=str(path), format="session")
    problems: tuple[Problem, ...] = ()
    if meta.origin:
        problems = (Problem(kind="by_hand", message=f"recording made by hand: {meta.origin}"),)
    return Opened(
        session, dump, meta.debuginfo, began, None, problems, conditions=lambda: meta.conditions,
        lines=Told(meta.conditions.lines), memory=session.memory,
    )  # fmt: skip


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
    odd = sum(byte == 127 or (byte < 32 and byte not in (9, 10, 13, 27)) for byte in head)
    if odd * 50 >= len(head):
        return None
    return raw.replace(b"\0", b"").decode("utf-8", "backslashreplace")


def _pasted(path: Path, text: str, began: float, record: Path | None) -> Opened:
    from vmtriage.parsers.pasted import outputs
    from vmtriage.session.transcript import TranscriptSession

    answers = outputs(text)
    if answers and set(answers) != {"log"}:
        dump = DumpInfo(path=str(path), format="transcript", size=len(text.encode()))
        return _told(TranscriptSession(answers), dump, began, record)
    dump = DumpInfo(path=str(path), format="log", size=len(text.encode()))
    only = Problem(
        kind="log_only", message="this is a kernel log: no run queues, tasks or memory to look at",
        unsafe=(Part.CULPRIT,),
    )  # fmt: skip
    return _told(TranscriptSession({"log": text}), dump, began, record, (only,))


def _told(
    session: Session, dump: DumpInfo, began: float, record: Path | None,
    problems: tuple[Problem, ...] = (),
) -> Opened:  # fmt: skip
    """A session of text; recorded, the text's own directory is not needed any more."""
    if record is not None:
        conditions = Conditions(problems=problems)
        session = RecordingSession(session, record, dump, None, lambda: conditions)
    return Opened(session, dump, None, began, None, problems)
