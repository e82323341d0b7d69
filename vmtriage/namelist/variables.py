"""Variables whose types crash asks gdb for: BTF knows per-CPU ones only."""

from collections.abc import Iterator, Mapping
from importlib import resources

from vmtriage.namelist.dwarf.sections import Variable
from vmtriage.namelist.ingredients import Symbol
from vmtriage.source.btf import Kind
from vmtriage.source.btf_table import TypeTable

_FILE = "variables.tsv"


def declared() -> dict[str, tuple[str, ...]]:
    """By name, the types it has had, the newest first. The data file says what from."""
    found: dict[str, tuple[str, ...]] = {}
    text = resources.files(__package__).joinpath(_FILE).read_text("utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, kind = line.split("\t")
            found[name] = (*found.get(name, ()), kind)
    return found


def variables_of(table: TypeTable, symbols: Mapping[bytes, Symbol]) -> Iterator[Variable]:
    """Those of the table and BTF's own, as far as this kernel has a symbol for them."""
    told = declared()
    for number, kind in enumerate(table.kinds):
        if kind == Kind.VAR:
            name = table.name(number)
            symbol = symbols.get(name.encode())
            if symbol is not None:
                told.pop(name, None)
                yield Variable(name, symbol.address, symbol.size, number=table.rests[number])
    for name, types in told.items():
        symbol = symbols.get(name.encode())
        if symbol is not None:
            yield Variable(name, symbol.address, symbol.size, types)
