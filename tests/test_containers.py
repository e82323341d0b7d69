"""Who owns a cgroup path: one case per row of the table, nesting, and hostile names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmtriage.analysis.containers import GRAMMARS, Grammar, application_of, identify, short_id

ID = "5fa97be56cd60433d6e21586b995303ce3d518afb3b85b64e902818d3a0e2171"
OTHER = "18479a49f76b66461d8fedd17a6eba407f08cc8960bd0246d39df8eb21f20b4f"


@pytest.mark.parametrize("row", GRAMMARS, ids=lambda row: f"{row.runtime}: {row.example[:40]}")
def test_example_of_each_row_is_of_its_runtime(row: Grammar) -> None:
    found = identify(row.example)
    assert found is not None
    assert found.runtime == row.runtime
    assert found.name
    assert row.source.startswith("https://")


def test_yarn_container_with_its_docker_container() -> None:
    found = identify(f"/hadoop-yarn/container_e06_1512098667219_988894_01_000020/{ID}")
    assert found is not None
    assert found.model_dump(exclude_none=True) == {
        "runtime": "yarn",
        "name": "container_e06_1512098667219_988894_01_000020",
        "container_id": ID,
        "application": "application_1512098667219_988894",
        "attempt": "appattempt_1512098667219_988894_000001",
    }


def test_containers_of_one_application_are_recognised() -> None:
    first = identify("/hadoop-yarn/container_e06_1512098667219_988894_01_000020")
    second = identify("/container_1512098667219_988894_02_000003")  # other attempt, leaf name only
    stranger = identify("/hadoop-yarn/container_e06_1512098667219_988895_01_000001")
    assert application_of(first) == application_of(second) is not None
    assert application_of(first) != application_of(stranger)
    assert application_of(identify(f"/docker/{ID}")) is None
    assert application_of(None) is None


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod58dc1221_d430_496e_951d"
            f"_e8cb23caaead.slice/crio-{ID}.scope",
            {"runtime": "crio", "container_id": ID, "qos": "burstable",
             "pod": "58dc1221-d430-496e-951d-e8cb23caaead"},
        ),
        (
            f"/kubepods/podf1c273d3-9b36-11ea-b3df-246e9693c184/{ID}",
            {"runtime": "kubernetes", "container_id": ID, "qos": "guaranteed",
             "pod": "f1c273d3-9b36-11ea-b3df-246e9693c184"},
        ),
        (  # kind: a Kubernetes node in a Docker container
            f"/docker/{OTHER}/kubepods/besteffort/pod62015ce8-a46f-4b0e-a5a1-3082235c62dd/{ID}",
            {"runtime": "kubernetes", "container_id": ID, "qos": "besteffort"},
        ),
        (f"/lxc/c1/docker/{ID}", {"runtime": "docker", "container_id": ID}),
        (f"/docker/{ID}/system.slice/nginx.service", {"runtime": "docker", "container_id": ID}),
        (
            f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope",
            {"runtime": "podman", "owner_hint": "uid 1000"},
        ),
        (
            r"/machine.slice/machine-qemu\x2d1\x2ddebian12\x2d1.scope/libvirt",
            {"runtime": "libvirt", "name": "debian12-1"},
        ),
        (
            "/slurm/uid_1000/job_211/step_batch",
            {"runtime": "slurm", "name": "job 211", "application": "211", "attempt": "batch",
             "owner_hint": "uid 1000"},
        ),
        ("/system.slice/nginx.service", {"runtime": "systemd", "owner_hint": "nginx.service"}),
        (
            "/user.slice/user-1000.slice/session-1.scope",
            {"runtime": "systemd", "owner_hint": "uid 1000, session-1.scope"},
        ),
        (f"/{ID}", {"runtime": "container", "container_id": ID, "name": ID[:12]}),
    ],
)  # fmt: skip
def test_most_specific_owner_wins(path: str, expected: dict[str, str]) -> None:
    found = identify(path)
    assert found is not None
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize("path", ["", "/", "/foo", "/hadoop-yarn", "relative/path", "/docker/abc"])
def test_nobody_is_named_without_a_grammar(path: str) -> None:
    assert identify(path) is None


def test_hostile_escapes_do_not_become_control_characters() -> None:
    found = identify(r"/system.slice/evil\x1b\x5b2J\x2dx.service")
    assert found is not None
    assert found.name == r"evil\x1b[2J-x"


_PARTS = st.sampled_from(
    ["docker", "kubepods", "lxc", ID, "container_1_2_3_4", "x.slice", "a.service", r"\x2d", "..",
     "machine.slice", "machine-", ".scope", "uid_0", "job_1", "snap.", "libpod-", "\x00", "\ud800"]
)  # fmt: skip


@given(st.one_of(st.text(), st.lists(st.one_of(_PARTS, st.text()), max_size=12).map("/".join)))
def test_no_path_raises(path: str) -> None:
    found = identify(path)
    assert found is None or found.runtime


def test_short_id() -> None:
    assert short_id(ID) == "5fa97be56cd6"
    assert short_id("0a1b2c3d-1111-4222-8333-444455556666").count("-") == 4
