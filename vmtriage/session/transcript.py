"""Playing back a session somebody pasted into a ticket: one text, prompts and all."""

from collections.abc import Iterator, Mapping, Sequence

from vmtriage.models.evidence import CommandStatus
from vmtriage.session.base import CommandOutput
from vmtriage.session.commands import CrashCommand


class TranscriptSession:
    """Answers from outputs by command. What was not pasted was not run."""

    crash_version: str | None = None
    startup: str = ""
    startup_s: float | None = None

    def __init__(self, outputs: Mapping[str, str]) -> None:
        self._outputs = outputs

    def run(self, commands: Sequence[CrashCommand]) -> Iterator[CommandOutput]:
        """The pasted answers."""
        for command in commands:
            text = self._outputs.get(command.text)
            if text is None:
                yield CommandOutput(
                    command.text, "", CommandStatus.NOT_RUN, 0.0, reason="not in this transcript"
                )
            else:
                yield CommandOutput(command.text, text, CommandStatus.OK, 0.0)

    def close(self) -> None:
        """Nothing to end."""
