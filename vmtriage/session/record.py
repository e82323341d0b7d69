"""Recording a session and playing it back: the same code above it, with and without crash.

A recording is a directory: `session.json` and one file per command, `runq -g` in `runq_-g.txt`.
A directory of such files made by hand, without session.json, plays back as well.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from vmtriage.errors import BadDump, CannotWrite, NoInput
from vmtriage.models.base import Model
from vmtriage.models.conditions import Conditions
from vmtriage.models.dump import Debuginfo, DumpInfo
from vmtriage.models.evidence import CommandStatus
from vmtriage.session.base import CommandOutput, Memory, Session
from vmtriage.session.commands import CrashCommand
from vmtriage.session.questions import PROMPT, Octets, Questions

_META = "session.json"
_SMALL = "questions.txt"  # the many short ones, as a terminal would show them
_MEMORY = "memory.txt"  # kernel memory that crash was not asked for: rows as `rd -8` prints them


class RecordedCommand(Model):
    """How one command went when it was recorded."""

    command: str
    status: CommandStatus
    seconds: float
    console: str = ""
    reason: str = ""


class Recording(Model):
    """session.json: what the raw outputs alone do not tell."""

    crash_version: str | None = None
    startup: str = ""
    startup_s: float | None = None
    dump: DumpInfo | None = None
    debuginfo: Debuginfo | None = None
    conditions: Conditions = Conditions()
    commands: tuple[RecordedCommand, ...] = ()
    origin: str = ""  # where a recording made by hand comes from


class RecordingSession:
    """Passes commands on to a session and writes every answer down."""

    def __init__(
        self, inner: Session, directory: Path, dump: DumpInfo, debuginfo: Debuginfo | None,
        conditions: Callable[[], Conditions] = Conditions,
    ) -> None:  # fmt: skip
        self._inner = inner
        self._directory = directory
        self._dump, self._debuginfo = dump, debuginfo
        self._conditions = conditions
        self._commands: list[RecordedCommand] = []
        with contextlib.suppress(OSError):  # of an earlier recording
            for name in (_SMALL, _MEMORY):
                (directory / name).unlink(missing_ok=True)

    @property
    def crash_version(self) -> str | None:
        """The inner session's."""
        return self._inner.crash_version

    @property
    def startup(self) -> str:
        """The inner session's."""
        return self._inner.startup

    @property
    def startup_s(self) -> float | None:
        """The inner session's."""
        return self._inner.startup_s

    def run(self, commands: Sequence[CrashCommand]) -> Iterator[CommandOutput]:
        """The inner session's answers, each written down before it is handed on."""
        known = {command.text: command for command in commands}
        for output in self._inner.run(commands):
            command = known[output.command]
            if command.small:
                end = "\n" if output.text and not output.text.endswith("\n") else ""
                self._write(_SMALL, f"{PROMPT}{output.command}\n{output.text}{end}", more=True)
            else:
                self._write(command.file_name, output.text)
            if command.small and output.status is CommandStatus.OK and not output.console.strip():
                yield output
                continue
            self._commands.append(
                RecordedCommand(
                    command=output.command,
                    status=output.status,
                    seconds=output.seconds,
                    console=output.console,
                    reason=output.reason,
                )
            )
            yield output

    def close(self) -> None:
        """Writes session.json, if anything was recorded, and ends the inner session."""
        if not self._commands:
            self._inner.close()
            return
        try:
            meta = Recording(
                crash_version=self._inner.crash_version,
                startup=self._inner.startup,
                startup_s=self._inner.startup_s,
                dump=self._dump,
                debuginfo=self._debuginfo,
                conditions=self._conditions(),
                commands=tuple(self._commands),
            )
            self._write(_META, meta.model_dump_json(indent=1) + "\n")
        finally:
            self._inner.close()

    def _write(self, name: str, text: str, more: bool = False) -> None:
        _write(self._directory, name, text, more)


class RecordingMemory:
    """Passes reads of kernel memory on to whoever knows it, and writes down what was read."""

    def __init__(self, inner: Memory, directory: Path) -> None:
        self._inner, self._directory = inner, directory
        self._rows: dict[str, None] = {}

    def read(self, address: int, count: int) -> bytes | None:
        """The inner memory's answer."""
        found = self._inner.read(address, count)
        for at in range(0, len(found or b""), 16):
            self._rows[f"{address + at:x}:  {(found or b'')[at : at + 16].hex(' ')} \n"] = None
        return found

    def close(self) -> None:
        """Writes what was read, and closes the inner memory."""
        try:
            if self._rows:
                _write(self._directory, _MEMORY, "".join(self._rows))
        finally:
            self._inner.close()


def _write(directory: Path, name: str, text: str, more: bool = False) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        how = "a" if more else "w"
        with (directory / name).open(how, encoding="utf-8", errors="backslashreplace") as to:
            to.write(text)
    except OSError as error:
        raise CannotWrite(
            f"cannot record into {directory}: {error.strerror}",
            next_step="give --record a directory with room that you may write to",
        ) from error


class ReplaySession:
    """Answers from a recording. A command that is not in it was not run."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.recording = _read_meta(directory)
        self._told = {command.command: command for command in self.recording.commands}
        self.memory = Octets(_text(directory / _MEMORY))
        self._small = Questions(_text(directory / _SMALL), self.memory)

    @property
    def crash_version(self) -> str | None:
        """The crash that was recorded."""
        return self.recording.crash_version

    @property
    def startup(self) -> str:
        """What that crash said at its start."""
        return self.recording.startup

    @property
    def startup_s(self) -> float | None:
        """How long its start took then."""
        return self.recording.startup_s

    def run(self, commands: Sequence[CrashCommand]) -> Iterator[CommandOutput]:
        """The recorded answers."""
        for command in commands:
            yield self._replay(command)

    def close(self) -> None:
        """Nothing to end."""

    def _replay(self, command: CrashCommand) -> CommandOutput:
        told = self._told.get(command.text)
        if command.small and (answer := self._small.answer(command.text)) is not None:
            return CommandOutput(command.text, answer, told.status if told else CommandStatus.OK,
                                 told.seconds if told else 0.0)  # fmt: skip
        path = self._directory / command.file_name
        if command.small or not path.is_file():
            status = told.status if told else CommandStatus.NOT_RUN
            reason = told.reason if told else "not in this recording"
            return CommandOutput(command.text, "", status, 0.0, reason=reason)
        text = path.read_text("utf-8", "backslashreplace")
        if told is None:
            return CommandOutput(command.text, text, CommandStatus.OK, 0.0)
        return CommandOutput(
            command.text, text, told.status, told.seconds, told.console, told.reason
        )


def is_recording(directory: Path) -> bool:
    """Whether this directory holds a recorded session: session.json, or at least sys or bt."""
    return any((directory / name).is_file() for name in (_META, "sys.txt", "bt.txt", "log.txt"))


def _text(path: Path) -> str:
    return path.read_text("utf-8", "backslashreplace") if path.is_file() else ""


def _read_meta(directory: Path) -> Recording:
    path = directory / _META
    if not is_recording(directory):
        raise NoInput(
            f"{directory} holds no recorded session and no dump",
            next_step="kdump leaves vmcore or dump.DATE in it; a recording has session.json and"
            " one file per command (bt.txt, sys.txt);"
            " make one with: vmtriage analyze VMCORE --record DIR",
        )
    if not path.is_file():
        return Recording()
    try:
        return Recording.model_validate_json(path.read_text("utf-8", "replace"))
    except ValidationError as error:
        raise BadDump(
            f"{path} is not a session record: {error.errors()[0]['msg']}",
            next_step="record the session again, or delete session.json to use the raw outputs",
        ) from error
