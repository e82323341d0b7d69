"""The step "waits": what each task in D state waits for, who holds it, and what that one awaits."""

from collections.abc import Iterable, Iterator

from vmtriage.analysis.inquiry import devices
from vmtriage.analysis.inquiry.blocked import address, name_of, named_by_log
from vmtriage.analysis.inquiry.census import Census
from vmtriage.analysis.inquiry.chains import chains, owner_of
from vmtriage.analysis.inquiry.locks import Held, Locks
from vmtriage.analysis.inquiry.scene import Reach, Scene
from vmtriage.analysis.inquiry.stalls import Stall, places, stall_of
from vmtriage.errors import ParseError
from vmtriage.models.answers import Answers
from vmtriage.models.backtrace import Backtrace
from vmtriage.models.waits import Certainty, Stuck, TaskName, Waiting, Waits
from vmtriage.parsers import bt
from vmtriage.session.commands import stack_of

MAX_TASKS = 64
_MAX_OWNERS = 64  # looked at beyond them, who hold something
_STATIC = 4096  # a symbol so near before a lock is the structure it lies in
_NAMES = {
    "mutex": "a mutex", "rwsem": "a semaphore for readers and writers", "semaphore": "a semaphore",
    "percpu_rwsem": "a per-CPU semaphore for readers and writers", "rt_mutex": "an rt_mutex",
    "completion": "a completion", "page": "a page", "bit": "a bit", "io": "I/O",
    "sleep": "a timer, or to be woken", "other": "to be woken",
}  # fmt: skip


def waits(scene: Scene, reach: Reach, answers: Answers) -> Answers:
    """Locks by the waiters on the stacks; an owner is asked in his turn, up to the end."""
    if not answers.blocked_stacks:
        return answers
    seer = _Seer(scene, reach, answers.blocked_stacks)
    order = seer.order()
    for task in order[:MAX_TASKS]:
        seer.look(task)
    found = chains(seer.known, tuple(seer.known))
    told = Waits(
        tasks=tuple(seer.known.values()), chains=found,
        left_out=max(0, len(order) - MAX_TASKS) + (answers.blocked.left_out if answers.blocked
                                                   else 0),
    )  # fmt: skip
    return answers.model_copy(update={"waits": told})


class _Seer:
    """Looks at one task after the other and keeps what each waits for."""

    def __init__(self, scene: Scene, reach: Reach, stacks: Iterable[Backtrace]) -> None:
        self._scene, self._reach = scene, reach
        self._census = Census(scene.facts, reach.memory)
        self._locks = Locks(reach.memory)
        self._stacks = {address(stack): stack for stack in stacks}
        running = scene.facts.cpu_stacks.backtraces if scene.facts.cpu_stacks else ()
        self._others = {address(stack): stack for stack in running if stack.task}
        self._symbols: dict[int, str | None] = {}
        self.known: dict[int, Waiting] = {}

    def order(self) -> tuple[int, ...]:
        """The log's victims, then those that have waited longest; without what is normal."""
        named = [task for task in named_by_log(self._scene, self._census) if task in self._stacks]
        rest = sorted(self._stacks, key=lambda task: -(self._census.waited_ms(task) or 0))
        both = dict.fromkeys((*named, *rest))
        return tuple(task for task in both if not stall_of(self._stacks[task]).normal)

    def look(self, task: int) -> None:
        """At the task, then at the owner of what it waits for, and so on."""
        current: int | None = task
        while current is not None and current not in self.known:
            if len(self.known) >= MAX_TASKS + _MAX_OWNERS:
                return
            self.known[current] = found = self._one(current)
            current = owner_of(found)

    def _one(self, task: int) -> Waiting:
        stack = self._stack(task)
        runs = self._census.runs(task)
        name = self._census.name(task) or (name_of(stack) if stack else None)
        if stack is None or name is None:
            known = name or TaskName(task=f"{task:x}", pid=0, comm="")
            return Waiting(
                task=known, state=self._census.state(task), kind="running" if runs else "other",
                says="its stack could not be read", check=f"bt {task:x}",
            )  # fmt: skip
        stall = stall_of(stack, runs)
        held = self._held(task, stack, stall)
        return self._told(name, stall, held)

    def _stack(self, task: int) -> Backtrace | None:
        known = self._stacks.get(task) or self._others.get(task)
        if known is None:
            (output,) = self._reach.desk.ask([stack_of(task)])
            try:
                known = next(iter(bt.parse(output.text).backtraces), None)
            except ParseError:
                return None
        return known if known and known.task and address(known) == task else None

    def _held(self, task: int, stack: Backtrace, stall: Stall) -> Held | None:
        for low, high in places(stack, stall):
            held = self._locks.wanted(task, stall.kind, low, high)
            if held is not None:
                return held
        return None

    def _told(self, name: TaskName, stall: Stall, held: Held | None) -> Waiting:
        task = int(name.task, 16)
        owner = self._census.name(held.owner) if held and held.owner else None
        certainty: Certainty = "unknown"
        if owner is not None and held is not None:
            guess = held.by_readers or held.struct == "semaphore"
            certainty = "hint" if guess else "read"
        return Waiting(
            task=name, state=self._census.state(task), waited_ms=self._census.waited_ms(task),
            kind=stall.kind, access=stall.access, function=stall.function, module=stall.module,
            stuck=self._stuck(stall, held),
            lock=f"{held.address:x}" if held else None,
            symbol=self._symbol(held.address) if held else None, owner=owner,
            certainty=certainty, says=_says(stall, held, owner),
            check=_check(task, held),
        )  # fmt: skip

    def _stuck(self, stall: Stall, held: Held | None) -> Stuck | None:
        if held is not None and held.struct == "percpu_rw_semaphore":
            found = devices.frozen(self._reach.memory, held.address)
            if found is not None:
                return found
        return devices.stuck(stall, self._scene.facts.log)

    def _symbol(self, lock: int) -> str | None:
        if lock not in self._symbols:
            found = self._reach.symbol(lock)
            near = found is not None and found.offset < _STATIC
            self._symbols[lock] = None
            if found is not None and near:
                name = f"{found.name}+{found.offset}" if found.offset else found.name
                self._symbols[lock] = f"{name} [{found.module}]" if found.module else name
        return self._symbols[lock]


def _says(stall: Stall, held: Held | None, owner: TaskName | None) -> str:
    if stall.kind == "running":
        return "it was on a CPU"
    wants = f" to {stall.access}" if stall.access else ""
    waits_for = f"waits for {_NAMES[stall.kind]}{wants}"
    if held is None:
        return waits_for
    return f"{waits_for}, {' '.join(_holder(held, owner))}"


def _holder(held: Held, owner: TaskName | None) -> Iterator[str]:
    if held.by_readers:
        yield "held by readers: the kernel does not record which"
        if owner is not None:
            yield f"(the last one that took it was {owner})"
    elif not held.recorded:
        yield "which has no owner that the kernel records"
    elif held.owner is None:
        yield "whose owner could not be read"
    elif not held.owner:
        yield "which nobody holds by its owner field: it was just given up, or read by many"
    elif owner is None:
        yield f"held by {held.owner:x}, which is no task: it exited, or memory is damaged"
    elif held.struct == "semaphore":
        yield f"last taken by {owner}"
    else:
        yield f"held by {owner}"


def _check(task: int, held: Held | None) -> str:
    if held is None:
        return f"bt {task:x}"
    member = f".{'last_holder' if held.struct == 'semaphore' else 'owner'}" if held.recorded else ""
    return f"struct {held.struct}{member} -x {held.address:x}"
