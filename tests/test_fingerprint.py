"""Fingerprints: the same bug has the same one, from a dump, from its log, on any host, for ever."""

import json
import re
import shutil
from functools import cache
from pathlib import Path
from random import Random
from typing import cast

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.klogs import (
    CAPTURES,
    FORMS,
    HUNG,
    SOFT,
    WARNING,
    Json,
    log_json,
    oops,
    panic,
    read_log,
    stamped,
)  # fmt: skip
from tests.test_captures import report_of
from tests.test_log_lines import REPORTS
from vmtriage.analysis.fingerprint import ALGORITHM
from vmtriage.cli import main

whole = cache(report_of)  # the same recording is asked for several times
GOLDEN = Path("fixtures/fingerprints.json")
KASAN = [
    "BUG: KASAN: slab-use-after-free in widget_get+0x1b/0x40 [widget]",
    "Read of size 8 at addr ffff888103a5c008 by task java/4242",
    "",
    "CPU: 1 PID: 4242 Comm: java Not tainted 6.1.0-9-amd64 #1  Debian 6.1.27-1",
    "Call Trace:",
    " <TASK>",
    " dump_stack_lvl+0x44/0x5c",
    " print_report+0x17b/0x47c",
    " kasan_report+0xbb/0xf0",
    " widget_get+0x1b/0x40 [widget]",
    " widget_ioctl+0x51/0xa0 [widget]",
    " __x64_sys_ioctl+0x93/0xd0",
    " do_syscall_64+0x5d/0x90",
    " </TASK>",
]
RCU = [
    "rcu: INFO: rcu_preempt self-detected stall on CPU",
    "rcu: \t1-....: (5249 ticks this GP) idle=8b3c/1/0x4000000000000000 softirq=1/1 fqs=2624",
    "CPU: 1 PID: 4242 Comm: java Not tainted 6.1.0-9-amd64 #1  Debian 6.1.27-1",
    *SOFT[3:],
]
LOGS = {
    "null pointer": oops(),
    "null pointer in a module": oops("widget_poll", "widget_irq", "napi_poll", module="widget"),
    "oops and panic": oops() + panic("Fatal exception"),
    "warning": WARNING,
    "soft lockup": SOFT,
    "rcu stall": RCU,
    "hung task": HUNG,
    "kasan": KASAN,
    "panic": panic("widget: no answer", "widget_wait", "widget_open"),
    "sysrq": ["sysrq: Trigger a crash"],
    "io error": ["blk_update_request: I/O error, dev sda, sector 1234"],
    "incident 2": (CAPTURES / "debian8-pick-next-task-fair/log.txt").read_text().splitlines(),
}


def _known() -> Json:
    """Every fingerprint the golden file keeps, as computed now."""
    found: Json = {}
    for name, lines in LOGS.items():
        text = "\n".join(lines) if lines[0].startswith("Nov") else stamped(lines)
        primary = read_log(text).primary
        assert primary, name
        found[f"log: {name}"] = primary.fingerprint.model_dump()
    for capture in sorted(CAPTURES.iterdir()):
        found[f"capture: {capture.name}"] = whole(capture)["fingerprint"]
    keys = ("parts", "exact", "problem")
    return {
        name: {"class": one["parts"][0], **{key: one[key] for key in keys}}
        for name, one in found.items()
    }


def test_fingerprints_of_old_tickets_stay_what_they_were(request: pytest.FixtureRequest) -> None:
    now = json.loads(json.dumps(_known()))
    kept: Json = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {"known": {}}
    old = kept["known"]
    changed = [
        f"{name}: {old[name]['parts']} is now {now.get(name, {}).get('parts')}"
        for name in old
        if old[name] != now.get(name)
    ]
    if changed and kept.get("algorithm") == ALGORITHM:
        pytest.fail(
            "fingerprints are in people's tickets, and these would no longer be found there. If "
            "the change is wanted, raise ALGORITHM in vmtriage/analysis/fingerprint.py first, then "
            "run pytest --update-golden and review the git diff:\n" + "\n".join(changed)
        )
    if request.config.getoption("--update-golden"):
        text = json.dumps({"algorithm": ALGORITHM, "known": now}, indent=1)
        GOLDEN.write_text(text + "\n")
        return
    assert kept.get("algorithm") == ALGORITHM, "run pytest --update-golden and review the git diff"
    assert old == now


def test_different_bugs_have_different_fingerprints() -> None:
    known = json.loads(GOLDEN.read_text())["known"]
    by_hash: dict[str, set[tuple[str, ...]]] = {}
    for one in known.values():
        by_hash.setdefault(one["exact"], set()).add(tuple(one["parts"]))
    assert all(len(parts) == 1 for parts in by_hash.values())
    assert len(by_hash) > 12


# -- the same from the dump and from the log ----------------------------------------------------

BOTH = sorted(
    path.name for path in CAPTURES.iterdir()
    if (path / "bt.txt").exists() and (path / "log.txt").exists()
)  # fmt: skip
# What the panic task's stack cannot know, and what is concluded without the log.
NOT_IN_THE_STACK: dict[str, tuple[str, ...]] = {
    # The panic task is the watchdog; the tasks that hang are told in the log.
    **dict.fromkeys(
        ("lab-6.1-hung", "lab-6.1-hung-abba", "lab-6.1-hung-frozen", "lab-6.1-hung-rwsem"),
        ("hung_task", "-"),
    ),
    # CR2 is not in crash's bt: a NULL pointer is a page fault there.
    "lab-6.1-pnt": ("page_fault", "pick_next_task_fair"),
    # Whose check the BUG() was (mm/slub.c) is told in the log.
    "lab-6.1-double-free": ("bug", "crashlab_double_free", "crashlab_write", "full_proxy_write",
                            "vfs_write", "ksys_write"),
    # crash 8.0.6 lost the way on these two stacks: frames are missing, or made up.
    "lab-6.1-bug": ("panic", "__x64_sys_fcntl"),
    "lab-6.1-panic": ("panic", "crashlab_write", "full_proxy_write", "vfs_write", "ksys_write"),
}  # fmt: skip
# What the log cannot know: somebody took this dump by sysrq, the leak is in the memory tables.
NOT_IN_THE_LOG = {"lab-6.1-leak": ("sysrq", "-")}


@pytest.mark.parametrize("name", BOTH)
def test_the_dump_with_its_log_and_the_log_alone_have_the_same_fingerprint(name: str) -> None:
    full = whole(CAPTURES / name)["fingerprint"]
    alone = log_json(CAPTURES / name / "log.txt")["primary"]["fingerprint"]
    if name in NOT_IN_THE_LOG:
        assert tuple(alone["parts"]) == NOT_IN_THE_LOG[name]
    else:
        assert (alone["parts"], alone["exact"]) == (full["parts"], full["exact"])
        assert alone["release"] == full["release"]


@pytest.mark.parametrize("name", BOTH)
def test_the_dump_without_its_log_has_the_same_fingerprint_where_the_stack_can_know(
    name: str, tmp_path: Path
) -> None:
    session = tmp_path / "session"
    shutil.copytree(CAPTURES / name, session)
    (session / "log.txt").unlink()
    done = CliRunner().invoke(main, ["analyze", str(session), "--format", "json"])
    assert done.exit_code == 0, done.output
    alone = cast(Json, json.loads(done.stdout))["fingerprint"]
    full = whole(CAPTURES / name)["fingerprint"]
    if name in NOT_IN_THE_STACK:
        assert tuple(alone["parts"]) == NOT_IN_THE_STACK[name]
        assert alone["exact"] != full["exact"]
    else:
        assert (alone["parts"], alone["exact"]) == (full["parts"], full["exact"])


@pytest.mark.parametrize("name", ["lab-6.1-uaf", "lab-6.1-softlockup", "lab-6.1-oom-memcg"])
def test_the_bare_log_given_to_analyze_has_the_fingerprint_of_log(name: str) -> None:
    path = CAPTURES / name / "log.txt"
    alone = log_json(path)["primary"]["fingerprint"]
    assert whole(path)["fingerprint"]["exact"] == alone["exact"]


# -- what must not matter -----------------------------------------------------------------------

_SUFFIXES = ["", ".isra.0", ".constprop.0", ".constprop.13", ".part.2", ".cold", ".isra.0.cold",
             ".llvm.1234567890", ".lto_priv.0"]  # fmt: skip


def elsewhere(chance: Random, lines: list[str]) -> str:
    """The same report from another host, boot, CPU, task and build of the kernel."""

    def code(found: re.Match[str]) -> str:
        size = chance.randint(1, 0xFFFF)
        suffix = chance.choice(_SUFFIXES) if "." not in found[1] else ""
        return f"{found[1]}{suffix}+0x{chance.randint(0, size):x}/0x{size:x}"

    def address(found: re.Match[str]) -> str:
        return f"{chance.randint(0, 2**64 - 1):016x}" if "0078" not in found[0] else found[0]

    cpu, pid = chance.randint(0, 511), chance.randint(1, 4_000_000)
    release = chance.choice(["6.1.0-10-amd64", "6.6.15-rt-custom", "5.10.0-28-cloud-arm64"])
    changed = []
    for line in lines:
        line = re.sub(r"([A-Za-z_][\w.]*)\+0x[0-9a-f]+/0x[0-9a-f]+", code, line)
        line = re.sub(r"\b[0-9a-f]{16}\b", address, line)
        line = re.sub(r"6\.1\.0-\d+(-cloud)?-amd64", release, line)
        line = re.sub(r"\bCPU: \d+ PID: \d+\b", f"CPU: {cpu} PID: {pid}", line)
        line = re.sub(r"\bCPU#\d+", f"CPU#{cpu}", line)
        line = re.sub(r"\b(java|init|python):\d+", rf"\1:{pid}", line)
        changed.append(line)
    form = FORMS[chance.choice(["dmesg", "rfc3164", "journalctl -o short-iso", "kmsg"])]
    host = chance.choice(["db1", "node-17.example.org", "x"])
    stamp = f"{chance.randint(1, 10**8):d}"
    return "\n".join(
        form.write(line).replace(" host ", f" {host} ", 1).replace("12.345678", f"{stamp}.345678")
        for line in changed
    )


_SAME = {
    **{name: LOGS[name] for name in LOGS if name not in ("incident 2", "io error", "sysrq")},
    **{name: REPORTS[name] for name in ("uaf", "double-free", "pnt", "softlockup", "hung")},
}


@pytest.mark.parametrize("name", _SAME)
@settings(max_examples=20)
@given(seed=st.integers(0, 2**64))
def test_host_cpu_pid_address_offset_build_and_time_do_not_matter(name: str, seed: int) -> None:
    plain = read_log(stamped(_SAME[name])).primary
    other = read_log(elsewhere(Random(seed), _SAME[name])).primary
    assert plain
    assert other
    assert other.fingerprint.parts == plain.fingerprint.parts
    assert other.fingerprint.exact == plain.fingerprint.exact
    assert other.fingerprint.problem == plain.fingerprint.problem


def test_another_function_or_caller_matters() -> None:
    def exact(lines: list[str]) -> tuple[str, str]:
        primary = read_log(stamped(lines)).primary
        assert primary
        return primary.fingerprint.exact, primary.fingerprint.problem

    one, caller, function = (exact(oops("a_fn", "b_fn")), exact(oops("a_fn", "c_fn")),
                             exact(oops("d_fn", "b_fn")))  # fmt: skip
    assert one[0] != caller[0]
    assert one[1] == caller[1], "the problem is class and function alone"
    assert one[1] != function[1]
