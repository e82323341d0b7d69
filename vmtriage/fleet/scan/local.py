"""Jobs on this machine: each in a session and process group of its own, some at once."""

import heapq
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass

from vmtriage.fleet.scan.births import Nursery
from vmtriage.fleet.scan.executor import Ended, Job, Killed, Overseer
from vmtriage.fleet.scan.family import kill, resident, sweep
from vmtriage.session.limits import default_memory_bytes

_LOOK_S = 0.05  # how often limits and claims are looked at
_WEIGH_S = 0.5  # how often their memory is looked at
_GRACE_S = 5.0  # from SIGTERM to SIGKILL: crash is ended and its scratch removed
_WORDS_BYTES = 8192  # of stderr that is kept: the end
_FINAL_WORDS_S = 1.0
_TRY_AGAIN = 75


def cores() -> int:
    """Those this process may run on."""
    return len(os.sched_getaffinity(0))


@dataclass(frozen=True)
class Bounds:
    """What all jobs together may use. per_group: at once on one share."""

    jobs: int
    memory: int
    per_group: int = 4

    @classmethod
    def of(cls, jobs: int | None = None, memory: int | None = None) -> "Bounds":
        """One job for each core, in three quarters of the memory."""
        return cls(jobs or cores(), memory or default_memory_bytes())


class LocalExecutor:
    """One thread looks after all children. The smallest first; largest last.

    ready: what all jobs will need, as `births.Nursery` takes it.
    """

    def __init__(self, bounds: Bounds, ready: Sequence[str] = ()) -> None:
        self._bounds = bounds
        self._nursery = Nursery(ready)

    def close(self) -> None:
        """Ends the process that the jobs come from. It starts again where it is needed."""
        self._nursery.close()

    def run(self, jobs: Iterable[Job], overseer: Overseer) -> Generator[Ended, None, None]:
        """See `Executor`. Not to be used from two threads."""
        waiting = [(job.weight, number, job) for number, job in enumerate(jobs)]
        heapq.heapify(waiting)
        running: list[_Child] = []
        try:
            while waiting or running:
                yield from self._fill(waiting, running, overseer)
                if running:
                    self._nursery.wait(_LOOK_S)
                lost = overseer.tick()
                for child in running:
                    if child.job.key in lost:
                        child.stop("stopped")
                over = [each for each in running if each.over()]
                for child in over:
                    running.remove(child)
                if self._bounds.jobs > 1:  # the cores have work while the caller keeps reports
                    yield from self._fill(waiting, running, overseer)
                for child in over:
                    yield child.ended()
        finally:
            _stop(running)

    def _fill(
        self, waiting: list[tuple[int, int, Job]], running: "list[_Child]", overseer: Overseer
    ) -> Iterator[Ended]:  # fmt: skip
        """Start what there is room for; one job always has room. What cannot be started is over."""
        groups = Counter(child.job.group for child in running)
        used = sum(child.job.need for child in running)
        passed: list[tuple[int, int, Job]] = []
        while waiting and len(running) < self._bounds.jobs:
            entry = heapq.heappop(waiting)
            job = entry[2]
            if running and used + job.need > self._bounds.memory:
                passed.append(entry)
                break
            if groups[job.group] >= self._bounds.per_group:
                passed.append(entry)
                continue
            if not overseer.admit(job):
                continue
            try:
                running.append(_Child(job, self._nursery))
            except OSError as error:  # no memory, no processes left
                yield Ended(
                    job, _TRY_AGAIN, 0.0, f"it cannot be started: {error.strerror or error}"
                )
                continue
            except BaseException:  # we are to end, and nobody can say whether it was born
                self._nursery.close()
                sweep(job.home)
                raise
            groups[job.group] += 1
            used += job.need
        for entry in passed:
            heapq.heappush(waiting, entry)


class _Child:
    """One running job."""

    def __init__(self, job: Job, nursery: Nursery) -> None:
        self.job, self._nursery = job, nursery
        self._began = self._weighed = time.monotonic()
        self._killed: Killed | None = None
        self._patience = 0.0  # until when it may clean up
        read, write = os.pipe()
        try:
            self._pid = nursery.bear(job, write)
        except OSError:
            os.close(read)
            raise
        finally:
            os.close(write)
        self._words = _LastWords(read)

    def over(self) -> bool:
        """Whether it has ended; ends it where it is over a limit."""
        if self._gone():
            return True
        now = time.monotonic()
        spent = now - self._began
        if self._killed is None and spent > self.job.deadline_s:
            self.stop("deadline")
        elif self._killed and now > self._patience:
            self.destroy()
        elif now - self._weighed > _WEIGH_S:
            self._weighed = now
            if resident(self._pid) > self.job.limit:
                self._killed = "memory"
                self.destroy()
        return self._gone()

    def stop(self, why: Killed) -> None:
        """Ask it to end: it ends crash and cleans up."""
        if self._killed is None:
            self._killed, self._patience = why, time.monotonic() + _GRACE_S
            if not self._gone():
                os.kill(self._pid, signal.SIGTERM)

    def destroy(self) -> None:
        """End it and all it started, for good."""
        kill(self._pid, self.job.home)
        self._gone(_GRACE_S)

    def wait(self, until: float) -> None:
        """Until it has ended by itself, at most until that time; then for good, with its family."""
        if self._gone(max(0.0, until - time.monotonic())):
            sweep(self.job.home)
        else:
            self.destroy()

    def ended(self) -> Ended:
        """Its outcome. Whatever it left running is ended."""
        code = self._nursery.code(self._pid)
        assert code is not None
        if code != 0:
            sweep(self.job.home)
        self._nursery.forget(self._pid)
        seconds = time.monotonic() - self._began
        return Ended(self.job, code, seconds, self._words.text(), self._killed)

    def _gone(self, wait_s: float = 0.0) -> bool:
        return self._nursery.code(self._pid, wait_s) is not None


class _LastWords:
    """The end of a stream, however much comes."""

    def __init__(self, stream: int) -> None:
        self._stream, self._tail = stream, b""
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def text(self) -> str:
        """What came last; somebody else may still hold the other end open."""
        self._thread.join(_FINAL_WORDS_S)
        return self._tail.decode("utf-8", "backslashreplace").strip()

    def _listen(self) -> None:
        with os.fdopen(self._stream, "rb", buffering=0) as stream:
            while said := stream.read(65536):
                self._tail = (self._tail + said)[-_WORDS_BYTES:]


def _stop(children: Sequence[_Child]) -> None:
    for child in children:
        child.stop("stopped")
    until = time.monotonic() + _GRACE_S
    for child in children:
        child.wait(until)
