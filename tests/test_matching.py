"""Matching: conditions one by one, order, what hides what, and what the kernel makes of it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmtriage.analysis.crash_view import CrashView
from vmtriage.analysis.matching import match_view
from vmtriage.models.backtrace import Backtrace, Backtraces, ExceptionFrame, Frame
from vmtriage.models.evidence import Evidence, Facts
from vmtriage.models.finding import Classification, CrashClass, GuiltyFunction, Throttled
from vmtriage.models.klog import KernelLog, LogRecord
from vmtriage.models.memory import (
    MemoryInfo,
    MemoryRow,
    SlabCache,
    SlabCaches,
    VmCounter,
    VmStat,
)
from vmtriage.models.module import ModuleTaint, ModuleTaints
from vmtriage.models.runqueue import GroupRunQueues
from vmtriage.models.signature import Signature, SignatureMatch
from vmtriage.models.system import SystemInfo

RELEASE = "3.10.0-327.28.3.el7.x86_64"


def signature(id: str = "one", match: dict[str, Any] | None = None, **other: Any) -> Signature:
    return Signature.model_validate(
        {
            "id": id, "title": id, "status": "stable", "crash_class": "null_pointer",
            "subsystem": "test", "what": "w", "recognised_by": "r", "usually_caused_by": "u",
            "match": match or {"classes": ["null_pointer"]}, "do_now": "n", "do_for_good": "g",
            "refuted_by": "x", **other,
        }
    )  # fmt: skip


def stack(*names: str, exception: str | None = None, after: int = 0) -> Backtraces:
    frames = tuple(
        Frame(level=n, function=name, address=f"{0xFFFFFFFF81000000 + n:x}", stack="ff", line=n + 2)
        for n, name in enumerate(names)
    )
    blocks = (
        (ExceptionFrame(function=exception, text=f"{exception}+1", after_level=after, line=99),)
        if exception
        else ()
    )
    return Backtraces(
        backtraces=(Backtrace(pid=1, comm="x", cpu=0, task="ff", frames=frames, exceptions=blocks),)
    )


def log(*lines: str) -> KernelLog:
    return KernelLog(records=tuple(LogRecord(text=t, line=n) for n, t in enumerate(lines, 1)))


def matches(
    signatures: list[Signature],
    crash_class: str = "null_pointer",
    function: GuiltyFunction | None = None,
    throttled: tuple[Throttled, ...] = (),
    release: str = RELEASE,
    panic: str = "Oops: 0002 [#1] SMP",
    **facts: Any,
) -> tuple[SignatureMatch, ...]:
    system = SystemInfo(release=release, panic=panic, panic_line=13, release_line=9)
    classification = Classification(
        crash_class=CrashClass(crash_class), title="t", severity="panic", confidence="high",
        evidence=(Evidence(command="sys", line=13, text=panic, says="the panic text"),),
    )  # fmt: skip
    seen = CrashView(Facts(system=system, **facts), classification, function, throttled)
    return match_view(signatures, seen)


BT = stack(
    "panic", "oops_end", "c.cold", "b.isra.3", "x", "a.part.1.constprop.0",
    exception="fault", after=1,
)  # fmt: skip


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"classes": ["null_pointer", "bug"]}, True),
        ({"classes": ["bug"]}, False),
        ({"panic": ["nothing", "^Oops: 0002"]}, True),
        ({"panic": ["nothing"]}, False),
        ({"release": [r"\.el7\."]}, True),
        ({"release": [r"\.el8"]}, False),
        ({"log": ["^second"]}, True),
        ({"log": ["first second"]}, False),  # no pattern reaches over a line's end
        ({"log": [r"first\s+second"]}, False),
        ({"log_all": ["first", "sec.nd"]}, True),
        ({"log_all": ["first", "third"]}, False),
        ({"stack": ["c", "b", "a"]}, True),  # compiler suffixes are gone, gaps are allowed
        ({"stack": ["q|c", "nope|a"]}, True),
        ({"stack": ["a", "b"]}, False),  # wrong order
        ({"stack": ["fault", "c"]}, True),  # the function at the exception RIP comes first
        ({"stack": ["fau"]}, False),  # whole names only
        ({"stack": ["c"], "stack_exclude": ["x|y"]}, False),
        ({"stack": ["c"], "stack_exclude": ["y"]}, True),
        ({"exception": ["fault"]}, True),
        ({"exception": ["c"]}, False),
        ({"function": ["guilty"]}, True),
        ({"function": ["other_name"]}, True),
        ({"function": ["c"]}, False),
        ({"modules": ["vendor"]}, True),
        ({"modules": ["vend"]}, False),
        ({"any_of": [{"panic": ["nope"]}, {"log": ["first"]}]}, True),
        ({"any_of": [{"panic": ["nope"]}, {"log": ["nope"]}]}, False),
        ({"all_of": [{"log": ["first"]}, {"stack": ["c"]}]}, True),
        ({"all_of": [{"log": ["first"]}, {"stack": ["nope"]}]}, False),
        ({"any_of": [{"all_of": [{"log": ["nope"]}]}, {"all_of": [{"log": ["first"]}]}]}, True),
        ({"taint": ["P", "O"]}, True),
        ({"taint": ["P", "D"]}, False),
        ({"classes": ["null_pointer"], "none_of": [{"taint": ["E"]}]}, False),
        ({"classes": ["null_pointer"], "none_of": [{"taint": ["P"]}]}, True),
        ({"classes": ["null_pointer"], "none_of": [{"log": ["first"]}]}, False),
        ({"classes": ["null_pointer"], "none_of": [{"log": ["nope"]}]}, True),
    ],
)
def test_condition(condition: dict[str, Any], holds: bool) -> None:
    said = Evidence(command="bt", line=4, text="#2", says="first")
    found = matches(
        [signature(match=condition)],
        panic_stack=BT,
        log=log("first", "second"),
        modules=ModuleTaints(modules=(ModuleTaint(name="vendor", taints="OE", line=2),)),
        function=GuiltyFunction(name="guilty", alternatives=("other_name",), evidence=(said,)),
    )
    assert bool(found) is holds
    assert all(match.evidence for match in found)


def test_throttled_needs_run_queues_that_were_read() -> None:
    group = Throttled(path="/a", name="a", cpus=(1,), cpus_seen=4, tasks=0)
    looked = GroupRunQueues(run_queues=())
    wants, denies = (
        signature("wants", {"throttled": True}),
        signature("denies", {"throttled": False}),
    )
    both = [wants, denies]
    assert [m.id for m in matches(both, throttled=(group,), group_run_queues=looked)] == ["wants"]
    assert [m.id for m in matches(both, group_run_queues=looked)] == ["denies"]
    assert matches(both) == ()


@pytest.mark.parametrize(
    ("line", "letters"),
    [
        ("CPU: 3 PID: 124 Comm: python Tainted: G           OE      6.1.0-56-amd64 #1", "OE"),
        ("Pid: 1, comm: x Tainted: P           ---------------    2.6.32-696.el6.x86_64 #1", "P"),
        ("      Tainted: G        W  O      4.9.30 #1", "WO"),
        (
            "CPU: 0 UID: 0 PID: 1 Comm: x Tainted: G    B D W  OE      6.12.9-amd64 #1",
            "BDWOE",
        ),
        ("Tainted: [D]=DIE, [W]=WARN, [O]=OOT_MODULE", "DWO"),
        ("CPU: 1 PID: 9 Comm: Tainted Not tainted 5.14.0-427.el9.x86_64 #1", ""),
    ],
)
def test_taint_is_read_from_the_log(line: str, letters: str) -> None:
    every = "PFSRMBUDAWCIOELKXTN"
    wanted = [signature(each, {"taint": [each]}) for each in every]
    found = matches(wanted, log=log("before", line))
    assert {each.id for each in found} == set(letters)
    assert all((e.command, e.line) == ("log", 2) for each in found for e in each.evidence)
    # it was looked at, so what is not there is known not to be there
    absent = [
        signature(each, {"classes": ["null_pointer"], "none_of": [{"taint": [each]}]})
        for each in every
    ]
    assert {each.id for each in matches(absent, log=log(line))} == set(every) - set(letters)


PAGES = {"TOTAL MEM": 1000, "FREE": 20, "SWAP USED": 90, "COMMITTED": 300}
MEMORY = MemoryInfo(
    total=4096000, free=81920, swap_total=409600, swap_used=368640, commit_limit=819200,
    committed=1228800,
    rows=tuple(
        MemoryRow(label=label, pages=pages, size=pages * 4096, line=number)
        for number, (label, pages) in enumerate(PAGES.items(), 2)
    ),
)  # fmt: skip
VM_STAT = VmStat(
    counters=(VmCounter(section="VM_NODE_STAT", name="NR_SLAB_UNRECLAIMABLE_B", value=310, line=7),)
)
SLABS = SlabCaches(
    caches=(
        SlabCache(cache="ff", name="kmalloc-64", slabs=300, slab_size=4096, line=3),
        SlabCache(cache="fe", name="dentry", slabs=10, slab_size=4096, line=4),
    )
)


@pytest.mark.parametrize(
    ("wanted", "command", "line"),
    [
        ({"slab_unreclaimable_percent_at_least": 31}, "kmem -V", 7),
        ({"slab_unreclaimable_percent_at_least": 32}, None, 0),
        ({"free_percent_at_most": 2}, "kmem -i", 3),
        ({"free_percent_at_most": 1.9}, None, 0),
        ({"swap_used_percent_at_least": 90}, "kmem -i", 4),
        ({"swap_used_percent_at_least": 91}, None, 0),
        ({"committed_percent_at_least": 150}, "kmem -i", 5),
        ({"committed_percent_at_least": 151}, None, 0),
        ({"top_slab": ["kmalloc-.*"]}, "kmem -s", 3),
        ({"top_slab": ["kmalloc"]}, None, 0),  # whole names only
        ({"top_slab_percent_at_least": 30}, "kmem -s", 3),
        ({"top_slab": ["dentry"], "top_slab_percent_at_least": 30}, None, 0),
        ({"top_slab": ["dentry"], "free_percent_at_most": 1}, None, 0),
    ],
)
def test_memory_condition(wanted: dict[str, Any], command: str | None, line: int) -> None:
    facts: dict[str, Any] = {"memory": MEMORY, "vm_stat": VM_STAT, "slabs": SLABS}
    found = matches([signature(match={"memory": wanted})], **facts)
    assert [(e.command, e.line) for m in found for e in m.evidence] == (
        [(command, line)] if command else []
    )
    none_of = {"classes": ["null_pointer"], "none_of": [{"memory": wanted}]}
    assert bool(matches([signature(match=none_of)], **facts)) is not bool(found)


@pytest.mark.parametrize(
    "wanted",
    [
        {"taint": ["O"]},
        {"throttled": True},
        {"memory": {"slab_unreclaimable_percent_at_least": 0}},
        {"memory": {"free_percent_at_most": 100}},
        {"memory": {"swap_used_percent_at_least": 0}},
        {"memory": {"committed_percent_at_least": 0}},
        {"memory": {"top_slab": [".*"]}},
        {"memory": {"top_slab_percent_at_least": 0}},
    ],
)
def test_what_was_not_read_is_neither_there_nor_absent(wanted: dict[str, Any]) -> None:
    known = {"classes": ["null_pointer"]}
    for match in ({**known, **wanted}, {**known, "none_of": [wanted]}):
        assert matches([signature(match=match)]) == ()
    # what fails for another reason is no match, read or not
    other = {**known, "none_of": [{**wanted, "log": ["no such line"]}]}
    assert matches([signature(match=other)], log=log("a line"))


def test_evidence_quotes_the_lines() -> None:
    (match,) = matches(
        [signature(match={"classes": ["null_pointer"], "stack": ["c", "a"], "log": ["^second"]})],
        panic_stack=BT,
        log=log("first", "second line"),
    )
    assert [(e.command, e.line) for e in match.evidence] == [
        ("sys", 13), ("bt", 4), ("bt", 7), ("log", 2),
    ]  # fmt: skip
    assert match.evidence[-1].text == "second line"


def test_unreliable_frames_and_bogus_registers_prove_nothing() -> None:
    doubtful = stack("panic", "wanted", exception="wanted")
    (trace,) = doubtful.backtraces
    frames = (trace.frames[0], trace.frames[1].model_copy(update={"reliable": False}))
    blocks = (trace.exceptions[0].model_copy(update={"bogus": True}),)
    doubtful = Backtraces(
        backtraces=(trace.model_copy(update={"frames": frames, "exceptions": blocks}),)
    )
    for condition in ({"stack": ["wanted"]}, {"exception": ["wanted"]}):
        assert matches([signature(match=condition)], panic_stack=doubtful) == ()


def test_without_bt_the_trace_in_the_log_is_read() -> None:
    trace = log(
        "BUG: kernel NULL pointer dereference, address: 0000000000000020",
        "RIP: 0010:inner+0x15/0x30 [vendor]",
        " [<ffffffff810b4d72>] ? doubtful+0xd2/0x260",
        " <IRQ>  [<ffffffff810d17c4>] middle.isra.2+0x54/0x1b0",
        " outer+0x1/0x2",
        "---[ end trace 0000000000000000 ]---",
        " later+0x1/0x2",
    )
    wanted = {"stack": ["inner", "middle", "outer"]}
    assert matches([signature(match=wanted)], log=trace)
    for name in ("doubtful", "later"):
        assert not matches([signature(match={"stack": [name]})], log=trace)
    assert matches([signature(match={"exception": ["inner"]})], log=trace)


FIX = [{"line": "el7", "fixed": "3.10.0-514.el7", "source": "s"}]


@pytest.mark.parametrize(
    ("release", "status", "generic", "kernel", "confidence", "says"),
    [
        (RELEASE, "stable", False, "affected", "high", "is older than 3.10.0-514.el7"),
        ("3.10.0-514.el7.x86_64", "stable", False, "fixed", "low", "or a regression"),
        ("5.4.0-42-generic", "stable", False, "unknown", "medium", "nothing is recorded"),
        (RELEASE, "draft", False, "affected", "low", "is older than"),
        (RELEASE, "stable", True, "affected", "medium", "a class of crash"),
    ],
)
def test_confidence_hangs_on_the_kernel(
    release: str, status: str, generic: bool, kernel: str, confidence: str, says: str
) -> None:
    (match,) = matches([signature(status=status, generic=generic, kernels=FIX)], release=release)
    assert (match.kernel, match.confidence) == (kernel, confidence)
    assert says in match.kernel_reason


def test_best_comes_first() -> None:
    more = {"classes": ["null_pointer"], "panic": ["Oops"]}
    order = [
        signature("affected-more", more, kernels=FIX),
        signature("affected", kernels=FIX),
        signature("unknown"),
        signature("fixed", kernels=[{**FIX[0], "fixed": "3.10.0-123.el7"}]),
        signature("draft", more, status="draft", kernels=FIX),
        signature("generic", more, generic=True),
    ]
    assert [m.id for m in matches(order[::-1])] == [each.id for each in order]
    assert matches([signature(status="retired")]) == ()


@pytest.mark.parametrize(
    ("release", "status", "expected"),
    [
        (RELEASE, "stable", ["special"]),
        (
            "3.10.0-514.el7.x86_64",
            "stable",
            ["special", "general"],
        ),  # explains nothing, hides nothing
        (RELEASE, "draft", ["special", "general"]),
    ],
)
def test_the_special_hides_the_general_unless_the_kernel_is_fixed(
    release: str, status: str, expected: list[str]
) -> None:
    both = [
        signature("general", generic=True),
        signature("special", status=status, kernels=FIX, supersedes=["general"]),
    ]
    assert [m.id for m in matches(both, release=release)] == expected


@given(st.lists(st.text(), max_size=6), st.text())
def test_no_text_of_a_broken_dump_raises(lines: list[str], panic: str) -> None:
    broken = [*lines, "\udcff half a character", "\x00"]
    match = {
        "any_of": [{"panic": ["."], "log": [r"[^a]+b", "q"]}, {"stack": ["a"]}, {"log": ["."]}]
    }
    matches([signature(match=match)], panic=panic + "\ud800", log=log(*broken))
