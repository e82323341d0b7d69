"""Whether a path is on a disk of this machine: SQLite's locks do not hold on a network share."""

import os
import re
from pathlib import Path

from vmtriage.errors import StoreError

# as /proc/self/mountinfo calls them; what other machines can write at the same time
_NETWORK = frozenset({
    "9p", "acfs", "afs", "autofs", "beegfs", "ceph", "cifs", "coda", "davfs", "fhgfs", "gfs",
    "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "panfs",
    "prl_fs", "pvfs2", "quobyte", "smb2", "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs", "weka",
    "wekafs",
})  # fmt: skip
_NETWORK_FUSE = frozenset({
    "beegfs", "blobfuse", "blobfuse2", "ceph", "ceph-fuse", "cephfs", "curlftpfs", "davfs",
    "fuse-nfs", "gcsfuse", "glusterfs", "goofys", "hdfs", "juicefs", "lizardfs", "mfs", "moosefs",
    "nfs", "quobyte", "rclone", "s3fs", "saunafs", "seaweedfs", "smbnetfs", "sshfs",
    "vmhgfs-fuse",
})  # fmt: skip
_OCTAL = re.compile(r"\\([0-7]{3})")


def filesystem_of(path: Path, mountinfo: str) -> tuple[str, str]:
    """Type and mount point of the filesystem that holds `path` (absolute, symlinks resolved).

    mountinfo: text of /proc/self/mountinfo. Of mounts over each other the last one counts.
    """
    best = ("", "")
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        fields, types = before.split(" "), after.split(" ")
        if len(fields) < 5 or not types[0]:
            continue
        point = _OCTAL.sub(lambda found: chr(int(found[1], 8)), fields[4])
        point = os.fsdecode(point.encode("latin-1")) if not point.isascii() else point
        if path.is_relative_to(point) and len(point) >= len(best[1]):
            best = (types[0], point)
    return best


def is_network(filesystem: str) -> bool:
    """Whether other machines may write to a filesystem of this type."""
    kind, _, fuse = filesystem.partition(".")
    return kind in _NETWORK or (kind == "fuse" and fuse.lower() in _NETWORK_FUSE)


def refuse_network(path: Path, mountinfo: str | None = None) -> None:
    """StoreError where `path`, a file that need not exist yet, would be on a network filesystem."""
    if mountinfo is None:
        try:
            mountinfo = Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape")
        except OSError:
            return  # no /proc: nobody can tell
    kind, point = filesystem_of(path.resolve(), mountinfo)
    if is_network(kind):
        raise StoreError(
            f"the store {path} is on a network filesystem ({kind}, mounted at {point}):"
            " SQLite's locks do not hold there, two machines would destroy it",
            next_step="put it on a local disk: --store /var/lib/vmtriage/NAME.sqlite;"
            " or share one PostgreSQL among machines: --store postgresql://HOST/DATABASE",
        )
