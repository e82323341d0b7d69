"""What was asked for, and what is known of it before the first question."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from vmtriage.models.conditions import Conditions
from vmtriage.models.dump import Debuginfo, DumpInfo
from vmtriage.models.evidence import Problem
from vmtriage.pipeline.lines import Lines, Told
from vmtriage.session.base import Memory, Session
from vmtriage.source.btf import Btf
from vmtriage.source.debuginfo import ModuleFiles


@dataclass(frozen=True)
class Request:
    """One `analyze`: the input and what the user asked for."""

    path: Path
    vmlinux: Path | None = None
    record: Path | None = None
    debuginfo_dirs: tuple[Path, ...] = ()
    fetch: bool = True  # False: the network is left alone, whatever the settings say
    allow_mismatch: bool = False  # also with a vmlinux of another build
    slim: bool = True  # False: crash reads the vmlinux itself
    parts: tuple[Path, ...] = ()  # the others of a split dump
    quick: bool = False  # nothing is asked, or waited for, that takes long
    log_only: bool = False  # neither crash nor a vmlinux: the kernel log alone, in a second

    @property
    def files(self) -> tuple[Path, ...]:
        """The dump: one file, or its parts."""
        return tuple(each.resolve() for each in (self.path, *self.parts))


@dataclass(frozen=True)
class Opened:
    """A session to question, and what is known before the first question."""

    session: Session
    dump: DumpInfo
    debuginfo: Debuginfo | None
    began: float  # time.monotonic()
    namelist_s: float | None = None
    problems: tuple[Problem, ...] = field(default=())
    cache_dir: Path | None = None  # None: nothing learned of this kernel is kept, or taken
    module_files: ModuleFiles = field(default_factory=ModuleFiles)  # debuginfo of modules
    lines: Lines = field(default_factory=Told)  # of the kernel's own source
    types: Btf | None = None  # the kernel's own, where its vmlinux has them
    memory: Memory | None = None  # None: every read has to go through crash
    conditions: Callable[[], Conditions] = Conditions  # asked when all answers are there
    quick: bool = False  # no further questions beyond the plan that every dump is asked

    def close(self) -> None:
        """Ends the session and closes the dump."""
        self.session.close()
        if self.memory is not None:
            self.memory.close()
