"""`bt`, `bt -a`, `foreach bt` ...: what was each task doing, innermost function first.

Sample:
PID: 0        TASK: ffff89cf0129a0c0  CPU: 3    COMMAND: "swapper/3"
 #0 [fffffe00000bedd0] panic at ffffffffb9dcd0d3
 #1 [fffffe00000bee58] lockup_nmi.cold at ffffffffc02ee600 [crashlab]
    [exception RIP: unthrottle_pre+88]
    RIP: ffffffffc02ee0b8  RSP: ffffcd60c0138da0  RFLAGS: 00000046
    ...
--- <NMI exception stack> ---
 #2 [ffffcd60c0138da0] unthrottle_pre at ffffffffc02ee0b8 [crashlab]
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from vmtriage.errors import ParseError
from vmtriage.models.backtrace import Backtrace, Backtraces, Frame, StackMarker
from vmtriage.models.base import Note, NoteKind
from vmtriage.parsers._lines import Line, TaskHeader, note_of, split_lines, task_header, unknown
from vmtriage.parsers.bt_frames import frame_of, is_user_space, stack_word_of
from vmtriage.parsers.bt_registers import (
    Block,
    add_row,
    heading_of,
    is_detail,
    row_of,
    starts_block,
)
from vmtriage.parsers.bt_s390x import S390Reader

COMMAND = "bt"

_MARKER = re.compile(r"\s*---\s*<(.+)>\s*---\s*")
_BOGUS = "possibly bogus exception frame"
_SOURCE = re.compile(r"\s+(\S.*: [0-9]{1,9})\s*")  # the line `bt -l` adds to a frame
_DUMPED_WORDS = re.compile(r"\s*[0-9a-f]{8,16}:(?:\s+\S.*)?")  # bt -f, -F, -FF, -r
_STACK_TITLE = re.compile(
    r"\s*CPU [0-9]{1,6} [A-Z(][\w() ]* STACKS?:\s*|\(none found\)\s*"
)  # bt -E
_NO_FRAMES = ("(active)", "(no stack)", "CPU offline", "Task runs in userspace")
_OVERWRITTEN = " stack recursion: prior stack location overwritten"
_RETRY = "cannot resolve stack trace"  # i386: what was printed so far is printed anew


@dataclass
class _Stack:
    """One backtrace as it grows."""

    line: int
    header: TaskHeader | None = None
    frames: list[Frame] = field(default_factory=list)
    guesses: list[Frame] = field(default_factory=list)  # bt -t: words that look like code
    blocks: list[Block] = field(default_factory=list)
    markers: list[StackMarker] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    retried: bool = False

    @property
    def level(self) -> int | None:
        frames = self.frames or self.guesses
        return frames[-1].level if frames else None

    def done(self) -> Backtrace:
        head = self.header
        return Backtrace(
            pid=head.pid if head else None,
            comm=head.comm if head else None,
            cpu=head.cpu if head else None,
            task=head.task if head else None,
            frames=tuple(self.frames or self.guesses),
            exceptions=tuple(block.done() for block in self.blocks),
            markers=tuple(self.markers),
            notes=tuple(self.notes),
            line=self.line,
        )


def parse(text: str) -> Backtraces:
    """All backtraces in the output, in its order; ParseError if it holds none."""
    return _Reader(split_lines(text)).read()


class _Reader:
    """Gives each line to the rules in turn; the first that knows it takes it."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.lines = lines
        self.stacks: list[_Stack] = []
        self.notes: list[Note] = []  # what stood before the first backtrace
        self.block: Block | None = None  # the register block being filled
        self.s390 = S390Reader()
        self.explained: NoteKind | None = None  # kind of the note just made, for its indented rest

    def read(self) -> Backtraces:
        rules = (self._frame, self._registers, self._marker, self._guess, self._other, self._noted)
        index = 0
        while index < len(self.lines):
            line = self.lines[index]
            header = task_header(self.lines, index)
            if header and not line.text[: header.start].strip():
                self._header(header, line)
                index += header.used
                continue
            if line.text.strip() and not any(rule(line) for rule in rules):
                self._note(unknown(line))
            index += 1
        if not self.stacks:
            first = self.notes[0] if self.notes else None
            raise ParseError(
                COMMAND,
                "no backtrace in it",
                first.line if first else 0,
                first.text[:200] if first else "",
            )
        return Backtraces(
            backtraces=tuple(stack.done() for stack in self.stacks), notes=tuple(self.notes)
        )

    def _header(self, header: TaskHeader, line: Line) -> None:
        self.stacks.append(_Stack(line.number, header))
        self._close()
        if not header.complete or header.rest.strip():
            self._note(unknown(line))

    def _close(self) -> None:
        self.block = self.s390.block = self.explained = None

    def _stack(self, line: Line) -> _Stack:
        """The backtrace a line belongs to: a new one if its header was cut off."""
        if not self.stacks:
            self.stacks.append(_Stack(line.number))
        return self.stacks[-1]

    def _note(self, note: Note) -> None:
        (self.stacks[-1].notes if self.stacks else self.notes).append(note)

    def _frame(self, line: Line) -> bool:
        found = frame_of(line)
        if found is None:
            if not is_user_space(line):
                return False
            self._open(Block(line.number, self._stack(line).level, "user space", user_mode=True))
            return True
        stack = self._stack(line)
        if found.frame.level == 0 and stack.frames:
            if stack.retried:
                stack.frames.clear()
            else:  # a second #0 is another task's stack, whose header was cut off
                stack = _Stack(line.number)
                self.stacks.append(stack)
        stack.frames.append(found.frame)
        self._close()
        if found.rest:
            self._note(unknown(line))
        return True

    def _open(self, block: Block) -> None:
        self.block = block
        self.stacks[-1].blocks.append(block)
        self.explained = None

    def _registers(self, line: Line) -> bool:
        if self.s390.take(line.text):
            return True
        level = self.stacks[-1].level if self.stacks else None
        block = self.s390.open(line.text, line.number, level)
        if block or (block := heading_of(line.text, line.number, level)):
            stack = self._stack(line)
            if self.block and not self.block.registers and stack.blocks[-1] is self.block:
                stack.blocks.pop()  # bt -e: a title above the heading of the same block
                block.line = self.block.line
            self._open(block)
            return True
        if self.block and is_detail(line.text, self.block):
            return True
        row = row_of(line.text)
        if row is None:
            return False
        registers, symbol, rest = row
        self._stack(line)
        if starts_block(registers, self.block):
            self._open(Block(line.number, level))
        assert self.block is not None
        add_row(self.block, registers, symbol)
        if rest:
            self._note(unknown(line))
        return True

    def _marker(self, line: Line) -> bool:
        found = _MARKER.fullmatch(line.text)
        if found is None:
            return False
        stack = self._stack(line)
        stack.markers.append(
            StackMarker(name=found[1].strip(), after_level=stack.level, line=line.number)
        )
        self._close()
        return True

    def _guess(self, line: Line) -> bool:
        found = stack_word_of(line, 0)
        if found is None:
            return False
        guesses = self._stack(line).guesses
        if guesses and guesses[-1].stack is None and guesses[-1].address == found.frame.address:
            guesses.pop()  # START: and the first word on the stack are the same
        guesses.append(found.frame.model_copy(update={"level": len(guesses)}))
        return True

    def _other(self, line: Line) -> bool:
        """Lines that are known and stand for no fact of their own, or for one of the frame."""
        if _DUMPED_WORDS.fullmatch(line.text) or _STACK_TITLE.fullmatch(line.text):
            return True
        if self.explained is None and self.stacks and (found := _SOURCE.fullmatch(line.text)):
            frames = self.stacks[-1].frames
            if frames and frames[-1].source is None and ("." in found[1] or "/" in found[1]):
                frames[-1] = frames[-1].model_copy(update={"source": found[1]})
                return True
            if self.block:  # the source line of the exception RIP
                return True
        if line.text.strip() in _NO_FRAMES or _OVERWRITTEN in line.text:
            self._note(Note(kind=NoteKind.WARNING, line=line.number, text=line.text.strip()))
            return True
        return False

    def _noted(self, line: Line) -> bool:
        note = note_of(line, COMMAND)
        if note is None and self.explained and line.text[:1].isspace():
            note = Note(kind=self.explained, line=line.number, text=line.text.strip())
        if note is None:
            return False
        if _BOGUS in note.text and self.stacks and self.stacks[-1].blocks:
            self.stacks[-1].blocks[-1].bogus = True
        if self.stacks and _RETRY in note.text:
            self.stacks[-1].retried = True
        self._note(note)
        explains = note.kind in (NoteKind.ERROR, NoteKind.WARNING)
        self.explained = note.kind if explains else None
        return True
