"""Namelists kept for the next dump: whole or not at all, the least used go first."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.live import vmtriage
from vmtriage.namelist.cache import Card, NamelistCache

_BYTES = 1 << 16


def writer(
    calls: list[Path], made_from: str = "vmlinux", build_id: str = "ab" * 20
) -> Callable[[Path], Card]:
    def write(path: Path) -> Card:
        calls.append(path)
        path.write_bytes(b"\x7fELF" + os.urandom(_BYTES))
        return Card(build_id=build_id, made_from=made_from, seconds=0.5)

    return write


def always(_: Card) -> bool:
    return True


def kept_at(cache: NamelistCache, build_id: str = "ab" * 20) -> Path:
    path = cache.path(build_id, ())
    assert path is not None
    return path


def test_what_was_made_is_found(tmp_path: Path) -> None:
    cache = NamelistCache(tmp_path)
    path, calls = kept_at(cache), list[Path]()
    assert cache.find(path) is None
    made = cache.make(path, writer(calls), always)
    assert cache.find(path) == made
    assert cache.make(path, writer(calls), always) == made
    assert len(calls) == 1
    assert path.parent.stat().st_mode & 0o077 == 0  # nobody else's business


@pytest.mark.parametrize("at", [0, 1000, -_BYTES // 2, -2])
def test_a_damaged_one_is_made_anew(at: int, tmp_path: Path) -> None:
    cache = NamelistCache(tmp_path)
    path, calls = kept_at(cache), list[Path]()
    cache.make(path, writer(calls), always)
    raw = bytearray(path.read_bytes())
    raw[at] ^= 1
    path.write_bytes(raw)
    assert cache.find(path) is None
    cache.make(path, writer(calls), always)
    assert len(calls) == 2
    assert cache.find(path) is not None


def test_one_cut_short_is_made_anew(tmp_path: Path) -> None:
    cache = NamelistCache(tmp_path)
    path = kept_at(cache)
    cache.make(path, writer([]), always)
    os.truncate(path, _BYTES // 2)
    assert cache.find(path) is None
    assert [each.card for each in cache.kept()] == [None]
    assert len(cache.prune(1 << 30)) == 1


def test_builders_at_once_make_it_once_and_whole(tmp_path: Path) -> None:
    calls: list[Path] = []

    def one(_: int) -> Card:
        cache = NamelistCache(tmp_path)
        return cache.make(kept_at(cache), writer(calls), always)

    with ThreadPoolExecutor(8) as pool:
        cards = list(pool.map(one, range(16)))
    assert len(calls) == 1
    assert len({card.sha256 for card in cards}) == 1
    assert not list((tmp_path / "namelists").glob("*.part"))


def test_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    cache = NamelistCache(tmp_path)

    def broken(path: Path) -> Card:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        cache.make(kept_at(cache), broken, always)
    assert not list((tmp_path / "namelists").glob("*.part"))
    assert cache.kept() == []


def test_those_not_used_for_longest_go_first(tmp_path: Path) -> None:
    cache = NamelistCache(tmp_path)
    paths = [kept_at(cache, f"{n:040x}") for n in range(3)]
    for n, path in enumerate(paths):
        cache.make(path, writer([], build_id=f"{n:040x}"), always)
        os.utime(path, (n, n))
    cache.find(paths[0])  # used just now
    size = paths[0].stat().st_blocks * 512
    removed = cache.prune(2 * size)
    assert [Path(each.path) for each in removed] == [paths[1]]
    assert [Path(each.path) for each in cache.kept()] == [paths[0], paths[2]]


def test_a_better_source_replaces_a_poorer_one(tmp_path: Path) -> None:
    cache = NamelistCache(tmp_path)
    path = kept_at(cache)
    cache.make(path, writer([], "vmcore"), always)
    card = cache.make(path, writer([], "vmlinux"), lambda found: found.made_from == "vmlinux")
    assert card.made_from == "vmlinux"
    assert cache.find(path) == card


@pytest.mark.parametrize("build_id", ["", "../../etc/passwd", "xyz", "AB" * 20])
def test_a_build_id_that_is_none_has_no_file(build_id: str, tmp_path: Path) -> None:
    assert NamelistCache(tmp_path).path(build_id, ()) is None


def test_the_command_lists_shows_and_prunes(tmp_path: Path) -> None:
    cache = NamelistCache(tmp_path)
    cache.make(kept_at(cache), writer([]), always)
    here = {"VMTRIAGE_CACHE_DIR": str(tmp_path)}
    listed = vmtriage("namelist", "list", **here)
    assert "ab" * 20 in listed.stdout
    assert '"made_from": "vmlinux"' in vmtriage("namelist", "show", "abab", **here).stdout
    assert vmtriage("namelist", "show", "cd", **here).returncode == 66
    assert "1 removed" in vmtriage("namelist", "prune", "--limit", "0", **here).stderr
    assert vmtriage("namelist", "list", **here).stdout == ""


@pytest.mark.parametrize(
    ("content", "exit_code", "words"),
    [(b"hello", 65, "no vmlinux, no vmlinuz and no dump"),
     (b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\0" + bytes(60), 66, "carries no BTF")],
)  # fmt: skip
def test_the_command_says_what_it_cannot_use(
    content: bytes, exit_code: int, words: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(content)
    done = vmtriage("namelist", "build", tmp_path / "file", "-o", tmp_path / "out")
    assert done.returncode == exit_code, done.stderr
    assert words in done.stderr
    assert not (tmp_path / "out").exists()
