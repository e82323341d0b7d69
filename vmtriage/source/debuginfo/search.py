"""The search itself: what is at hand first, then what has to be unpacked, then the network."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from vmtriage.errors import NoInput
from vmtriage.models.dump import Debuginfo, DumpInfo
from vmtriage.source.debuginfo import places
from vmtriage.source.debuginfo.candidates import Candidates
from vmtriage.source.debuginfo.places import Place
from vmtriage.source.debuginfo.servers import Servers, shown, url_of
from vmtriage.source.debuginfo.store import MAX_BYTES, Store
from vmtriage.source.debuginfo.telling import not_found
from vmtriage.source.debuginfo.trail import Unusable

Progress = Callable[[str], None]
_COMMAND = "VMTRIAGE_DEBUGINFO_COMMAND"


@dataclass(frozen=True)
class Search:
    """Where to look for a vmlinux, and what may be done to get one."""

    given: Path | None = None  # --vmlinux: this file or directory and nothing else
    directories: tuple[Path, ...] = ()  # files, packages, or trees like /
    cache_dir: Path | None = None  # None: nothing can be unpacked or fetched
    command: str | None = None  # the site's own, with {release} {build_id} {output}
    servers: Servers = field(default_factory=Servers)
    fetch: bool = True  # False: neither the command nor a server
    fetch_timeout_s: float = 3600.0  # of the command, and of each server
    allow_mismatch: bool = False  # a vmlinux of another build, if there is none of this
    root: Path = Path("/")
    max_bytes: int = MAX_BYTES


def find(dump: DumpInfo, search: Search, progress: Progress = lambda _: None) -> Debuginfo:
    """The vmlinux to use, proved by its build-id where both sides have one.

    NoDebuginfo, with all that was looked at, if there is none; BadSetting for a command that
    cannot be meant.
    """
    candidates = Candidates(
        dump, search.cache_dir, search.max_bytes, progress, search.allow_mismatch
    )
    if search.given is not None:
        return _given(search.given, dump, search, candidates)
    steps = (
        (_try_place(candidates, place) for place in places.everywhere(
            dump, search.directories, search.root)),
        _from_cache(dump, candidates),
        _from_packages(dump, search, candidates),
        _fetched(dump, search, candidates, progress),
    )  # fmt: skip
    for step in steps:
        found = next((each for each in step if each is not None), None)
        if found is not None:
            return found
    if other := candidates.of_another_build():
        return other
    raise not_found(dump, candidates.trail.looked)


def _given(path: Path, dump: DumpInfo, search: Search, candidates: Candidates) -> Debuginfo:
    by = "--vmlinux"
    if path.is_dir():
        inside: Iterator[Place] = places.in_directory(path, by, dump)
        found = next((each for place in inside if (each := _try_place(candidates, place))), None)
        found = found or _from_packages_in(path, by, dump, candidates)
    elif path.is_file():
        found = candidates.try_file(path, by)
        if found is None and candidates.half:  # its other half may be where it belongs
            rest = (Place(path.with_name(path.name + ".debug"), by),
                    *places.everywhere(dump, search.directories, search.root))  # fmt: skip
            found = next((each for place in rest if (each := _try_place(candidates, place))), None)
    else:
        raise NoInput(f"{by} {path}: no such file", next_step="check the path")
    found = found or candidates.of_another_build()
    if found is None:
        raise not_found(dump, candidates.trail.looked, path)
    return found.model_copy(update={"found_by": by})


def _try_place(candidates: Candidates, place: Place) -> Debuginfo | None:
    try:
        files = place.files()
    except OSError as error:  # a directory that may not be read
        candidates.trail.rejected(place.path, place.found_by, error.strerror or "cannot be read")
        return None
    if not files:
        candidates.trail.absent(place.path, place.found_by)
    return next(
        (each for path in files if (each := candidates.try_file(path, place.found_by))), None
    )


def _from_cache(dump: DumpInfo, candidates: Candidates) -> Iterator[Debuginfo | None]:
    if dump.build_id is None or candidates.cache_dir is None:
        return
    try:
        paths = candidates.store.of_build_id(dump.build_id)
    except Unusable as error:
        candidates.trail.rejected(candidates.cache_dir, "the cache", error.reason)
        return
    for path in paths[:1] if not any(each.is_file() for each in paths[1:]) else paths:
        yield _try_place(candidates, Place(path, "the cache"))


def _from_packages(
    dump: DumpInfo, search: Search, candidates: Candidates
) -> Iterator[Debuginfo | None]:
    yield _from_packages_in(Path(dump.path).parent, "package beside the dump", dump, candidates)
    for directory in search.directories:
        yield _from_packages_in(directory, "package in --debuginfo-dir", dump, candidates)


def _from_packages_in(
    directory: Path, found_by: str, dump: DumpInfo, candidates: Candidates
) -> Debuginfo | None:
    found = places.packages(directory, dump.release)
    if not found:
        candidates.trail.absent(directory / "*.rpm, *.deb, *.ddeb", found_by)
    return next((each for path in found if (each := candidates.try_file(path, found_by))), None)


def _fetched(
    dump: DumpInfo, search: Search, candidates: Candidates, progress: Progress
) -> Iterator[Debuginfo | None]:
    from vmtriage.source.debuginfo import command

    trail, template, urls = candidates.trail, search.command, search.servers.urls
    if not search.fetch:
        if template or urls:
            trail.absent("the network", "--no-fetch", "forbidden by --no-fetch or VMTRIAGE_FETCH")
        return
    if template:
        progress(f"fetching vmlinux: {command.words_of(template)[0]}")
        yield candidates.try_made(
            template, _COMMAND,
            lambda to, store: command.run(
                template, dump, to, search.fetch_timeout_s, store.max_bytes),
        )  # fmt: skip
    if not urls:
        trail.absent("debuginfod", "debuginfod", "DEBUGINFOD_URLS names no server")
    elif dump.build_id is None:
        trail.absent("debuginfod", "debuginfod", "the dump does not say its build-id")
    else:
        for server in urls:
            progress(f"asking {shown(server)}")
            yield _ask(server, "debuginfo", dump.build_id, search, candidates, progress)
            if candidates.half:  # a distribution that splits them has the code as another file
                yield _ask(server, "executable", dump.build_id, search, candidates, progress)


def _ask(
    server: str, what: str, build_id: str, search: Search, candidates: Candidates,
    progress: Progress,
) -> Debuginfo | None:  # fmt: skip
    from vmtriage.source.debuginfo import debuginfod

    url = url_of(server, build_id, what)

    def make(to: Path, store: Store) -> None:
        limits = search.servers
        debuginfod.fetch(url, to, store, limits, search.fetch_timeout_s, progress)

    return candidates.try_made(shown(url), "debuginfod", make)
