"""`vmtriage parse`: one output, or the part of a pasted session that this command printed."""

from vmtriage.errors import TriageError
from vmtriage.models.base import Model
from vmtriage.parsers.pasted import outputs
from vmtriage.parsers.table import PARSERS, parse
from vmtriage.parsers.transcript import base_command


class UnknownCommand(TriageError):
    """No parser reads this command."""

    exit_code = 2


def parse_text(command: str, text: str) -> Model:
    """The model of one command's output. A pasted session is split and unwrapped first."""
    known = base_command(command)
    if known is None or known not in PARSERS:
        raise UnknownCommand(
            f"no parser for {command!r}", next_step="there are: " + ", ".join(sorted(PARSERS))
        )
    pasted = outputs(text)
    return parse(known, pasted.get(known, text))
