"""Frames that crash's unwinder passed over are missed, and what the kernel printed is believed."""

from collections.abc import Sequence
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.test_captures import report_of
from vmtriage.analysis.lost_frames import lost_frames
from vmtriage.models.backtrace import Backtrace
from vmtriage.parsers.bt import parse

TOLD = (
    "dump_stack_lvl", "panic", "sysrq_handle_crash", "__handle_sysrq", "write_sysrq_trigger",
    "proc_reg_write", "vfs_write", "ksys_write", "do_syscall_64",
    "entry_SYSCALL_64_after_hwframe",
)  # fmt: skip
HEADER = 'PID: 1        TASK: ffff8b03c1204180  CPU: 2    COMMAND: "init"\n'


def stack_of(names: Sequence[str]) -> Backtrace:
    lines = [
        f"{f'#{level}':>3} [ffffcd8fc00{0x139C0 + 8 * level:05x}] {name} at ffffffffaf1cd0d3\n"
        for level, name in enumerate(names)
    ]
    return parse(HEADER + "".join(lines)).backtraces[0]


@given(st.sets(st.integers(2, 7), min_size=1))
def test_whatever_is_missing_below_panic_is_told(missing: set[int]) -> None:
    shown = [name for place, name in enumerate(TOLD) if place and place not in missing]
    assert lost_frames(stack_of(shown), TOLD) == tuple(TOLD[place] for place in sorted(missing))


def test_a_stack_that_ends_right_after_panic_lacks_the_rest() -> None:
    assert lost_frames(stack_of(["panic"]), TOLD) == TOLD[2:8]


def test_a_whole_stack_lacks_nothing_whatever_carried_it() -> None:
    whole = ["machine_kexec", "__crash_kexec", *TOLD[1:3], "__handle_sysrq.cold", *TOLD[4:]]
    assert lost_frames(stack_of(whole), TOLD) == ()
    assert lost_frames(stack_of(whole[:-2]), TOLD) == (), "mere carriers at the end"


def test_the_stack_of_another_task_lacks_nothing() -> None:
    watchdog = ["panic", "watchdog", "kthread", "ret_from_fork"]
    blocked = ["__schedule", "schedule", "rwsem_down_write_slowpath", "kthread", "ret_from_fork"]
    assert lost_frames(stack_of(watchdog), blocked) == ()


def test_a_trace_in_the_log_stands_in_for_a_stack_with_gaps() -> None:
    report = report_of(Path("fixtures/captures/lab-6.1-sysrq-frames-lost"))
    assert report["function"] == "sysrq_handle_crash"
    assert [item["command"] for item in report["function_evidence"]] == ["log"]
    (problem,) = (each for each in report["problems"] if each["kind"] == "stack_incomplete")
    assert "sysrq_handle_crash" in problem["message"]
    assert problem["unsafe"] == ["backtraces"]


def test_the_line_of_source_is_asked_for_by_the_logs_own_offset() -> None:
    source = report_of(Path("fixtures/captures/lab-6.1-sysrq-frames-lost"))["source"]
    assert source["function"] == "sysrq_handle_crash"
    assert source["offset"] == 0x16 - 1, "a call returns to the next instruction"
    assert source["where"] == "drivers/tty/sysrq.c:155"
