"""The table of parsers: one pure function per crash command, text in, a typed fact out.

A new command is one module with COMMAND, parse() and a Sample, and one line here.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from vmtriage.errors import ParseError
from vmtriage.models.base import Model
from vmtriage.parsers import (
    bt,
    context,
    dis,
    kmem,
    kmem_i,
    kmem_s,
    kmem_v,
    log,
    mod_t,
    p,
    ps,
    ps_m,
    rd,
    runq,
    runq_g,
    runq_t,
    sym,
    sys,
    tree,
)

Parser = Callable[[str], Model]

PARSERS: Mapping[str, Parser] = MappingProxyType(
    {
        sys.COMMAND: sys.parse,
        context.COMMAND: context.parse,
        bt.COMMAND: bt.parse,
        "bt -a": bt.parse,
        "foreach UN bt": bt.parse,
        log.COMMAND: log.parse,
        runq.COMMAND: runq.parse,
        runq_g.COMMAND: runq_g.parse,
        runq_t.COMMAND: runq_t.parse,
        kmem_i.COMMAND: kmem_i.parse,
        kmem_s.COMMAND: kmem_s.parse,
        kmem_v.COMMAND: kmem_v.parse,
        ps.COMMAND: ps.parse,
        ps_m.COMMAND: ps_m.parse,
        mod_t.COMMAND: mod_t.parse,
        p.COMMAND: p.parse,
        rd.COMMAND: rd.parse,
        sym.COMMAND: sym.parse,
        dis.COMMAND: dis.parse,
        kmem.COMMAND: kmem.parse,
        tree.COMMAND: tree.parse,
    }
)


def parse(command: str, text: str) -> Model:
    """Read what a command of the table printed. ParseError: no such command, or not its output."""
    parser = PARSERS.get(command)
    if parser is None:
        raise ParseError(command, "there is no parser for this command")
    return parser(text)
