"""The knowledge base: it loads, it is linted, every sample is caught by exactly its signature."""

import json
import shutil
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from tests.conftest import Golden
from vmtriage.analysis.knowledge import revision
from vmtriage.analysis.lint import lint
from vmtriage.analysis.samples import check, match_sample
from vmtriage.analysis.schema import schema_text
from vmtriage.analysis.signatures import home, load, samples
from vmtriage.errors import BadSignature

SIGNATURES = load()
HOMES = [path.parent for path in sorted(home().rglob("signature.yaml"))]
HITS = [case for folder in HOMES for case in samples(folder, "hit")]
MISSES = [case for folder in HOMES for case in samples(folder, "miss")]
LOOP = home() / "sched" / "cfs-bandwidth-distribute-loop"


def _name(case: Path) -> str:
    return f"{case.parent.name}/{case.name}"


def test_bundled_signatures_are_free_of_mistakes() -> None:
    assert lint() == []


def test_all_signatures_are_loaded() -> None:
    assert len(load()) >= 20


@pytest.mark.parametrize("case", HITS, ids=_name)
def test_sample_is_caught_by_exactly_its_signature(case: Path) -> None:
    own = next(each for each in SIGNATURES if each.id == case.parent.name)
    found = match_sample(SIGNATURES, case)
    # a draft hides nothing, so the generic class stays beside it
    kept = [match.id for match in found if not (own.status == "draft" and match.generic)]
    assert kept == [own.id]


@pytest.mark.parametrize("case", MISSES, ids=_name)
def test_near_miss_is_not_caught(case: Path) -> None:
    assert case.parent.name not in {match.id for match in match_sample(SIGNATURES, case)}


def test_check_runs_all_of_them() -> None:
    tried = check()
    assert tried.failures == ()
    assert (tried.signatures, tried.hits, tried.misses) == (len(HOMES), len(HITS), len(MISSES))


def test_published_incident_lines_say_all_a_reader_needs() -> None:
    (match,) = match_sample(SIGNATURES, LOOP / "hit-el7-yarn")
    assert (match.kernel, match.fixed_in) == ("affected", "3.10.0-693.11.1.el7")
    assert match.confidence == "high"
    assert "3.10.0-327.28.3.el7 is older than 3.10.0-693.11.1.el7" in match.kernel_reason
    assert [e.text.split()[2] for e in match.evidence if e.command == "bt"] == [
        "unthrottle_cfs_rq",
        "distribute_cfs_runtime",
        "sched_cfs_period_timer",
        "__hrtimer_run_queues",
        "hrtimer_interrupt",
    ]
    lines = (LOOP / "hit-el7-yarn" / "bt.txt").read_text().splitlines()
    for evidence in match.evidence:
        if evidence.command == "bt":
            assert evidence.text in lines[evidence.line - 1]


def test_revision_changes_with_content_and_not_with_order() -> None:
    assert revision(SIGNATURES) == revision(SIGNATURES[::-1])
    assert revision(SIGNATURES) != revision(SIGNATURES[1:])
    assert len(revision(SIGNATURES)) == 12


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(LOOP, tmp_path / "sched" / LOOP.name)
    return tmp_path


def _edit(root: Path, old: str, new: str) -> Path:
    path = root / "sched" / LOOP.name / "signature.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return path


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("upstream:", "up_stream:", "up_stream: there is no such key, did you mean upstream?"),
        ("status: stable", "status: maybe", "status: input should be"),
        ("    - unthrottle_cfs_rq", "    - unthrottle_(cfs_rq", "match.stack.0"),
        ("    - unthrottle_cfs_rq", "    - (?=unthrottle)x", "match.stack.0"),  # not in RE2
        ('    fixed: "3.17-rc1"', "    fixed: 3.17", "kernels.7.fixed: input should be a valid"),
        ("status: stable", "status: [stable", "expected"),
    ],
)
def test_mistake_is_named_with_file_and_line(copy: Path, old: str, new: str, said: str) -> None:
    path = _edit(copy, old, new)
    with pytest.raises(BadSignature) as caught:
        load(copy)
    message = caught.value.message
    line = int(message.removeprefix(f"{path}:").partition(":")[0])
    assert said in message
    assert abs(line - 1 - path.read_text().splitlines().index(new)) <= 1  # YAML errors: the next
    assert lint([copy]) == [message]


def test_lint_asks_for_samples_names_and_known_ids(copy: Path) -> None:
    _edit(copy, "id: cfs-bandwidth", "id: cfs-bandwith")
    _edit(copy, " hard-lockup, soft", " hard-lookup, soft")
    shutil.rmtree(copy / "sched" / LOOP.name / "hit-el7-yarn")
    shutil.rmtree(copy / "sched" / LOOP.name / "hit-el7-log-only")
    messages = lint([copy])
    assert any(":1: id cfs-bandwith" in m and "folder's name" in m for m in messages)
    assert any("no hit-* folder" in m for m in messages)
    assert any(":64: there is no signature hard-lookup" in m for m in messages)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("    - unthrottle_cfs_rq", "    - .*", "match.stack.0: '.*' fits the empty text"),
        ("  - line: el7", "  - line: rhel7", "no line of kernels 'rhel7', did you mean el7?"),
        (
            "id: cfs",
            "subsytem: x\nid: cfs",
            "subsytem: there is no such key, did you mean subsystem?",
        ),
        (
            "match:\n",
            "match:\n  memory: {free_percent: 3}\n",
            "did you mean free_percent_at_most?",
        ),
        ("match:\n", "match:\n  taint: [OE]\n", "match.taint.0: string should match pattern"),
        (
            "usually_caused_by: ",
            "usually_caused_by: not written yet\nx: ",
            "x: there is no such key",
        ),
        (
            "soft-lockup]",
            "cfs-bandwidth-distribute-loop]",
            "a circle: cfs-bandwidth-distribute-loop",
        ),
    ],
)
def test_lint_names_the_mistake(copy: Path, old: str, new: str, said: str) -> None:
    path = copy / "sched" / LOOP.name / "signature.yaml"
    path.write_text(path.read_text().replace(old, new, 1))
    (message,) = lint([copy])
    assert said in message
    assert int(message.removeprefix(f"{path}:").partition(":")[0]) > 0


def test_lint_looks_at_sample_names(copy: Path) -> None:
    folder = copy / "sched" / LOOP.name
    (folder / "hit-el7-yarn" / "dmesg.txt").write_text("x")
    (folder / "hit-other.log").write_text("x")
    (folder / "hit-other").mkdir()
    (folder / "hit-other" / "log.txt").write_text("x")
    (folder / "mis-typed").mkdir()
    said = "\n".join(lint([copy]))
    for each in ("'dmesg' is read from no sample", "two samples are called hit-other",
                 "mis-typed is no sample"):  # fmt: skip
        assert each in said


def test_a_circle_of_two_is_found(copy: Path) -> None:
    other = copy / "sched" / "other"
    shutil.copytree(copy / "sched" / LOOP.name, other)
    text = (other / "signature.yaml").read_text().replace(f"id: {LOOP.name}", "id: other")
    before, _, after = text.partition("supersedes: [")
    (other / "signature.yaml").write_text(f"{before}supersedes: [{LOOP.name}, {after}")
    _edit(copy, "supersedes: [", "supersedes: [other, ")
    circles = [each for each in lint([copy]) if "a circle" in each]
    assert len(circles) == 2
    assert f"{LOOP.name} hides other hides {LOOP.name}" in circles[0]


def test_a_log_beside_the_signature_is_a_sample(copy: Path) -> None:
    folder = copy / "sched" / LOOP.name
    log = (folder / "hit-el7-log-only" / "log.txt").read_text()
    (folder / "hit-bare.log").write_text(log)
    (folder / "miss-bare.log").write_text("[    1.0] nothing of note\n")
    tried = check([copy])
    assert tried.failures == ()
    assert (tried.signatures, tried.hits, tried.misses) == (1, 3, 3)


def test_a_failed_sample_says_which_condition_failed(copy: Path) -> None:
    _edit(copy, "    - unthrottle_cfs_rq", "    - unthrottle_rt_rq")
    said = "\n".join(check([copy]).failures)
    assert f"{LOOP.name}/hit-el7-yarn: expected {LOOP.name}, found" in said
    assert "match.stack: wants unthrottle_rt_rq, " in said
    assert "the crash has machine_kexec, crash_kexec, panic" in said


def test_a_greedy_pack_collides_with_the_bundled(tmp_path: Path) -> None:
    folder = tmp_path / "local" / "greedy"
    (folder / "hit-one").mkdir(parents=True)
    shutil.copytree(LOOP / "hit-el7-yarn", folder / "hit-one", dirs_exist_ok=True)
    shutil.copytree(LOOP / "miss-other-hard-lockup", folder / "miss-one")
    text = (LOOP / "signature.yaml").read_text().partition("match:")
    rest = text[2][text[2].index("kernels:") :]
    head = text[0].replace(f"id: {LOOP.name}", "id: greedy").replace("m: sched", "m: local")
    body = f"{head}match:\n  classes: [hard_lockup]\n{rest}"
    (folder / "signature.yaml").write_text(body)
    assert lint([tmp_path]) == []
    said = "\n".join(check([tmp_path]).failures)
    assert "hit-one: expected greedy, found " in said
    assert "miss-one: must not be taken for greedy" in said
    assert f"hit-el7-yarn: a sample of {LOOP.name} is caught by greedy" in said
    # asked for one by name, only its own samples are tried
    assert all("a sample of" not in each for each in check([tmp_path], ["greedy"]).failures)
    with pytest.raises(BadSignature, match="no signature nonsense"):
        check([tmp_path], ["nonsense"])


def test_schema_for_editors_is_that_of_the_model(golden: Golden) -> None:
    golden(home() / "schema.json", schema_text())
    jsonschema.Draft202012Validator.check_schema(json.loads(schema_text()))


@pytest.mark.parametrize("folder", HOMES, ids=lambda path: path.name)
def test_bundled_signatures_fit_the_schema(folder: Path) -> None:
    data = YAML(typ="safe", pure=True).load((folder / "signature.yaml").read_text())
    jsonschema.validate(data, json.loads(schema_text()))


def test_no_directory_and_two_of_one_id_are_refused(copy: Path, tmp_path: Path) -> None:
    with pytest.raises(BadSignature, match="is no directory"):
        load(tmp_path / "nothing")
    shutil.copytree(copy / "sched", copy / "again")
    with pytest.raises(BadSignature, match="is taken"):
        load(copy)
