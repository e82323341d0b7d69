"""Details of reports: OOM, leaks, machine checks, faults; goldens, and lines of any kind."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import Golden
from vmtriage.analysis.incidents import find
from vmtriage.analysis.klog import details, fault, leaks, mce, mce_codes, oom, poison
from vmtriage.analysis.klog.oom_says import size
from vmtriage.models.finding import CrashClass, Incident
from vmtriage.models.report import ReportIncident
from vmtriage.parsers import klog_line, log
from vmtriage.parsers.klog_line import Line

FIXTURES = Path("fixtures/klog-details")
SAMPLES = sorted(FIXTURES.glob("*/*.log"))
LAB_OOM = Path("fixtures/captures/lab-6.1-oom-memcg/log.txt")


def lines_of(text: str) -> list[Line]:
    return [klog_line.read(number, raw) for number, raw in enumerate(text.split("\n"), 1)]


def _leaks(lines: Sequence[Line]) -> dict[str, Any]:
    groups = leaks.LeakGroups()
    groups.add(lines)
    first = leaks.read(lines)
    return {
        "first": first and first.model_dump(mode="json"),
        "objects": groups.objects,
        "size": groups.size,
        "left_out": groups.left_out,
        "groups": [each.model_dump(mode="json") for each in groups.groups()],
    }


READERS: dict[str, Callable[[Sequence[Line]], Any]] = {
    "oom": oom.read, "mce": mce.read, "fault": fault.read, "leak": _leaks
}  # fmt: skip


def _json(found: Any) -> str:
    plain = found if isinstance(found, dict) else found.model_dump(mode="json")
    return json.dumps(plain, indent=1, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_a_sample_gives_the_reviewed_details(sample: Path, golden: Golden) -> None:
    found = READERS[sample.parent.name](lines_of(sample.read_text(encoding="utf-8")))
    golden(sample.with_suffix(".json"), _json(found))


def test_the_lab_oom_through_the_whole_scan(golden: Golden) -> None:
    incidents = find(log.parse(LAB_OOM.read_text(encoding="utf-8")))
    told = [each.oom for each in incidents if each.oom]
    assert len(told) == 1  # the panic over it shows a stack of the OOM killer, and no second round
    assert told[0].memcg
    assert told[0].memcg.container
    assert told[0].memcg.container.application == "application_1512098667219_988894"
    golden(FIXTURES / "oom" / "lab-6.1-oom-memcg.json", _json(told[0]))


def test_no_golden_is_left_without_its_sample() -> None:
    made = {p.with_suffix(".json") for p in SAMPLES} | {FIXTURES / "oom/lab-6.1-oom-memcg.json"}
    assert made == set(FIXTURES.glob("*/*.json"))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_only_the_class_of_a_report_costs_anything(sample: Path) -> None:
    lines = lines_of(sample.read_text(encoding="utf-8"))
    assert details.of(CrashClass.HUNG_TASK, lines) == {}
    for crash_class in CrashClass:
        assert len(details.of(crash_class, lines)) <= 1


def test_the_contract_carries_the_details() -> None:
    incident = find(log.parse(LAB_OOM.read_text(encoding="utf-8")))
    killed = next(each for each in incident if each.oom)
    told = ReportIncident.of(killed)
    assert told.oom == killed.oom
    assert ReportIncident.model_validate_json(told.model_dump_json()) == told
    assert Incident.model_validate_json(killed.model_dump_json()) == killed


KERNEL_WORDS = st.sampled_from(
    sorted({word for p in SAMPLES for word in p.read_text(encoding="utf-8").split()})
)
TEXTS = st.one_of(
    st.text(max_size=200),
    st.lists(KERNEL_WORDS, max_size=12).map(" ".join),
    st.lists(KERNEL_WORDS, max_size=4).map(lambda words: "  " + " ".join(words) + "9" * 30),
    st.sampled_from([line for p in SAMPLES for line in p.read_text(encoding="utf-8").split("\n")]),
)


@given(st.lists(TEXTS, max_size=30))
def test_any_lines_never_raise(texts: list[str]) -> None:
    lines = [Line(number, text) for number, text in enumerate(texts, 1)]
    for read in READERS.values():
        read(lines)


@given(st.data())
def test_a_cut_report_never_raises(data: st.DataObject) -> None:
    lines = lines_of(data.draw(st.sampled_from(SAMPLES)).read_text(encoding="utf-8"))
    start = data.draw(st.integers(0, len(lines)))
    end = data.draw(st.integers(start, len(lines)))
    for read in READERS.values():
        read(lines[start:end])


@pytest.mark.parametrize("word", ["T ", "a:1 ", "- ", "1*4kB ", "a(", "(x) ", ", for at "])
def test_a_hostile_line_takes_no_time(word: str) -> None:
    begins = (
        "x invoked oom-killer: gfp_mask=0x1", "Killed process 1 (", "Tainted: ", "EDAC MC0: 1 CE ",
        "Node 0 DMA: 1*4kB ", "page fault", "Memory cgroup stats for /", "unable to handle ",
    )  # fmt: skip
    lines = [Line(n, (begin + word * 40_000)) for n, begin in enumerate(begins, 1)]
    for read in READERS.values():
        read(lines)  # pytest's timeout is the test


# --- OOM


def test_a_thread_of_the_victim_is_not_called_innocent() -> None:
    """Only processes are in the table; who is not may be one of the victim's threads."""
    text = (FIXTURES / "oom/el7-memcg-docker.log").read_text(encoding="utf-8")
    told = oom.read(lines_of(text))
    assert told
    assert told.invoker
    assert told.victim
    assert told.invoker.pid != told.victim.pid
    assert "only asked" not in told.conclusion


def test_the_page_size_is_never_guessed() -> None:
    table = "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name\n"
    row = "[    700]     0   700     2000     1000    45056        0             0 demo\n"
    head = "demo invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0\n"
    told = oom.read(lines_of(head + table + row))
    assert told
    assert told.page_size is None
    assert told.tasks[0].rss_pages == 1000
    assert told.tasks[0].rss is None
    killed = "Out of memory: Killed process 700 (demo) total-vm:128000kB, anon-rss:60000kB"
    told = oom.read(lines_of(head + table + row + killed))
    assert told
    assert told.page_size == 65536
    assert told.tasks[0].rss == 1000 * 65536


def test_a_second_round_stays_out() -> None:
    first = (FIXTURES / "oom/v5.10-cpuset.log").read_text(encoding="utf-8")
    second = (FIXTURES / "oom/v6.1-by-hand.log").read_text(encoding="utf-8")
    assert oom.read(lines_of(first + second)) == oom.read(lines_of(first))


@pytest.mark.parametrize(
    ("text", "pid", "comm", "uid"),
    [
        ("Out of memory: kill process 9 (a b) score 1 or a child", 9, "a b", None),
        ("Killed process 9 (x) vsz:4kB, anon-rss:4kB, file-rss:0kB", 9, "x", None),
        ("Killed process 9, UID 48, (httpd) total-vm:4kB, anon-rss:4kB", 9, "httpd", 48),
        ("Killed process 9 (httpd), UID 48, total-vm:4kB, anon-rss:4kB", 9, "httpd", 48),
        ("Out of memory (oom_kill_x): Killed process 9 (x) total-vm:4kB, UID:7", 9, "x", 7),
        ("Memory cgroup out of memory: Killed process 9 (a) b) total-vm:4kB, UID:0", 9, "a) b", 0),
    ],
)  # fmt: skip
def test_victims_of_every_kernel(text: str, pid: int, comm: str, uid: int | None) -> None:
    told = oom.read(lines_of(text))
    assert told
    assert told.victim
    assert (told.victim.pid, told.victim.comm, told.victim.uid) == (pid, comm, uid)


def test_the_child_that_was_sacrificed_is_the_victim() -> None:
    told = oom.read(
        lines_of(
            "Out of memory: Kill process 10 (parent) score 500 or sacrifice child\n"
            "Killed process 11 (child) total-vm:100kB, anon-rss:8kB, file-rss:0kB"
        )
    )
    assert told
    assert told.victim
    assert told.victim.pid == 11


def test_sizes_are_for_people() -> None:
    assert [size(n) for n in (0, 1023, 1024, 1 << 30, 1 << 52)] == [
        "0 bytes", "1023 bytes", "1.0 KiB", "1.0 GiB", "4096.0 TiB"
    ]  # fmt: skip


# --- leaks


def _object(stack: int, address: int = 1) -> list[Line]:
    text = (
        f"unreferenced object 0x{address:x} (size 32):\n"
        '  comm "x", pid 1, jiffies 1 (age 1.000s)\n'
        f"  backtrace:\n    [<ffffffff81000000>] f{stack}+0x10/0x20\n"
    )
    return lines_of(text)


def test_groups_are_bounded_and_say_so() -> None:
    groups = leaks.LeakGroups()
    for stack in range(1003):
        groups.add(_object(stack))
    groups.add(_object(5))
    assert len(groups.groups()) == 1000
    assert groups.left_out == 3
    assert groups.objects == 1004
    assert groups.size == 1004 * 32
    assert groups.groups()[0].objects == 2


def test_groups_do_not_care_how_the_log_was_cut_into_reports() -> None:
    text = (FIXTURES / "leak/debugfs-file.log").read_text(encoding="utf-8")
    whole, parts = leaks.LeakGroups(), leaks.LeakGroups()
    lines = lines_of(text)
    whole.add(lines)
    starts = [i for i, line in enumerate(lines) if line.text.startswith("unref")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        parts.add(lines[start:end])
    assert whole.groups() == parts.groups()


# --- machine checks: examples of the manuals

BUS = "bus or interconnect error"


@pytest.mark.parametrize(
    ("status", "vendor", "words"),
    [
        (0x0000, "intel", "no error"),
        (0x0005, "intel", "internal parity error"),
        (0x0400, "intel", "internal timer error (three-strike timeout)"),
        (0x0E0B, "intel", "I/O error"),
        (0x000E, "intel", "cache hierarchy error: level 2"),
        (0x0010, "intel", "TLB error: instruction, level 0"),
        (0x0091, "intel", "memory controller error: read, channel 1"),
        (0x00CF, "intel", "memory controller error: scrub, channel not given"),
        (0x0134, "intel", "cache error: data, data read, level 0"),
        (0x1152, "intel", "cache error: instruction, instruction fetch, level 2"),
        (0x0290, "intel", "extended memory (cache) error: read, channel 0"),
        (0x080B, "intel", f"{BUS}: I/O, any request, this processor asked, any level"),
        (0x011B, "amd", "memory or cache error: generic, read, any level"),
        (0x0863, "amd", f"{BUS}: memory, prefetch, this processor asked, any level"),
        (0x2000, "intel", None),
    ],
)  # fmt: skip
def test_error_codes(status: int, vendor: str, words: str | None) -> None:
    assert mce_codes.error(0x8C00_0000_0000_0000 | status, vendor) == words


def test_intels_flags_are_not_told_of_amd() -> None:
    status = 0xBD80_0000_0010_0134
    assert mce_codes.flags(status, "intel") == ("VAL", "UC", "EN", "MISCV", "ADDRV", "S", "AR")
    assert mce_codes.flags(status, None) == ("VAL", "UC", "EN", "MISCV", "ADDRV")
    assert "TCC" in mce_codes.flags(status, "amd")


# --- faults


@pytest.mark.parametrize(
    ("value", "bits", "name", "offset"),
    [
        (0, 64, "NULL", 0),
        (0x78, 64, "NULL", 0x78),
        (0xDEAD000000000100, 64, "LIST_POISON1", 0),
        (0xDEAD000000000108, 64, "LIST_POISON1", 8),
        (0xDEAD00000000012A, 64, "LIST_POISON2", 8),
        (0xDEAD000000000200, 64, "LIST_POISON2", 0),
        (0xDEAD000000100100, 64, "LIST_POISON1", 0),
        (0x5DEADBEEF0000122, 64, "LIST_POISON2", 0),
        (0x00200200, 32, "LIST_POISON2", 0),
        (0x6B6B6B6B6B6B6B9B, 64, "POISON_FREE", 0x30),
        (0x000000006B6B6B6B, 64, "POISON_FREE", 0),
        (0x6B6B6B6B, 32, "POISON_FREE", 0),
        (0x5A5A5A5A5A5A5A5A, 64, "POISON_INUSE", 0),
        (0xFFFFFFFFFFFFFFEA, 64, "ERR_PTR(-EINVAL)", 0),
        (0xFFFFFFF4, 32, "ERR_PTR(-ENOMEM)", 0),
        (0xDFFFFC0000000003, 64, "KASAN_SHADOW_OFFSET", 3),
    ],
)
def test_what_an_address_tells(value: int, bits: int, name: str, offset: int) -> None:
    sense = poison.pointer(value, bits)
    assert sense
    assert (sense.name, sense.offset) == (name, offset)


@pytest.mark.parametrize("value", [0xFFFF888100000000, 0xFFFFBD2A81234000, 0x7F1234567890, 0x2000])
def test_a_common_address_tells_nothing(value: int) -> None:
    assert poison.pointer(value, 64) is None
