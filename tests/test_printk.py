"""The kernel log out of memory: rings and buffers made by hand, and memory that lies."""

import struct
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmtriage.source.printk import Kernel, kernel_log
from vmtriage.source.printk.kernel import Unreadable

BASE = 0xFFFF_8880_0000_0000
PRB, DESCS, INFOS, DATA = BASE + 0x100, BASE + 0x1000, BASE + 0x2000, BASE + 0x4000
COUNT_BITS, SIZE_BITS = 3, 8
OFFSETS = {
    "printk_ringbuffer.desc_ring": 0, "printk_ringbuffer.text_data_ring": 48,
    "prb_desc_ring.count_bits": 0, "prb_desc_ring.descs": 8, "prb_desc_ring.infos": 16,
    "prb_desc_ring.head_id": 24, "prb_desc_ring.tail_id": 32,
    "prb_data_ring.size_bits": 0, "prb_data_ring.data": 8,
    "prb_desc.state_var": 0, "prb_desc.text_blk_lpos": 8,
    "prb_data_blk_lpos.begin": 0, "prb_data_blk_lpos.next": 8,
    "printk_info.ts_nsec": 8, "printk_info.text_len": 16, "atomic_long_t.counter": 0,
}  # fmt: skip
SIZES = {"prb_desc": 24, "printk_info": 88}
COMMITTED, FINALIZED, RESERVED = 1, 2, 0
OLD = {"printk_log.ts_nsec": 0, "printk_log.len": 8, "printk_log.text_len": 10}


class Memory:
    """Sixteen pages; those in `gone` are not in the dump."""

    def __init__(self, content: bytes = b"") -> None:
        self.raw = bytearray(content.ljust(1 << 16, b"\0"))
        self.gone: set[int] = set()

    def put(self, address: int, form: str, *values: int) -> None:
        struct.pack_into(f"<{form}", self.raw, address - BASE, *values)

    def write(self, address: int, data: bytes) -> None:
        self.raw[address - BASE : address - BASE + len(data)] = data

    def read(self, address: int, count: int) -> bytes | None:
        at = address - BASE
        if not 0 <= at <= len(self.raw) - count or address in self.gone:
            return None
        return bytes(self.raw[at : at + count])

    def log(
        self, symbols: Mapping[str, int], offsets: Mapping[str, int], sizes: Mapping[str, int]
    ) -> str:
        return kernel_log(Kernel(self.read, symbols, offsets, sizes))


class Ring(Memory):
    """A ring of eight descriptors and 256 bytes of text."""

    def __init__(self, tail: int = 0) -> None:
        super().__init__()
        self.next_id, self.lpos = tail, 0
        self.put(BASE, "Q", PRB)
        self.put(PRB, "I4xQQQQ", COUNT_BITS, DESCS, INFOS, tail, tail)
        self.put(PRB + 48, "I4xQ", SIZE_BITS, DATA)

    def printk(self, text: bytes, ns: int = 1_500_000, state: int = FINALIZED) -> None:
        number, self.next_id = self.next_id, self.next_id + 1
        slot = number % (1 << COUNT_BITS)
        begin, following = 3, 3  # without a block
        if text:
            size = 8 + (len(text) + 7) // 8 * 8
            begin = self.lpos
            if begin % 256 + size > 256:  # does not fit behind: at the start of the next lap
                at, following = 0, (begin // 256 + 1) * 256 + size
            else:
                at, following = begin % 256, begin + size
            self.write(DATA + at, struct.pack("<Q", number) + text)
            self.lpos = following
        self.put(DESCS + slot * 24, "QQQ", state << 62 | number, begin, following)
        self.put(INFOS + slot * 88, "QQH", number, ns, len(text))
        self.put(PRB + 24, "Q", number)

    def text(self) -> str:
        return self.log({"prb": BASE}, OFFSETS, SIZES)


def test_records_come_in_order_with_their_times() -> None:
    ring = Ring(tail=6)  # ids run on, slots come round
    ring.printk(b"first", 0)
    ring.printk(b"second", 12_345_678_901_234)
    ring.printk(b"", 2_000_000_000)
    ring.printk(b"two\nlines", 3_000_000_000, COMMITTED)
    assert ring.text() == (
        "[    0.000000] first\n[12345.678901] second\n[    2.000000] \n"
        "[    3.000000] two\n[    3.000000] lines\n"
    )


def test_a_text_that_does_not_fit_behind_is_found_at_the_start() -> None:
    ring = Ring()
    for letter in (b"a", b"b", b"c"):
        ring.printk(letter * 90)
    assert [line[15:] for line in ring.text().splitlines()] == [
        "b" * 90,
        "c" * 90,
    ]  # c is where a was


def test_what_is_not_finished_or_overwritten_is_left_out() -> None:
    ring = Ring()
    ring.printk(b"whole")
    ring.printk(b"half", state=RESERVED)
    ring.printk(b"overwritten")
    ring.printk(b"last")
    ring.put(DESCS + 2 * 24, "Q", FINALIZED << 62 | 999)
    assert [line[15:] for line in ring.text().splitlines()] == ["whole", "last"]


def test_a_missing_page_costs_its_records_only() -> None:
    ring = Ring()
    ring.put(PRB + 48, "I4xQ", 14, DATA)  # a large ring: texts may lie pages apart
    ring.printk(b"kept")
    ring.printk(b"lost")
    ring.put(DESCS + 24, "QQQ", FINALIZED << 62 | 1, 4096, 4112)
    ring.gone.add(DATA + 4096)
    assert [line[15:] for line in ring.text().splitlines()] == ["kept"]
    ring.gone.add(DATA)
    with pytest.raises(Unreadable, match="no record"):
        ring.text()


def test_the_records_of_older_kernels_wrap_at_the_end() -> None:
    memory = Memory()
    symbols = {"log_buf": BASE, "log_buf_len": BASE + 8, "log_first_idx": BASE + 12,
               "log_next_idx": BASE + 16}  # fmt: skip
    memory.put(BASE, "QIII", DATA, 256, 128, 40)
    memory.put(DATA + 128, "QHH4x", 1_000_000_000, 32, 6)
    memory.write(DATA + 144, b"before")
    memory.put(DATA + 160, "QHH4x", 0, 0, 0)  # nothing more here: on at the start
    memory.put(DATA, "QHH4x", 2_000_000_000, 40, 10)
    memory.write(DATA + 16, b"after\nthat")
    wanted = "[    1.000000] before\n[    2.000000] after\n[    2.000000] that\n"
    assert memory.log(symbols, OLD, {"printk_log": 16}) == wanted
    older = {name.replace("printk_log", "log"): value for name, value in OLD.items()}
    assert memory.log(symbols, older, {"log": 16}) == wanted


def test_the_oldest_kernels_have_plain_text_that_wraps() -> None:
    memory = Memory()
    symbols = {"log_buf": BASE, "log_buf_len": BASE + 8, "log_end": BASE + 12,
               "logged_chars": BASE + 16}  # fmt: skip
    memory.put(BASE, "QIII", DATA, 16, 20, 12)
    memory.write(DATA, b"end\n....<1>the ")
    memory.write(DATA, b"end\n....<1>an  \n")
    assert memory.log(symbols, {}, {}) == "<1>an  \nend\n"


@pytest.mark.parametrize("lacking", [*OFFSETS, *SIZES])
def test_a_note_that_lacks_something_is_said_not_guessed(lacking: str) -> None:
    ring = Ring()
    ring.printk(b"text")
    offsets = {name: value for name, value in OFFSETS.items() if name != lacking}
    sizes = {name: value for name, value in SIZES.items() if name != lacking}
    with pytest.raises(Unreadable):
        ring.log({"prb": BASE}, offsets, sizes)


@given(
    content=st.binary(max_size=512),
    words=st.dictionaries(st.integers(0, 700), st.integers(0, (1 << 64) - 1), max_size=12),
    kind=st.sampled_from(["prb", "records", "plain"]),
)
def test_memory_that_lies_gives_a_text_or_an_error(
    content: bytes, words: dict[int, int], kind: str
) -> None:
    ring = Ring()
    ring.printk(b"text")
    for place, word in words.items():
        ring.put(BASE + place * 8, "Q", word)
    ring.write(PRB + 512, content)
    symbols = {
        "prb": {"prb": BASE},
        "records": {"log_buf": BASE, "log_buf_len": PRB, "log_first_idx": BASE + 512,
                    "log_next_idx": BASE + 520},
        "plain": {"log_buf": BASE, "log_buf_len": PRB, "log_end": BASE + 512,
                  "logged_chars": BASE + 520},
    }[kind]  # fmt: skip
    try:
        text = ring.log(symbols, OFFSETS | OLD, SIZES | {"printk_log": 16})
    except Unreadable:
        return
    assert isinstance(text, str)
