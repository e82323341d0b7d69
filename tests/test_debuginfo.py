"""Which vmlinux is taken for a dump, and what the user reads when there is none."""

import bz2
import gzip
import lzma
import multiprocessing
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tests.test_source import kdump
from tests.vmlinux import BUILD_ID, OTHER_ID, RELEASE, dump_of, vmlinux
from vmtriage.cli import main
from vmtriage.errors import NoDebuginfo, NoInput
from vmtriage.models.dump import Debuginfo
from vmtriage.source.debuginfo import Search, find, read_build_id

COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}
USUAL = [
    f"usr/lib/debug/boot/vmlinux-{RELEASE}",
    f"usr/lib/debug/lib/modules/{RELEASE}/vmlinux",
    f"usr/lib/debug/usr/lib/modules/{RELEASE}/vmlinux",
    f"lib/modules/{RELEASE}/build/vmlinux",
    f"boot/vmlinux-{RELEASE}",
    f"usr/lib/debug/.build-id/{BUILD_ID[:2]}/{BUILD_ID[2:]}.debug",
]


@pytest.fixture
def search(tmp_path: Path) -> Search:
    """A machine without any debuginfo, and a cache."""
    (tmp_path / "root").mkdir()
    return Search(root=tmp_path / "root", cache_dir=tmp_path / "cache")


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def outcomes(found: Debuginfo) -> list[str]:
    return [each.outcome for each in found.looked]


def test_the_vmlinux_beside_the_dump_is_found_and_proved(tmp_path: Path, search: Search) -> None:
    put(tmp_path / f"vmlinux-{RELEASE}", vmlinux())
    found = find(dump_of(tmp_path), search)
    assert (found.found_by, found.build_id_matches) == ("beside the dump", True)
    assert outcomes(found) == ["used"]


@pytest.mark.parametrize("place", USUAL)
def test_it_is_found_in_the_usual_places_and_in_a_tree_like_these(
    tmp_path: Path, search: Search, place: str
) -> None:
    path = put(search.root / place, vmlinux())
    found = find(dump_of(tmp_path), search)
    assert found.path == str(path)
    assert outcomes(found)[-1] == "used"
    assert set(outcomes(found)[:-1]) == {"absent"}
    given = Search(root=tmp_path / "nowhere", directories=(tmp_path / "nothing", search.root))
    assert find(dump_of(tmp_path), given).found_by == "--debuginfo-dir"
    only = Search(root=tmp_path / "nowhere", given=search.root)
    assert find(dump_of(tmp_path), only).found_by == "--vmlinux"


def test_the_nearest_wins_and_the_wrong_one_on_the_way_is_told(
    tmp_path: Path, search: Search
) -> None:
    wrong = put(tmp_path / "vmlinux", vmlinux(OTHER_ID))
    right = put(search.root / USUAL[0], vmlinux())
    found = find(dump_of(tmp_path), search)
    assert found.path == str(right)
    (told,) = [each for each in found.looked if each.outcome == "rejected"]
    assert told.place == str(wrong)
    assert OTHER_ID in told.reason
    assert BUILD_ID in told.reason


def test_a_vmlinux_of_another_build_is_refused_with_both_ids(
    tmp_path: Path, search: Search
) -> None:
    path = put(tmp_path / "other", vmlinux(OTHER_ID))
    with pytest.raises(NoDebuginfo) as caught:
        find(dump_of(tmp_path), Search(given=path, root=search.root))
    assert OTHER_ID in caught.value.message
    assert BUILD_ID in caught.value.message
    assert "--allow-mismatch" in caught.value.next_step
    assert caught.value.exit_code == 66


def test_a_mismatch_is_used_only_where_allowed_and_where_nothing_fits(
    tmp_path: Path, search: Search
) -> None:
    put(tmp_path / "vmlinux", vmlinux(OTHER_ID))
    allowed = Search(root=search.root, allow_mismatch=True)
    assert find(dump_of(tmp_path), allowed).build_id_matches is False
    assert find(dump_of(tmp_path), allowed).build_id == OTHER_ID
    right = put(search.root / USUAL[0], vmlinux())
    assert find(dump_of(tmp_path), allowed).path == str(right)
    given = Search(given=tmp_path / "vmlinux", root=search.root, allow_mismatch=True)
    assert find(dump_of(tmp_path), given).build_id_matches is False


def test_without_a_build_id_on_one_side_nothing_is_claimed(tmp_path: Path, search: Search) -> None:
    put(tmp_path / "vmlinux", vmlinux(None))
    assert find(dump_of(tmp_path), search).build_id_matches is None
    put(tmp_path / "vmlinux", vmlinux())
    assert find(dump_of(tmp_path, build_id=None), search).build_id_matches is None


def test_the_error_tells_places_reasons_and_the_one_command(tmp_path: Path, search: Search) -> None:
    put(tmp_path / "vmlinux", vmlinux(OTHER_ID))
    put(search.root / USUAL[1], vmlinux()[:-70])
    with pytest.raises(NoDebuginfo) as caught:
        find(dump_of(tmp_path), search)
    lines = str(caught.value).splitlines()
    assert lines[0] == f"no vmlinux with debuginfo for {RELEASE} (build-id {BUILD_ID})"
    assert any(
        line.startswith(f"  rejected: {tmp_path}/vmlinux: it has build-id") for line in lines
    )
    assert any(f"{USUAL[1]}: " in line for line in lines if line.startswith("  rejected"))
    usual = lines.index("  not there (the usual place):")
    assert f"    {search.root}/{USUAL[0]}" in lines[usual:]
    assert "DEBUGINFOD_URLS names no server" in str(caught.value)
    assert f"apt-get install linux-image-{RELEASE}-dbg" in caught.value.next_step


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"hello", "not a vmlinux"),
        (b"MZ" + bytes(0x200) + b"HdrS" + bytes(64), "boot image"),
        (bytes(56) + b"ARM\x64" + bytes(64), "boot image"),
        (vmlinux()[:200], "not a vmlinux|cut short"),
        (vmlinux(debuginfo=False), "no debuginfo is in it"),
        (vmlinux(code=False), "only debuginfo is in it"),
        (b"", "not a vmlinux"),
    ],
)
def test_what_is_no_vmlinux_is_named(
    tmp_path: Path, search: Search, content: bytes, words: str
) -> None:
    given = Search(given=put(tmp_path / "file", content), root=search.root)
    with pytest.raises(NoDebuginfo, match=words) as caught:
        find(dump_of(tmp_path), given)
    assert caught.value.next_step


def test_a_vmlinux_that_is_not_there_is_missing_input(tmp_path: Path, search: Search) -> None:
    with pytest.raises(NoInput, match="no such file"):
        find(dump_of(tmp_path), Search(given=tmp_path / "nothing", root=search.root))


@pytest.mark.parametrize("suffix", COMPRESSIONS)
def test_the_two_halves_of_suse_are_put_together(
    tmp_path: Path, search: Search, suffix: str
) -> None:
    squeeze = COMPRESSIONS[suffix]
    put(search.root / f"boot/vmlinux-{RELEASE}{suffix}", squeeze(vmlinux(debuginfo=False)))
    debug = put(search.root / f"usr/lib/debug/boot/vmlinux-{RELEASE}.debug", vmlinux(code=False))
    found = find(dump_of(tmp_path), search)
    assert (found.debug_path, found.build_id_matches) == (str(debug), True)
    assert read_build_id(Path(found.path)) == BUILD_ID
    assert find(dump_of(tmp_path), search).path == found.path
    given = Search(given=search.root / f"boot/vmlinux-{RELEASE}{suffix}", root=search.root,
                   cache_dir=search.cache_dir)  # fmt: skip
    assert find(dump_of(tmp_path), given).debug_path == str(debug)


def test_halves_of_different_builds_are_not_put_together(tmp_path: Path, search: Search) -> None:
    put(search.root / f"boot/vmlinux-{RELEASE}", vmlinux(OTHER_ID, debuginfo=False))
    put(search.root / f"usr/lib/debug/boot/vmlinux-{RELEASE}.debug", vmlinux(code=False))
    with pytest.raises(NoDebuginfo):
        find(dump_of(tmp_path, build_id=None), search)


@pytest.mark.parametrize("suffix", COMPRESSIONS)
def test_a_compressed_vmlinux_is_unpacked_once(tmp_path: Path, search: Search, suffix: str) -> None:
    said: list[str] = []
    packed = put(tmp_path / f"vmlinux-{RELEASE}{suffix}", COMPRESSIONS[suffix](vmlinux()))
    first = find(dump_of(tmp_path), search, said.append)
    assert Path(first.path).read_bytes() == vmlinux()
    assert first.looked[-1].place == str(packed)
    assert find(dump_of(tmp_path), search, said.append).path == first.path
    assert said == [f"unpacking {packed.name}"]
    packed.unlink()  # what it unpacked to is still known by its build-id
    assert find(dump_of(tmp_path), search).found_by == "the cache"


def test_the_wrong_compressed_one_is_unpacked_once_and_not_kept(
    tmp_path: Path, search: Search
) -> None:
    said: list[str] = []
    put(tmp_path / "vmlinux.gz", gzip.compress(vmlinux(OTHER_ID)))
    for _ in range(2):
        with pytest.raises(NoDebuginfo, match=OTHER_ID):
            find(dump_of(tmp_path), search, said.append)
    assert said == ["unpacking vmlinux.gz"]
    assert kept(search) == []


def kept(search: Search) -> list[str]:
    assert search.cache_dir
    return [path.name for path in (search.cache_dir / "debuginfo").iterdir() if path.is_file()]


@pytest.mark.parametrize("suffix", COMPRESSIONS)
def test_a_cut_archive_and_a_bomb_are_refused_and_leave_nothing(
    tmp_path: Path, search: Search, suffix: str
) -> None:
    squeezed = COMPRESSIONS[suffix](vmlinux(filler=3 << 20))
    small = Search(root=search.root, cache_dir=search.cache_dir, max_bytes=1 << 20)
    put(tmp_path / f"vmlinux{suffix}", squeezed)
    with pytest.raises(NoDebuginfo, match="larger than 1 MB"):
        find(dump_of(tmp_path), small)
    put(tmp_path / f"vmlinux{suffix}", squeezed[:-40])
    with pytest.raises(NoDebuginfo, match=r"cut short|not a vmlinux"):
        find(dump_of(tmp_path), search)
    assert search.cache_dir
    assert list((search.cache_dir / "debuginfo").iterdir()) == []


def test_without_a_cache_a_compressed_one_is_told_and_passed_over(
    tmp_path: Path, search: Search
) -> None:
    put(tmp_path / "vmlinux.xz", lzma.compress(vmlinux()))
    with pytest.raises(NoDebuginfo, match="VMTRIAGE_CACHE_DIR"):
        find(dump_of(tmp_path), Search(root=search.root))


def test_a_cache_that_others_may_write_is_not_used(tmp_path: Path, search: Search) -> None:
    assert search.cache_dir
    find_place = search.cache_dir / "debuginfo"
    put(find_place / f"vmlinux-{BUILD_ID}", vmlinux())
    find_place.chmod(0o777)
    with pytest.raises(NoDebuginfo, match="open to, somebody else"):
        find(dump_of(tmp_path), search)


def test_leftovers_of_the_dead_are_removed_and_those_of_the_living_stay(search: Search) -> None:
    from vmtriage.source.debuginfo.store import Store

    store = Store.under(search.cache_dir)
    dead = store.directory / ".tmp-dead"
    dead.mkdir()
    with store.workspace() as room:
        for path in (dead, room):
            os.utime(path, (0, 0))
        Store.under(search.cache_dir)
        assert not dead.exists()
        assert room.exists()
    assert not room.exists()


def _find(directory: Path, search: Search) -> str:
    return find(dump_of(directory), search).path


def test_processes_that_unpack_the_same_at_once_get_a_whole_one(
    tmp_path: Path, search: Search
) -> None:
    whole = vmlinux(filler=8 << 20)
    put(tmp_path / "vmlinux.gz", gzip.compress(whole, 1))
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        paths = set(pool.starmap(_find, [(tmp_path, search)] * 8))
    assert [Path(path).read_bytes() == whole for path in paths] == [True]
    assert len(kept(search)) == 2  # the vmlinux, and the link that says what the source is


@given(st.data())
def test_a_damaged_vmlinux_is_an_error_or_an_answer_never_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    whole = bytearray(vmlinux())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(4, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "vmlinux"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    said: object
    try:
        said = read_build_id(path)
    except NoInput as error:
        said = error.next_step
    assert said is None or isinstance(said, str)


def test_a_directory_that_cannot_be_read_is_told_and_the_search_goes_on(
    tmp_path: Path, search: Search
) -> None:
    right = put(search.root / USUAL[0], vmlinux())
    closed = tmp_path / ("x" * 300)  # also for root: no file system takes that name
    found = find(dump_of(tmp_path), replace(search, directories=(closed,)))
    assert found.path == str(right)
    assert "File name too long" in {each.reason for each in found.looked}


def test_the_cache_is_private_whatever_the_umask(tmp_path: Path, search: Search) -> None:
    before = os.umask(0o002)
    try:
        put(tmp_path / "vmlinux.gz", gzip.compress(vmlinux()))
        found = Path(find(dump_of(tmp_path), search).path)
    finally:
        os.umask(before)
    assert found.stat().st_mode & 0o777 == 0o600
    assert found.parent.stat().st_mode & 0o777 == 0o700


def test_the_command_line_says_what_is_missing_and_asks_nobody_when_forbidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "vmcore").write_bytes(kdump())
    monkeypatch.setenv("DEBUGINFOD_URLS", "http://debuginfod.invalid")
    done = CliRunner().invoke(main, ["analyze", str(tmp_path / "vmcore"), "--no-fetch"])
    assert done.exit_code == 66
    assert f"no vmlinux with debuginfo for {RELEASE} (build-id {BUILD_ID})" in done.output
    assert "forbidden by --no-fetch" in done.output
    monkeypatch.setenv("VMTRIAGE_FETCH", "0")
    done = CliRunner().invoke(main, ["analyze", str(tmp_path / "vmcore")])
    assert "forbidden by --no-fetch or VMTRIAGE_FETCH" in done.output
