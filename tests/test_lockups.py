"""Lockups: whose quota was handed out, who spins on what, who is only a bystander."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmtriage.analysis.containers import identify
from vmtriage.analysis.cpus import cpu_groups, entry_of, names_of, state_of
from vmtriage.analysis.inquiry.plans import inquire
from vmtriage.analysis.inquiry.scene import Reach, Scene
from vmtriage.analysis.stuck import blocked_readers, stuck_cpus
from vmtriage.analysis.suspects.bandwidth import _by_numbers, _by_timer, _Scene
from vmtriage.analysis.suspects.contenders import Contender
from vmtriage.errors import TriageError
from vmtriage.models.backtrace import Backtraces, Frame
from vmtriage.models.evidence import CommandStatus, Facts
from vmtriage.models.finding import Classification, CrashClass, Incident
from vmtriage.models.klog import KernelLog, LogRecord
from vmtriage.models.lockup import BandwidthTimer
from vmtriage.parsers import bt, runq_g
from vmtriage.session.base import CommandOutput
from vmtriage.session.commands import CrashCommand, symbol_named

SPINS = """PID: 0        TASK: ffffffffa6e1aa40  CPU: 0    COMMAND: "swapper/0"
 #0 [fffffe000000dea8] crash_nmi_callback at ffffffffa546058c
 #1 [fffffe000000deb0] default_do_nmi at ffffffffa5e05b20
 #2 [fffffe000000ded0] exc_nmi at ffffffffa5e05d6e
 #3 [fffffe000000def0] end_repeat_nmi at ffffffffa6001680
    [exception RIP: native_queued_spin_lock_slowpath+48]
    RIP: ffffffffa5e18710  RSP: ffffffffa6e03de8  RFLAGS: 00000002
    RAX: 0000000000000001  RBX: ffff8d5ddef31980  RCX: 00000000fffee220
    RDX: 0000000000000001  RSI: 0000000000000001  RDI: ffff8d5ddef31980
    RBP: ffffffffa6e03ea0   R8: 0000000000000002   R9: 00000000314dde73
    R10: 0000000000000000  R11: 00000000000003e7  R12: 00000000fffee143
    R13: ffff8d5ddef31980  R14: 0000000000000002  R15: 0000000000000001
    ORIG_RAX: ffffffffffffffff  CS: 0010  SS: 0018
--- <NMI exception stack> ---
 #4 [ffffffffa6e03de8] native_queued_spin_lock_slowpath at ffffffffa5e18710
 #5 [ffffffffa6e03e08] _raw_spin_lock at ffffffffa5e185c5
 #6 [ffffffffa6e03e10] raw_spin_rq_lock_nested at ffffffffa54cf5c1
 #7 [ffffffffa6e03e18] _raw_spin_rq_lock_irqsave at ffffffffa54d8b67
 #8 [ffffffffa6e03e28] _nohz_idle_balance at ffffffffa54e783a
 #9 [ffffffffa6e03ea8] do_idle at ffffffffa54edbfa

PID: 188      TASK: ffff8d0ac3038000  CPU: 1    COMMAND: "nginx"
 #0 [fffffe75f1782dd0] panic at ffffffff868c4f11
 #1 [fffffe75f1782ef0] end_repeat_nmi at ffffffff87601e9d
    [exception RIP: unthrottle_cfs_rq+9]
    RIP: ffffffff86922a59  RSP: ffffd1ff00257da0  RFLAGS: 00000002
    RAX: 0000000000000001  RBX: ffff8d0adeecec00  RCX: ffffd1ff00257de0
    RDX: ffffd1ff00257de0  RSI: ffff8d0adeecedb8  RDI: ffff8d0adeecec00
    RBP: ffffd1ff00257e20   R8: ffff8d0adeecf9b8   R9: 7fffffffffffffff
    R10: 000000013a9ecf71  R11: 0000000000009bb5  R12: ffff8d0adeeb5e80
    R13: ffffd1ff00257c28  R14: 0000000000000087  R15: ffff8d0adeecedb8
    ORIG_RAX: ffffffffffffffff  CS: 0010  SS: 0000
--- <NMI exception stack> ---
 #7 [ffffd1ff00257da0] unthrottle_cfs_rq at ffffffff86922a59
 #8 [ffffd1ff00257da0] distribute_cfs_runtime at ffffffff8692347f
 #9 [ffffd1ff00257e28] sched_cfs_period_timer at ffffffff86923870
#10 [ffffd1ff00257e70] __hrtimer_run_queues at ffffffff869aba3d
#11 [ffffd1ff00257ec8] hrtimer_interrupt at ffffffff869acb4a
#12 [ffffd1ff00257f50] asm_sysvec_apic_timer_interrupt at ffffffff8760160a
"""
QUEUES = """CPU 1
  CURRENT: PID: 188    TASK: ffff8d0ac3038000  COMMAND: "nginx"
  ROOT_TASK_GROUP: ffffffff88f31ac0  CFS_RQ: ffff8d0adeeb5f00
     TASK_GROUP: ffff8d0ac1e7ca00  CFS_RQ: ffff8d0ac1c59400  <hadoop-yarn>
        TASK_GROUP: ffff8d0ac1e7c000  CFS_RQ: ffff8d0adeecec00  <guilty> (THROTTLED)
           [120] PID: 177    TASK: ffff8d0ac303a100  COMMAND: "python"
"""
STACKS = bt.parse(SPINS)
LOCKUP = Incident(
    crash_class=CrashClass.HARD_LOCKUP, title="hard LOCKUP", cpu=1, severity="panic",
    first_line=1, last_line=1,
)  # fmt: skip
FACTS = Facts(cpu_stacks=STACKS, panic_stack=Backtraces(backtraces=(STACKS.backtraces[1],)),
              group_run_queues=runq_g.parse(QUEUES))  # fmt: skip


def test_what_each_cpu_was_at() -> None:
    spins, timer = STACKS.backtraces
    assert (state_of(spins), state_of(timer)) == ("spins", "runs")
    first, second = cpu_groups(STACKS.backtraces)
    assert (first.cpus, first.function) == ((1,), "unthrottle_cfs_rq")
    assert (second.cpus, second.waiting_in) == ((0,), "_nohz_idle_balance")
    entry = entry_of(names_of(timer))
    assert entry is not None
    assert (entry.kind, entry.name) == ("hrtimer", "sched_cfs_period_timer")


@pytest.mark.parametrize(
    ("names", "kind", "name"),
    [
        (("loop", "__x64_sys_ioctl", "do_syscall_64"), "syscall", "ioctl"),
        (("loop", "vfs_write", "ksys_write", "do_syscall_64"), "syscall", "write"),
        (("poll", "net_rx_action", "__do_softirq", "irq_exit"), "softirq", "net_rx_action"),
        (("my_timer", "call_timer_fn", "__do_softirq"), "timer", "my_timer"),
        (("my_work", "process_one_work", "worker_thread", "kthread"), "work", "my_work"),
        (("loop", "my_thread", "kthread", "ret_from_fork"), "kthread", "my_thread"),
        (("handler", "asm_common_interrupt", "do_idle"), "interrupt", "common_interrupt"),
        (("default_idle", "do_idle"), "idle", None),
    ],
)
def test_the_way_in(names: Sequence[str], kind: str, name: str | None) -> None:
    entry = entry_of(names)
    assert entry is not None
    assert (entry.kind, entry.name) == (kind, name)


def test_a_bystander_is_called_interrupted() -> None:
    (stuck,) = stuck_cpus(FACTS, CrashClass.HARD_LOCKUP, (LOCKUP,))
    assert (stuck.cpu, stuck.comm, stuck.interrupted) == (1, "nginx", True)


def test_rcu_says_who_holds_it_up() -> None:
    lines = (
        "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
        "rcu: \t1-...!: (1 GPs behind) idle=1a3c/1/0x4 softirq=4242/4242 fqs=1",
        "rcu: \tTasks blocked on level-0 rcu_node (CPUs 0-3): P123/1:b..l P7/1:b..l",
    )
    log = KernelLog(records=tuple(LogRecord(text=t, line=n) for n, t in enumerate(lines, 1)))
    stall = LOCKUP.model_copy(
        update={"crash_class": CrashClass.RCU_STALL, "cpu": None, "last_line": 3}
    )
    facts = FACTS.model_copy(update={"log": log})
    assert [each.cpu for each in stuck_cpus(facts, CrashClass.RCU_STALL, (stall,))] == [1]
    assert [each.pid for each in blocked_readers(facts, (stall,))] == [123, 7]


# -- the rules ----------------------------------------------------------------------------------

AT = _Scene(
    "bt", Frame(level=1, function="distribute_cfs_runtime", address="1", line=9), False, True
)
YARN = "/hadoop-yarn/container_e06_1512098667219_988894_01_0000"


def contender(path: str, cpus: int, timer: bool = False) -> Contender:
    running = BandwidthTimer(cpu=1, timer="t", found_by="running_timer", task_group="1")
    return Contender(
        path, identify(path), tuple(range(cpus)), 48, ("python",), timer=running if timer else None
    )


def test_the_running_timer_beats_numbers() -> None:
    few, many = contender("/a", 1, timer=True), contender("/b", 40)
    found = _by_timer(few, [many, few], AT)
    assert (found.path, found.confidence) == ("/a", "high")


def test_one_throttled_cpu_proves_little() -> None:
    assert _by_numbers([contender("/a", 1)], AT).confidence == "medium"


def test_two_groups_alike_leave_it_open() -> None:
    assert _by_numbers([contender("/a", 9), contender("/b", 8)], AT).confidence == "medium"


def test_two_containers_of_one_application_are_one_culprit() -> None:
    groups = [contender(f"{YARN}02", 30), contender(f"{YARN}03", 28), contender("/web", 1)]
    found = _by_numbers(groups, AT)
    assert (found.kind, found.name) == ("container", "application_1512098667219_988894")
    assert (found.path, found.confidence) == ("/hadoop-yarn", "high")
    assert {f"{YARN}02", f"{YARN}03"} <= {item.text for item in found.evidence}


def test_a_parent_and_its_child_are_both_told() -> None:
    found = _by_numbers([contender("/pod", 3), contender("/pod/one", 3)], AT)
    assert found.path == "/pod"
    assert "/pod/one" in found.reason
    assert found.confidence == "medium"


# -- memory that lies ---------------------------------------------------------------------------


@dataclass
class Liar:
    """Answers every question with what a broken dump might hold."""

    words: Sequence[int]
    texts: Sequence[str]
    crash_version = startup = ""
    startup_s = None
    asked = 0

    def run(self, commands: Sequence[CrashCommand]) -> Iterator[CommandOutput]:
        for each in commands:
            yield CommandOutput(each.text, self._answer(each.text), CommandStatus.OK, 0.0)

    def _answer(self, text: str) -> str:
        self.asked += 1
        word = self.words[self.asked % len(self.words)]
        if text.startswith("p {"):
            count = text.count("(long)")
            return f"$1 = {{{', '.join(str(word % 4096) for _ in range(count))}}}"
        if text.startswith("sym "):
            return f"{word:016x} (T) {self.texts[self.asked % len(self.texts)]}"
        if not text.startswith("rd "):
            return f"{word:x} {self.texts[self.asked % len(self.texts)]}\n"
        count = int(text.split()[-1])
        raw = (word.to_bytes(8, "little") * (count // 8 + 1))[:count]
        rows = [raw[at : at + 16] for at in range(0, count, 16)]
        return "\n".join(f"ffff888000000000:  {row.hex(' ')}   ." for row in rows)

    def close(self) -> None: ...


KNOWN = {int(word, 16) for word in ("ffff8d0ac1e7c000", "ffff8d0adeecec00", "ffffffff88f31ac0")}
WORDS = st.lists(st.sampled_from(sorted(KNOWN)) | st.integers(0, 2**64 - 1), min_size=1, max_size=9)
NAMES = st.sampled_from(
    ("sched_cfs_period_timer", "sched_cfs_slack_timer", "hrtimer_bases", "__per_cpu_offset", "x+7")
)


@settings(max_examples=60, deadline=None)
@given(WORDS, st.lists(NAMES, min_size=1, max_size=4), st.sampled_from(sorted(CrashClass)))
def test_memory_that_lies_never_breaks_a_step(
    words: list[int], texts: list[str], crash_class: CrashClass
) -> None:
    kind = Classification(crash_class=crash_class, title="", severity="panic", confidence="high")
    scene = Scene(FACTS, kind, None, (LOCKUP,), (), STACKS.backtraces[1])
    answers = inquire(scene, Reach(Liar(words, texts), "x86_64"))
    assert not [step for step in answers.inquiries if step.status == "failed"]


@pytest.mark.parametrize("name", ["a b", "x;!ls", "", "A" * 50, "-l"])
def test_no_symbol_but_a_plain_name_is_asked_for(name: str) -> None:
    with pytest.raises(TriageError):
        symbol_named(name)
