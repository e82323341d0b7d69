"""Suspects that the fault's own registers point to."""

from collections.abc import Iterator

from vmtriage.analysis.suspects.case import Case
from vmtriage.models.report import Culprit


def owner_of_the_object(case: Case) -> Iterator[Culprit]:
    """The instruction went wrong in memory of a cache that carries a module's name.

    Whose objects they are is no proof of who spoiled them: never more than a lead.
    """
    site = case.answers.fault_site
    modules = case.facts.modules.modules if case.facts.modules else ()
    names = {each.name for each in modules}
    for each in site.objects if site else ():
        touched = each.role in ("base", "index", "target") or bool(each.holds_value_at)
        if each.kind != "slab" or not each.name or not touched:
            continue
        owner = module_of(each.name, names)
        if owner is None:
            continue
        freed = ", which was free" if each.allocated is False else ""
        yield Culprit(
            kind="module", name=owner, score=0.3,
            reason=f"the fault touched an object of its slab cache {each.name}{freed}",
            refuted_by="other code that wrote into its objects, or that was handed one",
            evidence=each.evidence,
        )  # fmt: skip


def module_of(cache: str, modules: set[str]) -> str | None:
    """The loaded module whose name the cache's name begins with; the longest of them."""
    plain = cache.replace("-", "_")
    fits = (
        name for name in modules
        if len(name) > 2 and (plain == name or plain.startswith(f"{name}_"))
    )  # fmt: skip
    return max(fits, key=len, default=None)
