"""The lab itself, as far as it can be tested without starting a guest."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures import lab
from fixtures.lab import catalog, dumps, initramfs
from fixtures.lab.errors import Accident, LabError

README = Path(lab.__file__).with_name("README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("accidents", "made"), [(0, 1), (2, 3)])
def test_a_guest_lost_to_an_accident_is_started_again(accidents: int, made: int) -> None:
    tries: list[int] = []

    def make() -> None:
        tries.append(len(tries))
        if len(tries) <= accidents:
            raise Accident("the guest died before its scene was set")

    dumps.insist(make, "null")
    assert len(tries) == made


def test_a_guest_that_never_lives_is_an_error() -> None:
    def make() -> None:
        raise Accident("the guest was not done in 150 s")

    with pytest.raises(Accident, match="not done"):
        dumps.insist(make, "null")


def test_names_are_unique_and_found() -> None:
    names = [scenario.name for scenario in catalog.ALL]
    assert len(set(names)) == len(names)
    assert catalog.find("cfs_decoys") in lab.DECOYS
    with pytest.raises(LabError, match=r"there are: cfs_lockup, .*oom_shmem"):
        catalog.find("nonsense")


def test_a_scene_is_a_file_of_its_own_and_the_usual_one_is_none() -> None:
    assert set(dumps.scripts(catalog.find("null"))) == {"trigger"}
    scripts = dumps.scripts(catalog.find("spin_owner"), setup="say first\n")
    assert set(scripts) == {"scene", "trigger"}
    assert b"spin_wait" in scripts["scene"].data
    assert scripts["trigger"].data.startswith(b"say first\ncontainer ")


def test_a_dump_is_made_anew_when_its_scene_changes(tmp_path: Path) -> None:
    guest, scenario = initramfs.Guest(tmp_path), catalog.find("cfs_decoys")
    assert dumps.stamp(scenario, guest) == dumps.stamp(replace(scenario), guest)
    assert dumps.stamp(scenario, guest) != dumps.stamp(replace(scenario, scene="true"), guest)


@pytest.mark.parametrize("decoy", lab.DECOYS, ids=lambda decoy: decoy.name)
def test_a_decoy_is_told_and_nobody_is_guilty_and_innocent(decoy: lab.Scenario) -> None:
    expected = decoy.expected
    assert f"`{decoy.name}`" in README
    assert decoy.scene
    assert not {expected.culprit, *expected.owners} & set(expected.innocent)
    for task in filter(None, (expected.panic_task, *expected.owners)):
        assert re.search(rf"\b{task}\b", decoy.scene + decoy.guest)


def test_every_way_a_scenario_uses_is_one_of_crashlab() -> None:
    source = (initramfs.SOURCES / "crashlab.c").read_text(encoding="utf-8")
    ways = set(re.findall(r'^\t{ "(\w+)", crashlab_', source, re.MULTILINE))
    for scenario in catalog.ALL:
        shell = f"{scenario.scene}\n{scenario.guest}"
        used = re.findall(r"(?:^|[;\n]\s*)crashlab (\w+)|/debug/crashlab (\w+)", shell)
        assert {a or b for a, b in used} <= ways
