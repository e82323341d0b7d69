"""`vmtriage store export`: every row of every table as a line of JSON."""

import base64
import json
from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import select

from vmtriage.store import schema
from vmtriage.store.database import Database
from vmtriage.store.paged import paged


def export(database: Database, recordings: bool = True) -> Iterator[str]:
    """`{"table": "dumps", "id": ...}` a line, without newline; a row's parents come before it.

    Times are ISO 8601 in UTC, bytes base64. recordings: with the packed facts of each dump, too.
    """
    for table in schema.metadata.sorted_tables:
        if table is schema.recordings and not recordings:
            continue
        keys = tuple(table.primary_key)
        for row in paged(database, select(table), keys):
            named = {name: _plain(value) for name, value in row._mapping.items()}
            yield json.dumps({"table": table.name, **named})


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return base64.b64encode(value).decode("ascii") if isinstance(value, bytes) else value
