"""The site on disk: which pages a change touches, each written whole, none of a stranger's lost.

write(directory, book, store="sqlite:/var/lib/vmtriage/fleet.db", now=..., base_url=...)
"""

from vmtriage.fleet.site.book import Book, Changes
from vmtriage.fleet.site.write import Written, write

__all__ = ["Book", "Changes", "Written", "write"]
