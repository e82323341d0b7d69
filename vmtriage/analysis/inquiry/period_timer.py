"""Whose CPU quota was being handed out: the group whose cfs_bandwidth timer was running.

Sources: kernel/time/hrtimer.c (__run_hrtimer sets `running`: of the CPU's base since 4.2, of the
clock base since 4.16; before that HRTIMER_STATE_CALLBACK), kernel/sched/fair.c.
"""

from collections.abc import Iterator, Mapping

from vmtriage.analysis import plumbing
from vmtriage.analysis.cpus import interrupted_at, stacks_of
from vmtriage.analysis.inquiry.layout import member, size
from vmtriage.analysis.inquiry.quotas import POOL, Quotas, SeenGroup
from vmtriage.analysis.inquiry.scene import Reach, Scene
from vmtriage.analysis.stuck import bandwidth_frames
from vmtriage.models.backtrace import Backtrace
from vmtriage.models.evidence import Evidence
from vmtriage.models.lockup import BandwidthTimer, FoundBy

_BASES = member("hrtimer_cpu_base", "clock_base")
_BASES_SIZE = size("hrtimer_cpu_base", "clock_base")
_BASE_SIZE = size("hrtimer_clock_base")
_RUNNING = member("hrtimer_clock_base", "running")
_CPU_RUNNING = member("hrtimer_cpu_base", "running")
_CPU_BASE = member("hrtimer_clock_base", "cpu_base")
_FUNCTION = member("hrtimer", "function")
_STATE = member("hrtimer", "state")
_BASE = member("hrtimer", "base")
_PERIOD = member("task_group", "cfs_bandwidth.period_timer")
_SLACK = member("task_group", "cfs_bandwidth.slack_timer")
_POOL_SIZE = size("cfs_bandwidth")
MEMBERS = (
    _BASES, _BASES_SIZE, _RUNNING, _BASE_SIZE, _FUNCTION, _PERIOD, _SLACK, _POOL_SIZE,
)  # fmt: skip
_TIMERS = {"sched_cfs_period_timer": _PERIOD, "sched_cfs_slack_timer": _SLACK}
_CALLBACK = 2  # HRTIMER_STATE_CALLBACK
_MOST_BASES = 16
_MOST_STACK = 4096
_KERNEL = 1 << 20  # no group lies below


class PeriodTimers:
    """Looks for the group on one CPU: in the CPU's timer base first, on its stack second."""

    def __init__(
        self, scene: Scene, reach: Reach, quotas: Quotas, groups: Mapping[int, SeenGroup]
    ) -> None:
        self._reach, self._memory = reach, reach.memory
        self._quotas, self._groups = quotas, groups
        self._stacks = {stack.cpu: stack for stack in stacks_of(scene.facts)}

    def on_cpu(self, cpu: int) -> tuple[BandwidthTimer, ...]:
        """The timer by the surest way there is; several where a stack shows several groups."""
        if found := self._running(cpu) or self._called_back(cpu):
            return (found,)
        stack = self._stacks.get(cpu)
        return tuple(self._on_stack(cpu, stack)) if stack and bandwidth_frames(stack) else ()

    def _running(self, cpu: int) -> BandwidthTimer | None:
        memory, base = self._memory, self._reach.of_cpu("hrtimer_bases", cpu)
        if base is None:
            return None
        for timer, place in self._running_timers(base):
            name = self._reach.name_of(memory.pointer(timer, _FUNCTION) or 0) if timer else None
            where = memory.layout[_TIMERS[name]] if name in _TIMERS else None
            if name is None or where is None or not self._is_group(timer - where):
                continue
            told = f"hrtimer_bases of CPU {cpu}: running = {timer:x}, {name}"
            return self._found(cpu, name, "running_timer", timer - where, place, told)
        return None

    def _running_timers(self, base: int) -> Iterator[tuple[int, int]]:
        """Timers with the places their pointers stand at."""
        memory, layout = self._memory, self._memory.layout
        inside, width = layout[_RUNNING], layout[_BASE_SIZE]
        array, total = memory.at(base, _BASES), layout[_BASES_SIZE]
        places: list[int] = []
        if inside is not None and width and array is not None and total:
            count = min(total // width, _MOST_BASES)
            places = [array + n * width + inside for n in range(count)]
            memory.prefetch((place, memory.word_size) for place in places)
        elif (place := memory.at(base, _CPU_RUNNING)) is not None:
            places = [place]
        for place in places:
            if timer := memory.word(place):
                yield timer, place

    def _called_back(self, cpu: int) -> BandwidthTimer | None:
        """Before 4.2 the timer itself says that it is running, and on which base."""
        memory, layout = self._memory, self._memory.layout
        if layout[_RUNNING] is not None or layout[_CPU_RUNNING] is not None:
            return None
        here = self._reach.of_cpu("hrtimer_bases", cpu)
        if here is None:
            return None
        for group in self._groups:
            for name, where in _TIMERS.items():
                timer = memory.at(group, where)
                state = memory.unsigned(timer, _STATE, memory.word_size) or 0
                base = memory.pointer(memory.pointer(timer, _BASE), _CPU_BASE)
                if timer and state & _CALLBACK and state < 16 and base == here:
                    told = f"its {name} is in its callback on CPU {cpu}"
                    return self._found(cpu, name, "timer_state", group, timer, told)
        return None

    def _on_stack(self, cpu: int, stack: Backtrace) -> Iterator[BandwidthTimer]:
        """A pointer into a group's cfs_bandwidth; without one, a queue being unthrottled."""
        pool, width = self._memory.layout[POOL], self._memory.layout[_POOL_SIZE]
        words = dict(_words_of(stack))
        low, high = _range(stack)
        for index, word in enumerate(self._memory.words(low, (high - low) // 8) if low else ()):
            words.setdefault(word, f"{low + 8 * index:x}")
        words = {word: place for word, place in words.items() if word >= _KERNEL}
        found: dict[int, BandwidthTimer] = {}
        for group in self._groups if pool is not None and width else ():
            start = group + (pool or 0)
            hit = next((w for w in words if start <= w < start + (width or 0)), None)
            if hit is not None:
                told = f"{words[hit]}: {hit:x}, in its cfs_bandwidth at {start:x}"
                found[group] = self._found(cpu, "cfs_bandwidth", "stack", group, None, told)
        if not found:
            for group, seen in self._groups.items():
                queues = [q for _, q in seen.on_cpus if q.throttled]
                queue = next((q for q in queues if int(q.cfs_rq or "0", 16) in words), None)
                if queue is not None:
                    told = f"{words[int(queue.cfs_rq or '0', 16)]}: {queue.cfs_rq}, its queue"
                    found[group] = self._found(
                        cpu, "unthrottle_cfs_rq", "unthrottled_queue", group, None, told
                    )
        yield from found.values()

    def _is_group(self, address: int) -> bool:
        """Known from the run queues, or it leads to a cgroup with a readable path."""
        return address in self._groups or self._quotas.path(address) is not None

    def _found(
        self, cpu: int, timer: str, by: FoundBy, group: int, at: int | None, told: str
    ) -> BandwidthTimer:
        return BandwidthTimer(
            cpu=cpu, timer=timer, found_by=by, task_group=f"{group:x}",
            at=None if at is None else f"{at:x}",
            evidence=(
                Evidence(command="rd", line=0, text=told,
                         says=f"CPU {cpu} was handing out this group's quota"),
            ),
        )  # fmt: skip


def _words_of(stack: Backtrace) -> Iterator[tuple[int, str]]:
    """Registers at the interruption."""
    block = interrupted_at(stack)
    for name, value in (block.registers if block else {}).items():
        yield int(value, 16), name


def _range(stack: Backtrace) -> tuple[int, int]:
    """The stack from where the CPU was to the caller of the bandwidth code's outermost frame."""
    names = [plumbing.base_name(frame.function) for frame in stack.frames]
    inside = [index for index, name in enumerate(names) if name in plumbing.BANDWIDTH]
    if not inside:
        return 0, 0
    outer = stack.frames[min(inside[-1] + 1, len(stack.frames) - 1)]
    inner = stack.frames[inside[0]]
    if inner.stack is None or outer.stack is None:
        return 0, 0
    low, high = int(inner.stack, 16) & ~7, int(outer.stack, 16) & ~7
    return (low, high) if 0 < high - low <= _MOST_STACK else (0, 0)
