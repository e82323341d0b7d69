"""runq, runq -g and runq -t: nesting, hostile names, cut text, speed."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmtriage.errors import ParseError
from vmtriage.models.base import NoteKind
from vmtriage.models.runqueue import TaskGroup
from vmtriage.parsers import runq, runq_g, runq_t
from vmtriage.parsers.table import Parser

FIXTURES = Path(__file__).parent.parent / "fixtures" / "crash"
ROOT = "  ROOT_TASK_GROUP: ffffffffbb6f1f00  CFS_RQ: ffff89cf1f0b1a00\n"
COMM = st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]), max_size=15)
GROUP_NAME = st.text(
    st.characters(exclude_characters="\n\r/", exclude_categories=["Cs"]), min_size=1, max_size=80
)


def _sample(folder: str, case: str) -> str:
    return (FIXTURES / folder / f"{case}.txt").read_text(encoding="utf-8")


def _groups(*roots: TaskGroup) -> Iterator[TaskGroup]:
    waiting = list(roots)
    while waiting:
        group = waiting.pop(0)
        yield group
        waiting[:0] = group.children


def _tree(text: str) -> list[TaskGroup]:
    return [group for queue in runq_g.parse(text).run_queues for group in _groups(*queue.groups)]


def _header(indent: int, name: str, mark: str = "") -> str:
    return f"{' ' * indent}TASK_GROUP: ffff883fd2b62800  CFS_RQ: ffff881fc2d48800  <{name}>{mark}\n"


def _task(comm: str, mark: str = "") -> str:
    return f'     [120] PID: 7      TASK: ffff8833d13a1700  COMMAND: "{comm}"{mark}\n'


def test_paths_follow_the_indentation() -> None:
    text = "CPU 0\n" + ROOT
    text += _header(5, "a") + _header(8, "b") + _header(11, "c") + _header(8, "d") + _header(5, "e")
    assert [group.path for group in _tree(text)] == ["/", "/a", "/a/b", "/a/b/c", "/a/d", "/e"]


@pytest.mark.parametrize("more", ["  ", "    ", "\t"])
def test_indented_paste_gives_the_same_tree(more: str) -> None:
    text = _sample("runq_-g", "linux-6.12-crash-8.0.6-throttled-container")
    pasted = "".join(more + line for line in text.splitlines(keepends=True))
    assert runq_g.parse(pasted) == runq_g.parse(text)


def test_throttled_is_the_mark_behind_the_name_only() -> None:
    text = "CPU 0\n" + ROOT + _header(5, "a (THROTTLED)") + _header(5, "b", " (THROTTLED)")
    assert [(group.name, group.throttled) for group in _tree(text)[1:]] == [
        ("a (THROTTLED)", False),
        ("b", True),
    ]


def test_group_below_no_root_is_kept_and_noted() -> None:
    model = runq_g.parse("CPU 0\n" + _header(5, "a"))
    assert [group.path for group in model.run_queues[0].groups] == ["/a"]
    assert [note.kind for note in model.notes] == [NoteKind.UNKNOWN]


def test_cpu_header_without_body_is_noted() -> None:
    model = runq_g.parse("CPU 0\n" + ROOT + "     [no tasks queued]\n\nCPU 1\n")
    assert [(note.kind, note.line) for note in model.notes] == [(NoteKind.ELIDED, 5)]


def test_offline_cpu_without_body_is_complete() -> None:
    assert runq_g.parse("CPU 1 [OFFLINE]\n").notes == ()


def test_very_deep_groups_keep_their_path_and_still_become_json() -> None:
    depth = 300
    text = "CPU 0\n" + ROOT + "".join(_header(5 + 3 * d, f"g{d}") for d in range(depth))
    model = runq_g.parse(text)
    assert type(model).model_validate_json(model.model_dump_json()) == model
    longest = max(_groups(*model.run_queues[0].groups), key=lambda group: len(group.path))
    assert longest.path == "/" + "/".join(f"g{d}" for d in range(depth))
    assert model.notes


def test_group_name_with_a_newline_is_one_name() -> None:
    text = "CPU 0\n" + ROOT + _header(5, "a\nCPU 5\nb", " (THROTTLED)") + _task("sh")
    model = runq_g.parse(text)
    assert [queue.cpu for queue in model.run_queues] == [0]
    assert [(group.name, group.throttled) for group in _tree(text)[1:]] == [("a\nCPU 5\nb", True)]


def test_cut_group_name_does_not_swallow_the_next_group() -> None:
    cut = _header(5, "cut").rstrip(">\n")
    model = runq_g.parse(f"CPU 0\n{ROOT}{cut}\n{_header(5, 'whole')}")
    names = [group.name for group in _groups(*model.run_queues[0].groups)]
    assert names == [None, None, "whole"]
    assert [note.line for note in model.notes] == [3]


@given(GROUP_NAME, st.sampled_from(["", " (THROTTLED)"]))
def test_any_group_name_comes_back_whole(name: str, mark: str) -> None:
    group = _tree("CPU 0\n" + ROOT + _header(5, name, mark))[1]
    assert (group.name, group.throttled) == (name, bool(mark))


@given(COMM, st.sampled_from(["", " [CURRENT]"]))
def test_any_comm_comes_back_whole_and_forges_nothing(comm: str, mark: str) -> None:
    text = "CPU 0\n" + ROOT + _task(comm, mark) + _task("next")
    model = runq_g.parse(text)
    tasks = model.run_queues[0].groups[0].tasks
    assert [queue.cpu for queue in model.run_queues] == [0]
    assert [(task.comm, task.current) for task in tasks] == [(comm, bool(mark)), ("next", False)]
    assert model.notes == ()


@given(COMM)
def test_any_comm_in_plain_runq(comm: str) -> None:
    head = "CPU 0 RUNQUEUE: ffff89cf1f0b1980\n  CFS RB_ROOT: ffff89cf1f0b1a30\n"
    model = runq.parse(head + _task(comm) + _task("next"))
    assert [task.comm for task in model.run_queues[0].cfs] == [comm, "next"]


def test_running_rt_task_is_marked_in_its_list() -> None:
    queue = runq.parse(_sample("runq", "rt-and-cfs-tasks-wait")).run_queues[0]
    assert [(task.comm, task.current) for task in queue.rt] == [
        ("rtloop99", False),
        ("rtloop1", True),
    ]


def test_o1_tasks_without_a_priority_have_the_one_above() -> None:
    queue = runq.parse(_sample("runq", "o1-scheduler-2.6.18")).run_queues[0]
    assert [(task.comm, task.prio) for task in queue.cfs] == [("bash", 115), ("gcc", 115)]


@pytest.mark.parametrize(
    ("clock", "last_run", "want"),
    [
        ("2680990637359", "2680986653330", 2680990637359),
        ("06495abe0f2f5", "0000000000000", 0x06495ABE0F2F5),
        ("0649511230417", "0000000000000", 0x0649511230417),
        ("64951123041", "0649511230a", 0x64951123041),
        ("0", "0", 0),
    ],
    ids=["decimal", "letters", "padded-clock", "letter-below", "zero"],
)
def test_radix_of_stamps(clock: str, last_run: str, want: int) -> None:
    text = f' CPU 0: {clock}\n        {last_run}  PID: 0      TASK: ff  COMMAND: "x"\n'
    assert runq_t.parse(text).stamps[0].clock_ns == want


ALL: list[tuple[Parser, str]] = [
    (module.parse, path.read_text(encoding="utf-8"))
    for module in (runq, runq_g, runq_t)
    for path in sorted((FIXTURES / module.COMMAND.replace(" ", "_")).glob("*.txt"))
]


@given(st.sampled_from(ALL), st.data())
def test_cut_output_gives_facts_and_notes_or_a_parse_error(
    case: tuple[Parser, str], data: st.DataObject
) -> None:
    parse, text = case
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), min_size=1, max_size=6)))
    pieces = [text[left:right] for left, right in pairwise([0, *cuts])]
    with suppress(ParseError):
        parse("".join(data.draw(st.permutations(pieces))))


@pytest.mark.timeout(60)
def test_a_large_machine_is_read_whole() -> None:
    groups = "".join(_header(5, f"pod{n}", " (THROTTLED)") + "   " + _task("sh") for n in range(50))
    text = "".join(f"CPU {cpu}\n{ROOT}{groups}\n" for cpu in range(200))
    model = runq_g.parse(text)
    assert sum(len(queue.groups[0].children) for queue in model.run_queues) == 10_000


@pytest.mark.timeout(60)  # quadratic work on a text this long takes minutes
@pytest.mark.parametrize("piece", [" ", "<", '"', "PID: ", "[", "CPU 0\n" + _header(5, "")[:-2]])
def test_hostile_text_takes_linear_time(piece: str) -> None:
    ended = 0
    for parse in (runq.parse, runq_g.parse, runq_t.parse):
        for text in ("CPU 0\n" + piece * 100_000, piece * 100_000 + "x"):
            with suppress(ParseError):
                parse(text)
            ended += 1
    assert ended == 6
