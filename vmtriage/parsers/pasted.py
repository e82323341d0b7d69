"""A pasted session as answers by command: what a replay needs.

Sample: see transcript.py; `crash> runq -g -c3` and `crash> runq -g -c24` become one `runq -g`.
"""

from collections.abc import Mapping

from vmtriage.parsers.transcript import base_command, split, unwrap


def outputs(text: str) -> Mapping[str, str]:
    """Every output by the parser's name, in the order pasted; {} when no session is in the text."""
    answers: dict[str, list[str]] = {}
    for segment in split(text):
        name = base_command(segment.command)
        if name is None or not segment.text.strip():
            continue
        answers.setdefault(name, []).append(unwrap(segment.command, segment.text).rstrip("\n"))
    return {name: "\n\n".join(parts) + "\n" for name, parts in answers.items()}
