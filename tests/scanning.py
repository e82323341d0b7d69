"""A share of kernel logs, `vmtriage scan` as cron starts it, and a tracker that remembers all."""

import functools
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from vmtriage.cli.scan_watch import Silent
from vmtriage.fleet.scan.options import Options, prepared
from vmtriage.fleet.scan.publisher import SitePublisher
from vmtriage.fleet.scan.run import scan as run
from vmtriage.fleet.scan.summary import Summary
from vmtriage.models.occurrence import Occurrence
from vmtriage.store.opening import open_store

CAPTURES = Path("fixtures/captures")
KINDS = ("lab-6.1-uaf", "lab-6.1-hung", "lab-6.1-bug", "lab-6.1-panic")
LONG_AGO = time.time() - 3 * 86400


@dataclass
class Site:
    """One share, its site and its store below a directory."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)
    config: str = ""
    url: str = ""  # of the store; a file, where none is told

    @property
    def share(self) -> Path:
        return self.home / "share"

    @property
    def out(self) -> Path:
        return self.home / "site"

    @property
    def store(self) -> str:
        return self.url or str(self.home / "store.sqlite")

    def log(self, number: int, kind: str | None = None) -> Path:
        """A host's directory with nothing but its kernel log, as kdump left it days ago."""
        minute = f"{number // 60:02}:{number % 60:02}"
        directory = self.share / f"web-{number:03}.example.org-2026-01-02-15:{minute}"
        directory.mkdir(parents=True)
        text = (CAPTURES / (kind or KINDS[number % len(KINDS)]) / "log.txt").read_text()
        path = directory / "vmcore-dmesg.txt"
        path.write_text(f"{text}[99999.000{number:03}] the log of host {number} ends\n")
        return aged(path)

    def configured(self) -> Path:
        """The file of the configuration, which nobody sees half written."""
        path = self.home / "vmtriage.toml"
        with tempfile.NamedTemporaryFile("w", dir=self.home, delete=False) as file:
            file.write(self.config)
        return Path(file.name).replace(path)

    def command(self, *more: str | Path) -> list[str]:
        words = [sys.executable, "-m", "vmtriage", "scan", self.share, "--out", self.out]
        words += ["--store", self.store, "--base-url", "https://crash.example.org"]
        if self.config:
            words += ["--config", self.configured()]
        return [*map(str, words), *map(str, more)]

    def start(self, *more: str | Path) -> subprocess.Popen[str]:
        """Begun; as cron does it: hardly any environment, a session of its own."""
        scratch = self.home / "tmp"
        scratch.mkdir(exist_ok=True)
        return subprocess.Popen(
            self.command(*more), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, start_new_session=True,
            env={
                "PATH": "/usr/bin:/bin", "HOME": str(self.home), "TMPDIR": str(scratch),
                "VMTRIAGE_CACHE_DIR": str(cache()), **self.environment,
            },
        )  # fmt: skip

    def scan(self, *more: str | Path) -> subprocess.CompletedProcess[str]:
        """To its end."""
        process = self.start(*more)
        out, err = process.communicate(timeout=600)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def scan_at(self, now: datetime, host: str = "", **more: Any) -> Summary:
        """In this process, by another clock, or as another machine; of those several at once."""
        options = Options(
            shares=(self.share,), site=self.out, store=self.store,
            config=self.configured() if self.config else None,
            base_url="https://crash.example.org", **more,
        )  # fmt: skip
        with pytest.MonkeyPatch.context() as patch, prepared(options, Silent()) as ready:
            for name, value in self.environment.items():
                if os.environ.get(name) != value:  # another one's may end before this one's
                    patch.setenv(name, value)
            publisher = ready.hands.publisher
            assert isinstance(publisher, SitePublisher)
            publisher = replace(publisher, now=lambda: now)
            worker = replace(ready.hands.worker, host=host or ready.hands.worker.host)
            return run(
                ready.task,
                replace(ready.hands, publisher=publisher, now=lambda: now, worker=worker),
            )

    def events(self, *more: str | Path) -> list[dict[str, Any]]:
        """What a scan tells in its log."""
        done = self.scan("--log-format", "json", *more)
        assert not done.stderr, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def occurrences(self) -> dict[str, Occurrence]:
        """By place, as the store has them."""
        with open_store(self.store) as store:
            return {each.place: each for each in store.occurrences.all()}

    def attempts(self) -> Counter[str]:
        """How many attempts on each dump came to a good end."""
        with open_store(self.store) as store:
            return Counter(
                dump.id for dump in store.dumps.all() for each in store.attempts.of(dump.id)
                if each.outcome == "ok"
            )  # fmt: skip

    def is_whole(self) -> None:
        """Every crash has its report and its pages, once; nothing is left half done."""
        told = self.occurrences()
        assert set(told) == {each.name for each in self.share.iterdir()}
        for each in told.values():
            page = self.out / "d" / each.dump
            report = json.loads((page / "report.json").read_text())
            assert report["schema"] == "vmtriage/report/1"
            assert (page / "report.html").read_text().rstrip().endswith("</html>")
            assert (page / "index.html").exists()
            assert (self.out / "p" / each.problem / "index.html").exists()
        with open_store(self.store) as store:
            assert store.dumps.quarantined() == ()
            assert store.notifications.waiting() == ()
        assert [*self.home.glob("tmp/*"), *self.out.rglob(".report*.tmp")] == []


@functools.cache
def _cache() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="vmtriage-cache-")


def cache() -> Path:
    """Signatures are read once for all scans of all tests."""
    return Path(_cache().name)


def aged(path: Path) -> Path:
    """As if it had been written days ago."""
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def living(mark: Path) -> list[str]:
    """Command lines of processes that live in a directory."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.fsencode(mark) in (entry / "environ").read_bytes():
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                if state not in "ZX":
                    words = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
                    found.append(words.decode(errors="replace"))
        except OSError:
            continue
    return found


def nobody_lives(mark: Path) -> None:
    """Asserts it; a child that is just being born finds its parent gone, and goes."""
    end = time.monotonic() + 10
    while found := living(mark):
        assert time.monotonic() < end, found
        time.sleep(0.05)


@dataclass
class Tracker:
    """GitHub's issues, as far as a notifier needs them; delay_s: before it answers a POST."""

    issues: list[dict[str, Any]] = field(default_factory=list)
    comments: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""
    delay_s: float = 0.0
    down: bool = False

    @property
    def config(self) -> str:
        return (
            f'[notifiers.tickets]\nkind = "github"\nurl = "{self.url}"\n'
            'repository = "ops/crashes"\n'
            'token_env = "TRACKER_TOKEN"\nevery_s = 0\n\n[[routes]]\nto = ["tickets"]\n'
            'severities = ["panic", "serious", "notable", "noise"]\n'
        )

    def problems(self) -> Counter[str]:
        """How many tickets each problem has."""
        marks = (re.search(r"vmtriage-problem: (\S+)", each["body"]) for each in self.issues)
        return Counter(mark[1] for mark in marks if mark)


@contextmanager
def tracker() -> Iterator[Tracker]:
    """A real server on loopback."""
    told, lock = Tracker(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urllib.parse.urlsplit(self.path)
            query = urllib.parse.parse_qs(url.query)
            parts = url.path.strip("/").split("/")
            with lock:
                if url.path == "/search/issues":
                    problem = re.findall(r"vmtriage-problem: ([0-9A-Za-z-]+)", query["q"][0])[0]
                    self._say({"items": [i for i in told.issues if problem in i["body"]]})
                elif parts[-1] == "issues":
                    label = query.get("labels", [""])[0]
                    self._say([i for i in told.issues if not label or label in i["labels"]])
                elif parts[-1] == "comments":
                    self._say([c for c in told.comments if c["issue"] == int(parts[-2])])
                else:
                    self._say(told.issues[int(parts[-1]) - 1])

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            parts = self.path.strip("/").split("/")
            if told.down:
                self._say({"message": "down"}, 503)
                return
            with lock:
                if parts[-1] == "issues":
                    number = len(told.issues) + 1
                    body |= {"number": number, "state": "open", "html_url": f"{told.url}/{number}"}
                    told.issues.append(body)
                else:
                    told.comments.append(body | {"issue": int(parts[-2])})
            time.sleep(told.delay_s)  # it is there, but nobody has been told yet
            self._say(body, 201)

        def _say(self, what: object, status: int = 200) -> None:
            data = json.dumps(what).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            except OSError:
                pass  # killed meanwhile

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
