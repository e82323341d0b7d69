"""The machine in the report's words: distribution, taint, the biggest slab caches."""

from vmtriage.analysis.hardware import machine_of
from vmtriage.analysis.kernels import parse_kernel
from vmtriage.models.evidence import Facts
from vmtriage.models.memory import SlabCache
from vmtriage.models.report import SystemFacts

_SLABS_SHOWN = 10


def system_facts(facts: Facts) -> SystemFacts | None:
    """What `sys` said, the distribution by release and version, the hardware by the log."""
    system = facts.system
    if system is None:
        return None
    kernel = parse_kernel(system.release, system.version) if system.release else None
    machine = machine_of(facts.log)
    return SystemFacts(
        nodename=system.nodename, release=system.release, version=system.version,
        machine=system.machine, hardware=machine.hardware, firmware=machine.firmware,
        cpus=system.cpus, memory=system.memory, date=system.date, uptime_s=system.uptime_s,
        load_average=system.load_average, tasks=system.tasks, panic=system.panic,
        distro=kernel.distro if kernel else None, taint=_taint(facts),
    )  # fmt: skip


def _taint(facts: Facts) -> tuple[str, ...] | None:
    """Letters of the modules that taint; None when `mod -t` was not read."""
    if facts.modules is None:
        return None
    return tuple(sorted({letter for m in facts.modules.modules for letter in m.taints}))


def top_slabs(facts: Facts) -> tuple[SlabCache, ...] | None:
    """The biggest slab caches by memory, biggest first; None when `kmem -s` was not read."""
    if facts.slabs is None:
        return None
    sized = [each for each in facts.slabs.caches if each.slabs and each.slab_size]
    sized.sort(key=lambda each: -(each.slabs or 0) * (each.slab_size or 0))
    return tuple(sized[:_SLABS_SHOWN])
