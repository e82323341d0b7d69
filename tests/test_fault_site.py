"""The instruction at the fault and the memory behind its registers, from recorded sessions."""

from pathlib import Path
from typing import Any

import pytest

from tests.test_captures import report_of
from vmtriage.analysis.suspects.fault import module_of


def _site(name: str) -> dict[str, Any]:
    site: dict[str, Any] = report_of(Path("fixtures/captures") / name)["fault_site"]
    return site


def test_the_address_agrees_with_the_log_and_the_poison_is_told() -> None:
    site = _site("lab-6.1-uaf")
    assert (site["instruction"], site["module"]) == ("movq $0x0,0x8(%rax)", "crashlab")
    assert (site["matches_log"], site["confidence"]) == (True, "high")
    assert site["bad_register"] == "RAX"
    assert site["bad_meaning"].startswith("POISON_FREE")
    assert site["says"][0] == "it writes 8 bytes at RAX+0x8 = 0x6b6b6b6b6b6b6b73"
    assert ["RDX"] in [each["registers"] for each in site["objects"] if not each["allocated"]]


def test_a_double_free_shows_the_free_object() -> None:
    site = _site("lab-6.1-double-free")
    assert (site["trap"], site["operand"], site["bad_register"]) == ("bug", None, None)
    freed = site["objects"][0]
    assert (freed["name"], freed["allocated"], freed["offset"]) == ("kmalloc-512", False, 0)
    assert "a double free looks so" in site["says"][-1]


@pytest.mark.parametrize("name", ["lab-6.1-bug", "lab-6.1-pnt", "debian8-pick-next-task-fair"])
def test_an_older_recording_has_none(name: str) -> None:
    assert _site(name) is None


@pytest.mark.parametrize(
    ("cache", "module"),
    [("nf_conntrack", "nf_conntrack"), ("nf_conntrack_expect", "nf_conntrack"), ("nfs", None),
     ("nfs_inode_cache", "nfs"), ("kmalloc-64", None), ("dm-crypt-bio", "dm_crypt")],
)  # fmt: skip
def test_a_cache_belongs_to_the_module_whose_name_it_has(cache: str, module: str | None) -> None:
    loaded = {"nf_conntrack", "dm_crypt", "dm", "nf"} | ({"nfs"} if cache != "nfs" else set())
    assert module_of(cache, loaded) == module
