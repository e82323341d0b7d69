"""What every model shares: frozen, closed to unknown fields, kernel addresses as hex text."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints


class Model(BaseModel):
    """A fact that never changes once read. JSON uses the contract's names (aliases)."""

    model_config = ConfigDict(
        defer_build=True,
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        serialize_by_alias=True,
    )


def _plain_hex(value: object) -> object:
    return value.lower().removeprefix("0x") if isinstance(value, str) else value


# Hex digits as crash printed them, lower case, no 0x: 64-bit numbers break JavaScript and SQLite.
Address = Annotated[
    str, BeforeValidator(_plain_hex), StringConstraints(pattern=r"^[0-9a-f]{1,16}$")
]


class NoteKind(StrEnum):
    """Why a line of output did not become a fact."""

    ERROR = "error"  # crash said it could not: page excluded, seek error, stale structure
    WARNING = "warning"  # crash went on but warns
    UNKNOWN = "unknown_line"  # no rule of the parser fits this line
    ELIDED = "elided"  # the text itself says that something was left out


class Note(Model):
    """A line the parser could not turn into a fact, kept so that nothing is lost in silence."""

    kind: NoteKind
    line: int
    text: str
