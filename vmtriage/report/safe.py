"""Text from a dump made harmless: a stranger's memory never steers a terminal, page or ticket."""

import re

from markupsafe import Markup, escape

_MNEMONIC = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def _escape(char: str) -> str:
    code = ord(char)
    if char in _MNEMONIC:
        return _MNEMONIC[char]
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def visible(text: str, *, keep: str = "") -> str:
    """One line of printable text: control, bidi and invisible characters become escapes."""
    if text.isprintable():  # false for every control, format, bidi and odd-space character
        return text
    return "".join(c if c.isprintable() or c in keep else _escape(c) for c in text)


def block(text: str) -> str:
    """Like `visible`, but lines and tabs stay."""
    return visible(text, keep="\n\t")


def plain(text: str) -> str:
    """Like `visible`, in ASCII: for terminals of unknown habits."""
    return visible(text).encode("ascii", "backslashreplace").decode("ascii")


def lines(text: str) -> list[str]:
    r"""The lines of a command's output as evidence counts them: only \n ends a line."""
    return text.removesuffix("\n").split("\n")


# -- HTML ---------------------------------------------------------------------------------------

_STYLED = re.compile(r"[^\x20-\x7e\t]")


def html_line(text: str) -> Markup:
    """One line for HTML content (not attributes), with escapes that look like escapes."""
    if text.isascii() and text.isprintable():
        return escape(text)
    out, last = [], 0
    for found in _STYLED.finditer(text):
        char = found.group()
        if char.isprintable():
            continue
        out.append(str(escape(text[last : found.start()])))
        out.append(f'<b class="esc">{_escape(char)}</b>')
        last = found.end()
    out.append(str(escape(text[last:])))
    return Markup("".join(out))


def html_path(text: str) -> Markup:
    """A long name that breaks where it has joints."""
    joints = re.split(r"(?<=[/_])", visible(text))
    return Markup("<wbr>").join(escape(part) for part in joints)


def web(url: str) -> bool:
    """Whether this may become a link: javascript: and friends may not."""
    return re.fullmatch(r"https?://[!-~]+", url) is not None


# -- Markdown -----------------------------------------------------------------------------------

_NOTIFY = r"@[\w-]*|(?<!\w)#\d+|\bGH-\d+"  # pings people, links foreign issues
_AUTOLINK = r"(?:(?:https?|ftp)?://|\bwww\.|\bmailto:|\bxmpp:)[^\s`|]*"
_MARKUP = (
    r"[\\`*\[\]|~${}&<>]"  # emphasis, links, tables, strike, math, Jira macros, HTML
    r"|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])"  # inside a word _ is only a letter
    r"|^[#+=-]"
)
# Neighbours go into one code span: two spans side by side would melt into one.
_PROSE = re.compile(f"(?P<span>(?:{_NOTIFY}|{_AUTOLINK})+)|{_MARKUP}", re.IGNORECASE)
_OUR_PROSE = re.compile(f"(?P<span>(?:{_NOTIFY})+)|{_MARKUP}", re.IGNORECASE)
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def _md_escape(found: re.Match[str]) -> str:
    if found["span"]:
        return f"`{found['span']}`"  # in a code span nothing is a mention or a link
    char = found.group()
    return _ENTITIES.get(char, "\\" + char)


def md_prose(text: str, *, links: bool = False) -> Markup:
    """Prose for Markdown, on one line. `links`: bare addresses may stay links (our own text)."""
    return Markup((_OUR_PROSE if links else _PROSE).sub(_md_escape, visible(text)))


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


def md_code(text: str, *, cell: bool = False) -> Markup:
    """A code span that nothing inside can close. `cell`: for use in a table."""
    inner = visible(text)
    if not inner.strip():
        return Markup("*(empty)*" if not inner else "*(blank)*")
    tick = "`" * (_longest_run(inner) + 1)
    pad = " " if inner.startswith(("`", " ")) or inner.endswith(("`", " ")) else ""
    if cell:  # a table row is cut at | even inside a code span
        inner = inner.replace("|", r"\|")
    return Markup(f"{tick}{pad}{inner}{pad}{tick}")


def md_fence(text: str) -> Markup:
    """A fenced block whose fence is longer than any run of backticks inside."""
    inner = block(text).rstrip("\n")
    fence = "`" * max(3, _longest_run(inner) + 1)
    return Markup(f"{fence}text\n{inner}\n{fence}")


def md_link(title: str, url: str) -> Markup:
    """A link if the address is fit for one, else title and address as text."""
    if not web(url):
        return Markup(f"{md_prose(title)} ({md_code(url)})")
    target = url.replace("<", "%3C").replace(">", "%3E").replace("\\", "%5C")
    return Markup(f"[{md_prose(title)}](<{target}>)")
