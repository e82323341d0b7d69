"""Who waits for whom, by kernel memory: layouts that cannot run here, and memory that lies."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernel_image import KernelImage
from tests.test_captures import report_of
from vmtriage.analysis.inquiry import blocked as step
from vmtriage.analysis.inquiry.chains import chains, owner_of
from vmtriage.analysis.inquiry.desk import Desk
from vmtriage.analysis.inquiry.layout import Layout
from vmtriage.analysis.inquiry.locks import Held, Locks
from vmtriage.analysis.inquiry.memory import Memory
from vmtriage.analysis.inquiry.scene import Reach, Scene
from vmtriage.analysis.inquiry.stalls import places, stall_of
from vmtriage.analysis.inquiry.waits import waits
from vmtriage.analysis.suspects.case import Case
from vmtriage.analysis.suspects.tasks import lock_owner
from vmtriage.models.answers import Answers
from vmtriage.models.backtrace import Backtrace, Frame
from vmtriage.models.evidence import Facts
from vmtriage.models.finding import Classification, CrashClass, Incident
from vmtriage.models.klog import KernelLog
from vmtriage.models.task import Task, TaskLastRun, Tasks, TasksLastRun
from vmtriage.models.waits import TaskName, WaitChain, Waiting, WaitKind
from vmtriage.parsers import log

BASE = 0xFFFF880000000000
TASKS = {"task_struct.stack": 8, "task_struct.pid": 16, "task_struct.comm": 24}
# include/linux/{mutex,rwsem,semaphore,completion,wait}.h of 3.10, and of 6.1
OLD = {
    **TASKS,
    "mutex.wait_list": 8, "mutex.owner": 24, "mutex_waiter.list": 0, "mutex_waiter.task": 16,
    "rw_semaphore.wait_list": 16, "rwsem_waiter.list": 0, "rwsem_waiter.task": 16,
    "semaphore.wait_list": 8, "semaphore_waiter.list": 0, "semaphore_waiter.task": 16,
    "completion.wait.task_list": 16, "__wait_queue.private": 8, "__wait_queue.task_list": 24,
}  # fmt: skip
NEW = {
    **TASKS,
    "mutex.wait_list": 16, "mutex.owner": 0, "mutex_waiter.list": 0, "mutex_waiter.task": 16,
    "rw_semaphore.wait_list": 24, "rw_semaphore.owner": 8, "rwsem_waiter.list": 0,
    "rwsem_waiter.task": 16, "completion.wait.task_list": 16, "swait_queue.task": 0,
    "swait_queue.task_list": 8, "wait_queue_entry.private": 8, "wait_queue_entry.entry": 24,
    "percpu_rw_semaphore.waiters.head": 72, "rt_mutex_waiter.task": 64, "rt_mutex_waiter.lock": 72,
    "rt_mutex_base.owner": 24,
}  # fmt: skip
SHAPES = {  # kind: structure of the waiter, its task, its list, the lock's list
    "mutex": ("mutex_waiter", "task", "list", "mutex.wait_list"),
    "rwsem": ("rwsem_waiter", "task", "list", "rw_semaphore.wait_list"),
    "semaphore": ("semaphore_waiter", "task", "list", "semaphore.wait_list"),
    "swait": ("swait_queue", "task", "task_list", "completion.wait.task_list"),
    "wait": ("__wait_queue", "private", "task_list", "completion.wait.task_list"),
    "percpu": ("wait_queue_entry", "private", "entry", "percpu_rw_semaphore.waiters.head"),
}
LOCK = BASE + 0x900000


def task(number: int) -> int:
    return BASE + 0x10000 * number


def stack(number: int) -> int:
    return BASE + 0x1000000 + 0x10000 * number


def image(offsets: dict[str, int], tasks: int = 5) -> KernelImage:
    """Tasks 1, 2 ... with stacks of zeroes from 0x3000 to 0x3400."""
    made = KernelImage(offsets)
    for number in range(1, tasks + 1):
        made.put(
            task(number), task_struct__stack=stack(number),
            task_struct__pid=number.to_bytes(4, "little"),
            task_struct__comm=f"task{number}".encode().ljust(16, b"\0"),
        )  # fmt: skip
        made.memory.update(dict.fromkeys(range(stack(number) + 0x3000, stack(number) + 0x3400), 0))
    return made


def word(made: KernelImage, at: int, value: int) -> None:
    made.memory.update({at + n: byte for n, byte in enumerate(value.to_bytes(8, "little"))})


def queue(made: KernelImage, shape: str, numbers: list[int], lock: int = LOCK) -> None:
    """The tasks queue for the lock, in this order."""
    struct, task_name, list_name, head_name = SHAPES[shape]
    to_task = made.offsets[f"{struct}.{task_name}"]
    to_list = made.offsets[f"{struct}.{list_name}"]
    head = lock + made.offsets[head_name]
    nodes = []
    for number in numbers:
        waiter = stack(number) + 0x3100
        word(made, waiter + to_task, task(number))
        nodes.append(waiter + to_list)
    ring = [head, *nodes]
    for here, after in zip(ring, [*ring[1:], head], strict=True):
        word(made, here, after)
        word(made, after + 8, here)


def memory_of(made: KernelImage) -> Memory:
    desk = Desk(made, "x86_64")
    return Memory(desk, Layout(desk))


def wanted(made: KernelImage, kind: WaitKind, number: int = 2) -> Held | None:
    at = stack(number)
    return Locks(memory_of(made)).wanted(task(number), kind, at + 0x3000, at + 0x3400)


# -- locks ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("offsets", "flags"), [(OLD, 0), (NEW, 1)], ids=["3.10", "6.1"])
@pytest.mark.parametrize("place", [2, 3, 4])
def test_a_mutex_names_its_owner(offsets: dict[str, int], flags: int, place: int) -> None:
    """In 3.10 the owner lies where a waiter would have its task: no waiter for all that."""
    made = image(offsets)
    queue(made, "mutex", [2, 3, 4])
    made.put(LOCK, mutex__owner=task(1) | flags)
    held = wanted(made, "mutex", place)
    assert held == Held(LOCK, "mutex", task(1))


@pytest.mark.parametrize(
    ("value", "owner", "readers"),
    [(task(1), task(1), False), (task(1) | 1, task(1), True), (1, 0, True), (3, 0, True),
     (task(1) | 3, task(1), True), (0, 0, False), (task(1) | 4, task(1), False)],
)  # fmt: skip
def test_an_rwsem_tells_writer_from_readers(value: int, owner: int, readers: bool) -> None:
    made = image(NEW)
    queue(made, "rwsem", [2, 3])
    made.put(LOCK, rw_semaphore__owner=value)
    assert wanted(made, "rwsem") == Held(LOCK, "rw_semaphore", owner, readers)


@pytest.mark.parametrize(
    ("offsets", "kind", "shape", "struct"),
    [
        (OLD, "rwsem", "rwsem", "rw_semaphore"),
        (OLD, "semaphore", "semaphore", "semaphore"),
        (OLD, "completion", "wait", "completion"),
        (NEW, "completion", "swait", "completion"),
        (NEW, "percpu_rwsem", "percpu", "percpu_rw_semaphore"),
    ],
)
def test_what_has_no_owner_is_found_without(
    offsets: dict[str, int], kind: WaitKind, shape: str, struct: str
) -> None:
    made = image(offsets)
    queue(made, shape, [2, 3])
    assert wanted(made, kind) == Held(LOCK, struct, recorded=False)


def test_an_rt_mutex_is_named_by_its_waiter() -> None:
    made = image(NEW)
    waiter = stack(2) + 0x3100
    made.put(waiter, rt_mutex_waiter__task=task(2), rt_mutex_waiter__lock=LOCK)
    made.put(LOCK, rt_mutex_base__owner=task(1) | 1)
    assert wanted(made, "rt_mutex") == Held(LOCK, "rt_mutex_base", task(1))


def test_a_queue_that_memory_contradicts_is_no_queue() -> None:
    made = image(NEW)
    queue(made, "mutex", [2, 3, 4])
    made.put(LOCK, mutex__owner=task(1))
    head = LOCK + NEW["mutex.wait_list"]
    word(made, head, stack(4) + 0x3100)  # the first is not the first
    assert wanted(made, "mutex") is None
    queue(made, "mutex", [2, 3, 4])
    word(made, stack(3) + 0x3100 + 16, task(5))  # a waiter of somebody else's stack
    assert [wanted(made, "mutex", number) for number in (2, 4)] == [None, None]
    ring = image(NEW)
    queue(ring, "mutex", [2, 3])
    one, two = stack(2) + 0x3100, stack(3) + 0x3100
    for here, after in ((one, two), (two, one)):  # a ring without a lock
        word(ring, here, after)
        word(ring, here + 8, after)
    assert wanted(ring, "mutex") is None
    assert wanted(image(NEW), "mutex") is None


@given(
    st.dictionaries(st.integers(0, 0x3FF), st.integers(0, 255), max_size=200),
    st.sampled_from(["mutex", "rwsem", "completion", "rt_mutex", "percpu_rwsem", "semaphore"]),
    st.lists(st.tuples(st.integers(0, 120), st.integers(1, 5), st.integers(-64, 64)), max_size=20),
)
@settings(max_examples=60)
def test_memory_may_hold_anything(
    content: dict[int, int], kind: WaitKind, pointers: list[tuple[int, int, int]]
) -> None:
    made = image(NEW)
    made.memory.update({stack(2) + 0x3000 + at: byte for at, byte in content.items()})
    for slot, number, shift in pointers:
        to = task(number) if shift < 0 else stack(number) + 0x3000 + shift * 8
        word(made, stack(2) + 0x3000 + slot * 8, to)
    held = wanted(made, kind)
    assert held is None or held.address


@given(st.binary(min_size=64, max_size=512))
def test_every_answer_may_be_rubbish(content: bytes) -> None:
    class Rubbish(KernelImage):
        def _dump(self, address: int, count: int) -> str:
            raw = (content * (count // len(content) + 1))[:count]
            return f"{address:x}:  {' '.join(f'{c:02x}' for c in raw[:16])}\n"

    made = Rubbish(NEW)
    for kind in ("mutex", "rwsem", "completion", "rt_mutex", "percpu_rwsem"):
        Locks(memory_of(made)).wanted(
            int.from_bytes(content[:8], "little"), kind, stack(1), stack(1) + 0x800
        )


# -- stacks -----------------------------------------------------------------------------------


def trace(names: str, number: int = 2) -> Backtrace:
    frames = tuple(
        Frame(level=i, function=name, address="ffffffff81000000",
              stack=f"{stack(number) + 0x3000 + i * 0x80:x}", line=i + 2)
        for i, name in enumerate(names.split())
    )  # fmt: skip
    return Backtrace(pid=number, comm=f"task{number}", cpu=0, task=f"{task(number):x}",
                     frames=frames)  # fmt: skip


@pytest.mark.parametrize(
    ("names", "kind", "stuck", "function"),
    [
        ("__schedule schedule schedule_preempt_disabled __mutex_lock.constprop.0 foo_get bar_open",
         "mutex", None, "foo_get"),
        ("__schedule schedule rwsem_down_write_slowpath foo_get", "rwsem", None, "foo_get"),
        ("__schedule schedule rwsem_down_read_failed call_rwsem_down_read_failed down_read foo_get",
         "rwsem", None, "foo_get"),
        ("__schedule schedule schedule_timeout __down_common __down down foo_get", "semaphore",
         None, "foo_get"),
        ("__schedule schedule schedule_timeout wait_for_completion foo_get", "completion", None,
         "foo_get"),
        ("__schedule schedule io_schedule folio_wait_bit_common filemap_fault ext4_map_blocks",
         "page", "block", "ext4_map_blocks"),
        ("__schedule schedule io_schedule bit_wait_io __wait_on_bit out_of_line_wait_on_bit"
         " jbd2_log_do_checkpoint", "bit", "filesystem", "jbd2_log_do_checkpoint"),
        ("__schedule schedule rpc_wait_bit_killable __wait_on_bit out_of_line_wait_on_bit"
         " __rpc_execute nfs4_do_close", "bit", "nfs", "__rpc_execute"),
        ("__schedule schedule percpu_rwsem_wait __percpu_down_read __sb_start_write foo_get",
         "percpu_rwsem", "frozen", "__sb_start_write"),
        ("__schedule schedule rt_mutex_slowlock_block.constprop.0 __rt_mutex_slowlock_locked"
         " mutex_lock foo_get", "rt_mutex", None, "foo_get"),
        ("__schedule schedule schedule_timeout foo_sleep foo_get", "sleep", None, "foo_sleep"),
        ("__schedule schedule foo_get", "other", None, "foo_get"),
        # who holds a lock while he waits for NFS is not waiting for a lock, and the other way round
        ("__schedule schedule __mutex_lock nfs_file_write", "mutex", None, "nfs_file_write"),
    ],
)  # fmt: skip
def test_a_stack_says_what_it_waits_for(
    names: str, kind: str, stuck: str | None, function: str
) -> None:
    found = stall_of(trace(names))
    assert (found.kind, found.stuck, found.function) == (kind, stuck, function)
    assert not found.normal


def test_idle_threads_are_normal_and_work_is_not() -> None:
    tail = " kthread ret_from_fork"
    assert "idle" in stall_of(trace("__schedule schedule worker_thread" + tail)).normal
    new = "__schedule schedule schedule_preempt_disabled kthread ret_from_fork"
    assert "not yet" in stall_of(trace(new)).normal
    busy = "__schedule schedule foo_work process_one_work worker_thread"
    assert not stall_of(trace(busy + tail)).normal


def test_the_waiter_is_looked_for_in_the_frame_of_the_lock_first() -> None:
    found = trace("__schedule schedule __mutex_lock foo_get bar_open vfs_open")
    near, whole = places(found, stall_of(found))
    low = stack(2) + 0x3000
    assert near == (low + 2 * 0x80, low + 4 * 0x80)
    assert whole == (low, low + 5 * 0x80)
    asleep = trace("__schedule schedule foo")
    assert places(asleep, stall_of(asleep)) == ()


# -- chains -----------------------------------------------------------------------------------


def waiting(number: int, owner: int | None) -> Waiting:
    def name(of: int) -> TaskName:
        return TaskName(task=f"{of:x}", pid=of, comm=f"t{of}")

    return Waiting(
        task=name(number), kind="mutex" if owner else "sleep", function="f",
        owner=name(owner) if owner else None, certainty="read" if owner else "unknown",
        lock=f"{owner * 64:x}" if owner else None,
    )  # fmt: skip


def linked(edges: dict[int, int | None]) -> tuple[WaitChain, ...]:
    return chains({task: waiting(task, owner) for task, owner in edges.items()}, list(edges))


def test_a_chain_leads_to_its_root_over_all_steps() -> None:
    (chain,) = linked({1: 2, 2: 3, 3: None, 4: 3, 5: None})
    assert [link.task.pid for link in chain.links] == [1, 2, 3]
    assert chain.root is not None
    assert (chain.root.pid, chain.end, chain.waiters) == (3, "sleeping", 3)


def test_a_cycle_is_a_deadlock_of_its_members_only() -> None:
    (chain,) = linked({9: 1, 1: 2, 2: 1})
    assert (chain.end, chain.root, chain.waiters) == ("cycle", None, 3)
    assert [link.task.pid for link in chain.links] == [1, 2]
    (alone,) = linked({1: 1})
    assert (alone.end, len(alone.links)) == ("cycle", 1)


@given(st.dictionaries(st.integers(1, 30), st.none() | st.integers(1, 30), max_size=30))
def test_chains_end_and_count_each_task_once(edges: dict[int, int | None]) -> None:
    found = linked(edges)
    assert sum(chain.waiters for chain in found) <= len(edges)
    for chain in found:
        pairs = zip(chain.links, chain.links[1:], strict=False)
        assert all(owner_of(one) == int(two.task.task, 16) for one, two in pairs)
        assert len({link.task.pid for link in chain.links}) == len(chain.links)
        if chain.end == "cycle":
            assert owner_of(chain.links[-1]) == int(chain.links[0].task.task, 16)


# -- the steps --------------------------------------------------------------------------------


class Dump(KernelImage):
    """Answers stacks, too."""

    stacks: Mapping[int, str] | None = None

    def _answer(self, text: str) -> str:
        if text == "foreach UN bt":
            return "".join(shown(n, names) for n, names in (self.stacks or STACKS).items())
        if text.startswith("bt "):
            return shown((int(text[3:], 16) - BASE) // 0x10000, STACKS[2])
        return super()._answer(text)


STACKS = {
    2: "__schedule schedule schedule_preempt_disabled __mutex_lock foo_get bar_open",
    3: "__schedule schedule schedule_preempt_disabled __mutex_lock foo_get bar_open",
    1: "__schedule schedule rpc_wait_bit_killable __wait_on_bit nfs_wait_on_request foo_put",
}


def shown(number: int, names: str) -> str:
    rows = "".join(
        f" #{i} [{stack(number) + 0x3000 + i * 0x80:x}] {name} at ffffffff81000000\n"
        for i, name in enumerate(names.split())
    )
    head = f'PID: {number}  TASK: {task(number):x}  CPU: 0  COMMAND: "task{number}"\n'
    return head + rows + "\n"


def scene(count: int, text: str = "") -> Scene:
    rows = tuple(
        Task(pid=n, ppid=1, cpu=0, task=f"{task(n):x}", state="UN", mem_percent=0.0, vsz=0, rss=0,
             comm=f"task{n}", line=n)
        for n in range(1, count + 1)
    )  # fmt: skip
    slept = tuple(
        TaskLastRun(ago_ms=1000 * row.pid, state="UN", pid=row.pid, task=row.task, cpu=0,
                    comm=row.comm, line=row.line)
        for row in rows
    )  # fmt: skip
    found: KernelLog | None = log.parse(text) if text else None
    facts = Facts(tasks=Tasks(tasks=rows), last_run=TasksLastRun(tasks=slept), log=found)
    kind = Classification(
        crash_class=CrashClass.HUNG_TASK, title="hung", severity="panic", confidence="high"
    )
    return Scene(facts, kind, None, (), None, None)


def dump(owner: int) -> Dump:
    made = image(NEW)
    queue(made, "mutex", [2, 3])
    made.put(LOCK, mutex__owner=owner)
    return Dump(made.offsets, {}, {LOCK: "foo_mutex"}, made.memory)


NFS = "[   10.000000] nfs: server filer7 not responding, still trying\n"


def ask(made: Dump, where: Scene) -> Answers:
    reach = Reach(made, "x86_64")
    return waits(where, reach, step.blocked(where, reach, Answers()))


def test_the_holder_who_waits_for_nfs_is_the_root_and_the_server_is_named() -> None:
    found = ask(dump(task(1) | 1), scene(3, NFS))
    assert found.blocked is not None
    assert found.waits is not None
    assert [(g.count, g.kind, g.function) for g in found.blocked.groups] == [
        (2, "mutex", "foo_get"), (1, "bit", "foo_put"),
    ]  # fmt: skip
    assert (found.blocked.groups[0].shortest_ms, found.blocked.groups[0].longest_ms) == (2000, 3000)
    (chain,) = found.waits.chains
    assert chain.root is not None
    assert (chain.root.comm, chain.end, chain.waiters) == ("task1", "io", 2)
    assert (chain.links[0].symbol, chain.links[0].certainty) == ("foo_mutex", "read")
    assert chain.links[0].check == f"struct mutex.owner -x {LOCK:x}"
    last = chain.links[-1].stuck
    assert last is not None
    assert (last.kind, last.device, last.line) == ("nfs", "filer7", 1)


def test_an_owner_that_is_no_task_is_said_to_be_none() -> None:
    found = ask(dump(task(77)), scene(3))
    assert found.waits is not None
    assert found.waits.chains == ()
    assert "which is no task" in found.waits.tasks[0].says


def test_of_a_flood_a_sample_is_asked_and_the_rest_is_counted() -> None:
    found = ask(dump(task(1)), scene(1500))
    assert found.blocked is not None
    assert found.waits is not None
    assert found.blocked.tasks == 1500
    assert 0 < 1500 - found.blocked.left_out <= 256
    assert sum(group.count for group in found.blocked.groups) == 1500 - found.blocked.left_out
    assert len(found.waits.tasks) <= 128
    assert found.waits.left_out == 1500 - 64


def test_few_blocked_tasks_are_no_question_where_nothing_hung() -> None:
    hung = scene(2)
    other = hung.classification.model_copy(update={"crash_class": CrashClass.SYSRQ})
    calm = Scene(hung.facts, other, None, (), None, None)
    assert step.why_not(hung) == ""
    assert step.why_not(calm) == "only 2 in D state"
    assert step.why_not(Scene(Facts(), other, None, (), None, None))


# -- whom to name -----------------------------------------------------------------------------


def suspects(found: Answers, where: Scene) -> list[tuple[str, str, float]]:
    case = Case(
        facts=where.facts, classification=where.classification, function=None, throttled=None,
        panic_task=None, stack=None, incidents=where.incidents, answers=found,
    )  # fmt: skip
    return [(each.kind, each.name, each.score) for each in lock_owner(case)]


def test_a_stuck_server_comes_before_the_task_that_holds_the_lock_meanwhile() -> None:
    where = scene(3, NFS)
    got = suspects(ask(dump(task(1) | 1), where), where)
    assert got == [("process", "task1 (pid 1)", 0.75), ("device", "filer7", 0.85)]


def test_a_reader_that_the_lock_remembers_is_only_a_lead() -> None:
    made = image(NEW)
    queue(made, "rwsem", [2, 3])
    made.put(LOCK, rw_semaphore__owner=task(1) | 1)
    other = Dump(made.offsets, {}, {}, made.memory)
    other.stacks = {
        **STACKS, **dict.fromkeys((2, 3), "__schedule schedule rwsem_down_write_slowpath foo_get"),
    }  # fmt: skip
    where = scene(3)
    found = ask(other, where)
    assert found.waits is not None
    assert "held by readers: the kernel does not record which" in found.waits.tasks[0].says
    assert found.waits.chains[0].certainty == "hint"
    assert suspects(found, where) == [("process", "task1 (pid 1)", 0.5)]


def test_whom_the_hung_tasks_do_not_wait_for_is_less_likely() -> None:
    where = scene(3)
    stranger = Incident(
        crash_class=CrashClass.HUNG_TASK, title="t", severity="serious", pid=99, comm="other",
        first_line=1, last_line=2,
    )  # fmt: skip
    found = ask(dump(task(1)), where)
    named = stranger.model_copy(update={"pid": 2, "comm": "task2"})
    for incident, score in ((stranger, 0.6), (named, 0.75)):
        told = Scene(where.facts, where.classification, None, (incident,), None, None)
        assert suspects(found, told) == [("process", "task1 (pid 1)", score)]
    # without a lock the first that was reported is only a lead
    alone = Scene(where.facts, where.classification, None, (named,), None, None)
    assert suspects(Answers(), alone) == [("process", "task2 (pid 2)", 0.3)]


# -- recordings -------------------------------------------------------------------------------


def test_a_recording_without_memory_falls_back_on_the_log(tmp_path: Path) -> None:
    copy = tmp_path / "hung"
    shutil.copytree("fixtures/captures/lab-6.1-hung", copy)
    (copy / "questions.txt").unlink()
    report = report_of(copy)
    assert report["waits"]["chains"] == []
    assert [group["count"] for group in report["blocked"]["groups"]] == [3, 1]
    assert report["culprit"]["name"] == "datanode (pid 146)"
    assert report["culprit"]["score"] <= 0.65
    (copy / "foreach_UN_bt.txt").unlink()
    bare = report_of(copy)
    assert (bare["waits"], bare["blocked"]) == (None, None)
    assert bare["culprit"] == report["culprit"]


def test_a_deadlock_names_all_members_and_is_sure_of_none() -> None:
    report = report_of(Path("fixtures/captures/lab-6.1-hung-abba"))
    (chain,) = report["waits"]["chains"]
    assert chain["end"] == "cycle"
    assert {link["task"]["comm"] for link in chain["links"]} == {"postgres", "orders"}
    assert report["culprit"]["contested"] is True
    found = [report["culprit"], *report["candidates"]]
    assert [c["comms"] for c in found if c["kind"] == "container"] == [["postgres"], ["orders"]]


def test_the_holder_of_an_rwsem_is_the_culprit_not_who_hung_first() -> None:
    report = report_of(Path("fixtures/captures/lab-6.1-hung-rwsem"))
    (chain,) = report["waits"]["chains"]
    assert (chain["root"]["comm"], chain["waiters"], chain["end"]) == ("postgres", 3, "sleeping")
    assert {link["symbol"] for link in chain["links"]} == {"crashlab_rwsem [crashlab]", None}
    assert (report["culprit"]["comms"], report["culprit"]["score"]) == (["postgres"], 0.9)
    assert "rsync" not in str([report["culprit"], *report["candidates"]])


def test_a_frozen_file_system_is_named_and_its_writers_are_not() -> None:
    report = report_of(Path("fixtures/captures/lab-6.1-hung-frozen"))
    assert report["culprit"]["name"] == "loop0 (ext4)"
    assert report["culprit"]["kind"] == "device"
    assert "orders" not in str([c["name"] for c in report["candidates"]])
