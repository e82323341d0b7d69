"""`vmtriage listen` as a process: real datagrams in, real notices out."""

import io
import json
import os
import random
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.patience import until
from vmtriage.cli import main
from vmtriage.errors import CannotListen
from vmtriage.fleet.listen import assess, netconsole
from vmtriage.fleet.listen.counters import Counters
from vmtriage.fleet.listen.logdir import LogDir, file_name
from vmtriage.fleet.listen.receive import Bind, Receiver
from vmtriage.fleet.listen.rules import Rule, Rules
from vmtriage.fleet.listen.service import Listener, Options
from vmtriage.fleet.listen.window import Finished, Limits
from vmtriage.fleet.listen.worker import Assessor
from vmtriage.models.event import Assess, Event, Sender

# what a guest of the lab sent when it died: datagrams of netconsole=+ as they came
SENT = Path("fixtures/netconsole/extended-page-fault.txt").read_bytes().splitlines(keepends=True)
Json = dict[str, Any]


class Process:
    """A running `vmtriage listen` and the files of what it says."""

    def __init__(self, home: Path, arguments: Sequence[str | Path]) -> None:
        self.out, self.err = home / "out", home / "err"
        command = [sys.executable, "-m", "vmtriage", "listen", "--no-dns", "--quiet-time", "1"]
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.child = subprocess.Popen(
                [*command, *map(str, arguments)], stdout=out, stderr=err, stdin=subprocess.DEVNULL
            )
        until(lambda: "receive buffer" in self.said or self.child.poll() is not None)
        assert self.child.poll() is None, self.said
        self.ports = [int(port) for port in re.findall(r"listening on .*:(\d+)", self.said)]

    @property
    def said(self) -> str:
        return self.err.read_text()

    @property
    def events(self) -> list[Json]:
        return [json.loads(line) for line in self.out.read_text().splitlines()]

    def end(self, how: signal.Signals = signal.SIGTERM) -> str:
        self.child.send_signal(how)
        assert self.child.wait(60) == 0, self.said
        return self.said.splitlines()[-1]


@contextmanager
def listening(home: Path, *arguments: str | Path) -> Iterator[Process]:
    bind = () if "--bind" in arguments else ("--bind", "127.0.0.1:0")
    process = Process(home, [*bind, *arguments])
    try:
        yield process
    finally:
        if process.child.poll() is None:
            process.child.kill()
            process.child.wait()


def send(port: int, data: Sequence[bytes], source: str = "127.0.0.1") -> None:
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        sender.bind((source, 0))
        for each in data:
            sender.sendto(each, (source if ":" in source else "127.0.0.1", port))


def plain(lines: Sequence[bytes]) -> list[bytes]:
    """What the same kernel sends without `+`."""
    found = [record for line in lines if (record := netconsole.parse(line))]
    return [netconsole.stamped(each.time_us, each.body) for each in found]


def extended(lines: Sequence[bytes]) -> list[bytes]:
    """The same in fragments, shuffled a little, one twice; with the release."""
    found: list[bytes] = []
    for line in lines:
        head, _, body = line.rstrip(b"\n").partition(b";")
        head, half = b"6.1.0-56-cloud-amd64," + head, len(body) // 2
        pieces = ((0, body[:half]), (half, body[half:])) if len(body) > 60 else ()
        found += [b"%s,ncfrag=%d/%d;%s" % (head, at, len(body), part) for at, part in pieces]
        found += [head + b";" + body + b"\n"] if not pieces else []
    order = sorted(range(len(found)), key=lambda at: at + random.Random(at).uniform(0, 8))
    return [found[0], *(found[at] for at in order if at), found[5]]


OOPS = plain(SENT)


@pytest.mark.parametrize("form", [list, plain, extended])
def test_a_crash_is_told_while_it_happens(
    form: Callable[[Sequence[bytes]], list[bytes]], tmp_path: Path
) -> None:
    with listening(tmp_path) as process:
        send(process.ports[0], form(SENT))
        until(lambda: process.events)
        (event,) = process.events
        assert (event["class"], event["function"]) == ("page_fault", "crashlab_wild")
        assert (event["severity"], event["host"]) == ("panic", "127.0.0.1")
        assert "page-fault" in event["signatures"]
        assert event["release"] == "6.1.0-56-cloud-amd64"
        assert event["line"].startswith("BUG: unable to handle page fault for address: ffffdead")
        summary = process.end()
    assert "1 events" in summary
    assert "missing" not in summary


def test_a_lockup_in_plain_lines_is_told(tmp_path: Path) -> None:
    sent = Path("fixtures/netconsole/plain-hard-lockup.txt").read_bytes()
    with listening(tmp_path) as process:
        send(process.ports[0], [sent[at : at + 900] for at in range(0, len(sent), 900)])
        until(lambda: process.events)
        event = process.events[0]
        assert (event["class"], event["function"]) == ("hard_lockup", "unthrottle_cfs_rq")
        assert event["severity"] == "panic"
        assert event["release"] == "6.12.117+deb12-cloud-amd64"


def test_the_fingerprint_is_that_of_the_report(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_bytes(b"".join(OOPS))
    report = json.loads(CliRunner().invoke(main, ["analyze", str(log), "--format", "json"]).stdout)
    with listening(tmp_path) as process:
        send(process.ports[0], OOPS)
        until(lambda: process.events)
        assert process.events[0]["fingerprint"] == report["fingerprint"]["problem"]


def test_ipv6_names_and_the_log_directory(tmp_path: Path) -> None:
    names, logs = tmp_path / "names", tmp_path / "logs"
    names.write_text("::1 six\n127.0.0.3 three\n")
    bind = ("--bind", "127.0.0.1:0", "--bind", "[::1]:0")
    with listening(tmp_path, *bind, "--names", names, "--log-dir", logs) as process:
        send(process.ports[1], OOPS, "::1")
        send(process.ports[0], OOPS, "127.0.0.3")
        send(process.ports[0], [b"[    1.0] bell \a esc \x1b[2J \xff\n"], "127.0.0.4")
        until(lambda: len(process.events) == 2)
        assert {each["host"] for each in process.events} == {"six", "three"}
        assert {each["address"] for each in process.events} == {"::1", "127.0.0.3"}
        names.write_text("::1 renamed\n")
        until(lambda: "name map read again" in process.said)
        process.end(signal.SIGINT)
    assert {each.name for each in logs.iterdir()} == {"six.log", "three.log", "127.0.0.4.log"}
    assert (
        (logs / "127.0.0.4.log")
        .read_text()
        .endswith("Z 127.0.0.4 kernel: [    1.0] bell \\x07 esc \\x1b[2J \\xff\n")
    )
    again = CliRunner().invoke(main, ["analyze", str(logs / "six.log"), "--format", "json"])
    assert json.loads(again.stdout)["function"] == "crashlab_wild"


def test_a_slow_program_does_not_stall_and_the_fleet_gets_one_summary(tmp_path: Path) -> None:
    told = tmp_path / "told"
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\nsleep 0.3\ncat >>{told}\n")
    hook.chmod(0o755)
    rate = ("--rate", "3/100", "--exec", f"{hook} 'an argument'")
    with listening(tmp_path, *rate) as process:
        for host in range(12):
            send(process.ports[0], OOPS, f"127.0.1.{host + 1}")
        until(lambda: told.exists() and len(told.read_text().splitlines()) == 3)
        summary = process.end()
    events = [json.loads(line) for line in told.read_text().splitlines()]
    assert [each["kind"] for each in events] == ["incident"] * 3 + ["repeat"]
    assert (events[3]["count"], events[3]["host_count"]) == (9, 12)
    assert "9 events held back" in summary
    assert not process.out.read_text()


def test_the_end_tells_what_is_still_open(tmp_path: Path) -> None:
    with listening(tmp_path, "--quiet-time", "600") as process:
        send(process.ports[0], [*OOPS, b"[   99.0] ---[ end Kernel panic - not syncing ]---\n"])
        until(lambda: process.events)  # by now there is somebody who assesses
        send(process.ports[0], [each for each in OOPS if b"panic" not in each], "127.0.0.2")
        time.sleep(1)
        assert len(process.events) == 1
        summary = process.end()
    assert [each["function"] for each in process.events] == ["crashlab_wild"] * 2
    assert "2 windows" in summary


def nothing() -> Assess:
    return _nothing


def _nothing(text: str, sender: Sender) -> Sequence[Event]:  # noqa: ARG001
    return ()


def test_who_was_not_run_for_a_while_takes_no_host_for_silent() -> None:
    half, slept_s = len(OOPS) // 2, 0.0

    def clock() -> float:
        nonlocal slept_s
        if not slept_s and listener.counters.datagrams == half:
            send(port, OOPS[half:])
            slept_s = 5.0  # and here the listener is run again
        return time.monotonic() + slept_s

    options = Options(
        Rules(notify=(Rule(drop=True),)),
        [Bind("127.0.0.1", 0)],
        resolve=None,
        limits=Limits(quiet_s=0.5),
        seconds=6,
    )
    said = io.StringIO()
    listener = Listener(options, nothing, said, clock=clock)
    port = listener.receiver.addresses()[0].port
    send(port, OOPS[:half])
    listener.run()
    assert slept_s
    assert f"{len(OOPS)} datagrams" in said.getvalue()
    assert " 1 windows" in said.getvalue()


def test_it_ends_by_itself_after_the_time_given(tmp_path: Path) -> None:
    with listening(tmp_path, "--for", "1") as process:
        assert process.child.wait(60) == 0
    assert "0 datagrams" in process.said


def test_noise_of_strangers_changes_nothing(tmp_path: Path) -> None:
    noise = [os.urandom(n % 1400) for n in range(3000)]
    noise += [b"", b"\n", b";", b"x" * 60000, b"6,1,1,-,ncfrag=0/65536;" * 50]
    with listening(tmp_path) as process:
        for start in range(0, len(noise), 100):
            send(process.ports[0], noise[start : start + 100], "127.0.0.9")
        send(process.ports[0], OOPS)
        until(lambda: any(each["host"] == "127.0.0.1" for each in process.events))
        summary = process.end()
    assert "1 datagrams cut" in summary
    assert "Traceback" not in process.said


def test_standard_output_that_nobody_reads_keeps_nobody_from_ending(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    command = [sys.executable, "-m", "vmtriage", "listen", "--no-dns", "--bind", "127.0.0.1:0",
               "--quiet-time", "0.1", "--rate", "1000/100"]  # fmt: skip
    err = tmp_path / "err"
    with err.open("wb") as errors:
        child = subprocess.Popen(command, stdout=writer, stderr=errors)
    until(lambda: "receive buffer" in err.read_text())
    port = int(re.findall(r":(\d+)", err.read_text())[0])
    for host in range(250):
        send(port, OOPS[-40:] + OOPS[:10], f"127.0.2.{host + 1}")
    until(lambda: not select.select([], [writer], [], 0)[1], what="standard output is not full")
    child.send_signal(signal.SIGTERM)
    assert child.wait(60) == 0
    assert "notices dropped" in err.read_text()
    os.close(reader)
    os.close(writer)


# -- errors before anything is listened to ---------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--bind", "nowhere:1"], 2, "'nowhere' is no IP address"),
        (["--bind", "127.0.0.1:99999"], 2, "no port"),
        (["--bind", "[::1:6666"], 2, "no IP address"),
        (["--exec", "'unclosed"], 2, "No closing quotation"),
        (["--exec", ""], 2, "no command"),
        (["--rate", "many"], 2, "times/seconds"),
        (["--names", "/nowhere"], 78, "No such file"),
        (["--notify", "/nowhere"], 78, "No such file"),
        (["--signatures", "/nowhere"], 78, "no directory"),
        (["--bind", "192.0.2.1:6666"], 69, "cannot listen on 192.0.2.1:6666: Cannot assign"),
        (["--bind", "127.0.0.1:0", "--log-dir", "/proc/nowhere"], 75, "--log-dir /proc/nowhere"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_told_at_once(arguments: list[str], code: int, words: str) -> None:
    done = CliRunner().invoke(main, ["listen", "--for", "1", *arguments])
    assert done.exit_code == code, done.output
    assert words in done.output
    assert "Traceback" not in done.output


def test_a_port_that_is_taken_is_told() -> None:
    with (
        Receiver([Bind("127.0.0.1", 0)]) as first,
        pytest.raises(CannotListen, match="Address already in use") as caught,
    ):
        Receiver(first.addresses())
    assert "ss -ulpn" in caught.value.next_step


@pytest.mark.parametrize(
    ("text", "bind"),
    [
        ("6666", Bind("0.0.0.0", 6666)), ("10.0.0.1", Bind("10.0.0.1", 6666)),
        ("10.0.0.1:514", Bind("10.0.0.1", 514)), ("::1", Bind("::1", 6666)),
        ("[::1]", Bind("::1", 6666)), ("[::1]:7", Bind("::1", 7)),
    ],
)  # fmt: skip
def test_addresses_to_listen_on(text: str, bind: Bind) -> None:
    assert Bind.of(text) == bind


def test_drops_of_the_kernel_are_counted() -> None:
    with Receiver([Bind("127.0.0.1", 0)], buffer=4096) as receiver:
        send(receiver.addresses()[0].port, [b"x" * 1000] * 500)
        got: list[bytes] = []
        for _ in range(5):
            receiver.receive(lambda _, data, __: got.append(data), time.monotonic, 0)
        assert receiver.drops() > 0
        assert len(got) + receiver.drops() == 500


# -- the assessor's process ------------------------------------------------------------------------


def hostile() -> Assess:
    return partial(_hostile, assess.Engine()())  # ready before a window's time runs


def _hostile(engine: Assess, text: str, sender: Sender) -> Sequence[Event]:
    if "die" in text:
        os._exit(3)
    if "hang" in text:
        time.sleep(60)
    if "raise" in text:
        raise ValueError("a bug in the engine")
    return engine(text, sender)


def window(text: bytes, dying: bool = False) -> Finished:
    return Finished("a", datetime.now(UTC), b"", text, text.splitlines(), len(text), dying)


def slow() -> Assess:
    return partial(_slow, assess.Engine()())


def _slow(engine: Assess, text: str, sender: Sender) -> Sequence[Event]:
    time.sleep(3 if text == "first" else 0)
    return engine(f"Kernel panic - not syncing: {text}", sender)


def test_the_dying_are_assessed_first_and_the_queue_is_bounded() -> None:
    told: list[Event] = []
    counters = Counters()
    assessor = Assessor(slow, str, told.extend, counters)
    assessor.put(window(b"first"))
    time.sleep(2)  # until the process has begun with it
    for number in range(5):
        assessor.put(window(b"%d" % number))
    assessor.put(window(b"panic", dying=True))
    huge = window(b"huge")._replace(size=100_000_000)
    assessor.put(huge)
    assessor.close(300)
    order = [each.line.rpartition(" ")[2] for each in told]
    assert order.index("panic") < order.index("4")
    assert (len(order), counters.windows_dropped) == (7, 1)


def test_a_window_the_engine_dies_of_is_told_and_the_next_is_assessed() -> None:
    told: list[Event] = []
    counters = Counters()
    assessor = Assessor(hostile, lambda address: f"name-{address}", told.extend, counters, 5.0)
    for line in (b"die", b"hang", b"raise", b"".join(OOPS)):
        assessor.put(window(line))
    assessor.close(300)
    assert counters.assess_failed == 3
    assert [each.title.partition(":")[0] for each in told[:3]] == [
        "not assessed (EOFError)", "not assessed (no answer in 5 s)", "not assessed (ValueError",
    ]  # fmt: skip
    assert told[3].function == "crashlab_wild"
    assert told[3].host == "name-a"


# -- files -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "name"),
    [("db1.example.org", "db1.example.org.log"), ("fe80::1%eth0", "fe80__1_eth0.log"),
     ("../../etc/passwd", "_.._etc_passwd.log"), ("", "_.log"), ("x" * 500, "x" * 100 + ".log")],
)  # fmt: skip
def test_a_file_name_stays_in_its_directory(host: str, name: str) -> None:
    assert file_name(host) == name


def test_files_of_made_up_hosts_are_bounded(tmp_path: Path) -> None:
    log = LogDir(tmp_path, lambda address: address, most=10, errors=io.StringIO())
    for number in range(50):
        log.put(1e9, [(f"10.0.0.{number}", b"x\n")])
    log.close(30)
    assert len(list(tmp_path.iterdir())) == 10
    assert log.dropped == 40


def test_files_are_rotated_by_size_and_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("")
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "b.log").symlink_to(victim)
    log = LogDir(logs, lambda address: address, size=4096, keep=2)
    for number in range(400):
        log.put(1e9, [("a", b"line %04d\n" % number), ("b", b"x\n")])
    log.close(30)
    assert victim.read_text() == ""
    assert log.dropped == 400
    names = sorted(each.name for each in logs.iterdir())
    assert names == ["a.log", "a.log.1", "a.log.2", "b.log"]
    kept = [line for each in ("a.log.2", "a.log.1", "a.log")
            for line in (logs / each).read_text().splitlines()]  # fmt: skip
    assert kept[-1].endswith("line 0399")
    assert [line[-4:] for line in kept] == [f"{n:04}" for n in range(400 - len(kept), 400)]
