"""A kernel's memory made by hand, for kernels that cannot run here: answers rd, p and sym."""

import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from vmtriage.models.evidence import CommandStatus
from vmtriage.session.base import CommandOutput
from vmtriage.session.commands import CrashCommand, expressions_of

_OFFSET = re.compile(r"\(long\)&\(\(struct (\w+) \*\)0\)->([\w.]+)")
_SIZE = re.compile(r"\(long\)sizeof\((?:struct (\w+)|\(\(struct (\w+) \*\)0\)->([\w.]+))\)")
_ENUMERATOR = re.compile(r"\(long\)(_[A-Z_]+)")


@dataclass
class KernelImage:
    """Structures by offsets, memory by address. A Session."""

    offsets: Mapping[str, int]  # "task_struct.pid" -> bytes
    sizes: Mapping[str, int] = field(default_factory=dict)
    symbols: Mapping[int, str] = field(default_factory=dict)
    memory: dict[int, int] = field(default_factory=dict)  # address -> byte
    crash_version: str | None = "8.0.6"
    startup: str = ""
    startup_s: float | None = None
    enumerators: Mapping[str, int] = field(default_factory=dict)
    answers: Mapping[str, str] = field(default_factory=dict)  # to whole commands

    def put(self, base: int, **members: int | bytes) -> int:
        """Members of a structure at `base`: pointers as numbers, the rest as bytes."""
        for name, value in members.items():
            kind, _, member = name.partition("__")
            at = base + self.offsets[f"{kind}.{member.replace('__', '.')}"]
            raw = struct.pack("<Q", value) if isinstance(value, int) else value
            self.memory.update({at + n: byte for n, byte in enumerate(raw)})
        return base

    def text(self, address: int, text: str) -> int:
        """A text with its NUL."""
        raw = text.encode() + b"\0"
        self.memory.update({address + n: byte for n, byte in enumerate(raw)})
        return address

    def run(self, commands: Sequence[CrashCommand]) -> Iterator[CommandOutput]:
        for command in commands:
            yield CommandOutput(command.text, self._answer(command.text), CommandStatus.OK, 0.0)

    def close(self) -> None:
        pass

    def _answer(self, text: str) -> str:
        if text in self.answers:
            return self.answers[text]
        verb, _, rest = text.partition(" ")
        if verb == "p":
            found = [self._number(part) for part in expressions_of(text)]
            known = [str(number) for number in found if number is not None]
            return f"$1 = {{{', '.join(known)}}}\n" if len(known) == len(found) else "p: failed\n"
        if verb == "rd":
            _, address, count = rest.split()
            return self._dump(int(address, 16), int(count))
        if verb == "sym":
            name = self.symbols.get(int(rest, 16))
            return f"{rest} (T) {name}\n" if name else f"sym: invalid address: {rest}\n"
        return f"{verb}: command not found\n"

    def _number(self, expression: str) -> int | None:
        if match := _OFFSET.fullmatch(expression):
            return self.offsets.get(f"{match[1]}.{match[2]}")
        if match := _ENUMERATOR.fullmatch(expression):
            return self.enumerators.get(match[1])
        match = _SIZE.fullmatch(expression)
        assert match is not None, expression
        return self.sizes.get(match[1] or f"{match[2]}.{match[3]}")

    def _dump(self, address: int, count: int) -> str:
        raw = []
        for at in range(address, address + count):
            if at not in self.memory:
                break
            raw.append(self.memory[at])
        if not raw:
            return f'rd: page excluded: kernel virtual address: {address:x}  type: "8-bit KVADDR"\n'
        rows = []
        for start in range(0, len(raw), 16):
            octets = raw[start : start + 16]
            shown = "".join(chr(c) if 32 <= c < 127 else "." for c in octets)
            hexes = "".join(f"{c:02x} " for c in octets)
            rows.append(f"{address + start:x}:  {hexes}{'   ' * (16 - len(octets))}  {shown}\n")
        return "".join(rows)
