"""Which shares are one server's: they share its disks and its network."""

import re
from functools import cache
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = ("nfs", "nfs4", "cifs", "smb3", "ceph", "glusterfs", "fuse.sshfs", "fuse.glusterfs")


@cache
def server_of(share: str) -> str:
    """The server's name; of a local disk the share itself."""
    try:
        mounts = _MOUNTS.read_text("utf-8", "surrogateescape")
    except OSError:
        return share
    return server_in(mounts, share)


def server_in(mounts: str, share: str) -> str:
    """The same by the text of /proc/self/mountinfo; the last mount of the longest path counts."""
    best, server = -1, share
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields, kinds = before.split(" "), after.split(" ")
        if len(fields) < 5 or len(kinds) < 2:
            continue
        point = re.sub(r"\\(\d{3})", lambda octal: chr(int(octal[1], 8)), fields[4])
        inside = share == point or share.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= best:
            best = len(point)
            remote = kinds[0] in _NETWORK
            server = _host(kinds[1]) if remote else share
    return server


def _host(source: str) -> str:
    """server:/export, [2001:db8::1]:/export, //server/share."""
    if source.startswith("//"):
        return source[2:].partition("/")[0]
    return source.rpartition(":/")[0] or source
