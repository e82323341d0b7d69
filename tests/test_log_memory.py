"""Logs of any size: read once, in bounded memory, whatever is in them."""

import tracemalloc
from collections.abc import Callable, Iterator

import pytest

from tests.klogs import endless, knowledge, oops, read_log, stamped
from vmtriage.models.logreport import LogReport
from vmtriage.pipeline.logs import LogReader

MB = 1 << 20
LIMIT = 60 * MB


def nothing(size: int) -> Iterator[bytes]:
    lines = [f"usb {n}-1: new high-speed USB device number {n} using xhci_hcd" for n in range(9000)]
    part = stamped(lines).encode()
    for _ in range(size // len(part) + 1):
        yield part


def one_liners(size: int) -> Iterator[bytes]:
    made = number = 0
    while made < size:
        lines = [
            f"blk_update_request: I/O error, dev d{n}, sector {n}"
            for n in range(number, number + 500)
        ]
        number += 500
        part = stamped(lines, start=float(number)).encode()
        made += len(part)
        yield part


def many_oopses(size: int) -> Iterator[bytes]:
    made = number = 0
    while made < size:
        number += 1
        part = stamped(oops(f"widget_{number}", pid=number), start=float(number)).encode()
        made += len(part)
        yield part


def one_line(size: int) -> Iterator[bytes]:
    yield b"[    1.000000] BUG: kernel NULL pointer dereference, address: 0000000000000008 "
    for _ in range(size // MB):
        yield (b"Call Trace: BUG: Oops: \xff " + b"x" * 1000) * 1024


def never_over(size: int) -> Iterator[bytes]:
    yield stamped(oops(end=False)).encode()
    made = number = 0
    while made < size:
        number += 1
        lines = [f" frame_{number}_{n}+0x1/0x20" for n in range(2000)]
        part = stamped(lines, start=200.0).encode()
        made += len(part)
        yield part


def long_lines(size: int) -> Iterator[bytes]:
    """Reports that differ, made of lines no kernel prints."""
    made = number = 0
    while made < size:
        number += 1
        long = [f"{'é' * 40_000}{n}" for n in range(20)]
        lines = [*oops(f"widget_{number}", end=False), *long, "---[ end trace 00 ]---"]
        part = stamped(lines, start=float(number)).encode()
        made += len(part)
        yield part


def one_report_of_long_lines(size: int) -> Iterator[bytes]:
    yield b"[    1.000000] java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0\n"
    for _ in range(size // MB):
        yield (b"[    1.000001]  " + b"x" * (MB // 16 - 17) + b"\n") * 16


def never_over_anywhere(size: int) -> Iterator[bytes]:
    """Many contexts, each in a report that goes on and on."""
    made = number = 0
    heads = [stamped(oops(f"w_{n}")[:13], caller=f"T{n}") for n in range(500)]
    yield "".join(heads).encode()
    while made < size:
        number += 1
        text = "".join(
            stamped([f" frame_{n}+0x1/0x20"], start=200.0 + number, caller=f"T{n}")
            for n in range(500)
        )
        made += len(text)
        yield text.encode()


def peak(parts: Iterator[bytes]) -> tuple[LogReport, int]:
    """The report, and the most memory Python held for it at any time."""
    reader = LogReader(knowledge)
    read_log(stamped(oops()), reader)  # patterns and signatures are loaded once, for any log
    tracemalloc.start()
    try:
        report = read_log(endless(parts), reader)
        return report, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_200_mb_of_nothing_are_read_in_the_memory_of_a_few_blocks() -> None:
    report, most = peak(nothing(200 * MB))
    assert report.size > 200 * MB
    assert report.lines > 2_000_000
    assert report.primary is None
    assert most < 10 * MB


@pytest.mark.parametrize(
    ("parts", "size"),
    [(one_liners, MB), (many_oopses, MB), (one_line, 24 * MB), (long_lines, 48 * MB),
     (one_report_of_long_lines, 32 * MB), (never_over, 6 * MB), (never_over_anywhere, MB)],
)  # fmt: skip
def test_a_flood_does_not_fill_memory(parts: Callable[[int], Iterator[bytes]], size: int) -> None:
    _, small = peak(parts(size // 3))
    report, most = peak(parts(size))
    assert report.size >= size * 0.9
    assert report.primary
    assert report.incidents[0].first_line <= 2
    assert len(report.incidents) <= 1000
    assert most < LIMIT
    assert most < small * 2 + 2 * MB, "memory grows with the log"


def test_every_line_is_counted_once_whatever_is_found() -> None:
    def parts() -> Iterator[bytes]:
        for number in range(40):
            yield from nothing(1)
            yield stamped(oops(f"widget_{number}")).encode()

    report = read_log(endless(parts()))
    assert report.lines == 40 * (9000 + len(oops()))
    found = [each for each in report.incidents if each.function != "widget_0"]
    assert [each.first_line for each in found] == [
        (number + 1) * 9000 + number * len(oops()) + 1 for number in range(1, 40)
    ]
