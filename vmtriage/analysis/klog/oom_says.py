"""What an OOM report supports, in one sentence: the shortage, what held the memory, who did not.

Shares are of the RAM the allocator had (`pages RAM` without the reserved ones). A thing is named
only if it held a large share; where the report does not say, the sentence says nothing.
"""

from collections.abc import Iterator, Set

from vmtriage.models.details import MemcgCounter, OomMemcg, OomReport

_REACHED = 0.95  # of a limit: charges come in batches, the last one did not fit
_MOST = 0.5
_KERNEL_SHARE = 0.3  # kernel memory that no workload explains by itself
_SWAP_LEFT = 0.01
_NAMED = 2  # holders in the sentence


def size(count: int) -> str:
    """Bytes for people: `64.0 MiB`."""
    number, unit = float(count), "bytes"
    for unit in ("bytes", "KiB", "MiB", "GiB", "TiB"):
        if number < 1024 or unit == "TiB":
            break
        number /= 1024
    return f"{count} bytes" if unit == "bytes" else f"{number:.1f} {unit}"


def conclusion(report: OomReport, processes: Set[int] = frozenset()) -> str:
    """One sentence. processes: pids of the task table, which lists no threads."""
    limit = report.constraint == "memcg"
    parts = [_by_limit(report) if limit else _by_shortage(report)]
    if not limit:
        parts += [f"{held} held {share:.0%} of the usable RAM{advice}" for share, held, advice in
                  sorted(_holders(report), key=lambda each: -each[0])[:_NAMED]]  # fmt: skip
        parts += fragmentation(report)
        parts += _swap(report)
    parts += _not_to_blame(report, processes)
    return "; ".join(parts)


def _by_limit(report: OomReport) -> str:
    memcg = report.memcg or OomMemcg()
    name = f"memory cgroup {memcg.oom_path}" if memcg.oom_path else "a memory cgroup"
    says = f"{name} could not be given more memory"
    found = reached(memcg)
    held = found[0] if found else None
    if found:
        says = f"{name} reached {found[1]} of {size(found[0].limit or 0)}"
    if memcg.oom_path and memcg.task_path and memcg.oom_path != memcg.task_path:
        says += f" (the victim ran in {memcg.task_path})"
    return says + inside(report, memcg, held)


def reached(memcg: OomMemcg) -> tuple[MemcgCounter, str] | None:
    """The counter that is at its limit, and what limit that is."""
    for counter, what in (
        (memcg.memory, "its memory limit"),
        (memcg.memory_and_swap, "its limit of memory and swap"),
        (memcg.kmem, "its limit of kernel memory"),
    ):
        if counter and counter.limit and counter.usage >= _REACHED * counter.limit:
            return counter, what
    return None


def inside(report: OomReport, memcg: OomMemcg, held: MemcgCounter | None) -> str:
    """What the group's memory was, if one kind is most of it."""
    if held is None or not held.usage:
        return ""
    most = _MOST * held.usage
    stats = memcg.stats[0] if memcg.stats and memcg.stats[0].path == memcg.oom_path else None
    kernel = (stats and (stats.kernel or stats.slab)) or (memcg.kmem and memcg.kmem.usage) or 0
    if kernel >= most:
        return f", {kernel / held.usage:.0%} of it kernel memory charged to the group"
    if stats and stats.shmem and stats.shmem >= most:
        return f", {stats.shmem / held.usage:.0%} of it shared memory or tmpfs files"
    if report.comms and report.comms[0].rss and report.comms[0].rss >= most:
        top = report.comms[0]
        many = f"{top.tasks} tasks {top.comm}" if top.tasks > 1 else f"its own task {top.comm}"
        return f", most of it held by {many} ({size(top.rss or 0)})"
    if stats and stats.anon and stats.anon >= most:
        return ", most of it its tasks' own (anonymous) memory"
    return ""


def _by_shortage(report: OomReport) -> str:
    if report.by_hand:
        return "the OOM killer was called by hand (sysrq-f), which proves no shortage"
    where = _free(report)
    if report.constraint == "none":
        return f"the machine as a whole ran short of memory{where}"
    if report.constraint == "cpuset":
        return f"memory ran out on the nodes that a cpuset allows, others were not asked{where}"
    if report.constraint == "mempolicy":
        return f"memory ran out on the nodes that a memory policy allows{where}"
    # not for a cgroup's limit: only then the zones are shown. Nodes may have been limited.
    return f"memory ran out, by no memory cgroup's limit{where}" if where else "memory ran out"


def _free(report: OomReport) -> str:
    if not report.zones:
        return ""
    short = dict.fromkeys(zone.name for zone in report.zones if zone.short)
    if not short:
        return ", though no zone was below its minimum"
    return f", with free memory below the minimum in {', '.join(short)}"


def _holders(report: OomReport) -> Iterator[tuple[float, str, str]]:
    """Who held a large share of RAM: share, name, advice."""
    memory = report.memory
    if memory is None or memory.ram is None:
        return
    ram = memory.ram - (memory.reserved or 0)
    if ram <= 0:
        return
    kernel = (memory.slab_unreclaimable or 0) / ram
    if kernel >= _KERNEL_SHARE:
        cache = f" (the biggest cache: {report.slabs[0].name})" if report.slabs else ""
        suspect = ", which points at a leak in the kernel and not at the victim"
        yield kernel, f"unreclaimable slab{cache}", suspect
    huge = (memory.hugepages or 0) / ram
    if huge >= _KERNEL_SHARE:
        yield huge, "huge pages set aside", ""
    shmem = (memory.shmem or 0) / ram
    if shmem >= _KERNEL_SHARE:
        yield shmem, "shared memory and tmpfs files", ""
    tables = (memory.pagetables or 0) / ram
    if tables >= _KERNEL_SHARE:
        yield tables, "page tables", ""
    task = report.tasks[0] if report.tasks else None
    comm = report.comms[0] if report.comms else None
    if task and task.rss and task.rss >= _MOST * ram:
        yield task.rss / ram, f"the process {task.comm} ({task.pid})", ""
    elif comm and comm.rss and comm.rss >= _MOST * ram:
        shared = ", pages they share counted for each"
        yield comm.rss / ram, f"{comm.tasks} tasks {comm.comm} together", shared


def fragmentation(report: OomReport) -> Iterator[str]:
    """An order above 0, free memory above the minimum, and no block as large as was wanted."""
    if not report.order or report.order < 0 or report.page_size is None:
        return
    wanted = report.page_size << min(report.order, 32)
    able = [zone for zone in report.zones if not zone.short and zone.name != "DMA"]
    if able and all(z.largest_free is not None and z.largest_free < wanted for z in able):
        yield (
            f"{size(sum(zone.free for zone in able))} were free but in no block of order"
            f" {report.order} ({size(wanted)}): fragmentation"
        )


def _swap(report: OomReport) -> Iterator[str]:
    memory = report.memory
    if memory is None or memory.swap_total is None or memory.swap_free is None:
        return
    if memory.swap_total == 0:
        yield "there is no swap"
    elif memory.swap_free <= _SWAP_LEFT * memory.swap_total:
        yield "swap was full"


def _not_to_blame(report: OomReport, processes: Set[int]) -> Iterator[str]:
    """The invoker, where it is surely another process and not a thread of the victim."""
    invoker, victim = report.invoker, report.victim
    if invoker is None or victim is None or report.by_hand:
        return
    if invoker.pid in processes and invoker.pid != victim.pid:
        yield f"{invoker.comm} ({invoker.pid}) only asked for memory at that moment"
