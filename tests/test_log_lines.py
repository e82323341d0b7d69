"""Every form a kernel's line is sent in, and what of it is the kernel's own text."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.klogs import CAPTURES, FORMS, Form, found, oops, read_log
from vmtriage.parsers.klog_line import read, split

TEXTS = [
    "BUG: kernel NULL pointer dereference, address: 0000000000000078",
    " vfs_write+0xc7/0x3f0",
    " ? wp_page_reuse+0x60/0x70",
    " <TASK>",
    "Call Trace:",
    "RIP: 0010:crashlab_uaf+0x3e/0x60 [crashlab]",
    "CPU: 1 PID: 1 Comm: init Tainted: G           OE      6.1.0-56-cloud-amd64 #1",
    "[<ffffffff81a9e362>] pagefault_out_of_memory+0xb9/0x239",
    " [<ffffffff81a9e362>] ? mem_cgroup_oom+0xb9/0x239",
    "------------[ cut here ]------------",
    "---[ end trace 0000000000000000 ]---",
    "sd 0:0:0:0: [sda] tag#3 FAILED Result: hostbyte=DID_OK",
    "blk_update_request: I/O error, dev sda, sector 12345",
    "python invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0",
    "  with two blanks",
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_line_of_every_form_is_the_kernels_text(form: Form, text: str) -> None:
    line = read(7, form.write(text))
    assert line.number == 7
    if not text.startswith(" ") or form.caller is not None:
        assert line.text == text
    else:
        assert line.text.lstrip() == text.lstrip()
    assert (line.time_s, line.level, line.caller) == (form.time_s, form.level, form.caller)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_an_empty_line_stays_empty(form: Form) -> None:
    assert read(1, form.write("")).text == ""


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        # The daemon's name stays: its words are not the kernel's.
        ("Nov 12 15:06:31 host sshd[123]: BUG: x", "host sshd[123]: BUG: x"),
        (
            "2026-11-21T07:07:49+0000 host systemd[1]: Started Daily.",
            "host systemd[1]: Started Daily.",
        ),
        ("Nov 12 15:06:31 host systemd-udevd[44]: kernel: x", "host systemd-udevd[44]: kernel: x"),
        # Published pages swallow blanks.
        ("Nov 12 15:06:31 hello-worldkernel: [6373724.634681] Oops: 0000", "Oops: 0000"),
        ("Nov 12 15:06:31 host kernel:[6373724.634681] Oops: 0000", "Oops: 0000"),
        # Not a prefix at all.
        ("12,34 beer", "12,34 beer"),
        ("0.5 is no time", "0.5 is no time"),
        ("[drm] ring test ok", "[drm] ring test ok"),
        ("[<c0102f3e>] do_IRQ+0x1/0x2", "[<c0102f3e>] do_IRQ+0x1/0x2"),
        # Vendors put the CPU and the task between stamp and text.
        ("[   12.345678] (1)[456:mmcqd]BUG: x", "BUG: x"),
        ("[   12.345678] c1   456 BUG: x", "BUG: x"),
    ],
)
def test_what_is_and_what_is_no_prefix(raw: str, text: str) -> None:
    assert read(1, raw).text == text


@pytest.mark.parametrize(
    "junk", [b"\xff\xfe\x80", b"\xc3", "ÃÂ£ müll".encode("latin-1"), b"\x00\x1b["]
)
def test_invalid_bytes_leave_the_rest_of_the_log_alone(junk: bytes) -> None:
    body = "\n".join(f"[   12.345678] {line}" for line in oops()).encode()
    whole = read_log(body)
    assert found(read_log(junk + b"\n" + body + b"\n" + junk)) == found(whole)
    assert whole.incidents[0].function == "widget_poll"


def test_two_messages_on_one_line_are_two() -> None:
    raw = "[   12.345678] usb 1-1: new devi[   12.345999][  T123] BUG: x"
    first, second = (read(3, part) for part in split(raw))
    assert (first.text, first.time_s, first.number) == ("usb 1-1: new devi", 12.345678, 3)
    assert (second.text, second.time_s, second.caller) == ("BUG: x", 12.345999, "T123")


def test_a_report_that_begins_in_the_middle_of_a_line_is_found() -> None:
    lines = [f"[   12.345678] {line}" for line in oops()]
    lines[0] = "[   12.345670] usb 1-1: new high-speed devi" + lines[0]
    (incident,) = read_log("\n".join(lines)).incidents
    assert (incident.crash_class, incident.function) == ("null_pointer", "widget_poll")
    assert incident.text.startswith("BUG: kernel NULL")


@given(st.binary(max_size=600))
@example(b"\n\n\n")
@example(b"[   12.345678] BUG: kernel NULL pointer dereference\n \x00\xff")
def test_no_bytes_raise(raw: bytes) -> None:
    report = read_log(raw)
    assert report.size == len(raw)
    assert report.lines == raw.count(b"\n") + (raw != b"" and not raw.endswith(b"\n"))


_PIECES = st.sampled_from(
    ["[   12.345678]", "[  T1]", "<4>", "kernel: ", "BUG: ", "Oops", "Call Trace:\n", " f+0x1/0x2",
     "\n", "\r", "\x1b[31m", "4,1,2,-;", "Nov 12 15:06:31 ", "general protection fault", "\0",
     " at ", "Kernel panic - not syncing: ", "Linux version ", "---[ end trace", "(", "[",
     "I/O error, dev "]
)  # fmt: skip


@given(st.lists(st.one_of(_PIECES, st.text(max_size=8)), max_size=40))
def test_no_mixture_of_true_pieces_raises(pieces: list[str]) -> None:
    raw = "".join(pieces)
    report = read_log(raw.encode("utf-8", "surrogatepass"))
    assert report.lines >= raw.count("\n")
    numbers = [each.first_line for each in report.incidents]
    assert numbers == sorted(numbers)
    assert all(1 <= n <= report.lines for n in numbers)


def body_of(name: str) -> list[str]:
    """A report of a recording, without its stamps."""
    text = (CAPTURES / name / "log.txt").read_text()
    lines = [read(1, line).text for line in text.splitlines()]
    at = next(n for n, line in enumerate(lines) if "crashlab: module verification" in line)
    return lines[at + 1 :]


REPORTS = {
    "oops": oops(),
    **{name: body_of(f"lab-6.1-{name}")
       for name in ("uaf", "bug", "double-free", "hung", "softlockup", "oom-memcg", "panic", "pnt",
                    "cfs-lockup-crash-8.0.2")},
}  # fmt: skip


@pytest.mark.parametrize("report", REPORTS)
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_report_is_the_same_however_it_was_sent(form: Form, report: str) -> None:
    lines = REPORTS[report]
    plain = read_log("\n".join(f"[   12.345678] {line}" for line in lines))
    assert plain.primary
    sent = read_log("\n".join(form.write(line) for line in lines))
    assert found(sent) == found(plain)
    assert sent.primary
    assert sent.primary.fingerprint == plain.primary.fingerprint


_CALLERLESS = [name for name, form in FORMS.items() if form.caller is None]


@given(st.lists(st.sampled_from(_CALLERLESS), min_size=len(oops()), max_size=len(oops())))
def test_a_log_that_changes_its_form_half_way_is_one_log(names: list[str]) -> None:
    lines = oops()
    mixed = (FORMS[name].write(line) for name, line in zip(names, lines, strict=True))
    assert found(read_log("\n".join(mixed))) == found(read_log("\n".join(lines)))


@pytest.mark.parametrize("name", ["lab-6.1-cfs-decoys", "lab-6.12-cfs-lockup-in-exec"])
def test_another_cpu_that_is_stuck_too_may_say_so_among_the_lines_of_the_first(name: str) -> None:
    """Its watchdog's line does not wait; its own trace does, until the first one's is told."""
    lines = (CAPTURES / name / "log.txt").read_text().splitlines()
    alone = read_log("\n".join(lines)).primary
    assert alone
    for number in range(alone.first_line, alone.last_line):
        stamp = lines[number - 1].partition("]")[0]
        banner = f"{stamp}] NMI watchdog: Watchdog detected hard LOCKUP on cpu 9"
        got = read_log("\n".join([*lines[:number], banner, *lines[number:]])).primary
        assert got
        before = lines[number - 1]
        assert got.fingerprint == alone.fingerprint, before
        assert (got.title, got.cpu) == (alone.title, alone.cpu), before
