"""Where members of kernel structures lie in this kernel, asked of the namelist's own types."""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from vmtriage.analysis import private_file
from vmtriage.analysis.inquiry.desk import Desk
from vmtriage.errors import ParseError
from vmtriage.models.evidence import CommandStatus
from vmtriage.parsers import p
from vmtriage.session.base import CommandOutput
from vmtriage.session.commands import MAX_LINE, CrashCommand, numbers, offset, size_of
from vmtriage.source.btf import Btf, Unclear


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a structure, under the names it had, the usual one first. `sized`: its size is
    wanted, not its place; without a name the size of the whole structure."""

    struct: str
    names: tuple[str, ...]
    sized: bool = False

    @property
    def expressions(self) -> tuple[str, ...]:
        """What gdb works out, for each of the names."""
        if self.sized:
            return tuple(size_of(self.struct, name) for name in self.names)
        return tuple(offset(self.struct, name) for name in self.names)


def member(struct: str, *names: str) -> Member:
    """Where it lies."""
    return Member(struct, names)


def size(struct: str, name: str = "") -> Member:
    """How large it is."""
    return Member(struct, (name,), sized=True)


_BUILD_ID = re.compile(r"[0-9a-f]{16,64}")
_KEPT = TypeAdapter(dict[str, int | None])


class LayoutCache:
    """Offsets by the kernel's build-id: gdb needs a second for them, and a fleet has few kernels.

    Only for a vmlinux whose build-id is the dump's; without a directory it does nothing.
    """

    def __init__(self, directory: Path | None, build_id: str | None) -> None:
        whole = directory is not None and build_id and _BUILD_ID.fullmatch(build_id)
        self._path = directory / f"layout-{build_id}.json" if directory and whole else None
        self._told: dict[str, int | None] = {}
        if self._path is not None:
            with suppress(ValidationError):
                self._told = _KEPT.validate_json(private_file.read(self._path) or b"{}")

    def known(self, members: Sequence[Member]) -> dict[Member, int | None]:
        """Those of the members that were asked for before; None: this kernel has no such one."""
        return {m: self._told[m.expressions[0]] for m in members if m.expressions[0] in self._told}

    def keep(self, members: Mapping[Member, int | None]) -> None:
        """For the next dump of this kernel."""
        if self._path is None:
            return
        self._told |= {m.expressions[0]: at for m, at in members.items()}
        private_file.write(self._path, _KEPT.dump_json(self._told))


@dataclass(frozen=True)
class Learned:
    """What is known of a kernel's structures before gdb is asked, which is slow."""

    types: Btf | None = None  # the kernel's own
    kept: LayoutCache = field(default_factory=lambda: LayoutCache(None, None))

    def known(self, members: Sequence[Member]) -> dict[Member, int | None]:
        """Those of the members that can be told; None: this kernel has no such one."""
        told: dict[Member, int | None] = {}
        if self.types is not None:
            for each in members:
                with suppress(Unclear):
                    told[each] = _told_by(self.types, each)
        return told | self.kept.known([each for each in members if each not in told])


class Layout:
    """Offsets and sizes in bytes, each asked for once."""

    def __init__(self, desk: Desk, learned: Learned | None = None) -> None:
        self._desk = desk
        self._known: dict[Member, int | None] = {}
        self._learned = learned or Learned()

    def learn(self, members: Iterable[Member]) -> None:
        """Asks for all of them at once; those of other kernels one by one."""
        wanted = [each for each in dict.fromkeys(members) if each not in self._known]
        self._known.update(self._learned.known(wanted))
        new = [each for each in wanted if each not in self._known]
        commands, batches = [], list(_batches(new))
        for batch in batches:
            commands.append(numbers([each.expressions[0] for each in batch]))
        single: list[Member] = []
        for batch, output in zip(batches, self._desk.ask(commands), strict=True):
            found = _numbers(output)
            if found is not None and len(found) == len(batch):
                self._known.update(zip(batch, found, strict=True))
            else:
                single += batch
        for each in single:
            self._known[each] = self._alone(each)
        if new and not self._desk.out_of_time:  # else what is not known was only not answered
            self._learned.kept.keep({each: self._known[each] for each in new})

    def __getitem__(self, wanted: Member) -> int | None:
        """None: this kernel has no such member, or the namelist does not tell."""
        if wanted not in self._known:
            self.learn([wanted])
        return self._known[wanted]

    def _alone(self, wanted: Member) -> int | None:
        for expression in wanted.expressions:
            (output,) = self._desk.ask([numbers([expression])])
            if found := _numbers(output):
                return found[0]
        return None


def _told_by(types: Btf, wanted: Member) -> int | None:
    find = types.size_of if wanted.sized else types.offset_of
    found = (find(wanted.struct, name) for name in wanted.names)
    return next((at for at in found if at is not None), None)


def _batches(members: Sequence[Member]) -> Iterable[list[Member]]:
    batch: list[Member] = []
    for each in members:
        tried = [*batch, each]
        if batch and len(_command(tried).text) > MAX_LINE:
            yield batch
            tried = [each]
        batch = tried
    if batch:
        yield batch


def _command(members: Sequence[Member]) -> CrashCommand:
    return numbers([each.expressions[0] for each in members])


def _numbers(output: CommandOutput) -> tuple[int, ...] | None:
    if output.status is not CommandStatus.OK:
        return None
    try:
        return p.parse(output.text).numbers
    except ParseError:
        return None
