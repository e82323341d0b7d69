"""The step "object": what memory the registers of the fault point to."""

from collections.abc import Iterable, Iterator, Mapping

from vmtriage.analysis.inquiry import address
from vmtriage.analysis.inquiry.instruction import block_of, module_of, registers_of, why_not
from vmtriage.analysis.inquiry.places import placed
from vmtriage.analysis.inquiry.scene import Reach, Scene
from vmtriage.errors import ParseError
from vmtriage.models.answers import Answers
from vmtriage.models.fault_site import FaultSite, RegisterObject
from vmtriage.parsers import kmem
from vmtriage.session.commands import memory_of

__all__ = ["MAX_PLACES", "objects", "why_not"]

MAX_PLACES = 8
_MAX_OBJECT = 1024  # bytes of an object that are searched for the bad value
_PAGE = 4096
_NOT_POINTERS = frozenset({"RIP", "RSP", "PC", "SP", "LR", "ORIG_RAX", "RFLAGS", "PSTATE"})


def objects(scene: Scene, reach: Reach, answers: Answers) -> Answers:
    """Asks crash for each pointer, those of the instruction first."""
    block = block_of(scene)
    if block is None:
        return answers
    site = answers.fault_site or FaultSite(
        function=block.function,
        offset=block.offset,
        module=module_of(block, scene),
        address=block.rip,
    )
    found: dict[tuple[str, str, str | None], RegisterObject] = {}
    wanted = list(_wanted(site, registers_of(block), reach.desk.word * 8))[:MAX_PLACES]
    outputs = reach.desk.ask([memory_of(value) for _, value, _ in wanted])
    for (names, value, role), output in zip(wanted, outputs, strict=True):
        try:
            place = kmem.parse(output.text)
        except ParseError:
            continue
        told = placed(names, value, role, place, output)
        if told is None:
            continue
        told = _holding(told, site, reach)
        key = (told.kind, told.start or told.address, told.name)
        if told.kind == "stack":
            key = ("stack", "", told.name)
        found.setdefault(key, told)  # the instruction's own registers come first
    if not found:
        return answers
    says = [each.says for each in found.values() if each.role != "other"]
    says += [each.says for each in found.values() if each.role == "other" and _telling(each)]
    if any(_freed_again(site, each) for each in found.values()):
        says.append("a function that frees was at work on a free object: a double free looks so")
    update = {"objects": tuple(found.values()), "says": (*site.says, *says)}
    site = site.model_copy(update=update | _unmapped(site, found.values()))
    return answers.model_copy(update={"fault_site": site})


def _unmapped(site: FaultSite, found: Iterable[RegisterObject]) -> dict[str, str]:
    """The only pointer of the instruction leads nowhere: it is the one that is wrong."""
    operand = site.operand
    lost = next((each for each in found if each.role == "base" and each.kind == "nothing"), None)
    if lost is None or site.bad_register or not site.matches_log or not operand or operand.index:
        return {}
    return {
        "bad_register": lost.registers[0], "bad_value": lost.address,
        "bad_meaning": "no memory is there",
    }  # fmt: skip


def _freed_again(site: FaultSite, each: RegisterObject) -> bool:
    frees = "free" in (site.function or "")
    return site.trap == "bug" and frees and each.allocated is False and each.offset == 0


def _telling(each: RegisterObject) -> bool:
    return each.allocated is False or bool(each.holds_value_at)


def _wanted(
    site: FaultSite, registers: Mapping[str, int], bits: int
) -> Iterator[tuple[tuple[str, ...], int, str]]:
    """Each distinct pointer once, with the registers that hold it and its role."""
    operand = site.operand
    own = {operand.base: "base", operand.index: "index"} if operand else {}
    by_value: dict[int, list[str]] = {}
    order = sorted(registers, key=lambda name: list(own).index(name) if name in own else len(own))
    for name in order:
        if name not in _NOT_POINTERS and address.is_kernel(registers[name], bits):
            by_value.setdefault(registers[name], []).append(name)
    reached = None
    if site.computed and site.matches_log is not False:
        reached = int(site.computed, 16)
    target = None
    if reached is not None and address.is_kernel(reached, bits):
        near = any(abs(reached - value) < _PAGE for value in by_value)
        target = None if near else reached
    used = [(tuple(names), value, own[names[0]]) for value, names in by_value.items()
            if names[0] in own]  # fmt: skip
    yield from used
    if target is not None:
        yield (), target, "target"
    for value, names in by_value.items():
        if names[0] not in own:
            yield tuple(names), value, "other"


def _holding(told: RegisterObject, site: FaultSite, reach: Reach) -> RegisterObject:
    """Where in the object the bad value stands: it may have been loaded from there."""
    value = int(site.bad_value, 16) if site.bad_value and site.bad_register else 0
    if value.to_bytes(8, "little").count(value & 0xFF) == 8:  # slub_debug fills memory so
        return told
    if told.kind != "slab" or told.start is None or value < _PAGE or not told.size:
        return told
    start, word = int(told.start, 16), reach.memory.word_size
    words = reach.memory.words(start, min(told.size, _MAX_OBJECT) // word)
    at = tuple(number * word for number, each in enumerate(words) if each == value)
    if not at:
        return told
    first = ", ".join(f"{each:#x}" for each in at[:3]) + (" ..." if len(at) > 3 else "")
    return told.model_copy(
        update={"holds_value_at": at, "says": f"{told.says}; it holds {value:x} at {first}"}
    )
