"""What a report of one kind says beyond its first line. Sizes are in bytes, None is "not printed".

Sources of the messages: mm/oom_kill.c, mm/show_mem.c, mm/memcontrol.c; mm/kmemleak.c;
arch/x86/kernel/cpu/mce/, drivers/edac/, drivers/firmware/efi/cper.c; arch/*/mm/fault.c.
"""

from typing import Literal

from vmtriage.models.base import Address, Model
from vmtriage.models.container import Container

Constraint = Literal["none", "cpuset", "mempolicy", "memcg"]


class OomInvoker(Model):
    """Who asked for the memory that was not there: seldom the one to blame."""

    comm: str
    pid: int | None = None
    line: int


class OomVictim(Model):
    """The task that was killed, as its last line told it."""

    pid: int
    comm: str | None = None
    uid: int | None = None
    total_vm: int | None = None
    anon_rss: int | None = None
    file_rss: int | None = None
    shmem_rss: int | None = None
    pgtables: int | None = None
    oom_score_adj: int | None = None  # -1000 .. 1000
    line: int


class MemcgCounter(Model):
    """One counter of a memory cgroup. limit is None where there is none (`unlimited`)."""

    usage: int
    limit: int | None
    unlimited: bool = False
    failcnt: int  # how often the limit was hit


class MemcgStats(Model):
    """What a memory cgroup held. v1 calls anon `rss` and file `cache`; file includes shmem."""

    path: str
    anon: int | None = None
    file: int | None = None
    shmem: int | None = None
    kernel: int | None = None  # stacks, page tables, slab, per-CPU ...
    slab: int | None = None
    swap: int | None = None
    line: int


class OomMemcg(Model):
    """The memory cgroup whose limit was hit, and the one the victim ran in."""

    oom_path: str | None = None
    task_path: str | None = None
    container: Container | None = None  # whose limit it was
    memory: MemcgCounter | None = None
    swap: MemcgCounter | None = None  # v2: swap alone
    memory_and_swap: MemcgCounter | None = None  # v1
    kmem: MemcgCounter | None = None
    stats: tuple[MemcgStats, ...] = ()


class OomZone(Model):
    """A zone against its watermarks. short: less than `min` is free.

    The kernel also keeps lowmem_reserve back: a zone that is not short may still be refused.
    """

    node: int | None = None
    name: str
    free: int
    min: int
    low: int | None = None
    high: int | None = None
    short: bool
    largest_free: int | None = None  # the largest free block


class OomMemory(Model):
    """Where the machine's memory was. shmem is part of anon: tmpfs and shared memory."""

    ram: int | None = None
    reserved: int | None = None  # of ram: never given to the allocator
    free: int | None = None
    anon: int | None = None  # active, inactive and isolated
    file: int | None = None  # the same of the page cache
    unevictable: int | None = None
    shmem: int | None = None
    slab_reclaimable: int | None = None
    slab_unreclaimable: int | None = None
    pagetables: int | None = None
    kernel_stack: int | None = None
    hugepages: int | None = None  # all hugetlb pools
    swap_total: int | None = None
    swap_free: int | None = None


class OomTask(Model):
    """A row of the task table. rss counts pages shared with others too."""

    pid: int
    comm: str
    uid: int
    rss_pages: int
    rss: int | None  # None: the page size is not known
    rss_anon: int | None = None  # 6.8 on
    rss_shmem: int | None = None  # 6.8 on
    total_vm: int | None = None
    swap: int | None = None
    oom_score_adj: int | None = None


class OomComm(Model):
    """All rows of one name together."""

    comm: str
    tasks: int
    rss_pages: int
    rss: int | None


class OomSlab(Model):
    """A slab cache whose memory cannot be had back."""

    name: str
    used: int
    total: int


class OomReport(Model):
    """One round of the OOM killer. `conclusion`: what the evidence supports, and not more."""

    constraint: Constraint | None = None  # None: not printed (before 4.19 only memcg shows)
    by_hand: bool = False  # sysrq-f
    invoker: OomInvoker | None = None
    gfp_mask: str | None = None
    gfp_flags: str | None = None
    order: int | None = None  # 2^order pages were wanted; -1: sysrq-f
    victim: OomVictim | None = None
    memcg: OomMemcg | None = None
    page_size: int | None = None
    page_size_from: str | None = None
    memory: OomMemory | None = None
    zones: tuple[OomZone, ...] = ()
    tasks_seen: int | None = None  # rows of the table; None: it was not printed
    tasks: tuple[OomTask, ...] = ()  # by rss, the biggest
    comms: tuple[OomComm, ...] = ()  # the same, by name
    slabs: tuple[OomSlab, ...] = ()  # the biggest of `Unreclaimable slab info`
    conclusion: str


class LeakReport(Model):
    """One object that kmemleak found no pointer to. objects: how many this report holds."""

    address: Address
    size: int | None
    kind: str | None = None  # percpu, phys
    comm: str | None = None
    pid: int | None = None
    age_s: float | None = None
    crc: str | None = None
    backtrace: tuple[str, ...] = ()  # as printed, addresses left out
    function: str | None = None  # who asked for the memory
    module: str | None = None
    line: int
    objects: int = 1


class LeakGroup(Model):
    """Leaked objects with one allocation stack. Lines and comms: the first few."""

    objects: int
    size: int
    function: str | None
    module: str | None = None
    path: tuple[str, ...] = ()  # function and its callers, the significant ones
    backtrace: tuple[str, ...] = ()
    comms: tuple[str, ...] = ()
    oldest_s: float | None = None
    first_lines: tuple[int, ...]


class MceRecord(Model):
    """One bank of one CPU. Hex texts as printed; flags and error decoded from `status`."""

    cpu: int | None = None
    bank: int | None = None
    status: str | None = None
    mcgstatus: str | None = None
    address: str | None = None
    misc: str | None = None
    syndrome: str | None = None
    socket: int | None = None
    apic: str | None = None
    vendor: str | None = None  # intel, amd ...: by the number after PROCESSOR
    processor: str | None = None  # CPUID signature
    microcode: str | None = None
    flags: tuple[str, ...] = ()
    mcg_flags: tuple[str, ...] = ()
    error: str | None = None  # the MCA error code in words
    says: tuple[str, ...] = ()  # words the kernel's own decoder added
    line: int


class DimmError(Model):
    """A line of EDAC. mc is EDAC's number of the controller; the label is the board's."""

    kind: Literal["CE", "UE"]  # corrected, uncorrected
    count: int
    label: str | None = None
    message: str | None = None
    mc: int
    socket: int | None = None
    channel: int | None = None
    slot: int | None = None
    csrow: int | None = None
    page: str | None = None
    offset: str | None = None
    line: int


class FirmwareError(Model):
    """A section of a record the firmware handed over (APEI, GHES)."""

    severity: str | None = None
    section: str | None = None
    error_type: str | None = None
    physical_address: str | None = None
    node: int | None = None
    card: int | None = None
    module: int | None = None
    rank: int | None = None
    bank: int | None = None
    dimm: str | None = None  # DIMM location: the board's names for bank and slot
    fru: str | None = None  # the part to replace, as the firmware calls it
    device: str | None = None  # PCI address
    line: int


class MceReport(Model):
    """Hardware errors of one report. Counts are None where EDAC said nothing."""

    records: tuple[MceRecord, ...] = ()
    dimms: tuple[DimmError, ...] = ()
    firmware: tuple[FirmwareError, ...] = ()
    severity: str | None = None  # the firmware's, for the whole event
    corrected: int | None = None
    uncorrected: int | None = None
    cut: int = 0  # entries left out: the report held too many


class Poison(Model):
    """A value that says what happened. `where`: `address` or the register's name."""

    where: str
    value: str  # hex digits
    name: str | None = None  # of the constant in the kernel's headers
    offset: int = 0  # beyond the constant, bytes
    meaning: str


class FaultReport(Model):
    """An oops: what was accessed, how, and what the values tell."""

    address: str | None = None  # hex digits
    access: Literal["read", "write", "execute"] | None = None
    mode: Literal["user", "supervisor"] | None = None  # privilege of the access
    error_code: str | None = None  # hex digits, as the architecture gives it
    reason: str | None = None  # not-present page, permissions violation ...
    poisons: tuple[Poison, ...] = ()
    code: str | None = None  # bytes around the program counter
    taint: str | None = None  # letters without blanks; "" is `Not tainted`
    release: str | None = None
    hardware: str | None = None
