"""Private directories for what runs; those of scans that were killed are removed by the next."""

import itertools
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from vmtriage.fleet.scan.family import sweep
from vmtriage.report.files import cannot_write

_PREFIX = "vmtriage-scan-"


class Workspace:
    """A directory in TMPDIR that is named by its process."""

    def __init__(self) -> None:
        _remove_left()
        try:
            parent = Path(tempfile.gettempdir())
            self._root = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{_name(os.getpid())}-"))
        except OSError as error:
            raise cannot_write(parent, error) from error
        self._number = itertools.count()

    def home(self) -> Path:
        """A new empty directory; CannotWrite."""
        home = self._root / str(next(self._number))
        try:
            home.mkdir(mode=0o700)
        except OSError as error:
            raise cannot_write(home, error) from error
        return home

    def remove(self, home: Path) -> None:
        """It is not needed any more."""
        shutil.rmtree(home, ignore_errors=True)

    def __enter__(self) -> "Workspace":
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._root, ignore_errors=True)


def _name(pid: int) -> str:
    """A process, told from a later one with its number by when it began."""
    with suppress(OSError, IndexError):
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
        space = str(Path("/proc/self/ns/pid").readlink()).strip("pid:[]")
        return f"{pid}-{stat.rpartition(')')[2].split()[19]}-{space}"
    return f"{pid}-gone"


def _remove_left() -> None:
    """Only those of this user and these processes' numbers: a container counts its own."""
    space = _name(os.getpid()).rpartition("-")[2]
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        parts = path.name.removeprefix(_PREFIX).split("-")
        with suppress(OSError, ValueError):
            if len(parts) < 4 or parts[2] != space or path.is_symlink():
                continue
            if path.lstat().st_uid == os.getuid() and _name(int(parts[0])) != "-".join(parts[:3]):
                sweep(path)
                shutil.rmtree(path, ignore_errors=True)
