"""Whom the listener tells, how often, and by which way: real programs, pipes and web servers."""

import http.server
import io
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tests.patience import until
from vmtriage.cli import main
from vmtriage.errors import BadConfig
from vmtriage.fleet.listen import rules
from vmtriage.fleet.listen.counters import Counters
from vmtriage.fleet.listen.dispatch import Dispatcher
from vmtriage.fleet.listen.hooks import Exec, Nagios, Stdout, Webhook, check_result
from vmtriage.fleet.listen.limit import Limiter, Rate
from vmtriage.fleet.listen.names import Names
from vmtriage.fleet.listen.notifier import Notifier, NotifyFailed
from vmtriage.fleet.namemap import NameMap
from vmtriage.models.event import Event
from vmtriage.models.finding import CrashClass, Severity


def event(
    host: str = "db1", fingerprint: str = "f1", severity: Severity = "panic",
    crash_class: CrashClass = CrashClass.NULL_POINTER, title: str = "NULL pointer dereference in f",
) -> Event:  # fmt: skip
    return Event(
        host=host, address="10.0.0.1", received=datetime.fromtimestamp(1e9, UTC),
        crash_class=crash_class, title=title, function="f", severity=severity,
        fingerprint=fingerprint, line="BUG: kernel NULL pointer dereference",
        signatures=("null-pointer",),
    )  # fmt: skip


# -- rate limits ----------------------------------------------------------------------------------


def test_the_first_of_a_problem_passes_at_once_and_the_rest_is_one_summary() -> None:
    limiter = Limiter(Rate(problem=3, host=100, seconds=60))
    passed = [limiter.passes(event(f"db{n}"), 0.0) for n in range(12)]
    assert passed == [True] * 3 + [False] * 9
    assert limiter.due(59.0) == []
    (summary,) = limiter.due(60.0)
    assert (summary.kind, summary.count, summary.host_count) == ("repeat", 9, 12)
    assert summary.hosts == tuple(f"db{n}" for n in range(12))
    assert summary.title.endswith("9 more, seen on 12 hosts")
    assert not limiter.passes(event("db1"), 61.0), "the storm goes on: a summary again"
    assert [each.count for each in limiter.due(120.0)] == [1]
    assert limiter.due(180.0) == []
    assert limiter.passes(event("db1"), 181.0), "after a calm interval it is news again"


def test_the_same_on_the_same_host_is_told_once() -> None:
    limiter = Limiter(Rate(problem=3, host=100, seconds=60))
    assert [limiter.passes(event(), 0.0) for _ in range(3)] == [True, False, False]
    assert limiter.due(60.0)[0].title.endswith("2 more, again on db1")


def test_a_panic_is_news_after_an_oops_of_the_same_problem() -> None:
    limiter = Limiter(Rate())
    assert limiter.passes(event(severity="serious"), 0.0)
    assert limiter.passes(event(severity="panic"), 0.0)


def test_one_host_with_many_problems_is_held_back_and_others_are_not() -> None:
    limiter = Limiter(Rate(problem=3, host=10, seconds=60))
    assert sum(limiter.passes(event("bad", f"f{n}"), 0.0) for n in range(50)) == 10
    assert limiter.passes(event("good", "f49"), 0.0)
    assert limiter.suppressed == 40
    assert sum(each.count for each in limiter.flush()) == 40


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.floats(0, 50)), max_size=80))
def test_every_event_is_told_or_counted(sent: list[tuple[int, int, float]]) -> None:
    limiter = Limiter(Rate(problem=2, host=3, seconds=60))
    now, passed, told = 0.0, 0, 0
    for host, problem, pause in sent:
        now += pause
        told += sum(each.count for each in limiter.due(now))
        passed += limiter.passes(event(f"h{host}", f"f{problem}"), now)
    told += sum(each.count for each in limiter.flush())
    assert passed + told == len(sent)


# -- rules ----------------------------------------------------------------------------------------

GOOD = """\
notify:
  - {hosts: "test-*", drop: true}
  - severities: [panic]
    match: "NULL.*in \\\\w+"
    exec: [/bin/true, "--x"]
  - {classes: [oom, null_pointer], nagios: /run/nagios.cmd, service: kernel log}
  - {signatures: ["null-*"], hosts: [10.0.*], webhook: "https://example.org/hook"}
  - {severities: [notable], stdout: true}
"""


def test_rules_choose_by_all_their_conditions(tmp_path: Path) -> None:
    path = tmp_path / "notify.yaml"
    path.write_text(GOOD)
    told = rules.read(path)
    assert told.chosen(event()) == [1, 2, 3]
    assert told.chosen(event("test-3")) == []
    assert told.chosen(event(severity="serious")) == [2, 3]
    assert told.chosen(event(severity="notable")) == [4]
    assert told.chosen(event(severity="noise")) == []
    assert told.chosen(event(title="other")) == [2, 3]
    assert told.chosen(event(crash_class=CrashClass.BUG)) == [1, 3]
    done = CliRunner().invoke(main, ["listen", "--check-config", str(path)])
    assert (done.exit_code, done.output) == (0, f"{path}: 5 rules, all sound\n")


def test_the_rules_in_the_readme_are_sound(tmp_path: Path) -> None:
    blocks = Path("README.md").read_text(encoding="utf-8").split("```\n")
    path = tmp_path / "notify.yaml"
    path.write_text(next(each for each in blocks if each.startswith("notify:")))
    assert len(rules.read(path).notify) == 5


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("notify:\n  - {stdout: true}\n  - {host: x, stdout: true}\n", 3, "host: extra"),
        ("notify:\n  - hosts: [a]\n", 2, "exactly one of exec, nagios, webhook, stdout, drop"),
        ("notify:\n  - {stdout: true, drop: true}\n", 2, "exactly one of"),
        ("notify:\n  - stdout: true\n    match: '(['\n", 3, "match: '(['"),
        ("notify:\n  - classes: [nope]\n    stdout: true\n", 2, "classes.0"),
        ("notify:\n  - drop: true\n    severities:\n     - panic\n     - no\n", 5, "severities.1"),
        ("notify:\n  - webhook: ftp://x\n", 2, "no http or https"),
        ("notify:\n  - exec: []\n", 2, "the program"),
        ("notify:\n  - exec: echo hi\n", 2, "exec"),
        ("notify:\n  - nagios: /x\n    service: 'a;b'\n", 3, "service"),
        ("notify: []\n", 1, "at least 1"),
        ("- a\n", 1, "file"),
        ("a: [\n", 2, ""),
        ("", 1, "file"),
    ],
)  # fmt: skip
def test_a_wrong_rule_is_told_with_file_and_line(
    text: str, line: int, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "notify.yaml"
    path.write_text(text)
    with pytest.raises(BadConfig) as caught:
        rules.read(path)
    assert caught.value.message.startswith(f"{path}:{line}: "), caught.value.message
    assert words.lower() in caught.value.message.lower()
    assert caught.value.next_step
    done = CliRunner().invoke(main, ["listen", "--check-config", str(path)])
    assert done.exit_code == 78
    assert "Traceback" not in done.output


# -- ways -----------------------------------------------------------------------------------------


def script(path: Path, text: str) -> str:
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(0o755)
    return str(path)


def test_a_program_gets_the_event_on_standard_input_and_no_shell_is_run(tmp_path: Path) -> None:
    hook = script(
        tmp_path / "hook",
        "import sys, pathlib\n"
        "pathlib.Path(sys.argv[1]).write_text(repr(sys.argv[2:]) + sys.stdin.read())\n",
    )
    out = tmp_path / "out"
    Exec([hook, str(out), "$(id)", "; rm -rf x"], 20).deliver(event())
    arguments, _, told = out.read_text().partition("]")
    assert arguments == "['$(id)', '; rm -rf x'"
    assert json.loads(told)["class"] == "null_pointer"


def test_a_program_that_fails_hangs_or_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(NotifyFailed, match="exit status 3"):
        Exec([sys.executable, "-c", "raise SystemExit(3)"], 20).deliver(event())
    with pytest.raises(NotifyFailed, match="killed by SIGSEGV"):
        Exec([sys.executable, "-c", "import os; os.kill(os.getpid(), 11)"], 20).deliver(event())
    with pytest.raises(NotifyFailed, match="cannot run /nowhere/hook: No such file"):
        Exec(["/nowhere/hook"], 20).deliver(event())
    mark = tmp_path / "child"
    fork = f"if not os.fork(): time.sleep(2); open({str(mark)!r}, 'w')"
    hang = f"import os, time\n{fork}\ntime.sleep(60)"
    with pytest.raises(NotifyFailed, match=r"killed after 0\.5 s"):
        Exec([sys.executable, "-c", hang], 0.5).deliver(event())
    time.sleep(2.2)
    assert not mark.exists(), "its children are killed with it"


def test_nagios_gets_a_passive_result_and_no_stranger_can_forge_a_second() -> None:
    evil = event("db1;PROCESS\n[1] X", title="a|b\n[2] DISABLE_NOTIFICATIONS;x")
    line = check_result(evil, evil.host, "kernel").decode()
    assert line.count("\n") == 1
    assert line.endswith("\n")
    head, name, service, state, rest = line.split(";", 4)
    assert (head, service, state) == ("[1000000000] PROCESS_SERVICE_CHECK_RESULT", "kernel", "2")
    assert name == "db1_PROCESS\\n[1] X"
    assert rest.startswith("CRITICAL: a/b\\n[2] DISABLE_NOTIFICATIONS,x [null-pointer]: BUG")


def test_nagios_pipe_with_and_without_a_reader(tmp_path: Path) -> None:
    pipe = tmp_path / "nagios.cmd"
    os.mkfifo(pipe)
    nagios = Nagios(pipe, "kernel")
    nagios.ending.set()  # do not wait for a reader
    with pytest.raises(NotifyFailed, match="is Nagios running"):
        nagios.deliver(event())
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    nagios.deliver(event().model_copy(update={"hosts": ("a", "b")}))
    told = os.read(reader, 65536).decode().splitlines()
    assert [line.split(";")[1] for line in told] == ["a", "b"]
    many = event().model_copy(update={"hosts": ("db1",) * 2000})
    with pytest.raises(NotifyFailed, match="nobody reads"):
        nagios.deliver(many)  # the pipe is full, and nothing blocks
    os.close(reader)
    with pytest.raises(NotifyFailed, match="cannot open it: No such file"):
        Nagios(tmp_path / "typo", "kernel").deliver(event())
    assert not (tmp_path / "typo").exists()


class Web(http.server.BaseHTTPRequestHandler):
    """Answers with the codes it is told, 200 when there are none left."""

    codes: list[int]
    got: list[dict[str, object]]

    def do_POST(self) -> None:
        code = self.codes.pop(0) if self.codes else 200
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if code == 200:
            self.got.append(json.loads(body))
        self.send_response(code)
        if code == 302:
            self.send_header("Location", self.path)
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def web() -> Iterator[tuple[str, type[Web]]]:
    handler = type("Handler", (Web,), {"codes": [], "got": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hook?token=1", handler
        server.shutdown()


@pytest.mark.parametrize("codes", [[], [500], [503, 429, 500]])
def test_a_web_address_gets_the_event_also_after_failures(
    codes: list[int], web: tuple[str, type[Web]]
) -> None:
    address, handler = web
    handler.codes[:] = codes
    Webhook(address, 10, pause_s=0.01).deliver(event())
    assert [each["host"] for each in handler.got] == ["db1"]


@pytest.mark.parametrize(("codes", "words"), [([404], "404"), ([302], "302"), ([500] * 4, "500")])
def test_a_web_address_that_refuses_is_reported(
    codes: list[int], words: str, web: tuple[str, type[Web]]
) -> None:
    address, handler = web
    handler.codes[:] = codes
    with pytest.raises(NotifyFailed, match=words):
        Webhook(address, 10, pause_s=0.01).deliver(event())
    assert not handler.got


def test_a_web_address_nobody_listens_on_is_reported() -> None:
    with pytest.raises(NotifyFailed, match="refused"):
        Webhook("http://127.0.0.1:9/", 1, pause_s=0.01).deliver(event())


class Slow(Notifier):
    """Blocks until it is let go; then raises what it is told to."""

    def __init__(self, errors: io.StringIO) -> None:
        super().__init__("slow", errors)
        self.go = threading.Event()

    def deliver(self, event: Event) -> None:
        self.go.wait(20)
        if event.host == "bad":
            raise RuntimeError("a bug in a hook")


def test_a_slow_notifier_stalls_only_itself_and_its_queue_is_bounded(tmp_path: Path) -> None:
    errors, out = io.StringIO(), tmp_path / "out"
    slow, fast = Slow(errors), Stdout(os.open(out, os.O_WRONLY | os.O_CREAT))
    counters = Counters()
    both = rules.Rules.model_validate({"notify": [{"stdout": True}, {"stdout": True}]})
    dispatch = Dispatcher(both, [slow, fast], Rate(10_000, 10_000, 60), counters)
    for start in range(0, 1500, 100):
        dispatch.take([event(f"h{n}", f"f{n}") for n in range(start, start + 100)], 0.0)
        until(lambda sent=start: fast.delivered >= sent + 100, 20)  # type: ignore[misc]
    assert len(out.read_text().splitlines()) == 1500
    dispatch.take([event("bad", "x")], 0.0)
    slow.go.set()
    dispatch.close(0.0, 40)
    assert slow.delivered == 1001
    assert counters.notices_dropped == 500


def test_a_notifier_that_breaks_goes_on_and_says_so() -> None:
    errors = io.StringIO()
    slow = Slow(errors)
    slow.go.set()
    slow.start()
    slow.put(event("bad"))
    slow.put(event("good"))
    slow.close(20)
    assert (slow.failed, slow.delivered) == (1, 1)
    assert "slow failed" in errors.getvalue()
    assert "a bug in a hook; event of bad" in errors.getvalue()


def test_what_no_rule_wants_uses_up_no_rate(tmp_path: Path) -> None:
    out = tmp_path / "out"
    told = rules.Rules.model_validate({"notify": [{"severities": "panic", "stdout": True}]})
    dispatch = Dispatcher(
        told, [Stdout(os.open(out, os.O_WRONLY | os.O_CREAT))], Rate(3, 1, 60), Counters()
    )
    dispatch.take([event(fingerprint=f"n{n}", severity="notable") for n in range(9)], 0.0)
    dispatch.take([event()], 0.0)
    dispatch.close(0.0, 20)
    assert len(out.read_text().splitlines()) == 1


# -- names ----------------------------------------------------------------------------------------


def test_the_name_map_wins_and_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "names"
    path.write_text("# ours\n10.0.0.1 db1 db1.example.org\n\n2001:DB8::0:1 six # old\n")
    asked: list[str] = []
    names = Names(NameMap(path), lambda: 0.0, lambda address: asked.append(address) or "dns")  # type: ignore[func-returns-value]
    assert names.name("10.0.0.1") == "db1"
    assert names.name("2001:db8::1") == "six"
    assert not names.map.refresh()
    path.write_text("10.0.0.1 renamed-db\n")
    assert names.map.refresh()
    assert names.name("10.0.0.1") == "renamed-db"
    path.write_text("10.0.0.1\n")
    with pytest.raises(BadConfig, match="names:1: no host name"):
        names.map.refresh()
    assert names.name("10.0.0.1") == "renamed-db"
    assert asked == []


@pytest.mark.parametrize("text", ["x y\n", "10.0.0.1 ../etc\n", "10.0.0.1 -x\n", "10.0.0.1 a;b\n"])
def test_a_wrong_name_map_is_told_with_file_and_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "names"
    path.write_text(f"10.0.0.9 fine\n{text}")
    with pytest.raises(BadConfig, match=f"{path}:2: "):
        NameMap(path)


def test_dns_is_never_waited_for_and_forgotten_in_time() -> None:
    now, answer, go = [0.0], ["db1.example.org"], threading.Event()

    def resolve(_: str) -> str:
        go.wait(20)
        return answer[0]

    names = Names(NameMap(None), lambda: now[0], resolve)
    assert names.name("10.0.0.1") == "10.0.0.1"
    go.set()
    until(lambda: names.name("10.0.0.1") == "db1.example.org", 20)
    answer[0] = "evil;name"
    assert names.name("10.0.0.2") == "10.0.0.2"
    now[0] = 4000.0
    assert names.name("10.0.0.1") == "db1.example.org", "the old name until the new is there"
    until(lambda: names.name("10.0.0.1") == "10.0.0.1", 20)  # whose new name is none
    assert names.name("10.0.0.2") == "10.0.0.2"


def test_dns_that_does_not_answer_is_no_error() -> None:
    def fails(_: str) -> str:
        raise OSError

    names = Names(NameMap(None), lambda: 0.0, fails)
    for n in range(1000):
        assert names.name(f"10.0.{n // 256}.{n % 256}")
