"""Many signatures: the index leaves out nothing that fits, the cache changes no answer."""

import hashlib
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.many import varied
from tests.test_matching import log, signature, stack
from vmtriage.analysis.crash_view import CrashView
from vmtriage.analysis.index import Index, _TextFilter, clauses
from vmtriage.analysis.knowledge import Knowledge, revision
from vmtriage.analysis.matching import match_view
from vmtriage.analysis.patterns import compiled
from vmtriage.analysis.samples import facts_of, view_of
from vmtriage.analysis.signatures import files, home, load, samples
from vmtriage.cli import main
from vmtriage.errors import BadSignature
from vmtriage.models.evidence import Evidence, Facts
from vmtriage.models.finding import Classification, CrashClass, GuiltyFunction
from vmtriage.models.signature import Match, Signature
from vmtriage.models.system import SystemInfo
from vmtriage.settings import Settings

CASES = [
    case
    for path in files(home())
    for kind in ("hit", "miss")
    for case in samples(path.parent, kind)
]
CAPTURES = sorted((Path(__file__).parents[1] / "fixtures" / "captures").glob("*/log.txt"))


@lru_cache(maxsize=1)
def many() -> tuple[tuple[Signature, ...], Knowledge]:
    signatures = tuple(Signature.model_validate(each) for each in varied(load(), 800))
    return signatures, Knowledge(signatures)


@pytest.mark.parametrize("case", [*CASES, *CAPTURES], ids=lambda p: f"{p.parent.name}/{p.name}")
def test_index_finds_what_trying_all_finds(case: Path) -> None:
    signatures, knowledge = many()
    crash = view_of(facts_of(case))
    assert knowledge.match_view(crash) == match_view(signatures, crash)


def test_index_leaves_most_out() -> None:
    signatures, _ = many()
    index = Index(signatures)
    tried = [len(index.candidates(view_of(facts_of(case)))) for case in CASES]
    assert max(tried) < len(signatures) / 10


NAMES = ["a", "b", "c", "a|b", "[ab]", "b|c", "d.*", "x"]
TEXTS = ["alpha", "be.a", "(?i)GAMMA", "^delta$", "[a-z]+ [0-9]", ".", "alpha|gamma", "no such"]
some_names = st.lists(st.sampled_from(NAMES), max_size=2).map(tuple)
some_texts = st.lists(st.sampled_from(TEXTS), max_size=2).map(tuple)


def _matches(inner: st.SearchStrategy[Match]) -> st.SearchStrategy[Match]:
    few = st.lists(inner, max_size=2).map(tuple)
    kinds = st.sampled_from([(), ("bug",), ("bug", "oom"), ("mce",)])
    return st.builds(
        Match, classes=kinds, stack=some_names, exception=some_names, function=some_names,
        log=some_texts, log_all=some_texts, panic=some_texts, all_of=few, any_of=few, none_of=few,
    )  # fmt: skip


leaf = st.builds(Match, stack=some_names) | st.builds(Match, log=some_texts)
matches = st.recursive(leaf, _matches, max_leaves=4)
lines = st.sampled_from(["alpha 1", "beta", "Gamma ray", "delta", "x\udcff", "nothing here 7"])


def crash_of(names: list[str], said: list[str], function: str | None, kind: str) -> CrashView:
    panic = SystemInfo(panic=said[0] if said else None, panic_line=1)
    facts = Facts(system=panic, panic_stack=stack(*names), log=log(*said))
    why = (Evidence(command="sys", line=1, text="t", says="s"),)
    classification = Classification(
        crash_class=CrashClass(kind), title="t", severity="panic", confidence="low", evidence=why
    )
    guilty = GuiltyFunction(name=function, evidence=why) if function else None
    return CrashView(facts, classification, guilty, ())


@given(
    st.lists(matches, min_size=1, max_size=40),
    st.lists(st.sampled_from("abcde"), max_size=4),
    st.lists(lines, max_size=4),
    st.none() | st.sampled_from("abx"),
    st.sampled_from(["bug", "oom", "mce", "panic"]),
)
def test_any_signature_on_any_crash(
    found: list[Match], names: list[str], said: list[str], function: str | None, kind: str
) -> None:
    signatures = [
        signature(f"s{number}").model_copy(update={"match": each})
        for number, each in enumerate(found)
    ]
    indexed = Knowledge(signatures).match_view(crash_of(names, said, function, kind))
    assert indexed == match_view(signatures, crash_of(names, said, function, kind))


def test_filter_lets_through_all_that_is_there_and_little_else() -> None:
    patterns = [rf"driver{n}: (?:lost|found) [a-z]+ 0x{n:x}\b" for n in range(200)]
    patterns += [".", "(?i)DRIVER7: LOST", "[0-9]+", "^driver9", "no such thing"]
    said = [f"driver{n}: lost irq 0x{n:x}" for n in (3, 7, 150)]
    crash = crash_of([], said, None, "bug")
    possible = set(_TextFilter(patterns).possible(crash))
    found = {each for each in patterns if compiled(each).search(crash.text)}
    assert found <= possible
    assert len(found) == 6
    assert len(possible) < 20


def test_a_clause_is_what_a_crash_cannot_do_without() -> None:
    match = Match.model_validate(
        {
            "stack": ["a|b", "c.*"],
            "log": ["x", "y"],
            "any_of": [{"function": ["f"]}, {"panic": ["p"], "exception": ["e"]}],
        }
    )
    found = {(tuple(sorted(c.names)), tuple(sorted(c.texts))) for c in clauses(match)}
    assert found == {(("a", "b"), ()), ((), ("x", "y")), (("e", "f"), ())}
    assert not list(clauses(Match.model_validate({"any_of": [{"log": ["x"]}, {"release": ["y"]}]})))


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    folder = tmp_path / "pack" / "net" / "mine"
    folder.mkdir(parents=True)
    (folder / "signature.yaml").write_text(MINE)
    return tmp_path / "pack"


MINE = """\
id: mine
title: mine
status: draft
crash_class: bug
subsystem: net
what: w
recognised_by: r
usually_caused_by: u
match: {log: ['my own driver']}
do_now: n
do_for_good: g
refuted_by: x
"""


def cached(directory: Path) -> Path:
    (found,) = directory.glob("*")
    return found


def test_cache_gives_back_what_was_read(pack: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache" / "vmtriage"
    read = load(pack, cache=cache)
    written = cached(cache).read_bytes()
    assert load(pack, cache=cache) == read == load(pack)
    assert cached(cache).read_bytes() == written
    assert cache.stat().st_mode & 0o77 == 0
    # proof that it is the cache that answers: the YAML is gone bad, its looks are the same
    path = next(iter(files(pack)))
    before = path.stat()
    path.write_bytes(b"x" * before.st_size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert load(pack, cache=cache) == read


def test_changed_and_new_files_are_read_anew(pack: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    load(pack, cache=cache)
    path = next(iter(files(pack)))
    path.write_text(MINE.replace("title: mine", "title: other"))
    (changed,) = load(pack, cache=cache)
    assert changed.title == "other"
    (pack / "net" / "second").mkdir()
    (pack / "net" / "second" / "signature.yaml").write_text(MINE.replace("id: mine", "id: second"))
    assert [each.id for each in load(pack, cache=cache)] == ["mine", "second"]


def _damage(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"my own driver", b"my own drivel"))


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def _forge(path: Path) -> None:
    """Another title, with a checksum that fits: only who owns the file can tell."""
    head, _, body = path.read_bytes().partition(b"\n")
    body = body.replace(b'"title":"mine"', b'"title":"evil"')
    key = head.partition(b" ")[0]
    path.write_bytes(key + b" " + hashlib.sha256(body).hexdigest().encode() + b"\n" + body)


def _writable_by_others(path: Path) -> None:
    _forge(path)
    path.chmod(0o666)


def _foreign(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    _forge(path)
    os.chown(path, 12345, 12345)


def _link(path: Path) -> None:
    _forge(path)
    other = path.with_name("other")
    path.rename(other)
    path.symlink_to(other)


@pytest.mark.parametrize("harm", [_damage, _cut, _writable_by_others, _foreign, _link])
def test_a_cache_that_cannot_be_trusted_is_passed_over(
    pack: Path, tmp_path: Path, harm: Any
) -> None:
    cache = tmp_path / "cache"
    read = load(pack, cache=cache)
    harm(cached(cache))
    assert load(pack, cache=cache) == read


def test_a_link_in_a_pack_that_leads_back_is_not_followed(pack: Path) -> None:
    (pack / "net" / "loop").symlink_to(pack)
    assert [each.id for each in load(pack)] == ["mine"]


def test_no_room_for_a_cache_is_no_error(pack: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert load(pack, cache=tmp_path / "file" / "below") == load(pack)


def test_pack_stands_beside_the_bundled(pack: Path) -> None:
    both = load(packs=(pack,))
    assert {each.id for each in both} == {each.id for each in load()} | {"mine"}
    assert Knowledge(both).revision == revision(both) != Knowledge(load()).revision


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"XDG_CACHE_HOME": "/x/cache", "HOME": "/h"}, Path("/x/cache/vmtriage")),
        ({"XDG_CACHE_HOME": "not/absolute", "HOME": "/h"}, Path("/h/.cache/vmtriage")),
        ({"HOME": "/h"}, Path("/h/.cache/vmtriage")),
        ({"HOME": "/h", "VMTRIAGE_CACHE_DIR": "/elsewhere"}, Path("/elsewhere")),
        ({"HOME": "/h", "VMTRIAGE_CACHE_DIR": ""}, None),
    ],
)
def test_where_the_cache_is(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: Path | None
) -> None:
    for name in ("XDG_CACHE_HOME", "HOME", "VMTRIAGE_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert Settings.from_environment().cache_dir == expected


def test_packs_of_the_site_and_of_the_command_line_add_up(
    monkeypatch: pytest.MonkeyPatch, pack: Path, tmp_path: Path
) -> None:
    monkeypatch.setenv("VMTRIAGE_PACKS", f"{pack}:{tmp_path / 'more'}")
    (tmp_path / "more").mkdir()
    assert Settings.from_environment().packs == (pack, tmp_path / "more")
    done = CliRunner().invoke(main, ["signatures", "show", "mine"])
    assert '"id": "mine"' in done.output
    again = CliRunner().invoke(main, ["signatures", "list", "--pack", str(tmp_path / "none")])
    assert (again.exit_code, "is no directory" in again.output) == (78, True)


def test_one_id_twice_is_refused_with_both_places(pack: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    (other / "mine").mkdir(parents=True)
    (other / "mine" / "signature.yaml").write_text(MINE)
    with pytest.raises(BadSignature, match=f"the id mine is taken .* in {pack}"):
        load(pack, (other,))
