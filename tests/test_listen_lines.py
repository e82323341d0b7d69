"""From datagrams to lines and windows: both formats, order, loss, bounds. No socket, no clock."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmtriage.fleet.listen import netconsole
from vmtriage.fleet.listen.counters import Counters
from vmtriage.fleet.listen.host import Shared
from vmtriage.fleet.listen.hosts import Hosts
from vmtriage.fleet.listen.interest import searcher
from vmtriage.fleet.listen.order import Gap, Orderer
from vmtriage.fleet.listen.window import Finished, Limits

A = "10.0.0.1"
OOPS = b"[    5.000000] BUG: kernel NULL pointer dereference, address: 0000000000000078\n"
SEARCH = searcher()


class Bench:
    """Hosts with everything they give away kept in lists; time is what a test says."""

    def __init__(self, **limits: float) -> None:
        self.done: list[Finished] = []
        self.kept: list[bytes] = []
        self.shared = Shared(
            SEARCH, self.done.append, lambda: 1e9, Limits(**limits),  # type: ignore[arg-type]
            keep=lambda _, lines: self.kept.append(lines),
        )  # fmt: skip
        self.hosts = Hosts(self.shared)
        self.now = 100.0

    @property
    def counters(self) -> Counters:
        return self.shared.counters

    def send(self, *datagrams: bytes, address: str = A) -> None:
        for data in datagrams:
            self.hosts.feed(address, data, self.now)

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.hosts.tick(self.now)

    def lines(self) -> list[bytes]:
        return b"".join(self.kept).splitlines()


def record(sequence: int, text: bytes = b"", flag: bytes = b"-", more: bytes = b"") -> bytes:
    text = text or b"line %d" % sequence
    return b"6,%d,%d,%s%s;%s\n" % (sequence, sequence * 1_000_000, flag, more, text)


# -- the formats ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "sequence", "level", "flag", "release", "caller", "fragment"),
    [
        (b"6,416,1758426,-;text\n", 416, 6, b"-", b"", b"", (0, 0)),
        (b"14,7,1,-,caller=T123;text\n", 7, 6, b"-", b"", b"T123", (0, 0)),
        (b"4,8,1,c,caller=C2;text\n", 8, 4, b"c", b"", b"C2", (0, 0)),
        (b"6.1.0-18-amd64,3,9,1,+;text\n", 9, 3, b"+", b"6.1.0-18-amd64", b"", (0, 0)),
        (b"6.13.0,13,468,5,-,ncfrag=16/31; the 2nd\n", 468, 5, b"-", b"6.13.0", b"", (16, 31)),
        (b"6,1,1,-,caller=T1,ncfrag=0/40;a", 1, 6, b"-", b"", b"T1", (0, 40)),
    ],
)  # fmt: skip
def test_an_extended_header_is_read(
    data: bytes, sequence: int, level: int, flag: bytes, release: bytes, caller: bytes,
    fragment: tuple[int, int],
) -> None:  # fmt: skip
    found = netconsole.parse(data)
    assert found is not None
    assert (found.sequence, found.level, found.flag) == (sequence, level, flag)
    assert (found.release, found.caller) == (release, caller)
    assert (found.offset, found.total) == fragment


@pytest.mark.parametrize(
    "data",
    [b"", b"[    1.0] 6,1,1,-;x\n", b"<6>hello; world\n", b"6,1,1;x\n", b"6,1,1,-x\n", b"\0,1,1,-;",
     b"6,99999999999999999999,1,-;x"],
)  # fmt: skip
def test_what_is_not_extended_is_plain(data: bytes) -> None:
    assert netconsole.parse(data) is None


def test_a_fragment_that_contradicts_itself_is_text() -> None:
    for head in (b"ncfrag=9/10", b"ncfrag=0/0", b"ncfrag=0/999999"):
        found = netconsole.parse(b"6,1,1,-,%s;a longer text" % head)
        assert found is not None
        assert found.total == 0


def test_escapes_are_undone_and_the_dictionary_is_left_out() -> None:
    bench = Bench()
    bench.send(
        b"6,1,5000001,-;usb\\x5c1\\xe2\\x82\\xac \\x09one\\x0atwo\n SUBSYSTEM=usb\n DEVICE=c1:2\n"
    )
    bench.wait(1)
    assert bench.lines() == [
        "[    5.000001] usb\\1€ \tone".encode(), b"[    5.000001] two",
    ]  # fmt: skip


def test_plain_lines_several_to_a_datagram_and_one_over_three() -> None:
    bench = Bench()
    bench.send(b"[    1.000000] a\n[    1.000001] b\n[    1.0000", b"02] c is", b" long\n<6>d\n")
    assert bench.lines() == [
        b"[    1.000000] a", b"[    1.000001] b", b"[    1.000002] c is long", b"<6>d",
    ]  # fmt: skip


def test_a_line_without_end_is_taken_after_a_second_or_at_the_next_stamp() -> None:
    bench = Bench()
    bench.send(b"[    1.000000] waiting ... ")
    bench.wait(0.5)
    assert bench.lines() == []
    bench.send(b"[    1.000001] next\n", b"half")
    assert bench.lines() == [b"[    1.000000] waiting ... ", b"[    1.000001] next"]
    bench.wait(1.1)
    assert bench.lines()[-1] == b"half"
    assert not bench.shared.active


# -- order, loss, repeats ----------------------------------------------------------------------


def bodies(ready: list[netconsole.Record | Gap]) -> list[str]:
    return [f"gap {each}" if isinstance(each, Gap) else each.body.decode() for each in ready]


def parsed(data: bytes) -> netconsole.Record:
    found = netconsole.parse(data.rstrip(b"\n"))
    assert found is not None
    return found


def fed(orderer: Orderer, *datagrams: bytes, now: float = 0.0) -> list[str]:
    return [text for data in datagrams for text in bodies(orderer.add(parsed(data), now))]


def test_records_are_put_in_order() -> None:
    counters = Counters()
    orderer = Orderer(counters)
    assert fed(orderer, *(record(n) for n in (1, 4, 3, 2, 5))) == [
        f"line {n}" for n in (1, 2, 3, 4, 5)
    ]
    assert (counters.reordered, counters.missing) == (2, 0)
    assert not orderer.waiting


def test_what_does_not_come_is_a_gap_and_may_still_come_late() -> None:
    counters = Counters()
    orderer = Orderer(counters)
    assert fed(orderer, record(1), record(5)) == ["line 1"]
    assert bodies(orderer.tick(0.1)) == []
    assert bodies(orderer.tick(0.3)) == ["gap 3", "line 5"]
    assert fed(orderer, record(3)) == ["line 3"]
    assert (counters.missing, counters.late) == (2, 1)
    assert fed(orderer, record(2), record(4), record(4)) == ["line 2", "line 4"]
    assert (counters.missing, counters.late, counters.duplicates) == (0, 3, 1)


def test_a_gap_is_given_up_when_too_much_waits_behind_it() -> None:
    orderer = Orderer(Counters())
    got = fed(orderer, record(1), *(record(n) for n in range(3, 100)))
    assert got[:3] == ["line 1", "gap 1", "line 3"]
    assert got[-1] == "line 99"


def test_duplicates_are_dropped_and_counted() -> None:
    counters = Counters()
    orderer = Orderer(counters)
    assert fed(orderer, record(1), record(1), record(3), record(3), record(2), record(2)) == [
        "line 1", "line 2", "line 3",
    ]  # fmt: skip
    assert counters.duplicates == 3


def test_a_reboot_begins_a_new_order_and_a_straggler_does_not() -> None:
    counters = Counters()
    orderer = Orderer(counters)
    fed(orderer, *(record(n) for n in range(900, 1000)))
    assert fed(orderer, record(10)) == []  # far behind: which of the two?
    assert fed(orderer, record(1000)) == ["line 1000"]
    assert fed(orderer, record(301), record(302), record(303)) == [
        "line 301", "line 302", "line 303",
    ]  # fmt: skip
    assert counters.missing == 0
    assert fed(orderer, record(3)) == []
    assert bodies(orderer.tick(1.0)) == ["line 3"]  # nothing else came: the host has begun anew


def test_fragments_are_joined_in_any_order() -> None:
    whole = b"the first chunk, the 2nd chunk."
    parts = [
        b"6,416,1758426,-,ncfrag=%d/%d;%s" % (at, len(whole), whole[at : at + 9])
        for at in range(0, len(whole), 9)
    ]
    for seed in range(6):
        random.Random(seed).shuffle(parts)
        counters = Counters()
        assert fed(Orderer(counters), *parts, parts[0]) == [whole.decode()]
        assert counters.fragments_lost == 0


def test_a_record_with_a_lost_fragment_is_told_as_far_as_it_came() -> None:
    counters = Counters()
    orderer = Orderer(counters)
    assert fed(orderer, record(1), b"6,2,1,-,ncfrag=0/31;the first chunk,") == ["line 1"]
    assert bodies(orderer.tick(1.0)) == ["the first chunk,"]
    assert fed(orderer, record(3)) == ["line 3"]
    assert (counters.fragments_lost, counters.missing) == (1, 0)


def test_a_gap_is_a_visible_line() -> None:
    bench = Bench()
    bench.send(record(1), record(5))
    bench.wait(0.3)
    bench.wait(0.3)
    assert [b"3 records missing" in line for line in bench.lines()] == [False, True, False]
    assert not bench.done, "the note itself is no incident"


def test_continuation_records_are_joined() -> None:
    bench = Bench()
    bench.send(
        record(1, b"Modules: "),
        record(2, b"one ", b"c"),
        record(3, b"two", b"c"),
        record(4, b"end"),
    )
    bench.wait(1)
    assert bench.lines() == [b"[    1.000000] Modules: one two", b"[    4.000000] end"]


def test_old_kernels_mark_the_first_fragment_too() -> None:
    bench = Bench()
    bench.send(record(1, b"x"), record(2, b"a", b"c"), record(3, b"b", b"+"))
    bench.send(record(4, b"y"), record(5, b"c", b"c"), record(6, b"d", b"+"))
    bench.wait(1)
    assert [line[15:] for line in bench.lines()][-2:] == [b"y", b"cd"]


def test_another_task_does_not_continue_a_line() -> None:
    bench = Bench()
    bench.send(record(1, b"a", b"-", b",caller=T1"), record(2, b"b", b"c", b",caller=T2"))
    bench.wait(1)
    assert [line[15:] for line in bench.lines()] == [b"a", b"b"]


# -- windows ------------------------------------------------------------------------------------


def test_a_window_has_the_lines_before_and_closes_when_the_host_is_quiet() -> None:
    bench = Bench()
    bench.send(*(b"[    4.%06d] before %d\n" % (n, n) for n in range(100)))
    bench.send(OOPS, b"[    5.000001] Call Trace:\n")
    bench.wait(1.9)
    assert not bench.done
    bench.send(b"[    6.000000] more\n")
    bench.wait(1.9)
    assert not bench.done
    bench.wait(0.2)
    (window,) = bench.done
    text = window.text().splitlines()
    assert text[0].endswith("before 40")
    assert text[-3:] == [
        OOPS.decode().rstrip(),
        "[    5.000001] Call Trace:",
        "[    6.000000] more",
    ]
    assert window.line == OOPS.rstrip()
    assert (window.address, window.opened.timestamp()) == (A, 1e9)
    bench.send(OOPS)
    bench.wait(3)
    assert bench.done[1].lines == [OOPS.rstrip()], "lines told once are no context of the next"


def test_a_host_that_never_stops_is_told_after_thirty_seconds_or_two_thousand_lines() -> None:
    bench = Bench()
    bench.send(OOPS)
    for _ in range(31):
        bench.send(b"chatter\n")
        bench.wait(1)
    assert len(bench.done) == 1
    bench.send(OOPS, b"".join(b"line %d\n" % n for n in range(3000)))
    assert len(bench.done) == 2
    assert len(bench.done[1].lines) == 2000


def test_a_panic_is_told_fast() -> None:
    bench = Bench()
    panic = b"Kernel panic - not syncing: Fatal exception"
    bench.send(OOPS, b"[    5.1] %s\n" % panic, b"[    5.2] ---[ end %s ]---\n" % panic)
    bench.wait(0.6)
    assert len(bench.done) == 1


def test_a_slow_console_does_not_cut_an_oops_in_two() -> None:
    bench = Bench()
    bench.send(OOPS, b"[    5.000001] Oops: 0002 [#1] PREEMPT SMP NOPTI\n")
    bench.wait(7)
    bench.send(b"[   12.0] RIP: 0010:f+0x1/0x2 [m]\n", b"[   12.1] ---[ end trace 0 ]---\n")
    assert not bench.done
    bench.wait(2.1)
    (window,) = bench.done
    assert "RIP: 0010:f" in window.text()


def test_every_host_has_its_own_window() -> None:
    bench = Bench()
    for n in range(20):
        bench.send(OOPS, address=f"10.0.0.{n}")
        bench.send(b"[    5.0] of %d\n" % n, address=f"10.0.0.{n}")
    bench.wait(3)
    assert [window.lines[-1] for window in bench.done] == [
        b"[    5.0] of %d" % n for n in range(20)
    ]


def test_hosts_and_windows_are_bounded_and_nothing_is_lost_by_it() -> None:
    bench = Bench(hosts=50, windows=10)
    for n in range(200):
        bench.send(OOPS, b"[    5.0] half a line", address=f"10.0.1.{n}")
    assert len(bench.hosts) == 50
    assert bench.counters.evicted == 150
    assert len(bench.shared.windows) <= 10
    bench.hosts.flush(bench.now)
    assert {window.address for window in bench.done} == {f"10.0.1.{n}" for n in range(200)}
    assert not bench.shared.active
    assert not bench.shared.windows


@pytest.mark.parametrize(
    "line",
    [
        b"[    1.0] watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [java:151]",
        b"<1>[    1.0] general protection fault, probably for non-canonical address",
        b"[    1.000000][  T123] divide error: 0000 [#1] SMP",
        b"INFO: task datanode:204 blocked for more than 5 seconds.",
        b"\xff\xfe Out of memory: Killed process 1; Out of memory: Kill process 95 (sshd)",
        b"Kernel panic - not syncing: x",
    ],
)
def test_a_line_an_incident_begins_with_is_seen(line: bytes) -> None:
    assert SEARCH(line)
    assert SEARCH(b"[    0.5] first\n" + line + b"\n[    2.0] last\n")


def test_ordinary_lines_open_nothing() -> None:
    assert not SEARCH(b"[    1.0] Freeing unused kernel image (initmem) memory: 2872K\n")
    assert not SEARCH(b"[    1.0] a divide error: is quoted\nusb 1-1: new device\n")


# -- anybody sends anything -----------------------------------------------------------------------

PIECES = st.lists(
    st.one_of(
        st.binary(max_size=60),
        st.sampled_from(
            [b"6,", b"1,", b"9" * 19, b",-;", b",c;", b",+;", b",ncfrag=", b"0/9", b"5/9", b"\n",
             b"\\x0a", b"\\xzz", b"[    1.000000] ", b"BUG: kernel NULL pointer dereference",
             b"Kernel panic - not syncing", b",caller=T1", b"6.1.0,", b"\0"]
        ),
    ),
    max_size=12,
).map(b"".join)  # fmt: skip
EXTENDED = st.builds(
    lambda sequence, flag, at, total, body: b"6,%d,1,%s,ncfrag=%d/%d;%s"
    % (sequence, flag, at, total, body),
    st.integers(0, 200), st.sampled_from([b"-", b"c", b"+"]), st.integers(0, 99),
    st.integers(0, 99), st.binary(max_size=40),
)  # fmt: skip


@given(st.lists(st.tuples(st.one_of(PIECES, EXTENDED), st.floats(0, 3)), max_size=30))
def test_no_datagrams_ever_raise_and_all_is_settled_in_the_end(
    sent: list[tuple[bytes, float]],
) -> None:
    bench = Bench()
    for data, pause in sent:
        bench.send(data)
        bench.wait(pause)
    for _ in range(4):  # fragments, then the gap, then a continuation, then the window
        bench.wait(40)
    assert not bench.shared.active
    assert not bench.shared.windows
    for window in bench.done:
        assert window.text()


@given(st.permutations(range(1, 40)), st.data())
def test_any_order_within_the_window_is_undone(order: list[int], data: st.DataObject) -> None:
    lost = data.draw(st.sets(st.sampled_from(order), max_size=5))
    counters = Counters()
    orderer = Orderer(counters)
    got = bodies(orderer.add(parsed(record(0)), 0.0))
    for sequence in order:
        if sequence not in lost:
            got += bodies(orderer.add(parsed(record(sequence)), 0.0))
    got += bodies(orderer.flush())
    told = [text for text in got if text.startswith("line")]
    assert told == [f"line {n}" for n in range(40) if n not in lost]
    assert counters.missing == len([n for n in lost if n < max(set(order) - lost)])
