"""Memory as `kmem -i`, `kmem -s` and `kmem -V` show it. Sizes in bytes unless a name says pages."""

from vmtriage.models.base import Address, Model, Note


class MemoryRow(Model):
    """One row of `kmem -i`: pages, bytes (as exact as printed), percentage of its base."""

    label: str  # "TOTAL MEM"
    pages: int
    size: int
    percent: int | None = None
    base: str | None = None  # "TOTAL MEM"
    line: int


class MemoryInfo(Model):
    """`kmem -i`. A None is a row crash did not print; `rows` holds every row as it stood."""

    total: int | None = None
    free: int | None = None
    used: int | None = None
    shared: int | None = None
    buffers: int | None = None
    cached: int | None = None
    slab: int | None = None
    huge_total: int | None = None
    huge_free: int | None = None
    swap_total: int | None = None
    swap_used: int | None = None
    swap_free: int | None = None
    commit_limit: int | None = None
    committed: int | None = None
    rows: tuple[MemoryRow, ...] = ()
    notes: tuple[Note, ...] = ()


class SlabCache(Model):
    """One row of `kmem -s`. Numbers are None where crash printed `?` or a tag."""

    cache: Address
    name: str
    objsize: int | None = None  # bytes
    allocated: int | None = None  # objects
    total: int | None = None  # objects
    slabs: int | None = None
    slab_size: int | None = None  # bytes per slab
    tag: str | None = None  # "[INVALID/CORRUPTED]"
    line: int


class SlabCaches(Model):
    """`kmem -s`: every slab cache."""

    caches: tuple[SlabCache, ...]
    notes: tuple[Note, ...] = ()


class VmCounter(Model):
    """One counter of `kmem -V`, by its enum name in the kernel."""

    section: str  # VM_ZONE_STAT, VM_NODE_STAT, VM_EVENT_STATES ...
    name: str
    value: int
    line: int


class VmStat(Model):
    """`kmem -V`: the kernel's page counters and events, in pages and counts."""

    counters: tuple[VmCounter, ...]
    notes: tuple[Note, ...] = ()


class MemoryBytes(Model):
    """`rd -8`: bytes of memory from `address` on, as hex text."""

    address: Address
    content: str  # two hex digits per byte

    @property
    def raw(self) -> bytes:
        """The bytes themselves."""
        return bytes.fromhex(self.content)


class Numbers(Model):
    """`p {...}`: numbers in the order they were asked for."""

    numbers: tuple[int, ...]


class Symbol(Model):
    """`sym`: the symbol at or before an address; offset in bytes from the symbol's start. File and
    line of source where crash has debuginfo of it.

    The address of a variable that each CPU has its own of is its place in their areas.
    """

    address: Address
    name: str
    offset: int = 0
    module: str | None = None
    file: str | None = None
    source_line: int | None = None
