"""Modules: which are not the kernel's own, and whose name a slab cache bears."""

import re

from vmtriage.analysis.suspects import quotes
from vmtriage.analysis.suspects.case import Case
from vmtriage.models.evidence import Evidence

# Taint letters of code that did not come with the kernel: proprietary, out of tree, unsigned,
# forced, supported by somebody else (SUSE); U is RHEL's old letter for unsigned.
_FOREIGN = frozenset("POEFXU")
_LINKED = re.compile(r"^Modules linked in: ?(?P<names>.*)$")
_WITH_TAINT = re.compile(r"^(?P<name>[A-Za-z0-9][\w-]*)(?:\((?P<taints>[A-Z+-]+)\))?$")


def taints(case: Case, module: str) -> tuple[str, tuple[Evidence, ...]] | None:
    """Taint letters of a module by `mod -t`, else by the log's list; None: it taints nothing."""
    wanted = _plain(module)
    for each in case.facts.modules.modules if case.facts.modules else ():
        if _plain(each.name) == wanted:
            says = "the module is not part of the kernel as shipped" if foreign(each.taints) else (
                "the module taints the kernel"
            )  # fmt: skip
            text = f"{each.name}  {each.taints}"
            return each.taints, (Evidence(command="mod -t", line=each.line, text=text, says=says),)
    if case.facts.modules is None and (letters := loaded(case).get(wanted)):
        form = rf"^Modules linked in:.*\b{re.escape(module)}\("
        return letters, quotes.find(case, form, "the module taints the kernel")
    return None


def foreign(letters: str) -> bool:
    """Whether the letters (or 2.6's number: 1 is proprietary) tell of code from elsewhere."""
    number = re.match(r"(?:0x)?[0-9a-f]+(?=\(|$)", letters)
    if number is not None:
        return bool(int(number[0], 16) & 1) or "U" in letters
    return not _FOREIGN.isdisjoint(letters)


def foreigners(case: Case) -> tuple[str, ...]:
    """All modules that did not come with the kernel, as far as they are told."""
    if case.facts.modules is not None:
        return tuple(each.name for each in case.facts.modules.modules if foreign(each.taints))
    return tuple(name for name, letters in loaded(case).items() if letters and foreign(letters))


def loaded(case: Case) -> dict[str, str]:
    """Modules by the log's last list, with their taint letters ("" for none)."""
    found: dict[str, str] = {}
    for record in case.facts.log.records if case.facts.log else ():
        if "Modules linked in" in record.text and (line := _LINKED.match(record.text)):
            rows = (_WITH_TAINT.match(word) for word in line["names"].split())
            found = {_plain(row["name"]): row["taints"] or "" for row in rows if row}
    return found


def owner_of_cache(case: Case, cache: str) -> tuple[str | None, tuple[Evidence, ...]]:
    """The module whose name the cache's begins with; the evidence only where that taints."""
    tainting = [each.name for each in case.facts.modules.modules] if case.facts.modules else []
    names = {_plain(each): each for each in (*loaded(case), *tainting)}
    plain = _plain(cache)
    fits = [each for each in names if re.match(rf"{re.escape(each)}(?![A-Za-z0-9])", plain)]
    if not fits:
        return None, ()
    owner = names[max(fits, key=len)]
    told = taints(case, owner)
    return owner, told[1] if told else ()


def _plain(name: str) -> str:
    return name.replace("-", "_")
