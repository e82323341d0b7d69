"""Opens a dump of any form and reads its memory, without crash."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from vmtriage.errors import BadDump
from vmtriage.source import vmcoreinfo
from vmtriage.source.dumpfile import elf_header, flattened, kdump_header
from vmtriage.source.dumpfile.elf import ElfCore
from vmtriage.source.dumpfile.flattened import Flattened
from vmtriage.source.dumpfile.info import of_kdump
from vmtriage.source.dumpfile.kdump import Kdump
from vmtriage.source.dumpfile.memory import AddressSpace, Memory
from vmtriage.source.dumpfile.missing import Missing, Why
from vmtriage.source.dumpfile.paging_aarch64 import Aarch64
from vmtriage.source.dumpfile.paging_x86_64 import X8664
from vmtriage.source.dumpfile.parts import Parts
from vmtriage.source.dumpfile.refused import not_a_dump, open_file
from vmtriage.source.dumpfile.stored import Stored
from vmtriage.source.vmcoreinfo import VmcoreInfo

_SPACES: dict[str, type[X8664 | Aarch64]] = {"x86_64": X8664, "aarch64": Aarch64}


class Stretch(NamedTuple):
    """Some memory one behind the other: the bytes, or why there are none."""

    address: int
    size: int
    data: bytes | None
    missing: Missing | None


class Dump:
    """An open dump. Not for use by several threads at once.

    `machine` is uname's (x86_64, aarch64, s390x ...), `order` the byte order of struct ("<"),
    `info` what VMCOREINFO says.
    """

    def __init__(self, memory: Memory, machine: str, order: str, info: VmcoreInfo) -> None:
        self.machine, self.order, self.info = machine, order, info
        self._memory = memory
        space = _SPACES.get(machine)
        self._space: AddressSpace | None = space(memory, info) if space else None

    def read_physical(self, address: int, count: int) -> bytes:
        """Exactly `count` bytes. Raises Missing."""
        return self._memory.read(address, count)

    def read_virtual(self, address: int, count: int) -> bytes:
        """Exactly `count` bytes at a kernel's virtual address. Raises Missing."""
        found: list[bytes] = []
        while count > 0:
            physical, left = self.translate(address)
            length = min(count, left)
            try:
                found.append(self._memory.read(physical, length))
            except Missing as lost:
                at = address + lost.address - physical
                reason = f"physical {lost.address:x}" + (f", {lost.detail}" * bool(lost.detail))
                raise Missing(lost.why, max(at, address), reason) from None
            address, count = address + length, count - length
        return found[0] if len(found) == 1 else b"".join(found)

    def translate(self, address: int) -> tuple[int, int]:
        """Physical address, and bytes to the end of its mapping. Raises Missing."""
        if self._space is None:
            raise Missing(Why.UNMAPPED, address, f"page tables of {self.machine} are not known")
        return self._space.translate(address)

    def stretches(self, address: int, count: int, step: int = 4096) -> Iterator[Stretch]:
        """All of a virtual range, a page of `step` bytes after the other where some are missing."""
        try:
            yield Stretch(address, count, self.read_virtual(address, count), None)
            return
        except Missing:
            pass
        end = address + count
        while address < end:
            length = min(end, (address // step + 1) * step) - address
            try:
                yield Stretch(address, length, self.read_virtual(address, length), None)
            except Missing as lost:
                yield Stretch(address, length, None, lost)
            address += length

    def close(self) -> None:
        """Closes the files."""
        self._memory.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_dump(path: Path, *others: Path) -> Dump:
    """Opens a kdump, ELF core or the flattened form of either; several files are split parts.

    NoInput if a file cannot be read, BadDump if it is no dump that can be opened.
    """
    opened: list[Stored] = []
    try:
        opened += [_stored(each) for each in (path, *others)]
        return _dump([path, *others], opened)
    except BaseException:
        for each in opened:
            each.close()
        raise


def _dump(paths: Sequence[Path], opened: Sequence[Stored]) -> Dump:
    names = [str(path) for path in paths]
    magics = [each.read(0, 8) for each in opened]
    if all(magic == kdump_header.MAGIC for magic in magics):
        parts = [
            Kdump(name, each, kdump_header.parse(name, each))
            for name, each in zip(names, opened, strict=True)
        ]
        header = parts[0].header
        memory = parts[0] if len(parts) == 1 else Parts(names, parts)
        return Dump(memory, header.machine, header.order, of_kdump(header, opened[0]))
    if len(opened) == 1 and magics[0].startswith(elf_header.MAGIC):
        elf = elf_header.parse(names[0], opened[0])
        info = vmcoreinfo.within(elf_header.notes(elf, opened[0]))
        return Dump(ElfCore(names[0], opened[0], elf), elf.machine, elf.order, info)
    if len(opened) > 1:
        raise BadDump(
            "several files, but not all are compressed kdumps",
            next_step="give the parts that makedumpfile --split wrote, and nothing else",
        )
    raise not_a_dump(paths[0], opened[0].held, magics[0])


def _stored(path: Path) -> Stored:
    file = open_file(path)
    if file.read(0, len(flattened.MAGIC)) == flattened.MAGIC:
        return Flattened(file)
    return file
