"""A vmlinux out of a debuginfo package that is not installed, also out of a hostile one."""

import bz2
import gzip
import io
import lzma
import shutil
import struct
import subprocess
import tarfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from tests.vmlinux import BUILD_ID, OTHER_ID, RELEASE, dump_of, vmlinux
from vmtriage.errors import NoDebuginfo
from vmtriage.source.debuginfo import Search, find

MEMBER = f"usr/lib/debug/boot/vmlinux-{RELEASE}"
DEB = f"linux-image-{RELEASE}-dbg_6.1.27-1_amd64.deb"
RHEL = "4.18.0-477.27.1.el8_8.x86_64"
RPM = f"kernel-debuginfo-{RHEL}.rpm"
COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda raw: raw,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}
Files = Sequence[tuple[str, bytes]]


@pytest.fixture
def search(tmp_path: Path) -> Search:
    return Search(root=tmp_path / "root", cache_dir=tmp_path / "cache")


def deb(files: Files, squeeze: str = ".xz", kind: bytes = tarfile.REGTYPE) -> bytes:
    """A Debian package: an ar archive of three."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            info.size = len(content) if kind == tarfile.REGTYPE else 0
            tar.addfile(info, io.BytesIO(content))
    return ar(
        ("debian-binary", b"2.0\n"),
        ("control.tar.gz", b"not looked at!!"),  # odd: ar pads
        (f"data.tar{squeeze}", COMPRESSIONS[squeeze](data.getvalue())),
    )


def ar(*members: tuple[str, bytes]) -> bytes:
    whole = b"!<arch>\n"
    for name, content in members:
        whole += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
        whole += content + b"\n" * (len(content) % 2)
    return whole


def rpm(files: Files, squeeze: str = ".zst", mode: int = 0o100644, magic: str = "070701") -> bytes:
    """An RPM package: lead, signature, header, and a compressed cpio archive."""
    archive = b""
    for name, content in (*files, ("TRAILER!!!", b"")):
        head = f"{magic}{1:08x}{mode:08x}" + f"{0:08x}" * 4 + f"{len(content):08x}"
        head += f"{0:08x}" * 4 + f"{len(name) + 1:08x}{0:08x}"
        entry = head.encode() + name.encode() + b"\0"
        archive += entry + bytes(-len(entry) % 4) + content + bytes(-len(content) % 4)
    section = b"\x8e\xad\xe8\x01" + bytes(4) + struct.pack(">II", 1, 5) + bytes(16) + b"four\0"
    signature = section + bytes(-21 % 8)
    lead = b"\xed\xab\xee\xdb".ljust(96, b"\0")
    return lead + signature + section + COMPRESSIONS[squeeze](archive)


@pytest.mark.parametrize("squeeze", COMPRESSIONS)
def test_a_debian_package_beside_the_dump_is_unpacked_once(
    tmp_path: Path, search: Search, squeeze: str
) -> None:
    said: list[str] = []
    files = [("./usr/share/doc/vmlinux.txt", b"no"), ("./usr/lib/debug/lib/modules/x.ko", b"ko"),
             (f"./{MEMBER}", vmlinux())]  # fmt: skip
    (tmp_path / DEB).write_bytes(deb(files, squeeze))
    found = find(dump_of(tmp_path), search, said.append)
    assert (found.found_by, found.build_id_matches) == ("package beside the dump", True)
    assert Path(found.path).read_bytes() == vmlinux()
    assert find(dump_of(tmp_path), search, said.append).path == found.path
    assert said == [f"unpacking {DEB}"]


@pytest.mark.parametrize("squeeze", COMPRESSIONS)
def test_an_rpm_in_a_debuginfo_directory_is_unpacked(
    tmp_path: Path, search: Search, squeeze: str
) -> None:
    (tmp_path / "rpms").mkdir()
    files = [(f"./usr/lib/debug/lib/modules/{RHEL}/vmlinux", vmlinux())]
    (tmp_path / "rpms" / RPM).write_bytes(rpm([("./usr/odd", b"odd"), *files], squeeze))
    (tmp_path / "rpms" / "kernel-debuginfo-4.18.0-1.el8.x86_64.rpm").write_bytes(b"another")
    (tmp_path / "rpms" / f"kernel-debuginfo-common-x86_64-{RHEL}.rpm").write_bytes(b"sources")
    given = Search(root=search.root, cache_dir=search.cache_dir, directories=(tmp_path / "rpms",))
    found = find(dump_of(tmp_path, RHEL), given)
    assert found.found_by == "package in --debuginfo-dir"
    assert [each.place for each in found.looked if each.outcome != "absent"] == [
        str(tmp_path / "rpms" / RPM)
    ]


def test_a_package_given_as_vmlinux_is_used_whatever_its_name(
    tmp_path: Path, search: Search
) -> None:
    inner = (f"./usr/lib/debug/usr/lib/modules/{RELEASE}/vmlinux.xz", lzma.compress(vmlinux()))
    path = tmp_path / "download"
    path.write_bytes(rpm([inner]))
    given = Search(given=path, root=search.root, cache_dir=search.cache_dir)
    found = find(dump_of(tmp_path), given)
    assert Path(found.path).read_bytes() == vmlinux()
    assert found.found_by == "--vmlinux"


def test_both_halves_of_suse_come_out_of_their_packages(tmp_path: Path, search: Search) -> None:
    version, release = "5.14.21-150500.55.28", "5.14.21-150500.55.28-default"
    debug = rpm([(f"./usr/lib/debug/boot/vmlinux-{release}.debug", vmlinux(code=False))])
    (tmp_path / f"kernel-default-debuginfo-{version}.1.x86_64.rpm").write_bytes(debug)
    code = (f"./boot/vmlinux-{release}.xz", lzma.compress(vmlinux(debuginfo=False)))
    (tmp_path / f"kernel-default-{version}.1.x86_64.rpm").write_bytes(rpm([code]))
    found = find(dump_of(tmp_path, release), search)
    assert found.debug_path
    assert Path(found.debug_path).read_bytes() == vmlinux(code=False)
    assert Path(found.path).read_bytes() == vmlinux(debuginfo=False)


@pytest.mark.parametrize(
    ("package", "words"),
    [
        (deb([(f"../../../{MEMBER}", vmlinux())]), "refused: it wants to write"),
        (deb([("/etc/vmlinux", vmlinux())]), "refused: it wants to write"),
        (rpm([("./../vmlinux", vmlinux())]), "refused: it wants to write"),
        (rpm([("/vmlinux", vmlinux())]), "refused: it wants to write"),
        (deb([(f"./{MEMBER}", b"")], kind=tarfile.SYMTYPE), "no vmlinux is in it"),
        (deb([(f"./{MEMBER}", b"")], kind=tarfile.LNKTYPE), "no vmlinux is in it"),
        (rpm([(f"./{MEMBER}", b"/etc/passwd")], mode=0o120777), "no vmlinux is in it"),
        (rpm([(f"./{MEMBER}", vmlinux())], magic="07070X"), "over 4 GB"),
        (deb([("./x" * (1 << 19), b"")], ".gz"), "a name of more than a megabyte"),
        (deb([(f"./{MEMBER}", vmlinux(filler=9 << 20))]), "larger than 8 MB"),
        (deb([("./zeros", bytes(40 << 20)), (f"./{MEMBER}", vmlinux())]), "unpacks to more than"),
        (rpm([(f"./{MEMBER}", vmlinux(filler=9 << 20))]), "larger than 8 MB"),
        (rpm([("./zeros", bytes(40 << 20)), (f"./{MEMBER}", vmlinux())]), "unpacks to more than"),
        (deb([(f"./{MEMBER}", vmlinux(OTHER_ID))]), f"it has build-id {OTHER_ID}"),
        (deb([(f"./{MEMBER}", vmlinux())])[:-50], "cut short"),
        (rpm([(f"./{MEMBER}", vmlinux())], "")[:-200], "cut short"),
        (ar(("debian-binary", b"2.0\n")), "without data"),
        (b"!<arch>\nnonsense", "not an ar archive"),
        (b"\xed\xab\xee\xdb" + bytes(200), "without its header"),
    ],
)  # fmt: skip
def test_a_hostile_or_damaged_package_is_refused_and_leaves_nothing(
    tmp_path: Path, search: Search, package: bytes, words: str
) -> None:
    path = tmp_path / "package"
    path.write_bytes(package)
    given = Search(
        given=path, root=search.root, cache_dir=search.cache_dir, max_bytes=8 << 20
    )  # fmt: skip
    with pytest.raises(NoDebuginfo, match=words):
        find(dump_of(tmp_path), given)
    left = [each for each in (tmp_path / "cache/debuginfo").iterdir() if not each.is_symlink()]
    assert left == []
    assert sorted(each.name for each in tmp_path.iterdir()) == ["cache", "package"]


WHOLE = [deb([(f"./{MEMBER}", vmlinux())], each) for each in ("", ".zst")]
WHOLE += [rpm([(f"./{MEMBER}", vmlinux())], each) for each in ("", ".gz")]


@given(form=st.sampled_from(WHOLE), data=st.data())
def test_a_package_with_flipped_bytes_is_an_answer_or_our_error(
    tmp_path_factory: pytest.TempPathFactory, form: bytes, data: st.DataObject
) -> None:
    broken = bytearray(form)
    for _ in range(data.draw(st.integers(1, 3))):
        broken[data.draw(st.integers(8, len(broken) - 1))] ^= data.draw(st.integers(1, 255))
    tmp_path = tmp_path_factory.mktemp("broken")
    path = tmp_path / "package"
    path.write_bytes(broken[: data.draw(st.integers(9, len(broken)))])
    given_ = Search(
        given=path, root=tmp_path / "root", cache_dir=tmp_path / "c", max_bytes=8 << 20
    )  # fmt: skip
    with suppress(NoDebuginfo):  # anything else is a traceback for the user
        assert find(dump_of(tmp_path), given_).build_id in (BUILD_ID, None)


@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="needs dpkg-deb")
@pytest.mark.parametrize("squeeze", ["xz", "gzip", "zstd", "none"])
def test_what_dpkg_deb_builds_is_read_and_its_scripts_are_not_run(
    tmp_path: Path, search: Search, squeeze: str
) -> None:
    tree = tmp_path / "tree"
    (tree / MEMBER).parent.mkdir(parents=True)
    (tree / MEMBER).write_bytes(vmlinux())
    (tree / "DEBIAN").mkdir()
    (tree / "DEBIAN/control").write_text(
        f"Package: linux-image-{RELEASE}-dbg\nVersion: 1\nArchitecture: amd64\n"
        "Maintainer: nobody\nDescription: test\n"
    )
    script = tree / "DEBIAN/preinst"
    script.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    script.chmod(0o755)
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", f"-Z{squeeze}", "-b", tree, tmp_path / DEB],
        check=True,
        capture_output=True,
    )
    assert find(dump_of(tmp_path), search).found_by == "package beside the dump"
    assert not (tmp_path / "ran").exists()


@pytest.mark.skipif(not shutil.which("rpmbuild"), reason="needs rpmbuild")
@pytest.mark.parametrize("payload", ["w9.gzdio", "w9.bzdio", "w6.xzdio", "w3.zstdio"])
def test_what_rpmbuild_builds_is_read_and_its_scripts_are_not_run(
    tmp_path: Path, search: Search, payload: str
) -> None:
    (tmp_path / "vmlinux.in").write_bytes(vmlinux())
    where = f"/usr/lib/debug/lib/modules/{RHEL}"
    spec = tmp_path / "k.spec"
    spec.write_text(
        "Name: kernel-debuginfo\nVersion: 4.18.0\nRelease: 477.27.1.el8_8\nSummary: t\n"
        "License: t\n%define debug_package %{nil}\n%define __os_install_post %{nil}\n"
        "%define _build_id_links none\n"
        f"%description\nt\n%pre\ntouch {tmp_path}/ran\n%install\nmkdir -p %{{buildroot}}{where}\n"
        f"echo note > %{{buildroot}}{where}/a-note\n"
        f"cp {tmp_path}/vmlinux.in %{{buildroot}}{where}/vmlinux\n%files\n{where}\n"
    )
    subprocess.run(
        ["rpmbuild", "-bb", "--target", "x86_64", "--define", f"_topdir {tmp_path}/top",
         "--define", f"_binary_payload {payload}", spec],
        check=True, capture_output=True,
    )  # fmt: skip
    (built,) = (tmp_path / "top/RPMS").rglob("*.rpm")
    built.rename(tmp_path / built.name)
    assert built.name == RPM
    found = find(dump_of(tmp_path, RHEL), search)
    assert Path(found.path).read_bytes() == vmlinux()
    assert not (tmp_path / "ran").exists()


def test_without_a_build_id_the_path_in_the_package_has_to_name_the_release(
    tmp_path: Path, search: Search
) -> None:
    debug = (f"./usr/lib/debug/lib/modules/{RHEL}.debug/vmlinux", vmlinux(OTHER_ID))
    right = (f"./usr/lib/debug/lib/modules/{RHEL}/vmlinux", vmlinux())
    (tmp_path / RPM).write_bytes(rpm([debug, right]))
    assert find(dump_of(tmp_path, RHEL, None), search).build_id == BUILD_ID
