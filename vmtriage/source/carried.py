"""What a kernel carries of itself in its memory: enough to do without a debuginfo package."""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from vmtriage.source.btf import BadBtf, Btf, Unclear
from vmtriage.source.dumpfile import Dump, Missing, Why
from vmtriage.source.kallsyms import NoSymbols, Symbol, symbols

_WANTED = ("linux_banner", "__start_BTF", "__stop_BTF", "btf_modules", "tick_nsec")
_BANNER = 512  # bytes
_MOST_BTF = 128 << 20  # bytes; vmlinux has about 5 MB
_MOST_MODULES = 4096
_MOST_IMAGE = 1 << 30  # bytes, as arch/x86 sets it
_HZ = (24, 32, 48, 64, 100, 128, 200, 250, 256, 300, 500, 512, 1000, 1024, 1200)


@dataclass(frozen=True, slots=True)
class ModuleTypes:
    """The split BTF of a module: its type numbers and names go on from vmlinux's."""

    name: str
    btf: bytes


@dataclass(frozen=True, slots=True)
class KernelParts:
    """None or empty: the dump does not have it; `lacking` says why, one line each."""

    machine: str  # uname's
    release: str | None
    build_id: str | None  # hex
    kaslr: int  # run-time minus link-time address
    banner: bytes | None  # linux_banner, with its line end, without the NUL
    hz: int | None
    btf: bytes | None  # of vmlinux
    module_types: Sequence[ModuleTypes]  # the module loaded last comes first
    symbols: Sequence[Symbol]
    lacking: Sequence[str] = field(default=())


def carried(dump: Dump, modules: bool = True) -> KernelParts:
    """All of it, as far as it is there; `modules`: with theirs. Raises nothing for what is not."""
    lacking: list[str] = []
    found: Sequence[Symbol] = ()
    try:
        found = symbols(dump)
    except NoSymbols as error:
        lacking.append(f"symbols: {error}")
    places = {each.name: each.address for each in found if each.name in _WANTED}
    reader = _Reader(dump, places, lacking)
    btf = reader.btf()
    return KernelParts(
        machine=dump.machine,
        release=dump.info.release,
        build_id=dump.info.build_id,
        kaslr=dump.info.kaslr,
        banner=reader.banner(),
        hz=reader.hz(),
        btf=btf,
        module_types=reader.module_types(btf) if btf and modules else (),
        symbols=found,
        lacking=tuple(lacking),
    )


def image(dump: Dump, begin: int, end: int) -> tuple[bytes, Sequence[Missing]]:
    """The kernel's image between two link-time addresses, and what of it is missing.

    Missing pages are zeros in the bytes; none at all if the two cannot be an image's ends.
    """
    if not 0 <= end - begin <= _MOST_IMAGE:
        return b"", [Missing(Why.DAMAGED, begin, f"an image of {end - begin} bytes")]
    kaslr, found, missing = dump.info.kaslr, bytearray(), list[Missing]()
    for stretch in dump.stretches(begin + kaslr, end - begin):
        found += stretch.data if stretch.data is not None else bytes(stretch.size)
        if stretch.missing is not None:
            missing.append(stretch.missing)
    return bytes(found), missing


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads each part, and notes in `lacking` what cannot be read."""

    dump: Dump
    places: Mapping[str, int]
    lacking: list[str]

    def banner(self) -> bytes | None:
        raw = self._at("linux_banner", "banner", _BANNER)
        return raw.split(b"\0")[0] if raw else None

    def hz(self) -> int | None:
        """From tick_nsec, the length of a tick: adjtimex(2) moves it by a little only."""
        raw = self._at("tick_nsec", "HZ", 8)
        tick = struct.unpack(f"{self.dump.order}Q", raw)[0] if raw else 0
        nearest = min(_HZ, key=lambda hz: abs(hz * tick - 10**9))
        if abs(nearest * tick - 10**9) < 10**7:
            return nearest
        if raw:
            self.lacking.append(f"HZ: tick_nsec is {tick}")
        return None

    def btf(self) -> bytes | None:
        begin, end = self.places.get("__start_BTF"), self.places.get("__stop_BTF")
        if begin is None or end is None:
            self.lacking.append("types: no symbols __start_BTF and __stop_BTF")
            return None
        if not 0 < end - begin <= _MOST_BTF:
            self.lacking.append(f"types: {end - begin} bytes of them cannot be")
            return None
        return self._at("__start_BTF", "types", end - begin)

    def module_types(self, vmlinux: bytes) -> Sequence[ModuleTypes]:
        head = self.places.get("btf_modules")
        if head is None:
            self.lacking.append("types of modules: no symbol btf_modules")
            return ()
        found: list[ModuleTypes] = []
        try:
            found.extend(self._modules(Btf(vmlinux), head + self.dump.info.kaslr))
        except (BadBtf, Unclear, Missing) as error:
            self.lacking.append(f"types of modules: {error}")
        return tuple(found)

    def _modules(self, types: Btf, head: int) -> Iterator[ModuleTypes]:
        """Walks the list of struct btf_module."""
        link, btf = self._offset(types, "btf_module.list"), self._offset(types, "btf_module.btf")
        data, size = self._offset(types, "btf.data"), self._offset(types, "btf.data_size")
        name, longest = self._offset(types, "btf.name"), types.size_of("btf", "name") or 0
        seen, left = {head}, _MOST_BTF
        entry = self._pointer(head)
        while entry not in seen and len(seen) <= _MOST_MODULES:
            seen.add(entry)
            at = self._pointer(entry - link + btf)
            called = self.dump.read_virtual(at + name, min(longest, 256)).split(b"\0")[0]
            (length,) = struct.unpack(f"{self.dump.order}I", self.dump.read_virtual(at + size, 4))
            text = called.decode("ascii", "replace")
            try:
                raw = self.dump.read_virtual(self._pointer(at + data), min(length, left))
                left -= len(raw)
                yield ModuleTypes(text, raw)
            except Missing as missing:
                self.lacking.append(f"types of {text}: {missing}")
            entry = self._pointer(entry)

    def _offset(self, types: Btf, path: str) -> int:
        struct_name, _, member = path.partition(".")
        offset = types.offset_of(struct_name, member)
        if offset is None:
            raise Unclear(f"struct {struct_name} has no {member}")
        return offset

    def _pointer(self, address: int) -> int:
        raw = self.dump.read_virtual(address, 8)
        return int.from_bytes(raw, "little" if self.dump.order == "<" else "big")

    def _at(self, symbol: str, what: str, count: int) -> bytes | None:
        address = self.places.get(symbol)
        if address is None:
            self.lacking.append(f"{what}: no symbol {symbol}")
            return None
        try:
            return self.dump.read_virtual(address + self.dump.info.kaslr, count)
        except Missing as missing:
            self.lacking.append(f"{what}: {missing}")
            return None
