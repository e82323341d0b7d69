"""The whole job on real vmcores: a kernel dies in QEMU, the real crash opens its dump.

These run wherever the lab can run; where it cannot they say so, and with VMTRIAGE_LIVE=required
they fail.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from fixtures import lab
from tests.fake_crash import sandboxes
from tests.live import (
    NEW,
    OLD,
    Json,
    analyze,
    analyzed,
    built,
    crash_of,
    names,
    suspects,
    vmtriage,
)
from vmtriage.cli import main
from vmtriage.pipeline import live as live_dumps

pytestmark = pytest.mark.live
CASES = [
    (scenario.name, kernel, cgroup)
    for scenario in lab.SCENARIOS
    for kernel, cgroup in (("6.1", 1), ("6.12", 2))
    if kernel in scenario.kernels and cgroup in scenario.cgroups
    if kernel == "6.1" or scenario.name in ("cfs_lockup", "null", "oom_memcg", "hung", "mce")
] + [("cfs_lockup", "6.1", 2)]


@pytest.mark.parametrize(("name", "kernel", "cgroup"), CASES)
def test_every_scenario_gets_its_class_function_and_culprit(
    name: str, kernel: str, cgroup: int
) -> None:
    dump = built(name, kernel, cgroup)
    report, home = analyzed(name, kernel, cgroup)
    expected = dump.expected
    assert report["verdict"]["class"] == expected.crash_class
    if expected.functions:
        assert report["function"] in expected.functions
    if expected.module:
        blamed = [report["module"], *(c["name"] for c in suspects(report) if c["kind"] == "module")]
        assert expected.module in blamed
    if expected.culprit:
        assert expected.culprit in json.dumps(suspects(report))
    sure = report["culprit"]
    if sure is not None and sure["confidence"] == "high":
        assert [
            part for part in (expected.culprit, expected.module) if part and part in names(sure)
        ]
    assert report["signatures"], "no signature, not even a generic one"
    assert report["dump"]["release"] == dump.release
    assert report["debuginfo"]["build_id_matches"] is True
    assert_the_log_alone_says_the_same(report, home / "session" / "log.txt")


def assert_the_log_alone_says_the_same(report: Json, log: Path) -> None:
    """Class, function and fingerprint; but what memory leaked is in the dump's tables only."""
    done = vmtriage("log", log, "--format", "json")
    assert done.returncode == 0, done.stderr
    primary = json.loads(done.stdout)["primary"]
    if report["verdict"]["class"] == "memory_leak":
        assert primary["class"] == "sysrq"
        return
    assert primary["class"] == report["verdict"]["class"]
    assert primary["fingerprint"]["parts"] == report["fingerprint"]["parts"]
    assert primary["fingerprint"]["exact"] == report["fingerprint"]["exact"]
    assert primary["release"] == report["dump"]["release"]


@pytest.mark.parametrize(
    ("crash", "kernel", "cgroup"),
    [(OLD, "6.1", 1), (NEW, "6.1", 1), (NEW, "6.1", 2), (NEW, "6.12", 2)],
)
def test_the_throttled_yarn_container_is_the_culprit(
    crash: str, kernel: str, cgroup: int, tmp_path: Path
) -> None:
    report = analyze(built("cfs_lockup", kernel, cgroup), crash_of(crash), tmp_path)
    culprit = report["culprit"]
    assert culprit["kind"] == "container"
    assert culprit["runtime"] == "yarn"
    assert culprit["name"] == "container_e06_1512098667219_988894_01_000020"
    assert culprit["application"] == "application_1512098667219_988894"
    assert len(culprit["container_id"]) == 64
    assert culprit["comms"] == ["python"]
    assert culprit["confidence"] == "high"
    (row,) = [t for t in report["throttled"] if t["name"] == culprit["name"]]
    assert culprit["cpus"] == row["cpus"]
    assert len(row["cpus"]) >= 2
    assert row["cpus_seen"] == 4
    assert report["function"] == "unthrottle_cfs_rq"
    known = {s["id"]: s["kernel"] for s in report["signatures"]}
    assert "cfs-bandwidth-lockup" in known
    # Newer kernels may unthrottle a remote CPU by IPI: then the timer's loop is not on the stack.
    if any(f["function"] == "distribute_cfs_runtime" for f in report["backtraces"][0]["frames"]):
        assert known["cfs-bandwidth-distribute-loop"] == "fixed"  # newer than 3.17: it says so


def test_an_old_crash_that_lost_tasks_is_noticed(tmp_path: Path) -> None:
    report = analyze(lab.build("hung"), crash_of(OLD), tmp_path, "--no-slim")
    lost = [p for p in report["problems"] if p["kind"] == "tasks_lost"]
    assert lost
    assert {"tasks", "run_queues", "throttled", "culprit"} <= set(lost[0]["unsafe"])
    markdown = (tmp_path / "report.md").read_text()
    assert "lost every task" in markdown


def test_a_namelist_adapted_for_an_old_crash_brings_its_tasks_back(tmp_path: Path) -> None:
    report = analyze(lab.build("hung"), crash_of(OLD), tmp_path)
    assert [each["name"] for each in report["debuginfo"]["namelist"]["adapted"]] == ["pid-numbers"]
    assert not [p for p in report["problems"] if p["kind"] == "tasks_lost"]
    assert report["system"]["tasks"] > 50
    assert report["waits"]


def test_nothing_but_the_dump_gives_the_same_verdict_as_the_vmlinux(tmp_path: Path) -> None:
    dump, crash = lab.build("cfs_lockup"), crash_of(NEW)
    done = vmtriage("analyze", dump.vmcore, "--crash", crash, "-o", tmp_path / "alone")
    assert done.returncode == 0, done.stderr
    alone = json.loads((tmp_path / "alone" / "report.json").read_text())
    whole = analyze(dump, crash, tmp_path / "whole", "--no-slim")
    assert alone["debuginfo"]["namelist"]["made_from"] == "vmcore"
    assert whole["debuginfo"]["namelist"] is None
    for part in ("verdict", "culprit", "candidates", "function", "throttled", "backtraces", "who",
                 "bandwidth", "memory", "top_slabs", "fingerprint", "problems"):  # fmt: skip
        assert alone[part] == whole[part], part


@pytest.mark.parametrize("name", ["zlib", "elf", "zstd", "flat"])
def test_every_dump_format_gives_the_same_verdict(name: str) -> None:
    dump = lab.build("sysrq")
    path = dump.vmcore.with_name(f"vmcore.{name}")
    if not path.exists():
        pytest.skip(f"no makedumpfile here writes {name}")
    done = vmtriage("analyze", path, "--vmlinux", dump.vmlinux, "--crash", crash_of(NEW),
                    "--format", "json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["verdict"]["class"] == "sysrq"
    form = {"elf": "elf", "flat": "flattened"}.get(name, "kdump")
    assert report["dump"]["format"] == form


def test_a_true_kdump_is_read(tmp_path: Path) -> None:
    dump = lab.build_kdump("sysrq")
    report = analyze(dump, crash_of(NEW), tmp_path)
    assert report["verdict"]["class"] == "sysrq"
    assert report["dump"]["crash_time"]
    assert dump.vmcore.with_name("vmcore-dmesg.txt").exists()


def test_a_recording_replays_to_the_same_report(tmp_path: Path) -> None:
    dump = lab.build("cfs_lockup")
    live = analyze(dump, crash_of(NEW), tmp_path / "live", "--record", tmp_path / "session")
    done = vmtriage("analyze", tmp_path / "session", "-o", tmp_path / "replay")
    assert done.returncode == 0, done.stderr
    replay = json.loads((tmp_path / "replay" / "report.json").read_text())
    for report in (live, replay):
        for varying in ("timing", "created"):
            report.pop(varying)
        for timed in (*report["inquiries"], *report["commands"]):
            timed.pop("seconds")
    assert replay == live


def reads_of(report: Json) -> str:
    (reads,) = (each for each in report["commands"] if each["command"].startswith("rd "))
    return str(reads["reason"])


@pytest.mark.parametrize(
    ("name", "kernel", "cgroup"),
    [("cfs_nested", "6.1", 1), ("hung", "6.12", 2), ("leak_tracked", "6.1", 1)],
)
def test_memory_read_from_the_dump_is_what_crash_reads(
    name: str, kernel: str, cgroup: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dump, crash = built(name, kernel, cgroup), crash_of(NEW)
    ours = analyze(dump, crash, tmp_path / "ours")
    assert ", 0 of them by crash, " in reads_of(ours)
    monkeypatch.setattr(live_dumps, "_READ_DIRECTLY", ())
    words = ["analyze", dump.vmcore, "--vmlinux", dump.vmlinux, "--crash", crash]
    with monkeypatch.context() as patch:
        patch.setattr(signal, "signal", lambda *_: None)
        done = CliRunner().invoke(main, [*map(str, words), "-o", str(tmp_path / "told")])
    assert done.exit_code == 0, done.output
    told = json.loads((tmp_path / "told" / "report.json").read_text())
    assert ", 0 of them by crash, " not in reads_of(told)
    for each in (ours, told):
        for key in ("timing", "created", "commands", "inquiries", "debuginfo", "raw"):
            each.pop(key)
    assert ours == told


@pytest.mark.parametrize("sandbox", sandboxes())
def test_what_lies_beside_a_dump_is_never_run(sandbox: str, tmp_path: Path) -> None:
    """rc files, gdb scripts and extensions in the dump's directory, in HOME and in the cwd."""
    dump = lab.build("sysrq")
    trap = tmp_path / "trapped"
    trap.mkdir()
    shutil.copyfile(dump.vmcore, trap / "vmcore")
    ran = tmp_path / "ran"
    for name in (".crashrc", "crashrc", "crash.rc"):
        (trap / name).write_text(f"!touch {ran}-{name}\n")
    for name in (".gdbinit", "vmcore.gdb", "vmcore-gdb.gdb", "crash-gdb.gdb"):
        (trap / name).write_text(f"shell touch {ran}-{name}\n")
    (trap / "vmcore-gdb.py").write_text(f"open('{ran}-python', 'w')\n")
    extension = f'__attribute__((constructor)) void f(void) {{ system("touch {ran}-so"); }}'
    compiled = subprocess.run(
        ["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", trap / "trap.so"],
        input=f"#include <stdlib.h>\n{extension}", check=False, text=True,
    )  # fmt: skip
    assert compiled.returncode == 0
    shutil.copyfile(trap / "trap.so", trap / "crash.so")
    done = subprocess.run(
        [sys.executable, "-m", "vmtriage", "analyze", "vmcore", "--vmlinux", dump.vmlinux,
         "--crash", crash_of(NEW), "--format", "json"],
        cwd=trap, capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, "HOME": str(trap), "PYTHONPATH": str(Path.cwd()),
             "VMTRIAGE_SANDBOX": sandbox},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.glob("ran*"))
    assert json.loads(done.stdout)["tool"]["sandbox"] == sandbox


def test_a_vmlinux_of_another_kernel_is_refused_by_build_id(tmp_path: Path) -> None:
    dump, other = lab.build("sysrq"), built("null", "6.12", 2)
    done = vmtriage("analyze", dump.vmcore, "--vmlinux", other.vmlinux, "-o", tmp_path / "out")
    assert done.returncode == 66
    assert "the dump needs" in done.stderr
    assert "--allow-mismatch" in done.stderr
    assert not (tmp_path / "out").exists()


def test_no_space_for_the_report_is_said(tmp_path: Path) -> None:
    target = tmp_path / "full"
    target.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", target], check=False,
        capture_output=True,
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip("cannot mount a small tmpfs here")
    try:
        done = vmtriage("analyze", "fixtures/captures/centos7-cfs-lockup", "-o", target / "out")
        assert done.returncode == 75
        assert "No space left" in done.stderr
        assert not [p for p in target.rglob("*") if p.is_file() and p.stat().st_size]
    finally:
        subprocess.run(["umount", target], check=True)


def test_the_session_error_of_a_missing_crash_is_clear() -> None:
    dump = lab.build("sysrq")
    done = vmtriage("analyze", dump.vmcore, "--vmlinux", dump.vmlinux, "--crash", "/nowhere/crash")
    assert done.returncode == 69
    assert "apt install crash" in done.stderr
