"""A notice in words. Text of a dump is a stranger's: no mention, macro or command in it works.

Markdown for GitLab and GitHub, wiki text for Jira, plain for mail and chat.
"""

import re

from vmtriage.models.notice import Notice
from vmtriage.report.safe import block, md_prose, visible, web

_TITLE = 200  # characters; Jira takes 255
_HEAD = 12_000  # characters: Jira takes 32,767 for all, GitHub 65,536
_LONGEST, _REASONS = 400, 12  # of one value; of a ticket
_HOSTS = 12  # told by name
PROBLEM_MARK, NOTE_MARK = "vmtriage-problem", "vmtriage-note"

_EVENTS = {
    "new": "New problem", "recurred": "Happened again", "spreading": "It spreads",
    "regressed": "It is back, on a kernel that is said to have the fix",
    "analysed": "The dump is analysed", "quarantined": "A dump was given up",
    "broken": "The scan does not work",
}  # fmt: skip


def marks(notice: Notice) -> str:
    """The line by which a ticket, and the notice in it, are found again."""
    return f"{PROBLEM_MARK}: {notice.problem} {NOTE_MARK}: {notice.id}"


def has_mark(text: str | None, mark: str, value: str) -> bool:
    """Whether this text carries the mark, and not one that only begins like it."""
    return re.search(rf"{mark}: {re.escape(value)}(?![0-9A-Za-z-])", text or "") is not None


def title(notice: Notice) -> str:
    """One line. What trackers take for a mention or reference is taken apart."""
    text = visible(f"{notice.title} [{notice.severity}]"[:_TITLE])
    return re.sub(r"(?<=[@#!&%~$^])(?=\w)", " ", text)


def headline(notice: Notice) -> str:
    """What happened, in a sentence of ours."""
    said = _EVENTS[notice.event]
    if notice.event in ("new", "quarantined", "broken") and notice.count == 1:
        return f"{said}."
    hosts = f"{notice.host_count} host{'s' if notice.host_count != 1 else ''}"
    times = f"{notice.count} time{'s' if notice.count != 1 else ''}"
    return f"{said}: {times} on {hosts} by now."


def facts(notice: Notice) -> list[tuple[str, str]]:
    """Label and value, as they are: to be made harmless by whoever shows them."""
    hosts = ", ".join(notice.hosts[:_HOSTS])
    if notice.host_count > _HOSTS:
        hosts += f" and {notice.host_count - _HOSTS} more"
    known = "; ".join(
        f"{each.id}: {each.title} (this kernel: {each.kernel}"
        f"{f', fixed in {each.fixed_in}' if each.fixed_in else ''})"
        for each in notice.known if not each.generic
    )  # fmt: skip
    rows = [
        ("Host", notice.host),
        ("When", f"{notice.when:%Y-%m-%d %H:%M:%S} UTC"),
        ("Kernel", notice.release),
        ("Class", notice.crash_class.value if notice.problem[:5] not in ("dump-", "scan-") else ""),
        ("Severity", notice.severity),
        ("Culprit", ", ".join(notice.culprits)),
        ("Known bug", known),
        ("States", ", ".join(notice.states)),
        ("All hosts", hosts if notice.host_count > 1 else ""),
        ("First seen", f"{notice.first_seen:%Y-%m-%d %H:%M} UTC" if notice.first_seen else ""),
    ]
    return [(label, _cut(value)) for label, value in rows if value]


def reasons(notice: Notice) -> list[str]:
    """Why it is in its states, and what its occurrences share."""
    return [_cut(each) for each in notice.reasons[:_REASONS]]


def summary(notice: Notice) -> str:
    """The verdict's sentence, on this occurrence."""
    return _cut(notice.summary, 3 * _LONGEST)


def _cut(text: str, most: int = _LONGEST) -> str:
    return text if len(text) <= most else f"{text[:most]}..."


def links(notice: Notice) -> list[tuple[str, str]]:
    """Our own pages, those that may be links."""
    told = [("Problem", notice.link), ("Report", notice.report)]
    return [(label, url) for label, url in told if url and web(url)]


def markdown(notice: Notice, *, head: bool = True) -> str:
    """For GitLab and GitHub: a ticket's body, or without `head` a comment."""
    parts = [f"**{md_prose(headline(notice))}** {md_prose(summary(notice))}"]
    parts += ["\n".join(f"- {label}: {md_prose(value)}" for label, value in facts(notice))]
    if notice.reasons:
        parts.append("\n".join(f"- {md_prose(each)}" for each in reasons(notice)))
    parts += ["\n".join(f"{label}: <{url}>" for label, url in links(notice))]
    if head and notice.markdown:
        parts += ["---", head_of(notice.markdown, _HEAD)]
    parts.append(f"`{marks(notice)}`")
    return no_commands("\n\n".join(part for part in parts if part))


def jira(notice: Notice, *, head: bool = True) -> str:
    """The same as Jira's wiki text."""
    parts = [f"*{wiki(headline(notice))}* {wiki(summary(notice))}"]
    parts += ["\n".join(f"* {label}: {wiki(value)}" for label, value in facts(notice))]
    if notice.reasons:
        parts.append("\n".join(f"* {wiki(each)}" for each in reasons(notice)))
    parts += ["\n".join(f"{label}: [{url}]" for label, url in links(notice) if "|" not in url)]
    if head and notice.markdown:
        inner = block(head_of(notice.markdown, _HEAD)).replace("{noformat", "{ noformat")
        parts.append(f"{{noformat}}\n{inner}\n{{noformat}}")
    parts.append(f"{{{{{marks(notice)}}}}}")
    return "\n\n".join(part for part in parts if part)


def plain(notice: Notice, *, head: bool = True) -> str:
    """For mail."""
    lines = [headline(notice), visible(summary(notice)), ""]
    lines += [f"{label + ':':<12} {visible(value)}" for label, value in facts(notice)]
    lines += [f"{'':<12} {visible(each)}" for each in reasons(notice)]
    lines += [f"{label + ':':<12} {url}" for label, url in links(notice)]
    if head and notice.markdown:
        lines += ["", block(head_of(notice.markdown, _HEAD))]
    return "\n".join([*lines, "", marks(notice), ""])


def chat(notice: Notice) -> str:
    """A few lines for a chat or pager; a stranger's text pings nobody and links nowhere."""
    lines = [headline(notice), disarmed(summary(notice))]
    lines += [f"{label}: {disarmed(value)}" for label, value in facts(notice)]
    lines += [f"{label}: {url}" for label, url in links(notice)]
    return "\n".join(lines)


def disarmed(text: str) -> str:
    """Without what chats understand: @everyone, <!here>, [text](address), bare addresses."""
    text = re.sub(r"(?<=[@#!])(?=[\w&])", " ", visible(text))
    text = text.replace("](", "] (").replace("`", "'").replace("://", ":// ")
    return text.replace("<", "‹").replace(">", "›")


def wiki(text: str) -> str:
    """Prose for Jira: a backslash before all that wiki text might mean."""
    text = visible(text).replace("&", "&amp;").replace("://", ":// ")
    return re.sub(r"([\\{}\[\]|*_+^~!#?()<>@-])", r"\\\1", text)


def no_commands(text: str) -> str:
    """GitLab runs a line that begins with a slash: here none does, but inside fenced blocks."""
    out, fence = [], ""
    for line in text.split("\n"):
        mark = re.match(r" {0,3}(`{3,}|~{3,})", line)
        if fence:
            if mark and mark[1].startswith(fence) and not line.strip(" `~"):
                fence = ""
        elif mark:
            fence = mark[1]
        elif re.match(r"\s*/\w", line):
            line = line.replace("/", "\\/", 1)
        out.append(line)
    return "\n".join(out)


def head_of(text: str, most: int = _HEAD) -> str:
    """The part of report.md a ticket needs: down to what to do, whole paragraphs, fences closed."""
    kept: list[str] = []
    fence, size = "", 0
    last = 0  # lines up to the last place where it may be cut
    for line in text.split("\n"):
        mark = re.match(r" {0,3}(`{3,}|~{3,})", line)
        if not fence and line.startswith(("## Evidence", "## What this report", "## Facts")):
            return "\n".join(kept).rstrip()
        if fence:
            if mark and mark[1].startswith(fence) and not line.strip(" `~"):
                fence = ""
        elif mark:
            fence = mark[1]
        size += len(line) + 1
        if size > most:
            return "\n".join([*kept[:last], "", "(cut; see the whole report)"]).strip()
        kept.append(line)
        if not fence and not line.strip():
            last = len(kept)
    return "\n".join(kept[:last] if fence else kept).rstrip()
