"""A site's own regexes: lines nobody else knows are told by `vmtriage log` and `listen`."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from vmtriage.analysis.klog.watch import Watch
from vmtriage.analysis.signatures import load
from vmtriage.cli import main
from vmtriage.fleet.listen.interest import searcher

PACK = """\
id: acme-disk
title: an Acme disk is angry
status: draft
crash_class: io_error
subsystem: site
what: the firmware says so
recognised_by: its own message
usually_caused_by: heat
match:
  log: ['^acme\\d+: disk (?:sd\\w+|nvme\\d) is angry']
do_now: cool it
do_for_good: replace it
refuted_by: another disk
"""
LINE = "acme3: disk sda is angry (7)"
ORDINARY = "[    1.000000] usb 1-1: new high-speed USB device number 2 using xhci_hcd\n"


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    folder = tmp_path / "pack" / "site" / "acme-disk"
    folder.mkdir(parents=True)
    (folder / "signature.yaml").write_text(PACK, encoding="utf-8")
    return tmp_path / "pack"


def told(text: str, *words: str, folder: Path) -> Any:
    path = folder / "kern.log"
    path.write_text(text, encoding="utf-8")
    done = CliRunner().invoke(main, ["log", str(path), "--format", "json", *words])
    assert done.exit_code == 0, done.output
    report: Any = json.loads(done.stdout)
    return report


@pytest.mark.parametrize("before", ["[  100.000000] ", "Nov 12 15:06:31 db1 kernel: ", "<3>"])
def test_a_pack_finds_its_line_behind_any_prefix(before: str, pack: Path, tmp_path: Path) -> None:
    text = ORDINARY * 50 + f"{before}{LINE}\n" + ORDINARY * 50
    report = told(text, "--pack", str(pack), folder=tmp_path)
    (only,) = report["incidents"]
    assert (only["class"], only["first_line"]) == ("io_error", 51)
    assert only["signatures"] == ["acme-disk"]
    assert report["primary"] == only
    assert told(text, folder=tmp_path)["incidents"] == []


def test_an_anchor_is_the_begin_of_the_kernels_text(pack: Path, tmp_path: Path) -> None:
    text = ORDINARY + f"[  100.000000] said by {LINE}\n"
    assert told(text, "--pack", str(pack), folder=tmp_path)["incidents"] == []


def test_a_form_of_ours_claims_its_line_first(pack: Path, tmp_path: Path) -> None:
    path = pack / "site" / "acme-disk" / "signature.yaml"
    path.write_text(
        PACK.replace("^acme\\d+: disk (?:sd\\w+|nvme\\d) is angry", "I/O error"), "utf-8"
    )
    text = "[  100.000000] Buffer I/O error on dev sda1, logical block 7, async page write\n"
    (only,) = told(text, "--pack", str(pack), folder=tmp_path)["incidents"]
    assert only["format"] == "block-io"
    assert "acme-disk" in str(only["signatures"])


def test_two_messages_of_one_class_have_two_fingerprints(pack: Path, tmp_path: Path) -> None:
    text = f"[  100.000000] {LINE}\n[  101.000000] Read-error on swap-device (8:0:330471000)\n"
    one, other = told(text, "--pack", str(pack), folder=tmp_path)["incidents"]
    assert one["class"] == other["class"] == "io_error"
    assert one["fingerprint"] != other["fingerprint"]


def test_the_listener_opens_a_window_for_it(pack: Path) -> None:
    patterns = Watch(load(pack)).patterns
    assert searcher(patterns)(f"<3>[  100.000000] {LINE}\n".encode())
    assert not searcher()(f"<3>[  100.000000] {LINE}\n".encode())
