"""Where jobs are born: a process that has imported what they need, and forks one for each.

`python -P nursery.py PARENT SOCKET SYS_PATH READY`, started by `births.Nursery`. It has one
thread, and reads one packet for each birth. A dead child keeps its pid until the parent has heard
of its end, so that nobody else is killed in its place. It ends with its parent, and with it all
its children.
"""

import errno
import gc
import json
import os
import pkgutil
import selectors
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

_PACKET = 1 << 18
_GONE_S = 2.0


class _Born(Exception):
    """Leaves the nursery, in the child."""

    def __init__(self, job: dict[str, Any], words: int) -> None:
        self.job, self.words = job, words


class _Nursery:
    """Packets in: a job with its stderr, or the pid of a child whose end was heard of.

    Packets out: `born` with a pid or an error number, `ended` with a pid and an exit code.
    """

    def __init__(self, parent: socket.socket) -> None:
        self._parent = parent
        self._selector = selectors.DefaultSelector()
        self._selector.register(parent, selectors.EVENT_READ)

    def run(self) -> NoReturn:
        """Until the parent has gone; raises _Born in each child."""
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._parent:
                    self._hear()
                else:
                    self._mourn(key.fd, key.data)

    def _hear(self) -> None:
        packet, passed, _, _ = socket.recv_fds(self._parent, _PACKET, 1)
        if not packet:
            self._end()
        told = json.loads(packet)
        if "bury" in told:
            os.waitid(os.P_PID, told["bury"], os.WEXITED)
            return
        try:
            pid = os.fork()
        except OSError as error:
            os.close(passed[0])
            self._tell(born=0, error=error.errno or errno.EAGAIN)
            return
        if pid == 0:
            self._selector.close()
            self._parent.close()
            raise _Born(told, passed[0])
        os.close(passed[0])
        self._selector.register(os.pidfd_open(pid), selectors.EVENT_READ, pid)
        self._tell(born=pid, error=0)

    def _mourn(self, descriptor: int, pid: int) -> None:
        self._selector.unregister(descriptor)
        os.close(descriptor)
        end = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert end is not None
        exited = end.si_code == os.CLD_EXITED
        self._tell(ended=pid, code=end.si_status if exited else -end.si_status)

    def _end(self) -> NoReturn:
        """The parent has gone, or wants no more: all children go first."""
        self._selector.unregister(self._parent)
        for key in self._selector.get_map().values():
            signal.pidfd_send_signal(key.fd, signal.SIGKILL)
        until = time.monotonic() + _GONE_S  # the kernel may hold one: a dead server's file
        while self._selector.get_map() and time.monotonic() < until:
            for key, _ in self._selector.select(0.1):
                self._selector.unregister(key.fd)
        sys.exit(0)

    def _tell(self, **words: int) -> None:
        with suppress(OSError):  # the parent has gone: the next packet says so
            self._parent.send(json.dumps(words).encode())


def main() -> None:
    """The nursery's life, then a child's."""
    parent, descriptor, path, ready = sys.argv[1:]
    sys.path[:] = json.loads(path)  # the parent's own: with -P ours may lack vmtriage

    from vmtriage.fleet.scan.child import die_with, live

    die_with(int(parent))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's; the parent sees to its children
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    here, link = os.getpid(), socket.socket(fileno=int(descriptor))
    for name in json.loads(ready):
        with suppress(Exception):  # the job that needs it says what is wrong
            thing = pkgutil.resolve_name(name)
            if ":" in name:
                thing()
    gc.collect()
    gc.freeze()  # so that looking for garbage touches, and copies, no page they share
    try:
        _Nursery(link).run()
    except _Born as born:
        job, words = born.job, born.words
    die_with(here)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    live(job["argv"], job["environment"], Path(job["home"]), words)


if __name__ == "__main__":
    main()
