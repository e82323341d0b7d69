"""What a step may look at and ask, and the shape of a step."""

from collections.abc import Callable
from dataclasses import dataclass

from vmtriage.analysis.inquiry.desk import Desk, ReadMemory
from vmtriage.analysis.inquiry.layout import Layout, Learned
from vmtriage.analysis.inquiry.memory import Memory
from vmtriage.errors import ParseError
from vmtriage.models.answers import Answers
from vmtriage.models.backtrace import Backtrace
from vmtriage.models.evidence import Facts
from vmtriage.models.finding import Classification, GuiltyFunction, Incident, Throttled
from vmtriage.models.memory import Symbol
from vmtriage.models.whereabouts import TableLine
from vmtriage.parsers import sym
from vmtriage.session.base import Session
from vmtriage.session.commands import symbol_at, symbol_named
from vmtriage.source.debuginfo import ModuleFiles

_MAX_CPUS = 8192  # CONFIG_NR_CPUS
LineAt = Callable[[int], TableLine | None]  # of an address of the dump; None: nobody knows


@dataclass(frozen=True)
class Scene:
    """The crash as it is known before the further questions."""

    facts: Facts
    classification: Classification
    function: GuiltyFunction | None
    incidents: tuple[Incident, ...]
    throttled: tuple[Throttled, ...] | None
    stack: Backtrace | None  # the panic task's


class Reach:
    """The ways to ask: commands by the desk, memory, symbols. One for a whole dump."""

    def __init__(
        self, session: Session, machine: str | None, learned: Learned | None = None,
        direct: ReadMemory | None = None, modules: ModuleFiles | None = None,
        line_at: LineAt | None = None,
    ) -> None:  # fmt: skip
        """modules: where their debuginfo is, as far as crash can read it. line_at: of the kernel's
        own code, without crash."""
        self.modules = modules or ModuleFiles()
        self.line_at: LineAt = line_at or _nobody_knows
        self.desk = Desk(session, machine, direct)
        self.memory = Memory(self.desk, Layout(self.desk, learned))
        self._symbols: dict[int, Symbol | None] = {}
        self._places: dict[str, int | None] = {}

    def symbol(self, address: int) -> Symbol | None:
        """The symbol an address belongs to; None where crash knows none."""
        if address not in self._symbols:
            (output,) = self.desk.ask([symbol_at(address)])
            try:
                self._symbols[address] = sym.parse(output.text)
            except ParseError:
                self._symbols[address] = None
        return self._symbols[address]

    def place_of(self, name: str) -> int | None:
        """Where a symbol lies; for one of a CPU's own area where it lies in that."""
        if name not in self._places:
            (output,) = self.desk.ask([symbol_named(name)])
            try:
                found = sym.parse(output.text)
            except ParseError:
                self._places[name] = None
            else:
                self._places[name] = int(found.address, 16) if found.name == name else None
        return self._places[name]

    def of_cpu(self, name: str, cpu: int) -> int | None:
        """The address of a variable that each CPU has its own of."""
        place, offsets = self.place_of(name), self.place_of("__per_cpu_offset")
        if place is None or offsets is None or not 0 <= cpu < _MAX_CPUS:
            return None
        offset = self.memory.word(offsets + cpu * self.memory.word_size)
        return None if offset is None else (place + offset) % (1 << 8 * self.memory.word_size)

    def name_of(self, address: int) -> str | None:
        """The symbol's name, where the address is its beginning."""
        symbol = self.symbol(address)
        return symbol.name if symbol and not symbol.offset else None


Ask = Callable[[Scene, Reach, Answers], Answers]


@dataclass(frozen=True)
class Step:
    """One further question: how long it may take, and how it is put.

    `ask` returns the answers it was given with its own added. `why_not` says why it would be of
    no use here; "" if it is of use.
    """

    name: str
    asks: str
    budget_s: float
    ask: Ask
    why_not: Callable[[Scene], str] | None = None


def _nobody_knows(_: int) -> None:
    """No vmlinux is at hand."""
