"""The package that has the debuginfo of a release, line by line, with releases as they are."""

import pytest

from vmtriage.source.debuginfo import package_hint
from vmtriage.source.debuginfo.hint import hint

DNF = "dnf install --enablerepo='*debug*' "
SUSE = "zypper --plus-content debug install "
CASES = [
    ("3.10.0-327.28.3.el7.x86_64", "kernel-debuginfo-3.10.0-327.28.3.el7.x86_64",
     "debuginfo-install kernel-3.10.0-327.28.3.el7.x86_64"),
    ("2.6.32-754.35.1.el6.x86_64", "kernel-debuginfo-2.6.32-754.35.1.el6.x86_64",
     "debuginfo-install kernel-2.6.32-754.35.1.el6.x86_64"),
    ("3.10.0-1160.el7.x86_64.debug", "kernel-debug-debuginfo-3.10.0-1160.el7.x86_64",
     "debuginfo-install kernel-debug-3.10.0-1160.el7.x86_64"),
    ("3.10.0-327.36.1.rt56.237.el7.x86_64",
     "kernel-rt-debuginfo-3.10.0-327.36.1.rt56.237.el7.x86_64",
     "debuginfo-install kernel-rt-3.10.0-327.36.1.rt56.237.el7.x86_64"),
    ("4.18.0-477.27.1.el8_8.x86_64", "kernel-debuginfo-4.18.0-477.27.1.el8_8.x86_64", DNF),
    ("4.18.0-305.rt7.72.el8.x86_64", "kernel-rt-debuginfo-4.18.0-305.rt7.72.el8.x86_64", DNF),
    ("5.14.0-427.13.1.el9_4.aarch64", "kernel-debuginfo-5.14.0-427.13.1.el9_4.aarch64", DNF),
    ("5.14.0-427.13.1.el9_4.x86_64+rt", "kernel-rt-debuginfo-5.14.0-427.13.1.el9_4.x86_64", DNF),
    ("5.14.0-427.13.1.el9_4.x86_64+debug",
     "kernel-debug-debuginfo-5.14.0-427.13.1.el9_4.x86_64", DNF),
    ("5.14.0-427.13.1.el9_4.aarch64+64k-debug",
     "kernel-64k-debug-debuginfo-5.14.0-427.13.1.el9_4.aarch64", DNF),
    ("5.4.17-2136.306.1.3.el7uek.x86_64", "kernel-uek-debuginfo-5.4.17-2136.306.1.3.el7uek.x86_64",
     "curl -O https://oss.oracle.com/ol7/debuginfo/kernel-uek-debuginfo-"),
    ("5.15.0-202.135.2.el8uek.x86_64", "kernel-uek-debuginfo-5.15.0-202.135.2.el8uek.x86_64",
     "curl -O https://oss.oracle.com/ol8/debuginfo/kernel-uek-debuginfo-5.15.0-202.135.2.el8uek.x86_64.rpm"),
    ("6.5.6-300.fc39.x86_64", "kernel-debuginfo-6.5.6-300.fc39.x86_64", DNF),
    ("6.5.6-300.fc39.x86_64+debug", "kernel-debug-debuginfo-6.5.6-300.fc39.x86_64", DNF),
    ("4.14.336-257.566.amzn2.x86_64", "kernel-debuginfo-4.14.336-257.566.amzn2.x86_64",
     "debuginfo-install kernel-4.14.336-257.566.amzn2.x86_64"),
    ("6.1.79-99.164.amzn2023.x86_64", "kernel-debuginfo-6.1.79-99.164.amzn2023.x86_64",
     "dnf debuginfo-install kernel-6.1.79-99.164.amzn2023.x86_64"),
    ("6.12.22-27.96.amzn2023.aarch64", "kernel6.12-debuginfo-6.12.22-27.96.amzn2023.aarch64",
     "dnf debuginfo-install kernel6.12-6.12.22-27.96.amzn2023.aarch64"),
    ("6.1.0-9-amd64", "linux-image-6.1.0-9-amd64-dbg",
     "apt-get install linux-image-6.1.0-9-amd64-dbg"),
    ("6.12.117+deb12-cloud-amd64", "linux-image-6.12.117+deb12-cloud-amd64-dbg",
     "apt-get install "),
    ("5.10.0-28-rt-amd64", "linux-image-5.10.0-28-rt-amd64-dbg", "apt-get install "),
    ("5.10.0-28-686-pae", "linux-image-5.10.0-28-686-pae-dbg", "apt-get install "),
    ("6.1.0-18-powerpc64le", "linux-image-6.1.0-18-powerpc64le-dbg", "apt-get install "),
    ("5.15.0-91-generic", "linux-image-5.15.0-91-generic-dbgsym", "apt-get install "),
    ("6.8.0-1012-azure", "linux-image-6.8.0-1012-azure-dbgsym", "apt-get install "),
    ("5.15.0-1051-gcp", "linux-image-5.15.0-1051-gcp-dbgsym", "apt-get install "),
    ("6.8.0-35-generic-64k", "linux-image-6.8.0-35-generic-64k-dbgsym", "apt-get install "),
    ("4.12.14-95.37-default", "kernel-default-debuginfo-4.12.14-95.37.1", SUSE),
    ("4.12.14-197.61-default", "kernel-default-debuginfo-4.12.14-197.61.1", SUSE),
    ("5.14.21-150400.14.72-azure", "kernel-azure-debuginfo-5.14.21-150400.14.72.1", SUSE),
    ("5.14.21-150500.13.5-rt", "kernel-rt-debuginfo-5.14.21-150500.13.5.1", SUSE),
    ("6.6.7-1-default", "kernel-default-debuginfo-6.6.7-1.1", SUSE),
    ("5.10.0-60.18.0.50.oe2203.x86_64", "kernel-debuginfo-5.10.0-60.18.0.50.oe2203.x86_64", DNF),
    ("5.10.134-16.al8.x86_64", "kernel-debuginfo-5.10.134-16.al8.x86_64", DNF),
]  # fmt: skip


@pytest.mark.parametrize(("release", "package", "command"), CASES, ids=[c[0] for c in CASES])
def test_the_package_and_its_command(release: str, package: str, command: str) -> None:
    found = hint(release)
    assert found is not None
    assert found.package == package
    assert found.command.startswith(command)
    assert package_hint(release).startswith(found.command)
    assert "\n" not in package_hint(release)


@pytest.mark.parametrize(
    "release",
    [
        "6.7.0-arch3-1",
        "6.6.30-1-lts",
        "6.5.11-8-pve",
        "6.9.7-1.el8.elrepo.x86_64",
        "6.9.0",
        "6.9.0-060900-generic",
        "6.1.0-rc3+",
    ],
)
def test_for_others_nothing_is_made_up(release: str) -> None:
    assert hint(release) is None
    assert package_hint(release) == f"get the vmlinux with debuginfo that was built with {release}"


def test_without_a_release_the_hint_is_general() -> None:
    assert hint(None) is None
    assert package_hint(None) == "install the kernel's debuginfo package"
