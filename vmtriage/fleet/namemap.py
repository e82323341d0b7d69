"""Names for addresses from a file, as /etc/hosts: there even when DNS is not."""

import ipaddress
import re
from pathlib import Path

from vmtriage.errors import BadConfig

HOST_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?")


class NameMap:
    """A file of `ADDRESS NAME` lines, as /etc/hosts; read again when it changes."""

    def __init__(self, path: Path | None) -> None:
        """BadConfig names the first line that is wrong."""
        self._path, self._seen = path, (0, 0, 0)
        self._names: dict[str, str] = {}
        if path is not None:
            self.refresh()

    def get(self, address: str) -> str | None:
        """The name the file gives."""
        return self._names.get(address)

    def refresh(self) -> bool:
        """Read the file if it has changed. BadConfig, and the old names stay, if it is wrong."""
        if self._path is None:
            return False
        try:
            stat = self._path.stat()
            seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if seen == self._seen:
                return False
            self._seen = seen
            self._names = _read(self._path)
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise BadConfig(f"name map {self._path}: {reason}", next_step="see --names") from error
        return True


def _read(path: Path) -> dict[str, str]:
    names: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            address = str(ipaddress.ip_address(words[0]))
        except ValueError:
            raise BadConfig(
                f"{path}:{number}: {words[0]!r} is no IP address",
                next_step="each line is: ADDRESS NAME",
            ) from None
        if len(words) < 2 or not HOST_NAME.fullmatch(words[1]):
            raise BadConfig(
                f"{path}:{number}: no host name after {words[0]}",
                next_step="each line is: ADDRESS NAME, the name of letters, digits, . _ and -",
            )
        names[address] = words[1]
    return names
