"""What crash says of a place: the instruction that stands there, or what memory it belongs to."""

from vmtriage.models.base import Address, Model, Note
from vmtriage.models.memory import SlabCache, Symbol


class Instruction(Model):
    """One line of `dis`. offset: bytes into the function."""

    address: Address
    function: str | None = None
    offset: int | None = None
    text: str  # "movq $0x1,0x78(%rax)", blanks made one
    line: int


class Disassembly(Model):
    """`dis`: at least one instruction."""

    instructions: tuple[Instruction, ...]
    notes: tuple[Note, ...] = ()


class TableLine(Model):
    """Where an instruction comes from, by the line table of a vmlinux; in an inlined function its
    own line. file: from the top of the kernel's tree, where that can be told."""

    address: Address
    file: str
    line: int
    vmlinux: str


class SlabPlace(Model):
    """An object of a slab cache. object and allocated are None unless exactly one was shown."""

    cache: SlabCache
    object: Address | None = None
    allocated: bool | None = None  # at the time of the dump; False: it is free
    kept_in: str | None = None  # a free object's place: "cpu 0 cache"
    memory: Address | None = None  # where the slab begins
    objects: int | None = None  # that it has place for
    line: int


class TaskPlace(Model):
    """The task whose stack or task_struct it is."""

    pid: int
    comm: str
    task: Address | None = None
    line: int


class VmArea(Model):
    """A vmalloc area; the end is the first byte behind it."""

    start: Address
    end: Address
    line: int


class SymbolPlace(Symbol):
    """The symbol before the address, and where it was printed."""

    line: int


class PagePlace(Model):
    """The row of `struct page`. None: crash printed dashes."""

    page: Address
    physical: Address
    mapping: Address | None = None
    count: int
    flags: str  # "slab,head"
    line: int


class Whereabouts(Model):
    """`kmem ADDRESS`: everything the address belongs to.

    nowhere: crash says that no memory is there. excluded: the dump does not hold what tells.
    """

    slab: SlabPlace | None = None
    task: TaskPlace | None = None
    area: VmArea | None = None
    symbol: SymbolPlace | None = None
    page: PagePlace | None = None
    free_page: bool = False  # on the page allocator's own lists
    nowhere: bool = False
    excluded: bool = False
    line: int  # of the first line that says anything
    notes: tuple[Note, ...] = ()
