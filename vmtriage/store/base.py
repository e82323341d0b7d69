"""What a store offers, in parts. Every method is one transaction; every write may be repeated.

    from vmtriage.store.opening import open_store

    with open_store(url_or_path) as store:
        known = store.places.seen(share)

Errors: StoreError and its kin of vmtriage.errors; never one of a database library.
"""

from collections.abc import Callable
from dataclasses import dataclass

from vmtriage.store.base_results import Occurrences, Problems, Recordings, Reports
from vmtriage.store.base_telling import Changes, Notifications
from vmtriage.store.base_work import Attempts, Claims, Dumps, Places

__all__ = [
    "Attempts",
    "Changes",
    "Claims",
    "Dumps",
    "Notifications",
    "Occurrences",
    "Places",
    "Problems",
    "Recordings",
    "Reports",
    "Store",
]


@dataclass(frozen=True)
class Store:
    """All of it. Made by vmtriage.store.opening; another kind of store fills the parts."""

    places: Places
    dumps: Dumps
    claims: Claims
    attempts: Attempts
    recordings: Recordings
    reports: Reports
    occurrences: Occurrences
    problems: Problems
    changes: Changes
    notifications: Notifications
    close: Callable[[], None]  # ends all connections

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
