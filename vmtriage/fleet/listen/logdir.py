"""`--log-dir`: everything received, one file per host, rotated by size. Written by a thread."""

import os
import queue
import re
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, TextIO

from vmtriage.report.safe import visible

_WAITING = 2000  # batches
_OPEN = 200  # files at a time
_TAB = "\t"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")

Batch = list[tuple[str, bytes]]


def file_name(host: str) -> str:
    """A name that stays in the directory, whatever the host is called."""
    safe = _UNSAFE.sub("_", host)[:100]
    return f"{safe.lstrip('.') or '_'}.log"


class LogDir:
    """Give it batches of (address, lines); it never makes the giver wait."""

    def __init__(
        self, directory: Path, name: Callable[[str], str], size: int = 10_000_000, keep: int = 4,
        most: int = 4096, errors: TextIO | None = None,
    ) -> None:  # fmt: skip
        """`size` bytes to a file, `keep` older ones of each host, `most` hosts: who fakes
        addresses must not fill the directory. OSError: it cannot be written.
        """
        directory.mkdir(parents=True, exist_ok=True)
        if not os.access(directory, os.W_OK):
            raise PermissionError(13, "not writable", str(directory))
        self._directory, self._name, self._size, self._keep = directory, name, size, keep
        self._most, self._names = most, set[str]()
        self._errors = errors or sys.stderr
        self._files: OrderedDict[str, BinaryIO] = OrderedDict()
        self._queue: queue.Queue[tuple[float, Batch] | None] = queue.Queue(_WAITING)
        self.dropped = 0
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="logdir", daemon=True)
        self._thread.start()

    def put(self, wall: float, batch: Batch) -> None:
        """Lines received at that time."""
        try:
            self._queue.put_nowait((wall, batch))
        except queue.Full:
            self.dropped += sum(lines.count(b"\n") for _, lines in batch)

    def close(self, seconds: float) -> None:
        """Write what is queued, as far as the time allows."""
        with suppress(queue.Full):
            self._queue.put(None, timeout=seconds)
        self._thread.join(seconds)

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            wall, batch = item
            by_address: dict[str, list[bytes]] = {}
            for address, lines in batch:
                by_address.setdefault(address, []).append(lines)
            stamp = datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds")
            for address, parts in by_address.items():
                try:
                    self._write(self._name(address), stamp.replace("+00:00", "Z"), parts)
                    self._failing = False
                except OSError as error:
                    self.dropped += sum(part.count(b"\n") for part in parts)
                    if not self._failing:
                        self._errors.write(f"vmtriage listen: --log-dir: {error}\n")
                    self._failing = True
        for file in self._files.values():
            with suppress(OSError):
                file.close()

    def _write(self, host: str, stamp: str, parts: list[bytes]) -> None:
        # the form of syslog, so that `vmtriage analyze` reads the file as it is
        head = f"{stamp} {host} kernel: "
        text = b"".join(parts).decode("utf-8", "backslashreplace")
        lines = [f"{head}{visible(line, keep=_TAB)}\n" for line in text.split("\n")[:-1]]
        file = self._file(host)
        file.write("".join(lines).encode("utf-8", "backslashreplace"))
        file.flush()
        if file.tell() >= self._size:
            self._rotate(host)

    def _file(self, host: str) -> BinaryIO:
        file = self._files.get(host)
        if file is None:
            if host not in self._names and len(self._names) >= self._most:
                raise OSError(f"{host}: more than {self._most} hosts, its lines are not kept")
            self._names.add(host)
            if len(self._files) >= _OPEN:
                self._files.popitem(last=False)[1].close()
            # a link somebody planted here must not lead us elsewhere
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
            opened = os.open(self._directory / file_name(host), flags, 0o640)
            file = self._files[host] = os.fdopen(opened, "ab")
        self._files.move_to_end(host)
        return file

    def _rotate(self, host: str) -> None:
        self._files.pop(host).close()
        path = self._directory / file_name(host)
        for number in range(self._keep, 0, -1):
            older = path.with_name(f"{path.name}.{number}")
            newer = path.with_name(f"{path.name}.{number - 1}") if number > 1 else path
            with suppress(FileNotFoundError):
                newer.rename(older)
