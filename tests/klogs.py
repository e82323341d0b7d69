"""Kernel logs for the tests: reports as kernels print them, and every way they are sent."""

import io
import json
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from click.testing import CliRunner

from vmtriage.analysis.knowledge import Knowledge
from vmtriage.analysis.signatures import load
from vmtriage.cli import main
from vmtriage.models.logreport import LogReport
from vmtriage.pipeline.logs import LogReader

Json = dict[str, Any]
CAPTURES = Path("fixtures/captures")


@cache
def knowledge() -> Knowledge:
    return Knowledge(load())


def read_log(log: bytes | str | BinaryIO, reader: LogReader | None = None) -> LogReport:
    """The report on these bytes."""
    if isinstance(log, str):
        log = log.encode()
    source = io.BytesIO(log) if isinstance(log, bytes) else log
    return (reader or LogReader(knowledge)).read("test", source)


class Found(NamedTuple):
    crash_class: str
    function: str | None
    fingerprint: str


def found(report: LogReport) -> list[Found]:
    """What must be the same however a log was sent."""
    return [
        Found(each.crash_class.value, each.function, each.fingerprint.exact)
        for each in report.incidents
    ]


def log(*arguments: str | Path, stdin: bytes = b"", code: int = 0) -> str:
    """`vmtriage log` as a user types it: what it prints."""
    done = CliRunner().invoke(main, ["log", *map(str, arguments)], input=stdin)
    assert done.exit_code == code, done.output
    return done.stdout if not code else done.output


def log_json(*arguments: str | Path, stdin: bytes = b"") -> Json:
    return cast(Json, json.loads(log(*arguments, "--format", "json", stdin=stdin)))


def stamped(lines: Sequence[str], start: float = 100.0, caller: str = "") -> str:
    """The lines as the ring buffer shows them."""
    who = f"[{caller:>6}]" if caller else ""
    return "".join(f"[{start + n / 1e4:12.6f}]{who} {line}\n" for n, line in enumerate(lines))


def oops(
    function: str = "widget_poll", *callers: str, cpu: int = 1, pid: int = 4242, comm: str = "java",
    release: str = "6.1.0-9-amd64", address: str = "0000000000000078", end: bool = True,
    module: str = "",
) -> list[str]:  # fmt: skip
    """A NULL pointer oops of x86_64 as 6.1 prints it, without prefixes."""
    own = f" [{module}]" if module else ""
    trace = [f" {name}+0x2f/0x110{own}" for name in callers or ("widget_irq", "widget_start")]
    lines = [
        f"BUG: kernel NULL pointer dereference, address: {address}",
        "#PF: supervisor read access in kernel mode",
        "#PF: error_code(0x0000) - not-present page",
        "PGD 10561e4067 P4D 10561e4067 PUD 0 ",
        "Oops: 0000 [#1] PREEMPT SMP NOPTI",
        f"CPU: {cpu} PID: {pid} Comm: {comm} Not tainted {release} #1  Debian 6.1.27-1",
        "Hardware name: QEMU Standard PC (i440FX + PIIX, 1996), BIOS 1.16.2 04/01/2014",
        f"RIP: 0010:{function}+0x6b/0x820{own}",
        "Code: 00 be c0 0c 00 00 e8 31 a6 0f f4 <48> c7 40 08 00 00 00 00 31",
        "RSP: 0018:ffffd42680013b20 EFLAGS: 00000286",
        "RAX: 6b6b6b6b6b6b6b6b RBX: 00000000000000b0 RCX: 735ab464e3768066",
        f"CR2: {address} CR3: 0000000001ea2000 CR4: 0000000000750ea0",
        "Call Trace:",
        " <TASK>",
        *trace,
        " ? exit_to_user_mode_prepare+0x44/0x240",
        " do_syscall_64+0x5d/0x90",
        " entry_SYSCALL_64_after_hwframe+0x6e/0xd8",
        " </TASK>",
        "Modules linked in: ext4 mbcache jbd2",
        f"CR2: {address}",
    ]
    return [*lines, "---[ end trace 0000000000000000 ]---"] if end else lines


def panic(words: str, *frames: str) -> list[str]:
    return [
        f"Kernel panic - not syncing: {words}",
        "CPU: 1 PID: 42 Comm: java Not tainted 6.1.0-9-amd64 #1  Debian 6.1.27-1",
        "Call Trace:",
        " dump_stack_lvl+0x44/0x5c",
        " panic+0x118/0x2f4",
        *(f" {frame}+0x1/0x2" for frame in frames or ("oops_exit",)),
        "Kernel Offset: disabled",
        f"---[ end Kernel panic - not syncing: {words} ]---",
    ]


WARNING = [
    "------------[ cut here ]------------",
    "WARNING: CPU: 1 PID: 42 at drivers/net/widget.c:33 widget_irq+0x1/0x20 [widget]",
    "Modules linked in: widget",
    "CPU: 1 PID: 42 Comm: java Not tainted 6.1.0-9-amd64 #1  Debian 6.1.27-1",
    "RIP: 0010:widget_irq+0x1/0x20 [widget]",
    "Call Trace:",
    " <TASK>",
    " widget_start+0x1/0x20 [widget]",
    " do_syscall_64+0x5d/0x90",
    " </TASK>",
]
SOFT = [
    "watchdog: BUG: soft lockup - CPU#3 stuck for 22s! [java:4242]",
    "Modules linked in: widget",
    "CPU: 3 PID: 4242 Comm: java Not tainted 6.1.0-9-amd64 #1  Debian 6.1.27-1",
    "RIP: 0010:widget_spin+0xe/0x10 [widget]",
    "Call Trace:",
    " <TASK>",
    " widget_write+0x1/0x20 [widget]",
    " vfs_write+0xc7/0x3f0",
    " </TASK>",
]
HUNG = [
    "INFO: task java:4242 blocked for more than 120 seconds.",
    "      Not tainted 6.1.0-9-amd64 #1",
    '"echo 0 > /proc/sys/kernel/hung_task_timeout_secs" disables this message.',
    "task:java            state:D stack:0     pid:4242  ppid:1      flags:0x00000002",
    "Call Trace:",
    " <TASK>",
    " __schedule+0x34d/0x9e0",
    " schedule+0x5a/0xd0",
    " __mutex_lock.constprop.0+0x1/0x2",
    " widget_open+0x1/0x20 [widget]",
    " do_syscall_64+0x5d/0x90",
    " </TASK>",
]

BANNER = (
    "Linux version 6.1.0-9-amd64 (debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14)) "
    "#1 SMP PREEMPT_DYNAMIC Debian 6.1.27-1 (2023-05-08)"
)


class Form(NamedTuple):
    """One way a line is sent. Of `{text}` at second 12.345678, level 4 and caller T123 the form
    tells those that are not None."""

    line: str
    time_s: float | None = None
    level: int | None = None
    caller: str | None = None

    def write(self, text: str) -> str:
        return self.line.replace("{text}", text)


_S = 12.345678
FORMS: dict[str, Form] = {
    "nothing": Form("{text}"),
    "dmesg": Form("[   12.345678] {text}", _S),
    "dmesg -r": Form("<4>[   12.345678] {text}", _S, 4),
    "caller task": Form("[   12.345678][  T123] {text}", _S, None, "T123"),
    "caller CPU": Form("[   12.345678][    C1] {text}", _S, None, "C1"),
    "level and caller": Form("<4>[   12.345678][  T123] {text}", _S, 4, "T123"),
    "level after the stamp": Form("[   12.345678] <4>{text}", _S, 4),
    "level alone": Form("<4>{text}", None, 4),
    "crash log -m": Form("[   12.345678] [  T123] <4>{text}", _S, 4, "T123"),
    "rfc3164": Form("Nov 12 15:06:31 host kernel: [   12.345678] {text}", _S),
    "rfc3164 one-digit day": Form("Nov  2 15:06:31 host kernel: [   12.345678] {text}", _S),
    "rfc3164 with priority": Form("<4>Nov 12 15:06:31 host kernel: [   12.345678] {text}", _S),
    "rfc3164 without stamp": Form("Nov 12 15:06:31 host kernel: {text}"),
    "rfc5424": Form(
        "<4>1 2026-11-21T07:07:49.123456+00:00 host kernel - - - [   12.345678] {text}", _S
    ),
    "rfc5424 without stamp": Form("<4>1 2026-11-21T07:07:49.123456+00:00 host kernel - - - {text}"),
    "rsyslog iso": Form("2026-11-21T07:07:49.123456+00:00 host kernel: [   12.345678] {text}", _S),
    "rsyslog iso without stamp": Form("2026-11-21T07:07:49.123456+00:00 host kernel: {text}"),
    "two relays": Form(
        "2026-11-21T07:07:49Z relay Nov 12 15:06:31 host kernel: [   12.345678] {text}", _S
    ),
    "journalctl -o short": Form("Nov 21 07:07:49 host kernel: {text}"),
    "journalctl -o short-iso": Form("2026-11-21T07:07:49+0000 host kernel: {text}"),
    "journalctl -o short-precise": Form("Nov 21 07:07:49.123456 host kernel: {text}"),
    "journalctl -o short-full": Form("Sat 2026-11-21 07:07:49 UTC host kernel: {text}"),
    "journalctl -o short-monotonic": Form("[   12.345678] host kernel: {text}", _S),
    "journalctl -o short-unix": Form("1763708869.123456 host kernel: {text}"),
    "dmesg -T": Form("[Sat Nov 21 07:07:49 2026] {text}"),
    "dmesg -T in German": Form("[Sa Nov 21 07:07:49 2026] {text}"),
    "dmesg -H first": Form("[Nov21 07:07] {text}"),
    "dmesg -H next": Form("[  +0.000123] {text}"),
    "dmesg -d": Form("[   12.345678 <    0.000123>] {text}"),
    "dmesg -x": Form("kern  :warn  : [   12.345678] {text}", _S, 4),
    "dmesg -x -T": Form("kern  :err   : [Sat Nov 21 07:07:49 2026] {text}", None, 3),
    "dmesg --time-format iso": Form("2026-11-21T07:07:49,123456+00:00 {text}"),
    "kmsg": Form("4,1234,12345678,-;{text}", _S, 4),
    "kmsg with caller": Form("4,1234,12345678,-,caller=T123;{text}", _S, 4, "T123"),
    "kmsg continuation": Form("4,1234,12345678,c;{text}", _S, 4),
    "netconsole extended": Form("4,1234,12345678,-,caller=C1;{text}", _S, 4, "C1"),
    "netconsole with release": Form(
        "6.1.0-9-amd64,4,1234,12345678,-,caller=T123;{text}", _S, 4, "T123"
    ),
    "netconsole fragment": Form("4,1234,12345678,-,ncfrag=0/33;{text}", _S, 4),
    "quoted in a mail": Form("> {text}"),
    "quoted twice": Form("> > {text}"),
    "quoted without blanks": Form(">> {text}"),
    "quoted, behind a bar": Form("> >   | {text}"),
    "behind a bar": Form("| {text}"),
    "dmesg, quoted": Form("> [   12.345678] {text}", _S),
    "dmesg -r, quoted": Form("> > <4>[   12.345678] {text}", _S, 4),
    "rfc3164, quoted": Form("> > Nov 12 15:06:31 host kernel: {text}"),
    "level alone, quoted": Form("> <4>{text}", None, 4),
    "console with a login prompt": Form("host login: [   12.345678] {text}", _S),
    "console with a shell prompt": Form("root@host:~# [   12.345678] {text}", _S),
    "carriage return": Form("[   12.345678] {text}\r", _S),
    "colours": Form("\x1b[32m[   12.345678] \x1b[0m\x1b[31m{text}\x1b[0m", _S),
    "terminal title": Form("\x1b]0;console\x07[   12.345678] {text}", _S),
    "NULs": Form("\0\0\0[   12.345678] {text}\0", _S),
}


class Endless:
    """A log nobody wrote to disk: parts made on the fly, read block by block."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts, self._rest = parts, b""

    def read(self, size: int = -1) -> bytes:
        out, have = [self._rest], len(self._rest)
        while have < size and (part := next(self._parts, b"")):
            out.append(part)
            have += len(part)
        whole = b"".join(out)
        self._rest = whole[size:]
        return whole[:size]


def endless(parts: Iterator[bytes]) -> BinaryIO:
    return cast(BinaryIO, Endless(parts))
