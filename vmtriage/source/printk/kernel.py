"""Memory of a crashed kernel by its own VMCOREINFO: words, members, and what is missing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

_PAGE = 4096
_MOST_PAGES = 1 << 15  # 128 MB: no log buffer is larger
_WORD = 8  # bytes; 32-bit kernels are not read

Read = Callable[[int, int], bytes | None]  # address, count; None: not in the dump


class Unreadable(LookupError):
    """The log cannot be read: what it needs is not in the dump, or makes no sense."""


@dataclass(frozen=True)
class Kernel:
    """symbols, offsets, sizes: of VMCOREINFO, as `prb`, `prb_desc.state_var`, `prb_desc`."""

    read: Read
    symbols: Mapping[str, int]
    offsets: Mapping[str, int]
    sizes: Mapping[str, int]
    big_endian: bool = False
    _pages: dict[int, bytes | None] = field(default_factory=dict, repr=False)

    def symbol(self, name: str) -> int:
        """Its address. Raises Unreadable."""
        return self._of(self.symbols, name)

    def offset(self, name: str) -> int:
        """Of a member, in bytes. Raises Unreadable."""
        return self._of(self.offsets, name)

    def size(self, name: str) -> int:
        """Of a structure, in bytes. Raises Unreadable."""
        size = self._of(self.sizes, name)
        if not 0 < size <= _PAGE:
            raise Unreadable(f"a {name} of {size} bytes")
        return size

    def number(self, address: int, count: int = _WORD) -> int:
        """Raises Unreadable where it is not in the dump."""
        return int.from_bytes(self.content(address, count), self._order)

    def member(self, address: int, name: str, count: int = _WORD) -> int:
        """The number in a member of the structure at an address. Raises Unreadable."""
        return self.number(address + self.offset(name), count)

    def content(self, address: int, count: int) -> bytes:
        """Raises Unreadable where one of them is not in the dump."""
        found = []
        while count > 0:
            page, skip = address // _PAGE, address % _PAGE
            content = self._page(page)
            if content is None:
                raise Unreadable(f"{address:x} is not in the dump")
            part = content[skip : skip + count]
            found.append(part)
            address, count = address + len(part), count - len(part)
        return b"".join(found)

    @property
    def _order(self) -> Literal["big", "little"]:
        return "big" if self.big_endian else "little"

    def _page(self, page: int) -> bytes | None:
        if page not in self._pages:
            if len(self._pages) >= _MOST_PAGES or not 0 <= page < 1 << 52:
                return None
            content = self.read(page * _PAGE, _PAGE)
            self._pages[page] = content if content and len(content) == _PAGE else None
        return self._pages[page]

    @staticmethod
    def _of(table: Mapping[str, int], name: str) -> int:
        if name not in table:
            raise Unreadable(f"VMCOREINFO does not tell {name}")
        return table[name]
