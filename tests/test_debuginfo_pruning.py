"""Unpacked and fetched vmlinux files: the least used go first, never one that is needed now."""

import gzip
import os
import time
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.live import vmtriage
from tests.vmlinux import BUILD_ID, dump_of, vmlinux
from vmtriage.source.debuginfo import Search, find
from vmtriage.source.debuginfo.elf import read_elf
from vmtriage.source.debuginfo.pruning import kept, prune
from vmtriage.source.debuginfo.store import Store
from vmtriage.source.surplus import Cached, surplus

_LONG_AGO = 2 * 24 * 3600


def put(directory: Path, name: str, age_s: float = _LONG_AGO) -> Path:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / name
    path.write_bytes(os.urandom(1 << 16))
    os.utime(path, (time.time() - age_s,) * 2)
    return path


def names(files: list[Cached]) -> list[str]:
    return [each.path.name for each in files]


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    old, new, newest = (put(tmp_path, f"vmlinux-{n:040x}", _LONG_AGO - n) for n in range(3))
    other = put(tmp_path, "somebody-elses-file")
    size = kept(tmp_path)[0].bytes
    assert names(prune(tmp_path, 2 * size)) == [old.name]
    Store(tmp_path).used(new)
    assert names(prune(tmp_path, size)) == [newest.name]
    assert names(kept(tmp_path)) == [new.name]
    assert names(prune(tmp_path, 0)) == [new.name]
    assert other.exists()


def test_keeping_one_removes_others_but_not_itself_its_half_or_one_in_use(tmp_path: Path) -> None:
    half = put(tmp_path, f"vmlinux-{BUILD_ID}.debug")
    busy = put(tmp_path, f"vmlinux-{'cd' * 20}", age_s=60)
    old = put(tmp_path, f"vmlinux-{'ab' * 20}")
    made = tmp_path / "made"
    made.write_bytes(vmlinux())
    store = Store(tmp_path, limit=1)
    path = store.keep(made, read_elf(made))
    assert path.exists()
    assert half.exists()
    assert busy.exists()
    assert not old.exists()


def test_one_that_was_removed_is_unpacked_again(tmp_path: Path) -> None:
    (tmp_path / "vmlinux.gz").write_bytes(gzip.compress(vmlinux()))
    search = Search(cache_dir=tmp_path / "cache", root=tmp_path / "nowhere", fetch=False)
    first = find(dump_of(tmp_path), search)
    os.utime(first.path, (1, 1))
    again = find(dump_of(tmp_path), search)
    assert again.path == first.path
    assert Path(again.path).stat().st_mtime > time.time() - 3600  # a use, which counts
    prune(tmp_path / "cache/debuginfo", 0)
    assert not Path(first.path).exists()
    assert Path(find(dump_of(tmp_path), search).path).exists()


@given(st.lists(st.integers(1, 100), max_size=20), st.integers(0, 300), st.integers(0, 19))
def test_what_is_left_fits_and_is_the_newest(sizes: list[int], limit: int, spare: int) -> None:
    files = [Cached(Path(str(n)), size, -n) for n, size in enumerate(sizes)]
    gone = list(surplus(files, limit, lambda each: each.path.name == str(spare)))
    left = [each for each in files if each not in gone]
    others = [each for each in left if each.path.name != str(spare)]
    assert sum(each.bytes for each in others) <= limit
    assert len([each for each in files if each.path.name == str(spare)]) == len(left) - len(others)
    for each in gone:  # there was no room for it beside the newer ones
        newer = sum(one.bytes for one in left if one.last_used > each.last_used)
        assert newer + each.bytes > limit


def test_the_command_shows_and_prunes_them(tmp_path: Path) -> None:
    here = {"VMTRIAGE_CACHE_DIR": str(tmp_path)}
    path = put(tmp_path / "debuginfo", f"vmlinux-{BUILD_ID}")
    assert path.name in vmtriage("namelist", "list", **here).stdout
    assert "none removed" in vmtriage("namelist", "prune", "--limit", "0", **here).stderr
    pruned = vmtriage("namelist", "prune", "--debuginfo-limit", "0", **here)
    assert path.name in pruned.stdout
    assert "1 removed" in pruned.stderr
    assert not path.exists()
