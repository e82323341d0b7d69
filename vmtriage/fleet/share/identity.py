"""Which dump it is: by content, so that a copy elsewhere is the same one."""

import hashlib
import re

from vmtriage.errors import BadDump, NoInput
from vmtriage.fleet.share.sample import Sample, sample, text
from vmtriage.models.found import Found, FoundFile, Identity, path_text
from vmtriage.source import dump
from vmtriage.source.dump import Origin
from vmtriage.source.nodename import nodename_of

_FORM = "1"  # of what is hashed; another number gives every dump another id
_LOG_BYTES = 64 << 20
_RELEASE = re.compile(rb"Linux version ([\w.+~-]{1,64}) ")
_HOSTNAME = re.compile(rb"(?:[Hh]ostname set to|Set hostname to) <([\w.-]{1,253})>")  # systemd's
_NOTHING = Origin(None, None, None, None)


def identify(found: Found) -> Identity:
    """Reads the headers and a sample of at most 128 KB of each file, never all of a dump.

    A damaged dump has an id too, of its size and sample; `Identity.damage` then says what is wrong
    with it. An empty one is told from others by its place and time. Raises ShareAway (retryable)
    where reading failed in a way that may pass, NoInput where it may not (permission, vanished).
    """
    if not found.files:
        return _of_log(found)
    samples = [sample(each.real) for each in found.files]
    size = sum(each.size for each in samples)
    if not size:
        return Identity(id=_of_place(found), size=0, damage=f"{found.files[0].path} is empty")
    origin, damage = _NOTHING, None
    try:
        origin = _origin(found.files)
    except BadDump as error:
        damage = f"{path_text(error.message)}: {error.next_step}"
    return Identity(
        id=_hash(origin, samples), build_id=origin.build_id, release=origin.release,
        crash_time=origin.crash_time, nodename=origin.nodename, size=size, damage=damage,
    )  # fmt: skip


def _origin(files: tuple[FoundFile, ...]) -> Origin:
    """Of the parts of a split dump the first that says anything."""
    origin = dump.origin(files[0].real)
    for each in files[1:]:
        origin = origin if origin.release else dump.origin(each.real)
    if origin.nodename is None and origin.release and len(files) == 1:
        name = nodename_of(files[0].real)
        return Origin(origin.release, origin.build_id, origin.crash_time, name)
    return origin


def _hash(origin: Origin, samples: list[Sample]) -> str:
    """Parts count whatever order their names put them in."""
    state = hashlib.sha256()
    time = origin.crash_time.isoformat() if origin.crash_time else ""
    for told in (_FORM, origin.build_id or origin.release or "", time):
        state.update(told.encode() + b"\0")
    for each in sorted(samples, key=lambda each: each.digest):
        state.update(each.size.to_bytes(8, "little") + each.digest)
    return state.hexdigest()[:16]


def _of_log(found: Found) -> Identity:
    """Of the lines alone: not of how they end, of trailing blanks, holes or the file's last line
    end, which differ with the way that the same log took."""
    if found.log is None:
        raise NoInput(f"{found.place}: nothing to identify", next_step="look at the share again")
    raw = text(found.log.real, _LOG_BYTES)
    lines = [line.rstrip() for line in raw.replace(b"\0", b"").splitlines()]
    content = b"\n".join(filter(None, lines))
    if not content:
        return Identity(id=_of_place(found), size=len(raw), damage=f"{found.log.path} is empty")
    release, nodename = _RELEASE.findall(raw), _HOSTNAME.findall(raw)
    return Identity(
        id=hashlib.sha256(b"log\0" + content).hexdigest()[:16], size=len(raw),
        release=release[-1].decode("ascii", "replace") if release else None,
        nodename=nodename[-1].decode("ascii", "replace") if nodename else None,
    )  # fmt: skip


def _of_place(found: Found) -> str:
    """All empty files are alike."""
    return hashlib.sha256(f"{_FORM}\0{found.place}\0{found.stamp}".encode()).hexdigest()[:16]
