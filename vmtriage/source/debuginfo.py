"""Finds the vmlinux that belongs to a dump, and proves that it does, by build-id.

crash accepts a vmlinux of another build with one warning and then prints nonsense: so this
check is ours.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vmtriage.errors import NoDebuginfo, NoInput
from vmtriage.models.dump import Debuginfo, DumpInfo

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile

_USUAL = (  # (pattern, who puts it there)
    "/usr/lib/debug/boot/vmlinux-{release}",  # Debian, Ubuntu
    "/usr/lib/debug/lib/modules/{release}/vmlinux",  # RHEL, Fedora, SLES
    "/usr/lib/debug/usr/lib/modules/{release}/vmlinux",  # newer Fedora
    "/usr/lib/debug/lib/modules/{release}/vmlinux.debug",
    "/lib/modules/{release}/build/vmlinux",  # self-built
    "/lib/modules/{release}/vmlinux",
    "/boot/vmlinux-{release}",
)
_BESIDE = ("vmlinux-{release}", "vmlinux", "vmlinux.debug")
_BY_BUILD_ID = "/usr/lib/debug/.build-id/{head}/{tail}.debug"


def find(dump: DumpInfo, given: Path | None, directories: Sequence[Path] = ()) -> Debuginfo:
    """The vmlinux to use. Refuses one of another build, with both build-ids in the message."""
    if given is not None:
        if not given.is_file():
            raise NoInput(f"--vmlinux {given}: no such file", next_step="check the path")
        return _checked(given, "--vmlinux", dump)
    rejected: list[str] = []
    looked: list[str] = []
    for path, found_by in _candidates(dump, directories):
        looked.append(str(path))
        if not path.is_file():
            continue
        try:
            return _checked(path, found_by, dump)
        except NoDebuginfo as error:
            rejected.append(error.message)
    release = dump.release or "an unknown release"
    raise NoDebuginfo(
        f"no vmlinux with debuginfo for {release}"
        + (f" (build-id {dump.build_id})" if dump.build_id else "")
        + "".join(f"\n  rejected: {reason}" for reason in rejected),
        next_step=f"{package_hint(dump.release)}, or give --vmlinux FILE; looked at: "
        + ", ".join(looked),
    )


def _candidates(dump: DumpInfo, directories: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    release = dump.release
    beside = Path(dump.path).parent
    for directory, found_by in (
        (beside, "beside the dump"),
        *((each, "--debuginfo-dir") for each in directories),
    ):
        for name in _BESIDE:
            if release or "{" not in name:
                yield directory / name.format(release=release), found_by
    for directory in directories:
        if release:
            yield from (
                (directory / pattern.format(release=release).lstrip("/"), "--debuginfo-dir")
                for pattern in _USUAL
            )
    if release:
        for pattern in _USUAL:
            yield Path(pattern.format(release=release)), "the usual place"
    if dump.build_id:
        head, tail = dump.build_id[:2], dump.build_id[2:]
        yield Path(_BY_BUILD_ID.format(head=head, tail=tail)), "build-id"


def _checked(path: Path, found_by: str, dump: DumpInfo) -> Debuginfo:
    build_id = read_build_id(path)
    matches = None if None in (build_id, dump.build_id) else build_id == dump.build_id
    if matches is False:
        raise NoDebuginfo(
            f"{path} has build-id {build_id}, the dump needs {dump.build_id}"
            + (f" ({dump.release})" if dump.release else ""),
            next_step=f"{package_hint(dump.release)} and give that vmlinux with --vmlinux",
        )
    return Debuginfo(path=str(path), build_id=build_id, build_id_matches=matches, found_by=found_by)


def read_build_id(path: Path) -> str | None:
    """The GNU build-id of a vmlinux, hex; None when it has none. NoDebuginfo if it is no ELF."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        with path.open("rb") as file:
            return build_id_of(ELFFile(file))
    except OSError as error:
        raise NoInput(
            f"cannot read {path}: {error.strerror}", next_step="check its permissions"
        ) from error
    except (ELFError, ValueError, KeyError, UnicodeDecodeError, OverflowError) as error:
        raise NoDebuginfo(
            f"{path} is not a vmlinux: {error or 'not an ELF file'}",
            next_step="give the uncompressed vmlinux of the debuginfo package (not vmlinuz)",
        ) from error


def build_id_of(elf: "ELFFile") -> str | None:
    """The GNU build-id of an ELF file that is open already."""
    from elftools.elf.sections import NoteSection

    for section in elf.iter_sections("SHT_NOTE"):
        if not isinstance(section, NoteSection):
            continue
        for note in section.iter_notes():
            if note["n_name"] == "GNU" and note["n_type"] == "NT_GNU_BUILD_ID":
                return str(note["n_desc"])
    return None


def package_hint(release: str | None) -> str:
    """How to get the debuginfo of this release, in the words of its distribution."""
    if not release:
        return "install the kernel's debuginfo package"
    if re.search(r"\.el\d+|\.fc\d+", release):
        return f"debuginfo-install kernel-{release}"
    if re.search(r"\.amzn\d+", release):
        return f"debuginfo-install kernel-{release}"
    if re.search(r"-(?:amd64|686|arm64|armmp|powerpc64le|s390x|riscv64)\b|-cloud-", release):
        return f"apt install linux-image-{release}-dbg"
    if re.search(r"-(?:generic|lowlatency|aws|azure|gcp|oracle|kvm)$", release):
        return f"apt install linux-image-{release}-dbgsym (ddebs)"
    if release.endswith(("-default", "-azure", "-rt")):
        return "zypper install kernel-default-debuginfo"
    return f"get the vmlinux with debuginfo that was built with {release}"
