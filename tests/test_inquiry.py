"""Who a task is, by kernel memory: layouts that cannot run here, and memory that lies."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernel_image import KernelImage
from vmtriage.analysis.inquiry.desk import Desk
from vmtriage.analysis.inquiry.doubts import doubts
from vmtriage.analysis.inquiry.layout import Layout, LayoutCache, Learned, member
from vmtriage.analysis.inquiry.memory import Memory
from vmtriage.analysis.inquiry.who import Who, most_telling
from vmtriage.models.answers import Answers, Inquiry
from vmtriage.models.evidence import CommandStatus
from vmtriage.models.who import CgroupPath
from vmtriage.parsers import rd
from vmtriage.session.commands import (
    MAX_LINE,
    CrashCommand,
    bytes_at,
    expressions_of,
    numbers,
    offset,
    size_of,
)
from vmtriage.session.questions import Questions

TASK, PARENT, CSS_SET = 0xFFFF880000001000, 0xFFFF880000002000, 0xFFFF880000003000
CPU, DOCKER, ROOT = 0xFFFF880000004000, 0xFFFF880000005000, 0xFFFF880000006000
ID = "5fa97be56cd60433d6e21586b995303ce3d518afb3b85b64e902818d3a0e2171"
TASKS = {
    "task_struct.pid": 0, "task_struct.tgid": 4, "task_struct.comm": 8, "task_struct.flags": 24,
    "task_struct.real_parent": 32, "task_struct.nsproxy": 40, "task_struct.cgroups": 48,
    "nsproxy.uts_ns": 8, "uts_namespace.name.nodename": 69, "pid.level": 4, "pid.numbers": 48,
}  # fmt: skip
# include/linux/{sched,pid,cgroup}.h of 3.10; RHEL 7 has cgroup.name, 2.6.32 only the dentry
OLD = {
    **TASKS,
    "task_struct.pids": 56, "pid_link.pid": 16, "css_set.subsys": 16, "css_set.cg_links": 160,
    "cg_cgroup_link.cgrp": 16, "cg_cgroup_link.cg_link_list": 24, "cgroup.parent": 16,
    "cgroup_subsys_state.cgroup": 0,
}  # fmt: skip
NAMES = {**OLD, "cgroup.name": 32, "cgroup_name.name": 16}
DENTRIES = {**OLD, "cgroup.dentry": 32, "dentry.d_name.name": 40}
SIZES = {"upid": 32, "css_set.subsys": 0}


def host(offsets: dict[str, int]) -> KernelImage:
    """A task `java` in /system.slice/docker-ID.scope of one v1 hierarchy."""
    image = KernelImage(offsets, SIZES)
    image.put(
        TASK, task_struct__pid=b"\x39\x30\0\0", task_struct__tgid=b"\x39\x30\0\0",
        task_struct__comm=b"java\0" + b"\0" * 11, task_struct__flags=b"\0\0\x40\0",
        task_struct__real_parent=PARENT, task_struct__cgroups=CSS_SET,
        task_struct__nsproxy=0xFFFF880000007000,
    )  # fmt: skip
    image.put(
        PARENT, task_struct__pid=b"\x01\0\0\0", task_struct__comm=b"systemd\0" + b"\0" * 8,
        task_struct__flags=b"\0\0\x40\0",
    )  # fmt: skip
    image.put(0xFFFF880000007000, nsproxy__uts_ns=0xFFFF880000008000)
    image.put(0xFFFF880000008000, uts_namespace__name__nodename=b"5fa97be56cd6\0" + b"\0" * 52)
    pid = 0xFFFF880000009000
    image.put(TASK + offsets["task_struct.pids"], pid_link__pid=pid)
    image.put(pid, pid__level=b"\x01\0\0\0")
    image.memory.update({pid + 48 + 32 + n: byte for n, byte in enumerate(b"\x07\0\0\0")})
    link = 0xFFFF88000000A000
    head = CSS_SET + offsets["css_set.cg_links"]
    image.put(CSS_SET, css_set__cg_links=link + 24)
    image.put(link, cg_cgroup_link__cgrp=CPU, cg_cgroup_link__cg_link_list=head)
    for number, (group, parent, name) in enumerate(
        ((CPU, DOCKER, f"docker-{ID}.scope"), (DOCKER, ROOT, "system.slice"), (ROOT, 0, "/"))
    ):
        image.put(group, cgroup__parent=parent)
        text = image.text(0xFFFF88000000B010 + number * 0x1000, name)
        if "cgroup.name" in offsets:
            image.put(group, cgroup__name=text - offsets["cgroup_name.name"])
        else:
            dentry = 0xFFFF88000000F000 + number * 0x100
            image.put(group, cgroup__dentry=dentry)
            image.put(dentry, dentry__d_name__name=text)
    return image


def who(image: KernelImage) -> Who:
    desk = Desk(image, "x86_64")
    return Who(Memory(desk, Layout(desk)), image.symbols.get, "node7")


@pytest.mark.parametrize("offsets", [NAMES, DENTRIES], ids=["3.10", "2.6.32"])
def test_a_task_of_a_kernel_without_kernfs_is_known(offsets: dict[str, int]) -> None:
    found = who(host(offsets)).identify(TASK, ["panic task"])
    assert (found.pid, found.comm, found.kind) == (12345, "java", "user")
    assert found.cgroup == f"/system.slice/docker-{ID}.scope"
    assert found.container is not None
    assert (found.container.runtime, found.container.container_id) == ("docker", ID)
    assert (found.hostname, found.ns_pid) == ("5fa97be56cd6", 7)
    assert [(each.pid, each.comm) for each in found.ancestors] == [(1, "systemd")]
    assert found.unread == ()
    assert found.roles == ("panic task",)


def test_what_cannot_be_read_is_said_and_not_guessed() -> None:
    image = host(NAMES)
    for at in range(DOCKER, DOCKER + 64):  # the middle of the path is not in the dump
        image.memory.pop(at, None)
    found = who(image).identify(TASK)
    assert found.cgroup is None
    assert "cgroup" in found.unread
    nobody = who(KernelImage(NAMES, SIZES)).identify(TASK)
    assert (nobody.pid, nobody.comm, nobody.cgroup, nobody.kind) == (None, None, None, None)
    assert set(nobody.unread) == {"pid", "comm", "cgroup", "kind"}


def test_a_worker_says_what_it_works_on() -> None:
    offsets = {
        **NAMES, "task_struct.worker_private": 2000, "kthread.data": 16, "worker.current_func": 24,
        "worker.current_pwq": 32, "pool_workqueue.wq": 8, "workqueue_struct.name": 40,
    }  # fmt: skip
    image = host(offsets)
    thread, worker, pwq, queue = (0xFFFF880000100000 + n * 0x1000 for n in range(4))
    image.symbols = {0xFFFFFFFF81234560: "wb_workfn"}
    image.put(TASK, task_struct__flags=b"\x20\0\x20\0", task_struct__worker_private=thread)
    image.put(thread, kthread__data=worker)
    image.put(worker, worker__current_func=0xFFFFFFFF81234560, worker__current_pwq=pwq)
    image.put(pwq, pool_workqueue__wq=queue)
    image.text(queue + 40, "writeback")
    found = who(image).identify(TASK)
    assert (found.kind, found.workqueue) == ("worker", "writeback wb_workfn")


def test_members_of_other_kernels_are_asked_one_by_one() -> None:
    image = KernelImage({"kernfs_node.__parent": 24, "kernfs_node.name": 16})
    layout = Layout(Desk(image))
    parent, name = member("kernfs_node", "parent", "__parent"), member("kernfs_node", "name")
    layout.learn((parent, name))
    assert (layout[parent], layout[name]) == (24, 16)
    assert layout[member("kernfs_node", "nothing")] is None


def test_offsets_of_a_kernel_are_asked_for_once(tmp_path: Path) -> None:
    pid, comm = member("task_struct", "pid"), member("task_struct", "comm")
    image, build_id = KernelImage(NAMES), "3b43fad5034874490492495d552c0af6a5fab235"
    first = Desk(image)
    Layout(first, Learned(kept=LayoutCache(tmp_path, build_id))).learn((pid, comm))
    assert first.runs
    second = Desk(image)
    layout = Layout(second, Learned(kept=LayoutCache(tmp_path, build_id)))
    layout.learn((pid, comm))
    assert (layout[pid], layout[comm]) == (0, 8)
    assert not second.runs
    for other in (None, "../../etc/passwd", build_id.replace("3", "4")):
        desk = Desk(image)
        Layout(desk, Learned(kept=LayoutCache(tmp_path, other))).learn((pid,))
        assert desk.runs, other


@pytest.mark.parametrize("content", [b"", b"nonsense", b'{"a": "b"}', b"[1]"])
def test_a_damaged_file_of_offsets_is_passed_over(content: bytes, tmp_path: Path) -> None:
    build_id = "3b43fad5034874490492495d552c0af6a5fab235"
    (tmp_path / f"layout-{build_id}.json").write_bytes(content)
    layout = Layout(Desk(KernelImage(NAMES)), Learned(kept=LayoutCache(tmp_path, build_id)))
    assert layout[member("task_struct", "comm")] == 8


def test_a_file_that_others_may_write_is_not_believed(tmp_path: Path) -> None:
    build_id = "3b43fad5034874490492495d552c0af6a5fab235"
    path = tmp_path / f"layout-{build_id}.json"
    path.write_text('{"(long)&((struct task_struct *)0)->comm": 99}')
    path.chmod(0o666)
    layout = Layout(Desk(KernelImage(NAMES)), Learned(kept=LayoutCache(tmp_path, build_id)))
    assert layout[member("task_struct", "comm")] == 8


def test_no_question_is_longer_than_crash_reads() -> None:
    asked: list[str] = []

    class Listening(KernelImage):
        def _answer(self, text: str) -> str:
            asked.append(text)
            return super()._answer(text)

    names = [f"member_{n}" for n in range(100)]
    image = Listening({f"task_struct.{name}": n for n, name in enumerate(names)})
    layout = Layout(Desk(image))
    layout.learn(member("task_struct", name) for name in names)
    assert [layout[member("task_struct", name)] for name in names] == list(range(100))
    assert 2 <= len(asked) < 12
    assert all(len(text) <= MAX_LINE for text in asked)


def test_after_the_time_limit_nothing_is_asked() -> None:
    desk = Desk(host(NAMES), "x86_64")
    desk.allow(0)
    (output,) = desk.ask([CrashCommand("sym ffffffff81000000")])
    assert output.status is CommandStatus.NOT_RUN
    assert desk.read(TASK, 8) is None
    assert desk.out_of_time
    desk.allow(10)
    assert desk.read(TASK, 4) == b"\x39\x30\0\0"


def test_a_list_that_bites_its_tail_ends() -> None:
    image = KernelImage({"list_head.next": 0})
    for at, following in ((TASK, PARENT), (PARENT, CSS_SET), (CSS_SET, PARENT)):
        image.put(at, list_head__next=following)
    desk = Desk(image)
    assert list(Memory(desk, Layout(desk)).linked(TASK)) == [PARENT, CSS_SET]


@given(st.binary(min_size=64, max_size=400), st.integers(0, 255))
@settings(max_examples=60, deadline=None)
def test_no_memory_makes_it_fail(noise: bytes, filler: int) -> None:
    class Noisy(KernelImage):
        def _dump(self, address: int, count: int) -> str:
            at = address % len(noise)
            raw = (noise[at:] + bytes([filler]) * count)[:count]
            self.memory = {address + n: byte for n, byte in enumerate(raw)}
            return super()._dump(address, count)

    found = who(Noisy(NAMES, SIZES)).identify(TASK)
    assert found.task == f"{TASK:x}"
    assert len(found.ancestors) <= 16


@pytest.mark.parametrize(
    ("paths", "chosen"),
    [
        (("/user.slice/user-0.slice/session-1.scope", f"/docker/{ID}"), f"/docker/{ID}"),
        (("/a", "/a/b/c"), "/a/b/c"),
        (("/system.slice/sshd.service", "/foo"), "/system.slice/sshd.service"),
        ((), None),
    ],
)
def test_the_path_that_says_most_is_chosen(paths: tuple[str, ...], chosen: str | None) -> None:
    found = most_telling([CgroupPath(path=path) for path in paths])
    assert (found[0] if found else None) == chosen


def test_what_was_not_answered_is_a_problem_with_the_command_to_type() -> None:
    image = host(NAMES)
    for at in range(DOCKER, DOCKER + 64):
        image.memory.pop(at, None)
    late = Inquiry(
        step="who", asks="who is who", status="failed", reason="not done in 1 s", budget_s=1
    )
    told = doubts(Answers(who=(who(image).identify(TASK),), inquiries=(late,)))
    assert [each.kind for each in told] == ["not_answered", "page_excluded"]
    assert "cgroup of java (12345)" in told[1].message
    assert f"p ((struct task_struct *)0x{TASK:x})->cgroups" in told[1].message
    assert doubts(Answers(who=(who(host(NAMES)).identify(TASK),))) == ()


def test_a_recording_answers_questions_put_in_another_way() -> None:
    def null(struct: str) -> str:
        return f"((struct {struct} *)0)"

    told = Questions(
        f"crash> p {{(long)&{null('pid')}->level, (long)sizeof(struct upid)}}\n"
        "$1 = {0 <repeats 2 times>}\n"
        "crash> rd -8 ffff880000001000 20\n"
        "ffff880000001000:  00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f   ................\n"
        "ffff880000001010:  10 11 12 13                                       ....\n"
    )
    both = numbers([size_of("upid"), offset("pid", "level")])
    assert told.answer(both.text) == "$1 = {0, 0}\n"
    assert told.answer(numbers([offset("pid", "numbers")]).text) is None
    answer = told.answer(bytes_at(0xFFFF88000000100E, 4).text)
    assert answer is not None
    assert rd.parse(answer).raw == b"\x0e\x0f\x10\x11"
    assert told.answer(bytes_at(0xFFFF880000002000, 4).text) is None


@given(
    st.lists(
        st.tuples(st.sampled_from(["task_struct", "cgroup", "pid"]), st.sampled_from("abc")),
        min_size=1, max_size=12,
    )
)  # fmt: skip
def test_a_list_of_questions_can_be_read_back(members: list[tuple[str, str]]) -> None:
    asked = [
        each
        for struct, name in members
        for each in (offset(struct, name), size_of(struct), size_of(struct, name))
    ]
    assert expressions_of(numbers(asked).text) == asked


def test_neighbours_of_one_structure_name_it_but_once() -> None:
    asked = [offset("pid", "level"), offset("pid", "numbers"), size_of("upid")]
    assert numbers(asked).text == (
        "p {(long)&($s=(struct pid *)0)->level, (long)&$s->numbers, (long)sizeof(struct upid)}"
    )


def test_memory_comes_out_of_the_dump_and_by_crash_only_where_it_cannot() -> None:
    image = KernelImage(NAMES, {})
    here, there, nowhere = 0xFFFF880000001000, 0xFFFF880000002000, 0xFFFF880000003000
    image.memory.update(dict.fromkeys(range(there, there + 8), 2))
    desk = Desk(image, "x86_64", lambda address, count: b"\1" * count if address == here else None)
    assert desk.read_all([(here, 8), (there, 8), (nowhere, 8)]) == [b"\1" * 8, b"\2" * 8, None]
    (run,) = desk.runs
    assert (run.bytes, run.reason) == (
        16, "3 reads of kernel memory, 2 of them by crash, 1 without answer"
    )  # fmt: skip
