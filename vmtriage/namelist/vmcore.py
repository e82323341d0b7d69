"""What a dump itself has for a namelist: no debuginfo package, no vmlinux."""

from pathlib import Path

from vmtriage.errors import NoDebuginfo
from vmtriage.namelist.ingredients import Ingredients, with_banner
from vmtriage.namelist.kallsyms import Named, in_sections
from vmtriage.source.carried import KernelParts, carried
from vmtriage.source.dumpfile import open_dump

_OF = "types of "  # so begins what is said of modules
_MACHINES = {"x86_64": 62, "aarch64": 183, "ppc64le": 21, "ppc64": 21, "s390x": 22, "riscv64": 243,
             "loongarch64": 258}  # fmt: skip


def read_vmcore(path: Path, *others: Path, modules: bool = True) -> Ingredients:
    """modules: with the types of those that were loaded.

    NoDebuginfo where the dump lacks what is needed, BadDump and NoInput as `open_dump`."""
    with open_dump(path, *others) as dump:
        return of_parts(carried(dump, modules), str(path))


def of_parts(parts: KernelParts, called: str) -> Ingredients:
    """The same of what was read already."""
    machine = _MACHINES.get(parts.machine)
    if machine is None or not parts.symbols or not parts.btf or not parts.banner:
        lacking = [*parts.lacking] or [f"machine {parts.machine} is not known"]
        raise NoDebuginfo(
            f"{called} does not carry enough for a namelist"
            + "".join(f"\n  {each}" for each in lacking),
            next_step="give the kernel's vmlinux or its vmlinuz",
        )
    sections, symbols = in_sections(Named(*each) for each in parts.symbols)
    return Ingredients(
        btf=parts.btf,
        banner=parts.banner,
        symbols=with_banner(symbols, parts.banner),
        sections=sections,
        build_id=parts.build_id,
        release=parts.release,
        machine=machine,
        hz=parts.hz,
        sizes_known=False,
        module_btfs={each.name: each.btf for each in parts.module_types},
        lacking=tuple(each.removeprefix(_OF) for each in parts.lacking if each.startswith(_OF)),
    )
