"""Tells by its content what a file is that a namelist shall be made of."""

from pathlib import Path

from vmtriage.errors import BadDump, NoInput
from vmtriage.namelist.bzimage import is_bzimage
from vmtriage.namelist.ensure import Wanted
from vmtriage.source import dump as dumps
from vmtriage.source.debuginfo import read_build_id

_CORE = 4  # ET_CORE


def wanted_of(path: Path, crash_version: str | None) -> Wanted:
    """A vmlinux, a vmlinuz or a dump. NoInput, BadDump, NoDebuginfo as their readers."""
    if not path.is_file():
        raise NoInput(f"{path}: no such file", next_step="give a vmlinux, a vmlinuz or a dump")
    if is_bzimage(path):
        return Wanted(vmlinux=path, crash_version=crash_version)
    with path.open("rb") as file:
        head = file.read(20)
    if head.startswith(b"\x7fELF") and _CORE not in (head[16], head[17]):
        return Wanted(vmlinux=path, build_id=read_build_id(path), crash_version=crash_version)
    try:
        build_id = dumps.identify(path).build_id
    except BadDump as error:
        raise BadDump(
            f"{path} is no vmlinux, no vmlinuz and no dump: {error.message}",
            next_step="give one of these",
        ) from error
    return Wanted(dump=path, build_id=build_id, crash_version=crash_version, modules=True)
