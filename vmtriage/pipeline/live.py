"""A dump that is there itself: what crash is to read it with, and crash started on it."""

import time
from dataclasses import replace
from pathlib import Path

from vmtriage.errors import NoDebuginfo
from vmtriage.models.conditions import Conditions
from vmtriage.models.dump import Debuginfo, DumpInfo, LookedAt
from vmtriage.models.evidence import Part, Problem
from vmtriage.pipeline.ladder import Ladder
from vmtriage.pipeline.left_out import without
from vmtriage.pipeline.lines import Looked
from vmtriage.pipeline.opened import Opened, Request
from vmtriage.pipeline.rungs import Bounds, on_namelist, on_vmlinux, read_by_crash, without_crash
from vmtriage.pipeline.slim import Slim, slim_of
from vmtriage.session.base import Memory, Progress, Session
from vmtriage.session.child import find_crash
from vmtriage.session.record import RecordingMemory, RecordingSession
from vmtriage.session.sandbox import Sandbox, choosing
from vmtriage.settings import Settings
from vmtriage.source import btf
from vmtriage.source import debuginfo as debuginfos
from vmtriage.source.debuginfo.elf import Kind, kind_of
from vmtriage.source.dumpfile.direct import DirectMemory

# to find a page in the flattened form, all of the file has to be read
_READ_DIRECTLY = ("kdump", "elf")


def open_live(
    request: Request, dump: DumpInfo, settings: Settings, progress: Progress, began: float
) -> Opened:
    """Starts crash on a slim namelist, else on the vmlinux; without both there is only the log."""
    bounds = Bounds.of(settings, began)
    left_out = without(request.log_only, request.files)
    if left_out is not None:
        progress("reading the kernel log")
        ladder = without_crash(request.files, bounds, left_out.why)
        opened = _opened(ladder, request, dump, settings, began)
        return replace(opened, problems=left_out.problems)
    modules = _module_files(request, dump, settings)
    given = _given(request, dump, settings, progress)
    refused: tuple[LookedAt, ...] = ()
    if request.slim and settings.slim and (given is None or given.build_id_matches is not False):
        crash = find_crash(settings.crash)
        sandbox = choosing(bounds.sandbox, crash, request.files)
        slim = slim_of(dump, request.files, given, crash, settings.cache_dir, progress)
        chosen = replace(sandbox(), more=modules.trees)
        if isinstance(slim, Slim):
            opened = _slim(
                request, dump, settings, slim, given, crash, bounds, chosen, progress, began
            )
            return replace(opened, module_files=modules)
        refused = (slim,)
    try:
        debuginfo = _with_dwarf(given) or _find(request, dump, settings, progress)
    except NoDebuginfo as error:
        if request.vmlinux is not None:
            raise
        slimless = "".join(f"\n  no {each.found_by} either: {each.reason}" for each in refused)
        why = NoDebuginfo(error.message + slimless, next_step=error.next_step)
        ladder = without_crash(request.files, bounds, why)
        return _opened(ladder, request, dump, settings, began)
    debuginfo = debuginfo.model_copy(update={"looked": (*refused, *debuginfo.looked)})
    opened = _full(request, dump, settings, debuginfo, bounds, modules, progress, began)
    return replace(opened, module_files=modules)


def _given(
    request: Request, dump: DumpInfo, settings: Settings, progress: Progress
) -> Debuginfo | None:
    """What --vmlinux names, checked; a boot image is enough for a slim namelist."""
    path = request.vmlinux
    if path is None:
        return None
    if path.is_file() and request.slim and settings.slim and kind_of(path) is Kind.BOOT_IMAGE:
        matches = True if dump.build_id else None  # else it is refused when it is read
        return Debuginfo(
            path=str(path), build_id=dump.build_id, build_id_matches=matches, found_by="--vmlinux"
        )
    return _find(request, dump, settings, progress)


def _slim(
    request: Request, dump: DumpInfo, settings: Settings, slim: Slim, given: Debuginfo | None,
    crash: Path, bounds: Bounds, sandbox: Sandbox, progress: Progress, began: float,
) -> Opened:  # fmt: skip
    def full() -> Debuginfo | None:
        """The vmlinux that is at hand, where crash does not get on with the slim namelist."""
        progress("the slim namelist does not do: looking for the vmlinux")
        try:
            near = replace(request, fetch=False)
            return _with_dwarf(given) or _find(near, dump, settings, progress)
        except NoDebuginfo:
            return None

    namelist_s = round(time.monotonic() - began, 3)
    ladder = on_namelist(
        crash, slim, full, request.files, bounds, sandbox, progress, request.quick
    )  # fmt: skip
    opened = _opened(ladder, request, dump, settings, began, slim.debuginfo)
    return replace(opened, namelist_s=namelist_s, problems=_doubts(slim.debuginfo, dump))


def _full(
    request: Request, dump: DumpInfo, settings: Settings, debuginfo: Debuginfo, bounds: Bounds,
    modules: debuginfos.ModuleFiles, progress: Progress, began: float,
) -> Opened:  # fmt: skip
    namelist_s = round(time.monotonic() - began, 3)
    progress(f"vmlinux: {debuginfo.path} ({debuginfo.found_by})")
    crash = find_crash(settings.crash)
    ladder = on_vmlinux(crash, debuginfo, request.files, bounds, progress, modules.trees)
    opened = replace(
        _opened(ladder, request, dump, settings, began, debuginfo),
        namelist_s=namelist_s, problems=_doubts(debuginfo, dump),
    )  # fmt: skip
    if request.record is not None or not debuginfo.build_id_matches:
        return opened  # a recording has to hold every answer
    types = btf.of_vmlinux(read_by_crash(debuginfo))  # while crash starts; gdb would need seconds
    return replace(opened, cache_dir=settings.cache_dir, types=types)


def _with_dwarf(given: Debuginfo | None) -> Debuginfo | None:
    """What was given, unless it is a boot image."""
    return given if given and kind_of(Path(given.path)) is Kind.ELF else None


def _find(request: Request, dump: DumpInfo, settings: Settings, progress: Progress) -> Debuginfo:
    return debuginfos.find(dump, _search(request, settings), progress)


def _opened(
    ladder: Ladder, request: Request, dump: DumpInfo, settings: Settings, began: float,
    debuginfo: Debuginfo | None = None,
) -> Opened:  # fmt: skip
    kaslr = None if dump.kaslr_offset is None else int(dump.kaslr_offset, 16)
    lines = Looked(lambda: debuginfos.at_hand(dump, _search(request, settings)), kaslr)

    def conditions() -> Conditions:
        return ladder.conditions.model_copy(update={"lines": lines.told})

    session: Session = ladder
    memory: Memory | None = None
    if dump.format in _READ_DIRECTLY:
        memory = DirectMemory(*request.files)
    if request.record is not None:  # a recording has to hold every answer
        session = RecordingSession(ladder, request.record, dump, debuginfo, conditions)
        memory = RecordingMemory(memory, request.record) if memory else None
    return Opened(
        session, dump, debuginfo, began, memory=memory, conditions=conditions, lines=lines
    )  # fmt: skip


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


def _module_files(
    request: Request, dump: DumpInfo, settings: Settings
) -> debuginfos.ModuleFiles:  # fmt: skip
    directories = (*request.debuginfo_dirs, *settings.debuginfo_dirs)
    return debuginfos.ModuleFiles.of(dump.release, directories)


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
