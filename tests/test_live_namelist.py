"""crash on a slim namelist says what it says on the distribution's vmlinux."""

import difflib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import NEW, OLD, built, crash_of
from vmtriage.namelist.ensure import Wanted, ensure
from vmtriage.namelist.variables import declared
from vmtriage.session.commands import BLOCKED_STACKS, PLAN, PS, CrashCommand, offset, size_of
from vmtriage.session.commands import numbers as numbers_of
from vmtriage.session.crash import CrashSession, CrashTarget
from vmtriage.source.dump import identify

pytestmark = pytest.mark.live

_KERNELS = (("6.1", 1), ("6.12", 2))
_ASKED = (
    "p jiffies", "p runqueues:0", "p vm_node_stat", "p init_task.comm", "p *prb",
    "sym jiffies", "sym init_task", "dis schedule", "rd linux_banner 20", "rd -s init_task 60",
    "struct task_struct", "struct rq", "struct sk_buff", "struct cfs_rq", "union thread_union",
    "struct task_struct.pid,comm,se init_task", "kmem init_task", "mod", "timer", "irq", "files",
    "whatis init_task", "whatis runqueues",
)  # fmt: skip
# the end of a function is the next one's beginning, where only names and addresses are known
_NEED_SIZES = ("dis schedule", "struct task_struct.pid,comm,se init_task")
_NO_LENGTH = re.compile(r"\[(?:\d*)\]")


def _commands() -> list[CrashCommand]:
    members = [offset("task_struct", "comm"), size_of("rq"), offset("sk_buff", "len")]
    return [*PLAN, BLOCKED_STACKS, numbers_of(members), *(CrashCommand(each) for each in _ASKED)]


def _answers(crash: Path, namelist: Path, vmcore: Path, commands: list[CrashCommand]) -> list[str]:
    with CrashSession(CrashTarget(crash, namelist, vmcore)) as session:
        told = [session.startup, *(each.text for each in session.run(commands))]
    return [re.sub(r"\$\d+ = ", "$ = ", text.replace(str(namelist), "NAMELIST")) for text in told]


def _differing(commands: list[CrashCommand], true: list[str], told: list[str]) -> Iterator[str]:
    names = ["start-up", *(each.text for each in commands)]
    for name, first, second in zip(names, true, told, strict=True):
        if first != second:
            lines = difflib.unified_diff(first.splitlines(), second.splitlines(), name, "slim", n=0)
            yield "\n".join(list(lines)[:12])


@pytest.mark.parametrize(("kernel", "cgroup"), _KERNELS)
def test_live_every_answer_is_the_same(kernel: str, cgroup: int, tmp_path: Path) -> None:
    dump = built("sysrq", kernel, cgroup)
    commands = _commands()
    true = _answers(crash_of(NEW), dump.vmlinux, dump.vmcore, commands)
    for wanted in (Wanted(vmlinux=dump.vmlinux), Wanted(dump=dump.vmcore, modules=True)):
        made = ensure(wanted, tmp_path)
        told = _answers(crash_of(NEW), made.path, dump.vmcore, commands)
        alike = [name for name in _NEED_SIZES if made.made_from == "vmcore"]
        keep = [n for n, each in enumerate(commands, 1) if each.text not in alike]
        found = _differing([commands[n - 1] for n in keep], [true[0], *(true[n] for n in keep)],
                           [told[0], *(told[n] for n in keep)])  # fmt: skip
        assert not list(found), made.made_from


def test_live_an_old_crash_says_the_same_and_adapted_it_sees_the_tasks(tmp_path: Path) -> None:
    dump = built("sysrq", "6.1", 1)
    plain = [each for each in PLAN if each.text not in ("ps", "ps -m")]
    (tmp_path / "plain").mkdir()
    as_it_is = ensure(Wanted(vmlinux=dump.vmlinux), tmp_path / "plain")
    true = _answers(crash_of(OLD), dump.vmlinux, dump.vmcore, [*plain, PS])
    told = _answers(crash_of(OLD), as_it_is.path, dump.vmcore, [*plain, PS])
    assert not list(_differing([*plain, PS], true, told))
    adapted = ensure(Wanted(vmlinux=dump.vmlinux, crash_version=OLD), tmp_path)
    assert [each.struct for each in adapted.adapted] == ["pid"]
    start, tasks = _answers(crash_of(OLD), adapted.path, dump.vmcore, [PS])
    assert "not found in PID hash" in true[0]
    assert "not found in PID hash" not in start
    assert len(tasks.splitlines()) > 5 * len(true[-1].splitlines())


@pytest.mark.parametrize(("kernel", "cgroup"), _KERNELS)
def test_live_each_variable_has_the_type_the_distribution_says(
    kernel: str, cgroup: int, tmp_path: Path
) -> None:
    dump = built("sysrq", kernel, cgroup)
    commands = [CrashCommand(f"whatis {name}", small=True) for name in declared()]
    made = ensure(Wanted(vmlinux=dump.vmlinux), tmp_path)
    told = _answers(crash_of(NEW), made.path, dump.vmcore, commands)
    true = _answers(crash_of(NEW), dump.vmlinux, dump.vmcore, commands)
    known = [
        (command.text, _bare(first), _bare(second))
        for command, first, second in zip(commands, true[1:], told[1:], strict=True)
        if "no debug info" not in first and "invalid data structure" not in first
    ]
    assert len(known) > 120
    assert [each for each in known if each[1] != each[2]] == []


def _bare(text: str) -> str:
    """Without what crash does not look at: const, a length that only some files know."""
    spelled = _NO_LENGTH.sub("[]", text.replace("const ", ""))
    return spelled.replace("pg_data_t *", "struct pglist_data *").strip()


def test_live_the_build_id_and_release_are_the_dumps(tmp_path: Path) -> None:
    dump = built("sysrq", "6.1", 1)
    told = identify(dump.vmcore)
    made = ensure(Wanted(dump=dump.vmcore, build_id=told.build_id), tmp_path, tmp_path / "cache")
    again = ensure(Wanted(dump=dump.vmcore, build_id=told.build_id), tmp_path, tmp_path / "cache")
    assert made.build_id == told.build_id
    assert (made.cached, again.cached) == (False, True)
    assert made.path == again.path
