"""Why crash did not start: its words, or its silence, turned into one message with a next step."""

from pathlib import Path

from vmtriage.errors import BadDump, NoDebuginfo, NoInput, SessionError, TriageError

_TOO_OLD_OR_CUT = (
    "this crash is too old for the dump's kernel (try a newer one with --crash), or the dump is"
    " cut short (compare its size with the original)"
)
# (words in crash's output, error, what to do); the first that fits wins.
_KNOWN: tuple[tuple[str, type[TriageError], str], ...] = (
    (
        "while loading shared libraries",
        SessionError,
        "crash's libraries are not found; where it starts without bubblewrap, put them into lib"
        " beside its bin, or set VMTRIAGE_SANDBOX=limits",
    ),
    ("bwrap: ", SessionError, "set VMTRIAGE_SANDBOX=limits to do without bubblewrap"),
    (
        "cannot realloc resized ELF header buffer",
        BadDump,
        "the dump's ELF header is damaged: copy it again from the host",
    ),
    (
        # The build-id was compared before, where there is one: another build is the last guess.
        "do not match!",
        BadDump,
        "this crash is too old for the dump's kernel (try a newer one with --crash), the dump is"
        " cut short, or the vmlinux is of another build",
    ),
    (
        "no debugging data available",
        NoDebuginfo,
        "install the kernel's debuginfo package and give its vmlinux with --vmlinux",
    ),
    (
        "machine type mismatch",
        NoDebuginfo,
        "the dump is of another architecture than this crash was built for",
    ),
    ("CRC value does not match", NoDebuginfo, "give the debuginfo file of this very vmlinux"),
    ("truncated/incomplete", BadDump, "the dump is truncated: copy it again from the host"),
    (
        "not a supported file format",
        BadDump,
        "not a dump crash can open, or cut so short that its header is gone",
    ),
    ("no zstd compression support", SessionError, "use a crash built with zstd (8.0.0 or newer)"),
    ("no snappy compression support", SessionError, "use a crash built with snappy"),
    ("no lzo compression support", SessionError, "use a crash built with lzo"),
    ("Permission denied", NoInput, "run vmtriage as a user who may read the dump"),
    ("No such file or directory", NoInput, "check the path"),
    ("larger NR_CPUS", SessionError, "the dump has more CPUs than this crash was built for"),
    (
        "invalid structure member offset",
        SessionError,
        "this crash is too old for the dump's kernel: install a newer one, name it with --crash",
    ),
    (
        "invalid structure size",
        SessionError,
        "this crash is too old for the dump's kernel: install a newer one, name it with --crash",
    ),
    (
        # Never left out of a dump: where crash looks for it, it is not (KASLR).
        'type: "page_offset_base"',
        BadDump,
        _TOO_OLD_OR_CUT,
    ),
    ("page excluded", BadDump, "makedumpfile left out pages crash needs: dump with a lower level"),
    ("may be truncated or incomplete", BadDump, "the dump is truncated: copy it again"),
    (
        "seek error",
        BadDump,
        _TOO_OLD_OR_CUT,
    ),
    (
        "read error",
        BadDump,
        "the dump is cut short or damaged (compare its size with the original, copy it again);"
        " where it is not, try a newer crash with --crash",
    ),
)


def explain_failed_start(
    said: str, exit_code: int | None, signal_number: int | None, dump: Path, by_hand: str
) -> TriageError:
    """The error to raise when crash ended before its first prompt. by_hand: what shows more."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    for words, error, next_step in _KNOWN:
        line = next((line for line in lines if words in line), None)
        if line is not None:
            return error(f"crash cannot open {dump}: {line}", next_step=next_step)
    if signal_number:
        return SessionError(
            f"crash was killed by signal {signal_number} while opening {dump}",
            next_step="try a newer crash with --crash",
        )
    if not lines:
        return BadDump(
            f"crash gave up on {dump} without a word (exit code {exit_code})",
            next_step="the dump is cut short, crash is too old for its kernel, or the namelist is"
            f" of another build; {by_hand} says more",
        )
    return SessionError(
        f"crash cannot open {dump}: {lines[-1]} (exit code {exit_code})",
        next_step=f"{by_hand} says more",
    )
