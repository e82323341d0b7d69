"""Pasted sessions: cut into commands, and put back into the form crash printed."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmtriage.errors import ParseError
from vmtriage.models.runqueue import TaskGroup
from vmtriage.parsers import bt, runq_g, sys
from vmtriage.parsers.transcript import Segment, base_command, split, unwrap

SESSION = """\
crash 8.0.4-2
      KERNEL: vmlinux
         PID: 7
     COMMAND: "bash"
crash> set scroll off
crash> bt | head
PID: 7        TASK: ffff888105325880  CPU: 5    COMMAND: "bash"
 #0 [ffffc90000863840] __schedule at ffffffff81ac18ac
crash>
"""


def test_split() -> None:
    assert split(SESSION) == (
        Segment("sys", "\n".join(SESSION.split("\n")[:4]) + "\n", 1),
        Segment("set scroll off", "", 6),
        Segment("bt | head", "\n".join(SESSION.split("\n")[6:8]) + "\n", 7),
    )


@pytest.mark.parametrize(
    "paste",
    [
        pytest.param(lambda line: "> " + line, id="quoted"),
        pytest.param(lambda line: "> > " + line, id="quoted twice"),
        pytest.param(lambda line: "    " + line, id="indented"),
        pytest.param(lambda line: line + "\r", id="CRLF"),
        pytest.param(lambda line: "\x1b[1m" + line + "\x1b[m", id="coloured"),
    ],
)
def test_split_undoes(paste: Callable[[str], str]) -> None:
    pasted = "\n".join(paste(line) for line in SESSION.split("\n"))
    assert split(pasted) == split(SESSION)


@pytest.mark.parametrize(
    ("before", "behind"),
    [("```", "```"), ("```bash", "```"), ("~~~", "~~~"), ("{code:none|title=a}", "{code}"),
     ("{noformat}", "{noformat}"), ("  ```", "  ```")],
)  # fmt: skip
def test_what_a_ticket_says_between_its_fences_is_no_output(before: str, behind: str) -> None:
    lines = SESSION.split("\n")
    sys, bt = lines[:4], lines[4:8]
    ticket = [
        "What crash says:",
        before,
        *sys,
        behind,
        "And the stack:",
        before,
        *bt,
        behind,
        "So?",
    ]
    assert [each[:2] for each in split("\n".join(ticket))] == [
        ("sys", "\n".join(sys) + "\n"),
        ("set scroll off", ""),
        ("bt | head", "\n".join(bt[2:]) + "\n"),
    ]


def test_a_log_in_a_fence_of_its_own_is_read() -> None:
    ticket = f"```\n{SESSION}\n```\nBefore that:\n```\n[   51.555322] a module\n```\nSo?\n"
    assert [each.command for each in split(ticket)][-1] == "log"


def test_ps_marks_are_no_mail_quotes() -> None:
    text = "crash> ps\n>  0  0  0  ff  RU  0.0  0  0  [swapper/0]\n"
    assert split(text)[0].text.startswith(">")


def test_text_without_prompts_is_told_by_its_form() -> None:
    text = (
        "      KERNEL: vmlinux\n         PID: 1\n"
        '    PID: 47     TASK: ffff9a2232e30000  CPU: 1   COMMAND: "khungtaskd"\n'
        "     #0 [ffffbb29001a7d18] machine_kexec at ffffffff96e7a897\n"
        "[   51.555322] a module\n[   51.555323] another\n"
        'CPU 0\n  CURRENT: PID: 0  TASK: ff  COMMAND: "swapper/0"\n'
    )
    assert [(s.command, s.line) for s in split(text)] == [
        ("sys", 1),
        ("bt", 3),
        ("log", 5),
        ("runq -g", 7),
    ]


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("bt", "bt"),
        ("bt 0x342a3", "bt"),
        ("bt -c 3", "bt"),
        ("bt -sx 1", "bt"),
        ("bt -a", "bt -a"),
        ("bt -la", "bt -a"),
        ("foreach UN bt", "bt"),
        ("foreach RU ps -m | grep -v swapper", "ps -m"),
        ("foreach files", None),
        ("sys | grep -e CPUS", "sys"),
        ("sys -t", None),
        ("set -p", "set"),
        ("set 1234", "set"),
        ("set scroll off", None),
        ("runq", "runq"),
        ("runq -g -c3", "runq -g"),
        ("runq -gc 3,4", "runq -g"),
        ("runq -tg", "runq -t"),
        ("runq -m", None),
        ("kmem -i", "kmem -i"),
        ("kmem -s dentry", "kmem -s"),
        ("kmem -V", "kmem -V"),
        ("kmem -S", None),
        ("log -T | tail -n 40", "log"),
        ("dmesg", "log"),
        ("ps", "ps"),
        ("ps -u 1", "ps"),
        ("ps -m > file", "ps -m"),
        ("ps -l", None),
        ("mod -t", "mod -t"),
        ("mod", None),
        ("struct task_struct", None),
        ("", None),
        ("| sh", None),
    ],
)
def test_base_command(typed: str, name: str | None) -> None:
    assert base_command(typed) == name


WRAPPED = """\
PID: 4481   TASK: ffff89c6941b0000  CPU: 53
COMMAND: "bash"
 #6 [ffff9a94817138b0] asm_exc_page_fault at ffffffffb9c00ace
    [exception RIP: pcie_capability_read_dword+28]
    RIP: ffffffffb952fd5c  RSP: ffff9a9481713960  RFLAGS:
00010246
    RAX: 0000000000000001  RBX: ffff89c6b1096000  RCX: 0000000000000000
 #7 [ffff9a9481713988] pci_enable_atomic_ops_to_root at
ffffffffb95359a6
 #8 [ffff9a94817139c0] bnxt_qplib_determine_atomics
at ffffffffc08c1a33 [bnxt_re]
 #9 [ffff9a94817139d0] bnxt_re_dev_init at ffffffffc08ba2d1
[bnxt_re]
#10 [ffff9a9481713a78]
bnxt_re_netdev_event at ffffffffc08bab8f [bnxt_re]
"""


def test_unwrap_bt() -> None:
    (stack,) = bt.parse(unwrap("bt", WRAPPED)).backtraces
    assert (stack.pid, stack.comm, stack.notes) == (4481, "bash", ())
    assert [frame.level for frame in stack.frames] == [6, 7, 8, 9, 10]
    assert [frame.module for frame in stack.frames] == [None, None, *["bnxt_re"] * 3]
    assert stack.exceptions[0].registers["RFLAGS"] == "00010246"


def test_unwrap_sys() -> None:
    wrapped = 'VERSION: #1 SMP Mon Jan 17\n07:06:06 EST 2022\nPANIC: "Oops\nat 1"\nCPUS: 4\n'
    got = sys.parse(unwrap("sys", wrapped))
    assert (got.version, got.panic, got.cpus, got.notes) == (
        "#1 SMP Mon Jan 17 07:06:06 EST 2022",
        "Oops at 1",
        4,
        (),
    )


TREE = """\
CPU 0
  CURRENT: PID: 0      TASK: ffffffff81951440  COMMAND: "swapper/0"
  ROOT_TASK_GROUP: ffffffff81db4080  RT_RQ: ffff881fff816950
     [no tasks queued]
  ROOT_TASK_GROUP: ffffffff81db4080  CFS_RQ: ffff881fff816840
     TASK_GROUP: ffff883fd2b62800  CFS_RQ: ffff881fc2d48800  <hadoop-yarn>
        TASK_GROUP: ffff881d9e74c000  CFS_RQ: ffff882daa3dc000  <container_e06_01> (THROTTLED)
           TASK_GROUP: ffff881fd268a800  CFS_RQ: ffff882083fb8000  <5fa97be5>
              [120] PID: 46235  TASK: ffff8833d13a1700  COMMAND: "python"
              [120] PID: 46264  TASK: ffff8837363a0b80  COMMAND: "python"
        TASK_GROUP: ffff881d9e74d000  CFS_RQ: ffff882daa3dd000  <container_e06_02>
           [120] PID: 46299  TASK: ffff8837363a0c80  COMMAND: "TASK_GROUP: ff"
CPU 1
  CURRENT: PID: 0      TASK: ffffffff81951441  COMMAND: "swapper/1"
  ROOT_TASK_GROUP: ffffffff81db4080  CFS_RQ: ffff881fff816841
     TASK_GROUP: ffff883fd2b62800  CFS_RQ: ffff881fc2d48801  <hadoop-yarn>
        TASK_GROUP: ffff881d9e74d000  CFS_RQ: ffff882daa3dd001  <container_e06_02>
           [120] PID: 46300  TASK: ffff8837363a0c81  COMMAND: "java" [CURRENT]
"""


def _paths(text: str) -> list[tuple[int, str, bool, int]]:
    def walk(cpu: int, group: TaskGroup) -> list[tuple[int, str, bool, int]]:
        own = (cpu, group.path, group.throttled, len(group.tasks))
        return [own, *(found for child in group.children for found in walk(cpu, child))]

    got = runq_g.parse(text)
    return [
        found
        for queue in got.run_queues
        for group in queue.groups
        for found in walk(queue.cpu, group)
    ]


def test_a_true_tree_is_left_alone() -> None:
    assert unwrap("runq -g", TREE) == TREE


@pytest.mark.parametrize("between", [" ", "\n"], ids=["one line", "indentation lost"])
def test_a_lost_layout_is_rebuilt(between: str) -> None:
    flat = [" ".join(line.split()) for line in TREE.splitlines()]
    (segment,) = split(between.join(["crash> runq -g", *flat]))
    assert segment.command == "runq -g"
    assert _paths(unwrap(segment.command, segment.text)) == _paths(TREE)


def test_a_group_named_like_a_tree_does_not_break_it() -> None:
    tree = TREE.replace("<5fa97be5>", "<x ROOT_TASK_GROUP: TASK_GROUP: ff CURRENT: >")
    assert unwrap("runq -g", tree) == tree


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([SESSION, WRAPPED, TREE]), st.floats(0, 1), st.text(max_size=8))
def test_any_cut_is_split_and_unwrapped(text: str, where: float, tail: str) -> None:
    for segment in split(text[: int(len(text) * where)] + tail):
        for command in (segment.command, "bt", "sys", "runq -g"):
            whole = unwrap(command, segment.text)
            try:
                bt.parse(whole)
            except ParseError:
                continue


@pytest.mark.timeout(60)  # quadratic work on a text this long takes minutes
@pytest.mark.parametrize(
    "unit", [" ", ">", "> ", "PID: ", "CPU 1 ", "TASK_GROUP: ", '"', "RAX:\n0 ", "PID:\n", "[1] "]
)
@pytest.mark.parametrize("head", ["", "crash> runq -g ", " #0 [f] ", "[exception RIP: ", "PANIC: "])
def test_long_texts_take_linear_time(head: str, unit: str) -> None:
    text = head + unit * 50_000
    assert split(text) is not None
    assert all(unwrap(command, text) for command in ("bt", "sys", "runq -g"))
