"""A real NFS server on loopback (nfs-ganesha), its export really mounted (tests/nfs_mount.py)."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.patience import until

PACKAGES = ("nfs-ganesha", "nfs-ganesha-vfs", "libnfs13", "fuse3")  # Debian's
EXPORT = "/crash"
_CONFIGURATION = """\
NFS_CORE_PARAM {{ Protocols = 4; NFS_Port = {port}; Enable_NLM = false; Enable_RQUOTA = false;
                  Bind_addr = 127.0.0.1; }}
NFSv4 {{ Graceless = true; Only_Numeric_Owners = true; RecoveryRoot = {state};
         Minor_Versions = 0; }}
EXPORT {{ Export_Id = 1; Path = {exported}; Pseudo = {export}; Access_Type = RW; Protocols = 4;
          Squash = No_Root_Squash; SecType = sys; FSAL {{ Name = VFS; }} }}
"""


def missing() -> str:
    """What keeps NFS from being tried here; "" where nothing does."""
    if os.geteuid() != 0:
        return "only root may mount"
    if not Path("/dev/fuse").exists():
        return "this kernel has no FUSE"
    return "" if shutil.which("ganesha.nfsd") else f"no NFS server: {' '.join(PACKAGES)}"


class Server:
    """Serves one directory; may be killed and started again."""

    def __init__(self, home: Path, exported: Path) -> None:
        self._home = home
        home.mkdir()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._configuration = home / "ganesha.conf"
        self._configuration.write_text(
            _CONFIGURATION.format(port=self.port, state=home, exported=exported, export=EXPORT)
        )
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Until it answers."""
        words = ["ganesha.nfsd", "-F", "-f", self._configuration, "-L", self._home / "log",
                 "-p", self._home / "pid"]  # fmt: skip
        self._child = subprocess.Popen(list(map(str, words)), stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)  # fmt: skip
        until(self._answers, 60, "the NFS server does not answer")

    def kill(self) -> None:
        """Gone, as a file server whose plug is pulled."""
        if self._child is not None:
            self._child.send_signal(signal.SIGKILL)
            self._child.wait()
            self._child = None

    def _answers(self) -> bool:
        with socket.socket() as knock:
            return knock.connect_ex(("127.0.0.1", self.port)) == 0


@contextmanager
def mounted(home: Path, exported: Path, point: Path) -> Iterator[Server]:
    """The directory `exported`, seen at `point` through NFS."""
    if why := missing():
        if os.environ.get("VMTRIAGE_LIVE") == "required" and "no NFS server" in why:
            pytest.fail(why)
        pytest.skip(why)
    point.mkdir(parents=True)
    server = Server(home, exported)
    server.start()
    words = [sys.executable, "-m", "tests.nfs_mount", str(server.port), EXPORT, str(point)]
    client = subprocess.Popen(words)
    try:
        until(lambda: os.path.ismount(point), 60, "the export cannot be mounted")
        yield server
    finally:
        subprocess.run(["umount", "-l", str(point)], check=False)
        client.kill()
        client.wait()
        server.kill()
