"""Many rows a few at a time: neither memory nor a transaction grows with the fleet."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, Select, tuple_

from vmtriage.store.database import AnyRow, Database

_PAGE = 500


def paged(
    database: Database, query: Select[Any], order: tuple[Column[Any], ...]
) -> Iterator[AnyRow]:
    """All rows in this order, whose columns are unique together and part of `query`.

    Each page is a look of its own: what is added behind the last one is seen, too.
    """
    ordered = query.order_by(*order).limit(_PAGE)
    page: list[AnyRow] | None = None
    while page is None or len(page) == _PAGE:
        after = ordered
        if page:
            last = [page[-1]._mapping[column.name] for column in order]
            bound = tuple_(*order) > tuple_(*last, types=[column.type for column in order])
            after = ordered.where(bound)
        with database.read() as connection:
            page = list(connection.execute(after))
        yield from page
