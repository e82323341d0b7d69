"""Make, model and firmware of a machine, in the words of each architecture's kernel."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmtriage.analysis.hardware import Machine, machine_named, machine_of
from vmtriage.models.klog import KernelLog, LogRecord


def log(*lines: str) -> KernelLog:
    return KernelLog(records=tuple(LogRecord(text=t, line=n) for n, t in enumerate(lines, 1)))


@pytest.mark.parametrize(
    ("line", "hardware", "firmware"),
    [
        (
            "Hardware name: Dell Inc. PowerEdge R740/0WRPXK, BIOS 2.10.2 02/24/2021",
            "Dell Inc. PowerEdge R740/0WRPXK",
            "2.10.2 02/24/2021",
        ),
        (
            "DMI: QEMU Standard PC (i440FX + PIIX, 1996), BIOS 1.16.2-debian-1.16.2-1 04/01/2014",
            "QEMU Standard PC (i440FX + PIIX, 1996)",
            "1.16.2-debian-1.16.2-1 04/01/2014",
        ),
        (
            "Pid: 95, comm: sshd: jo Not tainted 2.6.32-504.el6.x86_64 #1 HP ProLiant DL380 G6/X",
            "HP ProLiant DL380 G6/X",
            None,
        ),
        (
            "Hardware name: IBM,9009-42A POWER9 (raw) 0x4e0202 0xf000005 of:IBM,FW950.40"
            " (VL950_099) hv:phyp pSeries",
            "IBM,9009-42A POWER9",
            "IBM,FW950.40 (VL950_099)",
        ),
        (
            "Hardware name: 9006-22P POWER9 0x4e1202 opal:v7.1-1-gabc PowerNV",
            "9006-22P POWER9",
            "v7.1-1-gabc",
        ),
        ("Hardware name: IBM              3931 A01 704 (LPAR)", "IBM 3931 A01 704 (LPAR)", None),
        ("Hardware name: riscv-virtio,qemu (DT)", "riscv-virtio,qemu", None),
        ("OF: fdt: Machine model: Raspberry Pi 4", "Raspberry Pi 4", None),
        (
            "Hardware name: To be filled by O.E.M. To be filled by O.E.M./To be filled by O.E.M.,"
            " BIOS 5.6.5 07/25/2014",
            None,
            "5.6.5 07/25/2014",
        ),
        ("Hardware name:  /, BIOS  ", None, None),
        ("Pid: 95, comm: sshd Not tainted 2.6.32-504.el6.x86_64 #1", None, None),
        ("the message `Hardware name: Acme` of somebody else", None, None),
    ],
)
def test_the_machine_is_read_from_the_log(
    line: str, hardware: str | None, firmware: str | None
) -> None:
    assert machine_of(log("Linux version 6.1.0", line, "")) == Machine(hardware, firmware)


def test_one_line_that_was_cut_does_not_rename_a_machine() -> None:
    whole = "Hardware name: Acme Server 2000/X1, BIOS 1.2.3 04/01/2019"
    assert machine_of(log(whole, whole, whole[:24])) == Machine(
        "Acme Server 2000/X1", "1.2.3 04/01/2019"
    )


def test_without_a_log_nothing_is_known() -> None:
    assert machine_of(None) == machine_of(log()) == Machine()


@given(st.text(max_size=300))
def test_no_name_is_too_strange(text: str) -> None:
    for value in machine_named(text):
        assert value is None or (value == " ".join(value.split()) and 0 < len(value) <= 160)
