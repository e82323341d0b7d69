"""SQLite is refused where other machines can write."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmtriage.errors import StoreError
from vmtriage.store import localdisk
from vmtriage.store.localdisk import filesystem_of, is_network, refuse_network

MOUNTS = """\
22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
30 22 0:26 / /srv rw shared:2 - nfs4 filer:/export rw,vers=4.2
31 30 254:2 / /srv/local rw - xfs /dev/vdb rw
32 22 0:40 / /home/a\\040b rw - fuse.sshfs ann@far:/ rw
33 22 0:41 / /data rw master:3 propagate_from:2 - ext4 /dev/vdc rw
34 33 0:42 / /data rw - cifs //filer/data rw
35 22 0:43 / /fuse rw - fuse.mergerfs 1:2 rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/vmtriage/s.sqlite", "ext4"),
        ("/srv/s.sqlite", "nfs4"),
        ("/srvs/s.sqlite", "ext4"),
        ("/srv/local/s.sqlite", "xfs"),
        ("/home/a b/s.sqlite", "fuse.sshfs"),
        ("/data/s.sqlite", "cifs"),  # mounted over the other
        ("/fuse/s.sqlite", "fuse.mergerfs"),
    ],
)
def test_the_filesystem_of_a_path(path: str, kind: str) -> None:
    assert filesystem_of(Path(path), MOUNTS)[0] == kind


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph",
                                  "fuse.ceph-fuse", "lustre", "gpfs", "glusterfs",
                                  "fuse.glusterfs", "virtiofs"])  # fmt: skip
def test_networks_are_refused_with_what_to_do(kind: str, tmp_path: Path) -> None:
    mounts = f"1 0 0:1 / / rw - ext4 a rw\n2 1 0:2 / {tmp_path} rw - {kind} far:/x rw\n"
    with pytest.raises(StoreError, match="network filesystem") as caught:
        refuse_network(tmp_path / "s.sqlite", mounts)
    assert kind in caught.value.message
    assert "postgresql://" in caught.value.next_step


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "fuseblk"])
def test_local_disks_are_not(kind: str, tmp_path: Path) -> None:
    refuse_network(tmp_path / "s.sqlite", f"1 0 0:1 / / rw - {kind} a rw\n")
    assert not is_network(kind)


def test_a_link_to_the_network_is_seen_through(tmp_path: Path) -> None:
    (tmp_path / "share").mkdir()
    (tmp_path / "s.sqlite").symlink_to(tmp_path / "share/s.sqlite")
    mounts = f"1 0 0:1 / / rw - ext4 a rw\n2 1 0:2 / {tmp_path}/share rw - nfs far:/x rw\n"
    with pytest.raises(StoreError, match="nfs"):
        refuse_network(tmp_path / "s.sqlite", mounts)


@given(st.text())
def test_any_mountinfo_is_survived(text: str) -> None:
    assert len(filesystem_of(Path("/a/b"), text)) == 2


def test_this_machine_can_be_asked(tmp_path: Path) -> None:
    refuse_network(tmp_path / "s.sqlite")
    assert localdisk.filesystem_of(tmp_path, Path("/proc/self/mountinfo").read_text())[0]
