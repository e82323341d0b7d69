"""`vmtriage log`: one kernel log or many, of any kind, to incidents and the one that mattered."""

import bz2
import gzip
import json
import lzma
import re
import subprocess
import sys
import unicodedata
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest
from markdown_it import MarkdownIt

from tests.conftest import Golden
from tests.klogs import (
    BANNER,
    CAPTURES,
    HUNG,
    SOFT,
    WARNING,
    Json,
    log,
    log_json,
    oops,
    panic,
    read_log,
    stamped,
)  # fmt: skip
from vmtriage.report.logs import schema

CLEAN = stamped(["usb 1-1: new high-speed USB device", "EXT4-fs (sda1): mounted filesystem"])
OOPS = stamped(oops())
TASKS = f"{CAPTURES}/debian8-pick-next-task-fair/log.txt"
UAF = f"{CAPTURES}/lab-6.1-uaf/log.txt"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a clean log and one with an oops."""
    (tmp_path / "clean.log").write_text(CLEAN)
    (tmp_path / "oops.log").write_text(OOPS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


# -- what comes in, what comes out --------------------------------------------------------------


@pytest.mark.usefixtures("here")
def test_a_clean_log_was_checked_and_holds_nothing() -> None:
    report = log_json("clean.log")
    assert report["primary"] is None
    assert report["incidents"] == []
    assert report["lines"] == 2
    assert report["problems"] == []
    assert "checked, clean: no crash, oops, lockup or hardware error in it" in log("clean.log")
    assert log("clean.log", "--fail-on", "noise")


def test_an_empty_log_is_not_called_clean(here: Path) -> None:
    (here / "empty.log").write_bytes(b"")
    report = log_json("empty.log")
    assert (report["primary"], report["lines"], report["size"]) == (None, 0, 0)
    assert [p["kind"] for p in report["problems"]] == ["empty"]
    for form in ("text", "md", "html"):
        said = log("empty.log", "--format", form)
        assert "not checked" in said.lower()
        assert "clean" not in said


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("missing.log", 66, "missing.log: no such file"),
        (".", 66, ".: is a directory"),
        ("broken.gz", 65, "broken.gz: broken archive"),
        ("torn.gz", 65, "torn.gz: broken archive"),
        ("torn.xz", 65, "torn.xz: broken archive"),
        ("torn.bz2", 65, "torn.bz2: broken archive"),
    ],
)
def test_what_cannot_be_read_is_said_with_what_to_do(
    here: Path, name: str, code: int, words: str
) -> None:
    whole = gzip.compress(OOPS.encode() * 50)
    (here / "broken.gz").write_bytes(whole[:12] + b"\xff" * 40 + whole[52:])
    (here / "torn.gz").write_bytes(whole[: len(whole) // 2])
    xz, bz = lzma.compress(OOPS.encode()), bz2.compress(OOPS.encode())
    (here / "torn.xz").write_bytes(xz[: len(xz) // 2])
    (here / "torn.bz2").write_bytes(bz[: len(bz) // 2])
    done = subprocess.run(
        [sys.executable, "-m", "vmtriage", "log", name],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        env={"PYTHONPATH": str(Path(__file__).parents[1]), "VMTRIAGE_CACHE_DIR": ""},
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) >= 2, "an error says what to do next"
    assert done.stdout == ""


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_a_packed_log_is_read_as_it_is(here: Path, pack: "type[bytes]") -> None:
    (here / "any.name").write_bytes(pack(OOPS.encode()))
    report = log_json("any.name")
    assert report["primary"]["function"] == "widget_poll"
    assert report["size"] == len(OOPS)


def test_standard_input_is_read_by_a_real_pipe() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "vmtriage", "log", "-", "--format", "jsonl"],
        input=OOPS.encode(), capture_output=True, check=True,
    )  # fmt: skip
    report = json.loads(done.stdout)
    assert report["file"] == "-"
    assert report["primary"]["function"] == "widget_poll"


@pytest.mark.usefixtures("here")
def test_many_logs_are_one_line_one_list_or_one_page_each() -> None:
    names = ["clean.log", "oops.log", "clean.log"]
    lines = [json.loads(line) for line in log(*names, "--format", "jsonl").splitlines()]
    array = json.loads(log(*names, "--format", "json"))
    assert [each["file"] for each in lines] == names
    assert [each["file"] for each in array] == names
    assert [bool(each["primary"]) for each in lines] == [False, True, False]
    text = log(*names)
    assert text.index("clean.log") < text.index("oops.log") < text.rindex("clean.log")
    assert text.count("VERDICT") == 3


@pytest.mark.usefixtures("here")
def test_a_missing_file_among_others_does_not_hide_what_came_before() -> None:
    said = log("oops.log", "gone.log", "--format", "jsonl", code=66)
    assert "widget_poll" in said
    assert "gone.log: no such file" in said


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("form", ["text", "json", "jsonl", "md", "html"])
def test_reports_are_written_into_a_directory(form: str) -> None:
    told = log("oops.log", "clean.log", "--format", form, "-o", "out")
    assert told.split() == [f"out/oops.log.log.{form}", f"out/clean.log.log.{form}"]
    assert {p.name for p in Path("out").iterdir()} == {Path(p).name for p in told.split()}
    assert "widget_poll" in Path(told.split()[0]).read_text()


def test_logs_of_one_name_do_not_overwrite_each_other(here: Path) -> None:
    for host in ("db1", "db2"):
        (here / host).mkdir()
        (here / host / "dmesg").write_text(stamped(oops(f"{host}_poll")))
    told = log("db1/dmesg", "db2/dmesg", "--format", "json", "-o", "out").split()
    assert len(set(told)) == 2
    found = {json.loads(Path(path).read_text())["primary"]["function"] for path in told}
    assert found == {"db1_poll", "db2_poll"}


@pytest.mark.parametrize(
    ("lines", "severity", "fails"),
    [
        (oops(), "panic", True),
        (oops(), "noise", True),
        (["blk_update_request: I/O error, dev sda, sector 1"], "panic", False),
        (["blk_update_request: I/O error, dev sda, sector 1"], "serious", True),
        (["mce: [Hardware Error]: Machine check events logged"], "serious", False),
        (["mce: [Hardware Error]: Machine check events logged"], "notable", True),
    ],
)
def test_fail_on_is_an_exit_code(
    here: Path, lines: list[str], severity: str, fails: bool
) -> None:  # fmt: skip
    (here / "a.log").write_text(stamped(lines))
    assert "VERDICT" in log("clean.log", "a.log", "--fail-on", severity, code=int(fails))


# -- JSON: names are a promise ------------------------------------------------------------------


def test_schema_is_published(golden: Golden) -> None:
    golden(Path("fixtures/reports/log.schema.json"), schema())


@pytest.mark.parametrize("name", ["oops", "clean", "uaf", "hung", "io"])
def test_every_object_keeps_to_the_schema_and_the_contract(name: str) -> None:
    text = {
        "oops": OOPS, "clean": CLEAN, "uaf": Path(UAF).read_text(),
        "hung": (CAPTURES / "lab-6.1-hung/log.txt").read_text(),
        "io": stamped(["blk_update_request: I/O error, dev sda, sector 1"] * 9),
    }[name]  # fmt: skip
    report = json.loads(log("-", "--format", "jsonl", stdin=text.encode()))
    jsonschema.validate(report, json.loads(schema()))
    assert report["schema"] == "vmtriage/log/1"
    assert {"file", "incidents", "primary"} <= set(report)
    keys = (
        "class title function alternatives cpu pid comm severity corrupted first_line last_line "
        "time_s"
    )
    for each in [*report["incidents"], *filter(None, [report["primary"]])]:
        assert set(keys.split()) <= set(each)
        assert 1 <= each["first_line"] <= each["last_line"] <= report["lines"]


def test_the_primary_incident_says_who_where_and_when() -> None:
    got = read_log(stamped(oops(cpu=3, pid=77, comm="java worker", module="widget"), start=5.5))
    p = got.primary
    assert p
    assert (p.cpu, p.pid, p.comm, p.module) == (3, 77, "java worker", "widget")
    assert (p.first_line, p.time_s, p.release) == (1, 5.5, "6.1.0-9-amd64")
    assert p.text == "BUG: kernel NULL pointer dereference, address: 0000000000000078"
    assert p.title == "NULL pointer dereference in widget_poll"


def test_line_numbers_are_those_of_the_file(here: Path) -> None:
    (here / "a.log").write_text(CLEAN * 700 + OOPS + CLEAN)
    (found,) = log_json("a.log")["incidents"]
    lines = (here / "a.log").read_text().splitlines()
    assert "BUG: kernel NULL" in lines[found["first_line"] - 1]
    assert "end trace" in lines[found["last_line"] - 1]


# -- text of a stranger -------------------------------------------------------------------------

_EVIL = "<script>alert(1)</script>\x1b]0;owned\x07\x1b[2J\u202e|`a`[x](http://evil.example)"


class _Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs


def hostile() -> bytes:
    lines = [
        *oops(_EVIL, comm=_EVIL),
        f"INFO: task {_EVIL}:4242 blocked for more than 120 seconds.",
        f"{_EVIL} invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0",
        f"BUG: {_EVIL}",
        f"Kernel panic - not syncing: {_EVIL}",
    ]
    return stamped(lines).encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("form", ["text", "json", "jsonl", "md", "html"])
def test_hostile_names_steer_neither_terminal_nor_browser(here: Path, form: str) -> None:
    (here / "evil<img src=x>.log").write_bytes(hostile())
    got = log("evil<img src=x>.log", "--format", form)
    assert "alert(1)" in got, "shown, but harmless"
    bad = {c for c in got if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}} - {"\n"}
    assert not bad
    if form == "html":
        page = _Tags(got)
        assert not page.tags & {"script", "iframe", "img", "object", "form"}
        assert not [name for name, _ in page.attributes if name.startswith("on")]
        ours = ("#", "https://")
        links = [value or "" for name, value in page.attributes if name in ("href", "src")]
        assert all(link.startswith(ours) and "evil" not in link for link in links)
        assert "Content-Security-Policy" in got
    if form == "md":
        tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(got)
        flat = [t for token in tokens for t in [token, *(token.children or [])]]
        assert not [t.content for t in flat if t.type in ("html_block", "html_inline", "image")]
        links = [str(t.attrs["href"]) for t in flat if t.type == "link_open"]
        assert not [link for link in links if "evil" in link]


@pytest.mark.parametrize("form", ["md", "html"])
def test_a_page_tells_what_the_terminal_tells(form: str) -> None:
    got = log(UAF, "--format", form)
    for told in ("crashlab_uaf", "general protection fault", "use-after-free", "6.1.0-56"):
        assert told in got
    report = log_json(UAF)
    assert report["primary"]["fingerprint"]["exact"] in got
    assert report["primary"]["text"][:40] in got


def test_the_terminal_gets_one_screen() -> None:
    many = [f"blk_update_request: I/O error, dev sd{n}z, sector {n}" for n in range(500)]
    got = log("-", stdin=stamped(oops() + many).encode())
    assert len(got.splitlines()) < 60
    assert max(map(len, got.splitlines())) <= 100
    assert "--format json tells all of them" in got


# -- the two incidents of the contract ----------------------------------------------------------


def test_the_published_page_of_incident_2_is_recognised_in_spite_of_lost_blanks() -> None:
    whole = Path(TASKS).read_text()
    damaged = (
        whole.replace("hello-world kernel:", "hello-worldkernel:")
        .replace("dereference at", "dereferenceat")
        .replace("PUD ffdb46067", "PUDffdb46067")
    )
    assert damaged != whole
    assert "IP: [] pick_next_task_fair" in damaged
    for text in (whole, damaged):
        got = log_json("-", stdin=text.encode())
        assert got["primary"]["class"] == "null_pointer"
        assert got["primary"]["function"] == "pick_next_task_fair"
        assert got["primary"]["signatures"][0] == "task-group-fork-race"
        assert got["signatures"][0]["id"] == "task-group-fork-race"


# -- contexts that print at the same time -------------------------------------------------------


def _zipped(one: str, other: str) -> str:
    pairs = zip(one.splitlines(), other.splitlines(), strict=True)
    return "".join(f"{a}\n{b}\n" for a, b in pairs)


def test_two_cpus_that_oops_at_once_are_kept_apart_by_their_callers() -> None:
    one = stamped(oops("alpha_poll", "alpha_a", "alpha_b", cpu=0, pid=11), caller="T11")
    other = stamped(oops("beta_poll", "beta_a", "beta_b", cpu=1, pid=22, comm="py"), caller="T22")
    got = read_log(_zipped(one, other)).incidents
    assert [(i.function, i.pid, i.comm) for i in got] == [
        ("alpha_poll", 11, "java"),
        ("beta_poll", 22, "py"),
    ]
    assert got[0].fingerprint.parts == ("null_pointer", "alpha_poll", "alpha_a", "alpha_b")
    assert got[1].fingerprint.parts == ("null_pointer", "beta_poll", "beta_a", "beta_b")


def test_two_cpus_that_oops_at_once_without_callers_are_an_incident_at_least() -> None:
    one, other = stamped(oops("alpha_poll")), stamped(oops("beta_poll", cpu=2))
    got = read_log(_zipped(one, other))
    assert got.primary
    assert (got.primary.crash_class, got.primary.function) == ("null_pointer", "alpha_poll")


# -- damaged logs -------------------------------------------------------------------------------


def wrapped(text: str, width: int = 80) -> str:
    """As a terminal of 80 columns shows it."""
    return "".join(
        line[n : n + width] + "\n"
        for line in text.splitlines()
        for n in range(0, max(len(line), 1), width)
    )


@pytest.mark.parametrize("width", [72, 80, 100])
@pytest.mark.parametrize("prefix", ["", "Nov 12 15:06:31 a-host-of-ours kernel: "])
def test_lines_a_terminal_wrapped_are_whole_again(prefix: str, width: int) -> None:
    text = "".join(f"{prefix}{line}\n" for line in OOPS.splitlines())
    whole, got = read_log(text).primary, read_log(wrapped(text, width)).primary
    assert whole
    assert got
    assert (got.text, got.function, got.corrupted) == (whole.text, whole.function, False)
    assert got.fingerprint == whole.fingerprint
    lines = wrapped(text, width).split("\n")
    assert whole.text.startswith(lines[got.first_line - 1].partition("] ")[2])


def test_lines_of_others_inside_a_report_are_said_to_be_damage() -> None:
    first, rest = OOPS.split("\n", 1)
    got = read_log(f"{first}\nsome words\nof somebody else\n{rest}").primary
    assert got
    assert got.corrupted
    assert "without a time stamp" in str(got.corrupted_reason)


@pytest.mark.parametrize("kept", [1, 3, 8, 13, 15, 16])
def test_a_log_that_breaks_off_inside_a_report_is_damaged(kept: int) -> None:
    cut = "".join(OOPS.splitlines(keepends=True)[:kept])
    got = read_log(CLEAN + cut).primary
    assert got
    assert (got.crash_class, got.severity) == ("null_pointer", "panic")
    assert got.function == ("widget_poll" if kept >= 8 else None)
    assert got.corrupted
    assert got.corrupted_reason


@pytest.mark.parametrize("name", sorted(p.name for p in CAPTURES.glob("lab-*")))
def test_a_whole_report_is_not_called_damaged(name: str) -> None:
    got = read_log((CAPTURES / name / "log.txt").read_bytes()).primary
    assert got
    assert (got.corrupted, got.corrupted_reason) == (False, None)


# -- several boots ------------------------------------------------------------------------------


def test_the_last_boot_that_panicked_is_the_one_asked_about() -> None:
    def boot(release: str, *lines: str) -> str:
        return stamped([BANNER.replace("6.1.0-9-amd64", release), *lines], start=0.0)

    text = (
        boot("6.1.0-9-amd64", *oops("first_bad"), *panic("Fatal exception"))
        + boot("6.1.0-10-amd64", *oops("second_bad", release="6.1.0-10-amd64"),
               *panic("Fatal exception"))
        + boot("6.1.0-11-amd64", "blk_update_request: I/O error, dev sda, sector 1")
    )  # fmt: skip
    got = read_log(text)
    assert [(b.release) for b in got.boots] == [
        "6.1.0-9-amd64", "6.1.0-10-amd64", "6.1.0-11-amd64",
    ]  # fmt: skip
    assert got.boots[0].line == 1
    assert got.primary
    assert (got.primary.function, got.primary.release) == ("second_bad", "6.1.0-10-amd64")
    assert got.primary.boot == 1
    of = {each.function: (each.boot, each.release) for each in got.incidents if each.function}
    assert of["first_bad"] == (0, "6.1.0-9-amd64")
    io = next(each for each in got.incidents if each.crash_class == "io_error")
    assert (io.boot, io.release) == (2, "6.1.0-11-amd64")


def test_a_log_that_begins_in_the_middle_of_a_boot_has_that_boot_too() -> None:
    got = read_log(CLEAN * 5 + stamped([BANNER, *oops()], start=0.0))
    assert [(b.line, b.release) for b in got.boots] == [(0, None), (11, "6.1.0-9-amd64")]
    assert got.primary
    assert got.primary.boot == 1


# -- floods -------------------------------------------------------------------------------------


def test_what_repeats_is_counted_not_kept() -> None:
    lines = [f"blk_update_request: I/O error, dev sda, sector {n}" for n in range(10_000)]
    got = read_log(stamped(lines))
    assert len(got.incidents) <= 10
    assert sum(each.count for each in got.incidents) == 10_000
    assert got.incidents[-1].last_seen == 10_000
    assert "10,000 incidents in the log" in log("-", stdin=stamped(lines).encode())


def test_kinds_without_end_are_bounded_and_said() -> None:
    lines = [f"blk_update_request: I/O error, dev d{n}, sector {n}" for n in range(10_000)]
    got = read_log(stamped(lines))
    assert len(got.incidents) < 1000
    assert sum(each.count for each in got.incidents) + got.left_out == 10_000
    assert [p.kind for p in got.problems] == ["too_many"]


# -- the alarm for words nobody knows -----------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "function"),
    [
        (["BUG: frobnicator lost"], None),
        (["Oops: strange"], None),
        (["Call Trace:"], None),
        (["Call Trace:", " foo_bar+0x1/0x20", " foo_baz+0x1/0x20"], "foo_bar"),
        (["BUG: frobnicator lost", "Call Trace:", " foo_bar+0x1/0x20"], "foo_bar"),
    ],
)
def test_what_looks_like_a_crash_of_no_known_form_is_never_passed_over(
    lines: list[str], function: str | None
) -> None:
    got = read_log(CLEAN + stamped(lines) + CLEAN)
    assert got.primary
    assert (got.primary.crash_class, got.primary.function) == ("unknown", function)
    assert got.primary.severity in ("serious", "notable")


# -- the cause, not its echo --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("alone", "end", "crash_class", "function", "severity"),
    [
        (WARNING, panic("kernel: panic_on_warn set ..."), "warning", "widget_irq", "notable"),
        (SOFT, panic("softlockup: hung tasks", "watchdog_timer_fn"), "soft_lockup", "widget_spin",
         "serious"),
        (HUNG, panic("hung_task: blocked tasks"), "hung_task", "widget_open", "serious"),
        (oops(), panic("Fatal exception"), "null_pointer", "widget_poll", "panic"),
        (oops(), ["Kernel panic - not syncing: Fatal exception in interrupt"], "null_pointer",
         "widget_poll", "panic"),
    ],
)  # fmt: skip
def test_the_cause_is_primary_and_the_panic_makes_it_fatal(
    alone: list[str], end: list[str], crash_class: str, function: str, severity: str
) -> None:
    before = read_log(stamped(alone)).primary
    assert before
    assert before.severity == severity
    whole = read_log(stamped(alone + end))
    assert whole.primary
    assert (whole.primary.crash_class, whole.primary.function) == (crash_class, function)
    assert whole.primary.severity == "panic"
    assert whole.primary.fingerprint.exact == before.fingerprint.exact
    panics = [each for each in whole.incidents if each.text.startswith("Kernel panic")]
    assert len(whole.incidents) - len(panics) == 1
    assert sum(each.count for each in panics) == 1, "the panic's last line is no second one"


def test_the_end_of_a_panic_is_enough_where_its_begin_is_lost() -> None:
    got = read_log(CLEAN + stamped(["---[ end Kernel panic - not syncing: VFS: broken ]---"]))
    assert got.primary
    assert (got.primary.crash_class, got.primary.severity) == ("panic", "panic")


# -- signatures ---------------------------------------------------------------------------------


def pack(where: Path, function: str) -> Path:
    folder = where / "ours" / "our-widget"
    folder.mkdir(parents=True)
    (folder / "signature.yaml").write_text(
        json.dumps(
            {
                "id": "our-widget", "title": "Our widget polls nothing", "status": "draft",
                "crash_class": "null_pointer",
                "what": "x y.", "usually_caused_by": "x y.", "do_now": "x y.",
                "do_for_good": "x y.", "recognised_by": "x y.", "refuted_by": "x y.",
                "subsystem": "ours", "match": {"classes": ["null_pointer"],
                                               "function": [function]},
            }
        )
    )  # fmt: skip
    return where


def test_signatures_of_a_site_are_tried_too(here: Path) -> None:
    ours = pack(here / "pack", "widget_poll")
    ids = [each["id"] for each in log_json("oops.log", "--pack", ours)["signatures"]]
    assert ids[0] == "our-widget"
    assert "our-widget" not in [each["id"] for each in log_json("oops.log")["signatures"]]
    assert "[our-widget" in log("oops.log", "--pack", ours)


def test_a_signature_is_drafted_from_a_logs_report(here: Path) -> None:
    (here / "report.json").write_text(log("oops.log", "--format", "json"))
    done = subprocess.run(
        [sys.executable, "-m", "vmtriage", "signatures", "new", "--from", "report.json",
         "-o", "ours", "--id", "widget-poll"],
        capture_output=True, text=True, check=False,
        env={"PYTHONPATH": str(Path(__file__).parents[1]), "VMTRIAGE_CACHE_DIR": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (written,) = (here / "ours").rglob("signature.yaml")
    assert re.search(r"\bwidget_poll\b", written.read_text())
    assert list(written.parent.glob("hit-*"))
    got: Json = log_json("oops.log", "--pack", "ours")
    assert "widget-poll" in [each["id"] for each in got["signatures"]]


# -- two CPUs, one console ----------------------------------------------------------------------


def test_a_lockup_whose_report_was_broken_off_leaves_the_word_to_the_whole_one() -> None:
    """As the lab's 6.12 printed it: CPU 0 had come to its own dump_stack() when CPU 2 began."""
    loop = [
        "RIP: 0010:widget_spin+0x9/0x560",
        "Call Trace:",
        " <IRQ>",
        " widget_timer+0x12f/0x190",
        " __hrtimer_run_queues+0x10d/0x250",
        " </IRQ>",
    ]
    lines = [
        "NMI watchdog: Watchdog detected hard LOCKUP on cpu 0",
        "Modules linked in: widget",
        "CPU: 0 PID: 0 Comm: swapper/0 Not tainted 6.1.0-9-amd64 #1  Debian 6.1.27-1",
        "Call Trace:",
        " <NMI>",
        " dump_stack_lvl+0x64/0x80",
        "NMI watchdog: Watchdog detected hard LOCKUP on cpu 2",
        "CPU: 2 PID: 77 Comm: java Not tainted 6.1.0-9-amd64 #1  Debian 6.1.27-1",
        *loop,
        *panic("Hard LOCKUP", "nmi_panic")[:-2],
        *loop,
    ]
    got = read_log(stamped(lines))
    assert got.incidents[0].function is None
    assert got.incidents[0].corrupted
    assert got.primary
    assert (got.primary.crash_class, got.primary.function) == ("hard_lockup", "widget_timer")
    assert (got.primary.cpu, got.primary.severity) == (2, "panic")
    assert got.primary.corrupted is False


@pytest.mark.parametrize(
    "said",
    [
        "Tainted: G           OE     6.1.0-9-amd64 #1  Debian 6.1.27-1",
        "Tainted: G           OE  ------------   3.10.0-957.el7.x86_64 #1",
        "Tainted: [O]=OOT_MODULE, [E]=UNSIGNED_MODULE",
    ],
)
def test_taint_stands_beside_the_fingerprint_in_every_wording(said: str) -> None:
    whole = "Not tainted 6.1.0-9-amd64 #1  Debian 6.1.27-1"
    assert whole in OOPS
    got = read_log(OOPS.replace(whole, said)).primary
    assert got
    assert got.fingerprint.taint == ("O", "E")
    clean = read_log(OOPS).primary
    assert clean
    assert clean.fingerprint.taint == ()
    assert clean.fingerprint.exact == got.fingerprint.exact
