"""Who is named and how surely: own samples with goldens, and what must hold for every rule."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import Golden
from vmtriage.analysis.classify import classify
from vmtriage.analysis.culprit import candidates, settled
from vmtriage.analysis.function import guilty_function
from vmtriage.analysis.incidents import find
from vmtriage.analysis.suspects.case import Case
from vmtriage.analysis.trigger import find as find_trigger
from vmtriage.cli import main
from vmtriage.models.evidence import Facts
from vmtriage.models.klog import KernelLog
from vmtriage.models.memory import MemoryInfo, MemoryRow, SlabCache, SlabCaches, VmCounter, VmStat
from vmtriage.models.module import ModuleTaint, ModuleTaints
from vmtriage.models.report import CLOSE, HIGH, MEDIUM, Culprit
from vmtriage.models.task import Task, Tasks
from vmtriage.models.trigger import Trigger
from vmtriage.parsers import log

SAMPLES = sorted(Path("fixtures/suspects").glob("*.log"))
OTHERS = sorted(Path("fixtures/klog-details").glob("*/*.log"))


def case_of(text: str, **more: Any) -> Case:
    facts = Facts(log=log.parse(text), **more)
    assert facts.log is not None
    incidents = find(facts.log)
    classification = classify(facts, incidents)
    return Case(
        facts=facts, classification=classification, throttled=None, panic_task=None, stack=None,
        function=guilty_function(facts, classification, incidents), incidents=incidents,
    )  # fmt: skip


def told(name: str) -> tuple[Case, tuple[Culprit, ...], Trigger | None]:
    case = case_of(Path("fixtures/suspects", f"{name}.log").read_text(encoding="utf-8"))
    return case, candidates(case), find_trigger(case.facts, case.incidents, None, None)


def essence(case: Case, suspects: Sequence[Culprit], trigger: Trigger | None) -> dict[str, Any]:
    return {
        "class": case.classification.crash_class.value,
        "function": case.function.name if case.function else None,
        "trigger": trigger and {
            "kind": trigger.kind, "asked_by": trigger.asked_by, "setting": trigger.setting,
            "says": trigger.says, "lines": [e.line for e in trigger.evidence],
        },
        "suspects": [
            {
                "kind": each.kind, "name": each.name, "score": each.score, "pid": each.pid,
                "contested": each.contested, "container_id": each.container_id,
                "reason": each.reason, "refuted_by": each.refuted_by,
                "evidence": [f"{e.command} {e.line}: {e.says}" for e in each.evidence],
            }
            for each in suspects
        ],
    }  # fmt: skip


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_names_whom_it_should(sample: Path, golden: Golden) -> None:
    got = json.dumps(essence(*told(sample.stem)), indent=1, ensure_ascii=False) + "\n"
    golden(sample.with_suffix(".json"), got)


@pytest.mark.parametrize(
    ("sample", "kind", "name", "words", "word"),
    [
        ("oom-one-process", "process", "cruncher (pid 5100)", "85% of what could", "high"),
        ("oom-fork-storm", "process", "40 tasks php-fpm", "together held", "high"),
        ("oom-tmpfs", "kernel", "shared memory and tmpfs", "they stay when tasks die", "medium"),
        ("oom-slab-beside-a-hungry-process", "kernel", "slab cache widget_request",
         "no process is to blame", "medium"),
        ("oom-hugepages", "kernel", "huge pages set aside", "vm.nr_hugepages", "medium"),
        ("oom-page-tables", "kernel", "page tables", "", "medium"),
        ("oom-nobodys-pages", "kernel", "pages that no counter shows", "balloon", "low"),
        ("oom-nothing-holds-a-third", "process", "worker0 (pid 7000)", "a third", "low"),
        ("oom-memcg-child", "container", "58dc1221-d430-496e-951d-e8cb23caaead",
         "its memory limit: 1.0 GiB used", "high"),
        ("sysrq-by-task", "process", "bash (pid 1877)", "", "high"),
        ("sysrq-by-serial-line", "device", "serial console", "interrupted", "high"),
        ("nmi-system-error", "hardware", "PCI bus or memory (SERR)", "BMC", "medium"),
        ("nmi-io-check", "hardware", "I/O check (IOCK)", "BMC", "medium"),
        ("nmi-unknown", "hardware", "whoever sent the NMI", "hypervisor", "low"),
        ("mce-fatal-with-dimm", "hardware", "DIMM CPU_SrcID#1_MC#0_Chan#0_DIMM#1",
         "channel 0", "high"),
        ("mce-fatal-without-a-place", "hardware", "a part that the log does not name", "",
         "medium"),
        ("pcie-fatal", "device", "PCI device 0000:3b:00.0", "uncorrected", "high"),
        ("damage-one-foreign-module", "module", "widget", "is not known", "low"),
        ("damage-two-foreign-modules", "kernel", "unknown code that damaged memory",
         "widget, gadget", "low"),
        ("list-corruption-in-core", "kernel", "unknown code that damaged memory", "only met it",
         "low"),
        ("use-after-free-in-a-module", "module", "widget", "use after free", "medium"),
        ("disk-errors", "device", "sdc", "3 error", "medium"),
        ("ext4-errors-panic", "device", "sdb", "3 error", "medium"),
        ("disk-errors-of-two", "device", "sdc", "something they share", "low"),
        ("kmemleak-many-of-one-module", "module", "ringdrv", "12 objects", "high"),
    ],
)  # fmt: skip
def test_the_first_suspect(sample: str, kind: str, name: str, words: str, word: str) -> None:
    first = told(sample)[1][0]
    assert (first.kind, first.name, first.confidence) == (kind, name, word)
    assert words in first.reason


@pytest.mark.parametrize("sample", [s.stem for s in SAMPLES if s.stem.startswith("oom")])
def test_neither_who_asked_for_memory_nor_the_victim_as_such_is_blamed(sample: str) -> None:
    for each in told(sample)[1]:
        assert "java" not in each.name  # the invoker, small in every sample
        if each.pid == 5100 and sample not in ("oom-one-process", "oom-one-process-in-docker"):
            assert each.score < MEDIUM  # killed for being the biggest task, and yet not big


def test_the_container_of_a_big_task_is_told_where_the_log_shows_it() -> None:
    first = told("oom-one-process-in-docker")[1][0]
    assert (first.kind, first.pid, first.runtime) == ("process", 5100, "docker")
    assert first.container_id is not None
    assert first.container_id.startswith("0c8f7d1e5a3b")


def test_the_group_below_that_holds_the_memory_is_in_the_evidence() -> None:
    first = told("oom-memcg-child")[1][0]
    assert any("cri-containerd-0c8f7d1e5a3b" in item.says for item in first.evidence)
    assert first.pid == 3377


def test_the_sentence_names_a_device_as_one_says_it() -> None:
    sample = "fixtures/suspects/pcie-fatal.log"
    done = CliRunner().invoke(main, ["analyze", sample, "--format", "json"])
    summary = json.loads(done.stdout)["verdict"]["summary"]
    assert summary.endswith("Culprit: PCI device 0000:3b:00.0.")


def test_a_module_that_bears_the_caches_name_is_named_for_it() -> None:
    text = Path("fixtures/suspects/oom-slab-beside-a-hungry-process.log").read_text()
    modules = ModuleTaints(modules=(ModuleTaint(name="widget", taints="OE", line=2),))
    first = candidates(case_of(text, modules=modules))[0]
    assert (first.kind, first.name, first.confidence) == ("module", "widget", "high")
    assert [e.command for e in first.evidence].count("mod -t") == 1


def test_no_hardware_error_blames_code() -> None:
    for name in ("nmi-system-error", "nmi-io-check", "mce-fatal-with-dimm", "pcie-fatal"):
        case, suspects, _ = told(name)
        assert case.function is None
        assert {each.kind for each in suspects} <= {"hardware", "device"}


def test_whoever_panics_on_request_broke_nothing() -> None:
    assert told("watchdog-softdog")[1] == ()
    assert all(each.kind != "module" for each in told("ext4-errors-panic")[1])


def test_corrected_errors_are_a_lead_only_where_bad_memory_explains_the_crash() -> None:
    kinds = {each.kind: each.confidence for each in told("damage-after-memory-errors")[1]}
    assert kinds["hardware"] == "low"
    assert all(each.kind != "hardware" for each in told("lockup-after-memory-errors")[1])


_RAM = 8 << 30
_ROW = MemoryRow(label="TOTAL MEM", pages=_RAM // 4096, size=_RAM, line=2)


def leak_case(cache: str, slabs: int, *modules: str) -> Case:
    hungry = Task(
        pid=77, ppid=1, cpu=0, task="ffff888100000000", state="RU", mem_percent=45.0,
        vsz=5 << 30, rss=4 << 30, comm="hungry", line=2,
    )  # fmt: skip
    row = SlabCache(
        cache="ffff888100000001", name=cache, objsize=512, allocated=slabs * 8, total=slabs * 8,
        slabs=slabs, slab_size=4096, line=3,
    )  # fmt: skip
    taints = (ModuleTaint(name=name, taints="OE", line=n) for n, name in enumerate(modules, 2))
    text = Path("fixtures/suspects/sysrq-by-task.log").read_text(encoding="utf-8")
    return case_of(
        text, memory=MemoryInfo(total=_RAM, rows=(_ROW,)), slabs=SlabCaches(caches=(row,)),
        tasks=Tasks(tasks=(hungry,)), modules=ModuleTaints(modules=tuple(taints)),
    )  # fmt: skip


def test_a_hungry_process_never_wins_over_the_slab() -> None:
    suspects = candidates(leak_case("kmalloc-512", 700_000))
    assert [(each.kind, each.name) for each in suspects] == [("kernel", "slab cache kmalloc-512")]
    assert suspects[0].score < HIGH


@pytest.mark.parametrize(
    ("cache", "modules", "name"),
    [
        ("widget_request", ("widget",), "widget"),
        ("widget_request", ("wid", "widget"), "widget"),
        ("widgets", ("widget",), "slab cache widgets"),
        ("kmalloc-512", ("widget",), "slab cache kmalloc-512"),
    ],
)
def test_a_cache_belongs_to_the_module_whose_whole_name_it_bears(
    cache: str, modules: tuple[str, ...], name: str
) -> None:
    assert candidates(leak_case(cache, 700_000, *modules))[0].name == name


def test_page_tables_that_ran_away_are_told() -> None:
    counter = VmCounter(section="VM_NODE_STAT", name="NR_PAGETABLE", value=900_000, line=9)
    case = case_of(
        Path("fixtures/suspects/sysrq-by-task.log").read_text(encoding="utf-8"),
        memory=MemoryInfo(total=_RAM, rows=(_ROW,)), vm_stat=VmStat(counters=(counter,)),
    )  # fmt: skip
    (suspect,) = candidates(case)
    assert (suspect.kind, suspect.name, suspect.confidence) == ("kernel", "page tables", "low")


def culprits() -> st.SearchStrategy[Culprit]:
    return st.builds(
        Culprit, kind=st.sampled_from(["process", "module", "kernel"]), name=st.text(max_size=3),
        score=st.floats(0, 1).map(lambda score: round(score, 2)), reason=st.just("why"),
    )  # fmt: skip


@given(st.lists(culprits(), max_size=6))
def test_whoever_is_close_makes_the_first_contested(found: list[Culprit]) -> None:
    ranked = settled(found)
    assert len(ranked) == len(found)
    if not ranked:
        return
    best = max(each.score for each in found)
    close = sum(round(best - each.score, 2) < CLOSE for each in found) > 1
    assert ranked[0].contested is close
    assert ranked[0].score == (min(best, HIGH - 0.01) if close else best)
    assert all(not each.contested for each in ranked[1:])


ALL = [line for sample in (*SAMPLES, *OTHERS) for line in sample.read_text().split("\n")]


@given(st.lists(st.sampled_from([each for each in ALL if each.strip()]), min_size=1, max_size=60))
def test_every_mixture_of_lines_gives_the_same_sane_suspects_twice(lines: list[str]) -> None:
    case = case_of("\n".join(lines) + "\n")
    suspects = candidates(case)
    assert suspects == candidates(case)
    assert [each.score for each in suspects[1:]] == sorted(
        (each.score for each in suspects[1:]), reverse=True
    )
    assert isinstance(case.facts.log, KernelLog)
    texts = {record.line: record.text for record in case.facts.log.records}
    for each in suspects:
        assert 0 <= each.score <= 1
        assert each.refuted_by
        assert each.reason
        for item in each.evidence:
            assert item.line == 0 or item.text.strip() in texts[item.line]


@pytest.mark.parametrize("sample", [*SAMPLES, *OTHERS], ids=lambda path: path.stem)
def test_a_report_cites_lines_that_exist_and_says_how_to_refute(sample: Path) -> None:
    done = CliRunner().invoke(main, ["analyze", str(sample), "--format", "json"])
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    lines = report["raw"][0]["text"].split("\n")
    found = [each for each in (report["culprit"], *report["candidates"]) if each]
    assert [each["score"] for each in found] == sorted(
        (each["score"] for each in found), reverse=True
    )
    for each in found:
        assert "`" in each["refuted_by"]  # a command to run by hand
        assert each["evidence"]
        for item in each["evidence"]:
            assert item["text"] in lines[item["line"] - 1]
