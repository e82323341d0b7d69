"""What a namelist is made of, wherever it was found: a vmlinux, a vmlinuz, a dump."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class Symbol(NamedTuple):
    """One name of the kernel.

    kind: nm's letter (t, T, d, D, b, B, r, R, a ...); address: as linked, per-CPU ones as offsets;
    size: bytes, 0 unknown; section: its place in `Ingredients.sections`, None: in none.
    """

    name: bytes
    kind: str
    address: int
    size: int
    section: int | None


@dataclass(frozen=True, slots=True)
class Section:
    """A range of the kernel: its name decides how gdb and crash take the symbols in it.

    flags: ELF's (2 loaded, 1 writable, 4 code); empty: it has no bytes in the file (.bss).
    """

    name: str
    address: int
    size: int
    flags: int
    empty: bool = False


@dataclass(frozen=True, slots=True)
class Ingredients:
    """All that `build` needs. Addresses are as linked, before KASLR.

    sizes_known: whether a symbol's size is its own, or only the distance to the next one.
    hz: ticks a second, None unknown; module_btfs: split BTF by module;
    lacking: which modules' could not be read, and why.
    """

    btf: bytes
    banner: bytes
    symbols: tuple[Symbol, ...]
    sections: tuple[Section, ...]
    build_id: str | None = None
    release: str | None = None
    machine: int = 62  # ELF's number: x86-64
    pointer: int = 8  # bytes
    hz: int | None = None
    sizes_known: bool = True
    module_btfs: Mapping[str, bytes] = field(default_factory=dict)
    lacking: tuple[str, ...] = ()


def release_of(banner: bytes) -> str | None:
    """ "6.1.0-9-amd64", as the banner says."""
    told = re.match(rb"Linux version ([\w.+~-]{1,64}) ", banner)
    return told[1].decode() if told else None


def with_banner(symbols: tuple[Symbol, ...], banner: bytes) -> tuple[Symbol, ...]:
    """The symbols, `linux_banner` as long as its text: behind it stand others without a name."""
    size = len(banner) + 1
    return tuple(
        each._replace(size=size) if each.name == b"linux_banner" else each for each in symbols
    )
