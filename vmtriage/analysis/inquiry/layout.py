"""Where members of kernel structures lie in this kernel, asked of the namelist's own types."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from vmtriage.analysis.inquiry.desk import Desk
from vmtriage.errors import ParseError
from vmtriage.models.evidence import CommandStatus
from vmtriage.parsers import p
from vmtriage.session.base import CommandOutput
from vmtriage.session.commands import MAX_LINE, CrashCommand, numbers, offset, places, size_of


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


class Layout:
    """Offsets and sizes in bytes, each asked for once."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._known: dict[Member, int | None] = {}

    def learn(self, members: Iterable[Member]) -> None:
        """Asks for all of them at once; those of other kernels one by one."""
        new = [each for each in dict.fromkeys(members) if each not in self._known]
        batches = list(_batches(new, _quick))
        outputs = self._desk.ask([_quick(batch) for batch in batches])
        if any(output.status is CommandStatus.NOT_RUN for output in outputs):
            # a session recorded before each structure was named but once
            batches = list(_batches(new, _plain))
            outputs = self._desk.ask([_plain(batch) for batch in batches])
        single: list[Member] = []
        for batch, output in zip(batches, outputs, strict=True):
            found = _numbers(output)
            if found is not None and len(found) == len(batch):
                self._known.update(zip(batch, found, strict=True))
            else:
                single += batch
        for each in single:
            self._known[each] = self._alone(each)

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


def _batches(
    members: Sequence[Member], command: Callable[[Sequence[Member]], CrashCommand]
) -> Iterable[list[Member]]:
    batch: list[Member] = []
    for each in members:
        tried = [*batch, each]
        if batch and len(command(tried).text) > MAX_LINE:
            yield batch
            tried = [each]
        batch = tried
    if batch:
        yield batch


def _quick(members: Sequence[Member]) -> CrashCommand:
    return places([(each.struct, each.names[0], each.sized) for each in members])


def _plain(members: Sequence[Member]) -> CrashCommand:
    return numbers([each.expressions[0] for each in members])


def _numbers(output: CommandOutput) -> tuple[int, ...] | None:
    if output.status is not CommandStatus.OK:
        return None
    try:
        return p.parse(output.text).numbers
    except ParseError:
        return None
