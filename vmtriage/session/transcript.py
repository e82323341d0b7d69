"""Answers that are texts already: a session pasted into a ticket, or a log and no crash at all."""

from collections.abc import Iterator, Mapping, Sequence

from vmtriage.models.evidence import CommandStatus
from vmtriage.session.base import CommandOutput
from vmtriage.session.commands import CrashCommand


class TranscriptSession:
    """Answers from outputs by command. What is not among them was not run; `missing` says why."""

    crash_version: str | None = None
    startup: str = ""
    startup_s: float | None = None

    def __init__(self, outputs: Mapping[str, str], missing: str = "not in this transcript") -> None:
        self._outputs = outputs
        self._missing = missing

    def run(self, commands: Sequence[CrashCommand]) -> Iterator[CommandOutput]:
        """The answers there are."""
        for command in commands:
            text = self._outputs.get(command.text)
            if text is None:
                yield CommandOutput(
                    command.text, "", CommandStatus.NOT_RUN, 0.0, reason=self._missing
                )
            else:
                yield CommandOutput(command.text, text, CommandStatus.OK, 0.0)

    def close(self) -> None:
        """Nothing to end."""
