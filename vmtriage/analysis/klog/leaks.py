"""What kmemleak found: objects nobody points to, and which code leaks most.

Source: mm/kmemleak.c, as printed to /sys/kernel/debug/kmemleak and, with kmemleak.verbose=1, to the
log; forms of 2.6.31 to 6.17:
    unreferenced object 0xffff88810a2b3c40 (size 64):
      comm "insmod", pid 312, jiffies 4294921344 (age 41.120s)    no age since 6.9
      hex dump (first 32 bytes):
      backtrace (crc 7f3a11c0):                                    no crc before 6.8
        [<ffffffffc0321055>] ring_setup+0x55/0x90 [demo]           no address since 6.9
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from vmtriage.analysis.klog import frames
from vmtriage.analysis.klog.blame import Guilty, blame_code
from vmtriage.analysis.klog.formats import Blame
from vmtriage.analysis.klog.trace import read_code
from vmtriage.models.details import LeakGroup, LeakReport
from vmtriage.parsers.klog_line import Line

_LONGEST = 1024  # characters of a line that are looked at
_DEEPEST = 64  # frames of a stack that are kept; kmemleak keeps 16
_GROUPS = 1000
_NAMED = 5  # comms and lines of a group that are kept
_HEAD = re.compile(
    r"^\s*unreferenced object(?: \((?P<kind>\w+)\))? 0x(?P<address>[0-9a-f]{1,16})"
    r" \((?:(?P<kind2>[a-z]+)[, ]*)?(?:size (?P<size>[0-9]{1,15}))?\):"
)
_WHO = re.compile(
    r'^\s*comm "(?P<comm>.*)", pid (?P<pid>[0-9]{1,10}), jiffies [0-9]+'
    r"(?: \(age (?P<age>[0-9]{1,12}\.[0-9]{1,6})s\))?"
)
_STACK = re.compile(r"^\s*backtrace(?: \(crc (?P<crc>[0-9a-f]{1,8})\))?:")
_NAMELESS = re.compile(r"^\s*(?:\[<(?:0x)?[0-9a-f]{1,16}>\]\s*)?(?:0x[0-9a-f]{1,16})?\s*$")
_ADDRESS = re.compile(r"^\s*(?:\[<[^>\s]{1,20}>\]\s*)?")


@dataclass
class _Block:
    """The lines of one object, sorted."""

    line: int
    head: re.Match[str]
    who: re.Match[str] | None = None
    crc: str | None = None
    stack: list[Line] | None = None  # None: no backtrace yet

    @property
    def size(self) -> int | None:
        return int(self.head["size"]) if self.head["size"] else None

    @property
    def backtrace(self) -> tuple[str, ...]:
        """The stack's lines without the return addresses, where a name stands for them."""
        kept: list[str] = []
        for line in self.stack or ():
            plain = _ADDRESS.sub("", line.text, count=1).strip()
            kept.append(plain or line.text.strip())
        return tuple(kept)

    def guilty(self) -> Guilty | None:
        """Who asked the allocator for it."""
        return blame_code(Blame.ALLOC, read_code(self.stack or ()))


def _blocks(lines: Iterable[Line]) -> Iterator[_Block]:
    block: _Block | None = None
    for line in lines:
        text = line.text[:_LONGEST].removeprefix("kmemleak: ")
        if head := _HEAD.match(text):
            if block:
                yield block
            block = _Block(line.number, head)
        elif block is None:
            continue
        elif block.stack is None:
            if who := _WHO.match(text):
                block.who = who
            elif stack := _STACK.match(text):
                block.stack, block.crc = [], stack["crc"]
        elif len(block.stack) < _DEEPEST and _is_frame(text):
            block.stack.append(line._replace(text=text))
        else:  # the log went on with something else
            yield block
            block = None
    if block:
        yield block


def _is_frame(text: str) -> bool:
    return frames.frame(text) is not None or (
        bool(text.strip()) and _NAMELESS.fullmatch(text) is not None
    )


def read(lines: Sequence[Line]) -> LeakReport | None:
    """The first object of these lines; None if there is none."""
    blocks = list(_blocks(lines))
    if not blocks:
        return None
    block, guilty = blocks[0], blocks[0].guilty()
    who = block.who
    return LeakReport(
        address=block.head["address"],
        size=block.size,
        kind=block.head["kind"] or block.head["kind2"],
        comm=who["comm"] if who else None,
        pid=int(who["pid"]) if who else None,
        age_s=_age(block),
        crc=block.crc,
        backtrace=block.backtrace,
        function=guilty.name if guilty else None,
        module=guilty.module if guilty else None,
        line=block.line,
        objects=len(blocks),
    )


def _age(block: _Block) -> float | None:
    return float(block.who["age"]) if block.who and block.who["age"] else None


@dataclass
class _Sum:
    guilty: Guilty | None
    backtrace: tuple[str, ...]
    objects: int = 0
    size: int = 0
    oldest: float | None = None
    lines: list[int] = field(default_factory=list)
    comms: Counter[str] = field(default_factory=Counter)

    def add(self, block: _Block) -> None:
        self.objects += 1
        self.size += block.size or 0
        age = _age(block)
        if age is not None:
            self.oldest = max(age, self.oldest or 0.0)
        if len(self.lines) < _NAMED:
            self.lines.append(block.line)
        comm = block.who["comm"] if block.who else None
        if comm and (comm in self.comms or len(self.comms) < _GROUPS):
            self.comms[comm] += 1


class LeakGroups:
    """Objects by allocation stack, over a whole log. Feed it reports, or the file of kmemleak.

    At most 1000 stacks are kept; objects of later ones are counted in `left_out`.
    """

    def __init__(self) -> None:
        self._sums: dict[tuple[str, ...], _Sum] = {}
        self.objects = 0
        self.size = 0  # bytes
        self.left_out = 0  # objects whose stack found no room

    def add(self, lines: Iterable[Line]) -> None:
        """Takes the objects told in these lines. An object must not be cut between two calls."""
        for block in _blocks(lines):
            self.objects += 1
            self.size += block.size or 0
            key = block.backtrace
            found = self._sums.get(key)
            if found is None:
                if len(self._sums) >= _GROUPS:
                    self.left_out += 1
                    continue
                found = self._sums[key] = _Sum(block.guilty(), key)
            found.add(block)

    def groups(self) -> tuple[LeakGroup, ...]:
        """All groups, most bytes first."""
        order = sorted(self._sums.values(), key=lambda each: (-each.size, -each.objects))
        return tuple(map(_group, order))


def _group(each: _Sum) -> LeakGroup:
    return LeakGroup(
        objects=each.objects,
        size=each.size,
        function=each.guilty.name if each.guilty else None,
        module=each.guilty.module if each.guilty else None,
        path=each.guilty.path if each.guilty else (),
        backtrace=each.backtrace,
        comms=tuple(comm for comm, _ in each.comms.most_common(_NAMED)),
        oldest_s=each.oldest,
        first_lines=tuple(each.lines),
    )
