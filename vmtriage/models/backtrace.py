"""Kernel stacks as `bt` and `bt -a` show them, on every architecture."""

from collections.abc import Mapping

from pydantic import Field

from vmtriage.models.base import Address, Model, Note


class Frame(Model):
    """One stack frame. `address` is the return address, `stack` where it lies on the stack."""

    level: int
    function: str
    address: Address
    stack: Address | None = None
    offset: int | None = None  # bytes into the function, only with `bt -s`
    module: str | None = None
    reliable: bool = True  # False: crash marked the frame (unreliable) or with *
    source: str | None = None  # file: line, only with `bt -l`
    line: int  # line number in the command's output


class ExceptionFrame(Model):
    """A register block: where a fault, an interrupt or a system call broke into the code.

    `user_mode` blocks end a task's stack. A `bogus` block is one crash itself doubts: its
    values must not be used. `after_level` is the frame above it; None when it precedes #0.
    """

    function: str | None = None
    offset: int | None = None
    module: str | None = None
    rip: Address | None = None  # RIP, PC, NIP, EIP or the PSW address
    text: str = ""  # what stood in [exception RIP: ...], as printed
    registers: Mapping[str, Address] = Field(default_factory=dict)
    user_mode: bool = False
    bogus: bool = False
    kind: str | None = None  # ppc64: "System Reset [100]"
    after_level: int | None = None
    line: int


class StackMarker(Model):
    """A change of stack: `--- <NMI exception stack> ---`, after frame `after_level`."""

    name: str  # "NMI exception stack"
    after_level: int | None = None
    line: int


class Backtrace(Model):
    """One task's stack, innermost frame first. pid is None when the header was cut off."""

    pid: int | None
    comm: str | None
    cpu: int | None
    task: Address | None
    frames: tuple[Frame, ...] = ()
    exceptions: tuple[ExceptionFrame, ...] = ()
    markers: tuple[StackMarker, ...] = ()
    notes: tuple[Note, ...] = ()
    line: int = 1


class Backtraces(Model):
    """All stacks in one output: one for `bt`, one per CPU for `bt -a`."""

    backtraces: tuple[Backtrace, ...]
    notes: tuple[Note, ...] = ()
