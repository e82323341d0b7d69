"""The nursery as its parent sees it: jobs in, pids and exit codes out."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from vmtriage.fleet.scan import nursery
from vmtriage.fleet.scan.executor import Job

_PACKET = 1 << 16
_START_S = 60.0  # a cold disk
_END_S = 5.0


class Nursery:
    """Starts with the first birth. Not to be used from two threads.

    ready: what is imported, or called (`module:function`), once for all jobs.
    """

    def __init__(self, ready: Sequence[str] = ()) -> None:
        self._ready = tuple(ready)
        self._process: subprocess.Popen[bytes] | None = None
        self._link: socket.socket | None = None
        self._codes: dict[int, int] = {}
        self._alive: set[int] = set()
        self._unburied: set[int] = set()  # of the nursery that runs now

    def bear(self, job: Job, words: int) -> int:
        """The pid of the job's process; its stderr is the descriptor `words`. OSError: none."""
        told = {"argv": job.argv, "environment": job.environment, "home": str(job.home)}
        packet = json.dumps(told).encode()
        try:
            socket.send_fds(self._started(), [packet], [words])
        except ConnectionError:  # it died since the last birth
            self._lost()
            socket.send_fds(self._started(), [packet], [words])
        while (born := self._hear(_START_S)) is not None:
            if "born" in born:
                if born["error"]:
                    raise OSError(born["error"], os.strerror(born["error"]))
                self._alive.add(born["born"])
                return born["born"]
        self._lost()  # what is born after all is nobody's
        raise OSError("the process that starts the jobs does not answer")

    def code(self, pid: int, wait_s: float = 0.0) -> int | None:
        """A child's exit code, -N for signal N; None: it runs. wait_s: at most so long for it."""
        until = time.monotonic() + wait_s
        while pid not in self._codes:
            left = until - time.monotonic()
            if self._hear(max(0.0, left)) is None and left <= 0:
                break
        return self._codes.get(pid)

    def wait(self, wait_s: float) -> None:
        """Until a child has ended, at most so long."""
        if self._link is None:
            time.sleep(wait_s)
        else:
            self._hear(wait_s)

    def forget(self, pid: int) -> None:
        """Its code was read for the last time: the pid may be somebody else's from now on."""
        del self._codes[pid]
        if pid in self._unburied and self._link is not None:
            self._unburied.discard(pid)
            with suppress(OSError):
                self._link.send(json.dumps({"bury": pid}).encode())

    def close(self) -> None:
        """Ends it, and whoever of its children is left; they are gone on return."""
        if self._link is not None:
            self._link.close()
        if self._process is not None:
            try:
                self._process.wait(_END_S)
            except subprocess.TimeoutExpired:  # it hangs in something of its own
                self._process.kill()
                self._process.wait()
        self._link = self._process = None

    def _started(self) -> socket.socket:
        if self._link is not None:
            return self._link
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        words = (json.dumps(sys.path), json.dumps(self._ready))
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(Path(nursery.__file__)), str(os.getpid()),
                 str(theirs.fileno()), *words],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=[theirs.fileno()],
            )  # fmt: skip
        self._link = ours
        return ours

    def _hear(self, wait_s: float) -> dict[str, int] | None:
        """One packet; None: none came."""
        if self._link is None or not select.select([self._link], [], [], wait_s)[0]:
            return None
        try:
            packet = self._link.recv(_PACKET)
        except ConnectionError:
            packet = b""
        if not packet:
            self._lost()
            return None
        told: dict[str, int] = json.loads(packet)
        if "ended" in told:
            self._alive.discard(told["ended"])
            self._unburied.add(told["ended"])
            self._codes[told["ended"]] = told["code"]
        return told

    def _lost(self) -> None:
        """It was killed, or is now: the kernel kills its children."""
        if self._process is not None:
            self._process.kill()
        self.close()
        self._codes.update(dict.fromkeys(self._alive, -signal.SIGKILL))
        self._alive.clear()
        self._unburied.clear()
