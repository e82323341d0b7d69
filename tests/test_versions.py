"""Which kernel it is, package order, and affected or fixed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmtriage.analysis.kernels import parse_kernel
from vmtriage.analysis.ordering import compare
from vmtriage.analysis.versions import verdict
from vmtriage.models.signature import KernelRange

DEBIAN_12 = ("6.1.0-56-cloud-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)")


@pytest.mark.parametrize(
    ("release", "version", "line", "package", "distro"),
    [
        (
            "3.10.0-327.28.3.el7.x86_64",
            "#1 SMP Thu Aug 18 19:05:49 UTC 2016",
            "el7",
            "3.10.0-327.28.3.el7",
            "CentOS/RHEL 7",
        ),
        ("2.6.32-696.2.1.el6.x86_64", "", "el6", "2.6.32-696.2.1.el6", "CentOS/RHEL 6"),
        ("4.18.0-305.25.1.el8_4.aarch64", "", "el8", "4.18.0-305.25.1.el8_4", "RHEL 8 family"),
        ("5.14.0-284.30.1.el9_2.x86_64+rt", "", "el9", "5.14.0-284.30.1.el9_2", "RHEL 9 family"),
        ("3.10.0-862.20.2.vz7.73.24", "", "vz7", "3.10.0-862.20.2.vz7.73.24", "Virtuozzo 7"),
        (
            "5.4.17-2136.307.3.1.el8uek.x86_64",
            "",
            "uek",
            "5.4.17-2136.307.3.1.el8uek",
            "Oracle Linux, Unbreakable Enterprise Kernel",
        ),
        # the ABI name of Debian is no version: the package's own one is in VERSION
        (
            "3.16.0-4-amd64",
            "#1 SMP Debian 3.16.39-1 (2016-12-30)",
            "debian",
            "3.16.39-1",
            "Debian 8",
        ),
        ("3.16.0-4-amd64", "", "debian", None, "Debian 8"),
        (*DEBIAN_12, "debian", "6.1.192-2", "Debian 12"),
        (
            "4.19.0-0.bpo.5-amd64",
            "#1 SMP Debian 4.19.37-5+deb10u2~bpo9+1 (2019-08-16)",
            "debian",
            "4.19.37-5+deb10u2~bpo9+1",
            "Debian 9",
        ),
        ("6.12.117+deb12-cloud-amd64", "", "debian", "6.12.117", "Debian 12"),
        (
            "5.4.0-42-generic",
            "#46~18.04.1-Ubuntu SMP Fri Jul 10 07:21:24 UTC 2020",
            "ubuntu",
            "5.4.0-42.46~18.04.1",
            "Ubuntu",
        ),
        ("4.12.14-122.37-default", "", "sles", "4.12.14-122.37", "SUSE 12 SP5"),
        ("5.14.21-150500.55.19-default", "", "sles", "5.14.21-150500.55.19", "SUSE 15 SP5"),
        ("6.4.0-150600.23.7-default", "", "sles", "6.4.0-150600.23.7", "SUSE 15 SP6"),
        ("6.12.0-160000.5-default", "", "sles", "6.12.0-160000.5", "SUSE 16.0"),
        ("6.6.3-1-default", "", "sles", "6.6.3-1", "SUSE"),  # Tumbleweed
        ("5.10.100-1.amzn2.x86_64", "", "amazon", "5.10.100-1.amzn2", "Amazon Linux 2"),
        ("4.14.171-105.231.amzn1.x86_64", "", "amazon", "4.14.171-105.231.amzn1", "Amazon Linux"),
        (
            "6.1.79-99.164.amzn2023.x86_64",
            "",
            "amazon",
            "6.1.79-99.164.amzn2023",
            "Amazon Linux 2023",
        ),
        ("6.12.0-55.9.1.el10_0.x86_64", "", "el10", "6.12.0-55.9.1.el10_0", "RHEL 10 family"),
        (
            "5.15.0-1031-aws",
            "#35-Ubuntu SMP Fri Feb 10 02:07:18 UTC 2023",
            "ubuntu-aws",
            "5.15.0-1031.35",
            "Ubuntu (aws)",
        ),
        ("4.15.0-1100-azure", "", "ubuntu-azure", "4.15.0-1100", "Ubuntu (azure)"),
        ("6.8.0-1010-gcp", "", "ubuntu-gcp", "6.8.0-1010", "Ubuntu (gcp)"),
        ("5.15.0-60-lowlatency", "", "ubuntu", "5.15.0-60", "Ubuntu"),
        ("6.1.0-13-s390x", "", "debian", None, "Debian 12"),
        ("5.4.73-1-pve", "#1 SMP PVE 5.4.73-1", "proxmox", "5.4.73-1-pve", "Proxmox VE"),
        ("6.6.8-arch1-1", "", "arch", "6.6.8-arch1-1", "Arch Linux"),
        ("6.5-rc3", "", "mainline", "6.5-rc3", "mainline"),
        ("4.9.30+", "", "other", None, None),
        ("5.4.225-1.el7.elrepo.x86_64", "", "other", None, None),  # mainline in an el7 package
        ("", "", "unknown", None, None),
        ("what is this", "", "unknown", None, None),
    ],
)
def test_kernel_is_recognised(
    release: str, version: str, line: str, package: str | None, distro: str | None
) -> None:
    kernel = parse_kernel(release, version)
    assert (kernel.line, kernel.package, kernel.distro) == (line, package, distro)


@given(st.text(), st.text())
def test_any_text_is_some_kernel(release: str, version: str) -> None:
    kernel = parse_kernel(release, version)
    assert verdict(kernel, [KernelRange(line="el7", fixed="3.10.0-957.el7", source="x")])[1]


@pytest.mark.parametrize(
    ("line", "older", "newer"),
    [
        ("el7", "3.10.0-327.28.3.el7", "3.10.0-693.11.1.el7"),
        ("el7", "3.10.0-693.el7", "3.10.0-1160.el7"),
        ("el7", "3.10.0-1160.el7", "3.10.0-1160.2.2.el7"),
        ("el6", "2.6.32-622.el6", "2.6.32-696.2.1.el6"),
        ("el8", "4.18.0-80.el8", "4.18.0-80.5.1.el8_0"),
        ("el9", "5.14.0-1~rc2.el9", "5.14.0-1.el9"),
        ("fedora", "5.19.0-1.fc37", "5.19.0^20220801git1-1.fc37"),
        ("uek", "4.1.12-124.20.3.el7uek", "4.1.12-124.20.10.el7uek"),
        ("debian", "3.16.7-ckt25-2+deb8u3", "3.16.36-1+deb8u2"),
        ("debian", "3.16.39-1", "3.16.43-2+deb8u5"),
        ("debian", "6.1.192-2~bpo11+1", "6.1.192-2"),
        ("ubuntu", "4.15.0-60.67", "4.15.0-62.69"),
        ("mainline", "5.13-rc7", "5.13"),
        ("mainline", "5.13", "5.13.1"),
        ("mainline", "4.9.99", "4.10-rc1"),
    ],
)
def test_order_is_that_of_the_packages(line: str, older: str, newer: str) -> None:
    assert compare(line, older, newer) == -1
    assert compare(line, newer, older) == 1
    assert compare(line, newer, newer) == 0


def _ranges(*rows: dict[str, object]) -> list[KernelRange]:
    return [KernelRange.model_validate({"source": "test", **row}) for row in rows]


LOOP = _ranges(
    {"line": "el7", "fixed": "3.10.0-693.11.1.el7"},
    {"line": "el7", "uncertain_from": "3.10.0-693.el7", "fixed": "3.10.0-957.el7"},
    {"line": "mainline", "introduced": "3.2", "fixed": "3.17-rc1"},
)
RACE = _ranges(
    {"line": "mainline", "introduced": "3.6", "fixed": "3.18", "affected_series": ["3.16"]}
)
BUDDY = _ranges(
    {"line": "el7", "fixed": "3.10.0-327.44.2.el7"}, {"line": "el7", "fixed": "3.10.0-514.el7"}
)
STABLE = _ranges(
    {"line": "mainline", "introduced": "3.6", "fixed": "5.16-rc1"},
    {"line": "mainline", "fixed": "5.10.80"},
)

UBUNTU = _ranges(
    {"line": "ubuntu", "fixed": "5.4.0-42.46"}, {"line": "ubuntu-aws", "fixed": "5.4.0-1040.42"}
)
SUSE = _ranges(
    {"line": "sles", "fixed": "5.14.21-150500.55.19"}, {"line": "sles", "fixed": "4.12.14-122.40"}
)
AMAZON = _ranges({"line": "amazon", "fixed": "4.14.336-253.554.amzn2"})
UEK = _ranges({"line": "uek", "fixed": "5.4.17-2136.310.7.el7uek"})


@pytest.mark.parametrize(
    ("ranges", "release", "version", "expected", "fixed_in"),
    [
        (LOOP, "3.10.0-327.28.3.el7.x86_64", "", "affected", "3.10.0-693.11.1.el7"),
        (LOOP, "3.10.0-693.5.2.el7.x86_64", "", "unknown", "3.10.0-693.11.1.el7"),
        (LOOP, "3.10.0-693.11.1.el7.x86_64", "", "fixed", "3.10.0-693.11.1.el7"),
        (LOOP, "3.10.0-862.el7.x86_64", "", "unknown", "3.10.0-957.el7"),
        (LOOP, "3.10.0-1160.el7.x86_64", "", "fixed", "3.10.0-957.el7"),
        (LOOP, *DEBIAN_12, "fixed", "3.17-rc1"),
        (LOOP, "4.18.0-305.el8.x86_64", "", "unknown", None),  # Red Hat is never held to mainline
        (LOOP, "3.10.0", "", "affected", "3.17-rc1"),
        (LOOP, "3.16.7", "", "unknown", "3.17-rc1"),  # stable may have taken the fix over
        (LOOP, "2.6.39", "", "unknown", "3.17-rc1"),
        (LOOP, "3.13.0-32-generic", "#57-Ubuntu SMP", "unknown", "3.17-rc1"),
        (LOOP, "4.4.0-21-generic", "#37-Ubuntu SMP", "fixed", "3.17-rc1"),
        (LOOP, "", "", "unknown", None),
        (RACE, "3.16.0-4-amd64", "#1 SMP Debian 3.16.39-1 (2016-12-30)", "affected", "3.18"),
        (RACE, "3.16.0-4-amd64", "", "affected", "3.18"),
        (RACE, *DEBIAN_12, "fixed", "3.18"),
        (RACE, "6.12.117+deb12-cloud-amd64", "", "fixed", "3.18"),
        (RACE, "3.10.0-327.28.3.el7.x86_64", "", "unknown", None),
        # a fix for 327.x is a fix from 327.44.2 on; the next minor release has its own
        (BUDDY, "3.10.0-327.28.3.el7.x86_64", "", "affected", "3.10.0-327.44.2.el7"),
        (BUDDY, "3.10.0-327.44.2.el7.x86_64", "", "fixed", "3.10.0-327.44.2.el7"),
        (BUDDY, "3.10.0-400.el7.x86_64", "", "affected", "3.10.0-514.el7"),
        (BUDDY, "3.10.0-514.el7.x86_64", "", "fixed", "3.10.0-514.el7"),
        (BUDDY[:1], "3.10.0-400.el7.x86_64", "", "unknown", "3.10.0-327.44.2.el7"),
        (STABLE, "5.10.79", "", "affected", "5.10.80"),
        (STABLE, "5.10.80", "", "fixed", "5.10.80"),
        (STABLE, "5.15.5", "", "unknown", "5.16-rc1"),
        (STABLE, "5.16-rc1", "", "fixed", "5.16-rc1"),
        (STABLE, "5.10.0-10-amd64", "#1 SMP Debian 5.10.84-1 (2021-12-08)", "fixed", "5.10.80"),
        ([], "3.10.0", "", "unknown", None),
        # Ubuntu: a rebuild for an older release has the same source; the ABI alone will do
        (UBUNTU, "5.4.0-42-generic", "#46~18.04.1-Ubuntu SMP", "fixed", "5.4.0-42.46"),
        (UBUNTU, "5.4.0-42-generic", "", "fixed", "5.4.0-42.46"),
        (UBUNTU, "5.4.0-40-generic", "", "affected", "5.4.0-42.46"),
        # the clouds' kernels have numbers of their own: 1031 is not later than 42
        (UBUNTU, "5.4.0-1031-aws", "#32-Ubuntu SMP", "affected", "5.4.0-1040.42"),
        (UBUNTU, "5.4.0-1041-aws", "#43-Ubuntu SMP", "fixed", "5.4.0-1040.42"),
        (UBUNTU, "5.4.0-1031-azure", "#32-Ubuntu SMP", "unknown", None),
        (STABLE, "5.10.80-1.amzn2.x86_64", "", "fixed", "5.10.80"),
        # SUSE: a fix is for its service pack, though the numbers go on
        (SUSE, "5.14.21-150500.55.12-default", "", "affected", "5.14.21-150500.55.19"),
        (SUSE, "5.14.21-150500.55.19-default", "", "fixed", "5.14.21-150500.55.19"),
        (SUSE, "5.14.21-150400.24.100-default", "", "unknown", "5.14.21-150500.55.19"),
        (SUSE, "4.12.14-122.37-default", "", "affected", "4.12.14-122.40"),
        (SUSE, "4.12.14-197.10-default", "", "unknown", "5.14.21-150500.55.19"),
        # Amazon Linux 1 and 2 both have a 4.14; their counters have nothing in common
        (AMAZON, "4.14.336-180.562.amzn1.x86_64", "", "unknown", "4.14.336-253.554.amzn2"),
        (AMAZON, "4.14.336-253.500.amzn2.x86_64", "", "affected", "4.14.336-253.554.amzn2"),
        (AMAZON, "5.10.100-1.amzn2.x86_64", "", "unknown", "4.14.336-253.554.amzn2"),
        # Oracle's UEK: a fix in 5.4.17 says nothing of 4.14.35, on el7 and el8 alike
        (UEK, "5.4.17-2136.307.3.1.el8uek.x86_64", "", "affected", "5.4.17-2136.310.7.el7uek"),
        (UEK, "5.4.17-2136.310.7.el8uek.x86_64", "", "fixed", "5.4.17-2136.310.7.el7uek"),
        (UEK, "4.14.35-2047.520.3.el7uek.x86_64", "", "unknown", "5.4.17-2136.310.7.el7uek"),
        (UEK, "5.4.17-1.el7.elrepo.x86_64", "", "unknown", None),
        # no Red Hat kernel is ever held to mainline, no el7 to el8
        (STABLE, "5.14.0-427.el9.x86_64", "", "unknown", None),
        (BUDDY, "4.18.0-553.el8_10.x86_64", "", "unknown", None),
    ],
)
def test_verdict(
    ranges: list[KernelRange], release: str, version: str, expected: str, fixed_in: str | None
) -> None:
    kernel = parse_kernel(release, version)
    said, reason, fixed = verdict(kernel, ranges)
    assert (said, fixed) == (expected, fixed_in), reason
    assert reason
    assert fixed is None or fixed in reason or said == "unknown"


def test_a_bug_of_one_service_pack_says_nothing_of_another() -> None:
    ranges = _ranges({"line": "sles", "introduced": "4.12.14-122.20", "fixed": "4.12.14-122.40"})
    for release, expected in (
        ("4.12.14-122.10-default", "fixed"),
        ("4.12.14-122.30-default", "affected"),
        ("4.12.14-95.10-default", "unknown"),
    ):
        said, reason, _ = verdict(parse_kernel(release), ranges)
        assert said == expected, reason


def test_a_bug_that_came_later_in_the_same_line_is_not_in_an_older_kernel() -> None:
    ranges = _ranges(
        {"line": "el9", "introduced": "5.14.0-37.el9", "fixed": "5.14.0-75.el9"},
    )
    said, reason, fixed = verdict(parse_kernel("5.14.0-30.el9.x86_64"), ranges)
    assert (said, fixed) == ("fixed", None)
    assert "came later" in reason
