"""A vmlinux fetched by the site's command or from debuginfod: a real server on the loopback."""

import gzip
import http.server
import shlex
import shutil
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vmlinux import BUILD_ID, OTHER_ID, RELEASE, dump_of, vmlinux
from vmtriage.errors import BadSetting, NoDebuginfo
from vmtriage.models.dump import Debuginfo
from vmtriage.source.debuginfo import Search, Servers, find

Answer = Callable[[http.server.BaseHTTPRequestHandler], None]
PATH = f"/buildid/{BUILD_ID}/debuginfo"


class Server(http.server.ThreadingHTTPServer):
    """Answers by path; notes what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        try:
            self.server.answers.get(self.path, status(404))(self)
        except OSError:  # the client went away, as it should
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


def status(code: int) -> Answer:
    return lambda handler: handler.send_error(code)


def whole(content: bytes, claim: int | None = None) -> Answer:
    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(claim or len(content)))
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(content)
        handler.close_connection = True

    return answer


def moved(to: str) -> Answer:
    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", to)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def drip(head: bytes) -> Answer:
    """A byte now and then, for ever."""

    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.wfile.write(head)
        while True:
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.05)

    return answer


def silent(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.rfile.read()  # until the client hangs up


def endless(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    while True:
        handler.wfile.write(bytes(1 << 16))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with Server() as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def search(tmp_path: Path, server: Server) -> Search:
    return Search(
        root=tmp_path / "root",
        cache_dir=tmp_path / "cache",
        servers=Servers((server.url,), timeout_s=20),
        max_bytes=8 << 20,
    )


def left_in(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "cache/debuginfo").iterdir())


def test_a_vmlinux_is_fetched_once_and_proved(
    tmp_path: Path, search: Search, server: Server
) -> None:
    said: list[str] = []
    server.answers[PATH] = whole(vmlinux(filler=1 << 20))
    found = find(dump_of(tmp_path), search, said.append)
    assert (found.found_by, found.build_id_matches) == ("debuginfod", True)
    assert found.looked[-1].place == server.url + PATH
    assert any("fetching vmlinux: 1 of 1 MB" in text or "of 1 MB" in text for text in said)
    assert find(dump_of(tmp_path), search).found_by == "the cache"
    assert server.asked == [PATH]
    assert left_in(tmp_path) == [f"vmlinux-{BUILD_ID}"]


def test_what_is_at_hand_is_taken_before_anything_is_fetched(
    tmp_path: Path, search: Search, server: Server
) -> None:
    server.answers[PATH] = whole(vmlinux())
    (tmp_path / "vmlinux.gz").write_bytes(gzip.compress(vmlinux()))
    assert find(dump_of(tmp_path), search).found_by == "beside the dump"
    assert server.asked == []


def test_nothing_is_asked_where_the_network_is_forbidden(
    tmp_path: Path, search: Search, server: Server
) -> None:
    server.answers[PATH] = whole(vmlinux())
    with pytest.raises(NoDebuginfo, match="--no-fetch"):
        find(dump_of(tmp_path), replace(search, fetch=False, command="touch {output}"))
    assert server.asked == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (status(404), r"HTTP 404 .*\(it does not know this build-id\)"),
        (status(500), "HTTP 500"),
        (whole(vmlinux()[:300], claim=len(vmlinux())), r"cut short: 300 of \d+ bytes came"),
        (whole(vmlinux()[:300]), "not a vmlinux|cut short"),
        (whole(vmlinux(OTHER_ID)), f"it has build-id {OTHER_ID}, the dump needs {BUILD_ID}"),
        (whole(b"<html>log in</html>"), "not a vmlinux"),
        (whole(b""), "an empty answer|no answer"),
        (whole(b"", claim=9 << 20), "9 MB are more than the 8 MB allowed"),
        (endless, "more than the 8 MB allowed"),
        (moved("ftp://127.0.0.1/vmlinux"), "HTTP 302|not allowed|unknown url type"),
        (moved("file:///etc/passwd"), "HTTP 302|not allowed|unknown url type"),
        (moved(PATH), "redirect|infinite"),
    ],
)
def test_what_a_bad_server_does_is_told_and_leaves_nothing(
    tmp_path: Path, search: Search, server: Server, answer: Answer, words: str
) -> None:
    server.answers[PATH] = answer
    with pytest.raises(NoDebuginfo, match=words) as caught:
        find(dump_of(tmp_path), search)
    assert f"apt-get install linux-image-{RELEASE}-dbg" in caught.value.next_step
    assert left_in(tmp_path) == []


@pytest.mark.parametrize(
    ("answer", "limits"),
    [
        (silent, Servers(timeout_s=2)),
        (drip(b"HTTP/1.1 200 OK\r\nX-Slow: "), Servers(timeout_s=2)),
        (drip(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n"), Servers(timeout_s=2)),
        (drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), Servers(timeout_s=2)),
        (drip(b"HTTP/1.1 302 Found\r\nLocation: "), Servers(timeout_s=60, max_s=2)),
        (endless, Servers(timeout_s=60, max_s=2)),
    ],
)  # fmt: skip
def test_a_slow_server_never_hangs_a_run_and_the_next_one_is_asked(
    tmp_path: Path, search: Search, server: Server, answer: Answer, limits: Servers
) -> None:
    server.answers[f"/slow{PATH}"] = answer
    server.answers[PATH] = whole(vmlinux())
    both = replace(limits, urls=(f"{server.url}/slow", server.url))
    found = find(dump_of(tmp_path), replace(search, servers=both, max_bytes=1 << 40))
    assert [each.outcome for each in found.looked[-2:]] == ["rejected", "used"]
    assert found.looked[-2].reason.startswith(("silent for", "too slow", "not done after"))


def test_a_redirect_is_followed(tmp_path: Path, search: Search, server: Server) -> None:
    server.answers[PATH] = moved("/elsewhere")
    server.answers["/elsewhere"] = whole(vmlinux())
    assert find(dump_of(tmp_path), search).build_id_matches is True


def test_a_server_that_is_not_there_is_told(tmp_path: Path, search: Search) -> None:
    closed = Server()
    closed.server_close()
    with pytest.raises(NoDebuginfo, match=r"no answer: .*refused"):
        find(dump_of(tmp_path), replace(search, servers=Servers((closed.url,))))


def test_halves_that_a_distribution_splits_are_both_fetched(
    tmp_path: Path, search: Search, server: Server
) -> None:
    server.answers[PATH] = whole(vmlinux(code=False))
    server.answers[f"/buildid/{BUILD_ID}/executable"] = whole(vmlinux(debuginfo=False))
    first = find(dump_of(tmp_path), search)
    assert first.debug_path
    assert Path(first.debug_path).read_bytes() == vmlinux(code=False)
    again = find(dump_of(tmp_path), search)
    assert (again.path, again.debug_path) == (first.path, first.debug_path)
    assert again.found_by == "the cache"
    assert len(server.asked) == 2


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl to make a certificate")
def test_https_is_checked_and_a_slow_server_behind_it_is_cut_off_too(
    tmp_path: Path, search: Search, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, certificate = tmp_path / "key", tmp_path / "certificate"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
         "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    there = f"https://localhost:{server.server_port}"
    search = replace(search, servers=Servers((there,), timeout_s=2))
    server.answers[PATH] = whole(vmlinux())
    assert "certificate" in find_error(tmp_path, search).message
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    server.answers[PATH] = drip(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    assert "too slow" in find_error(tmp_path, search).message
    server.answers[PATH] = whole(vmlinux())
    assert find(dump_of(tmp_path), search).found_by == "debuginfod"


def test_a_proxy_is_used_where_the_environment_says_so(
    tmp_path: Path, search: Search, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    beyond = replace(search, servers=Servers(("http://debuginfod.invalid",)))
    server.answers[f"http://debuginfod.invalid{PATH}"] = whole(vmlinux())
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.setenv("no_proxy", "")
    assert find(dump_of(tmp_path), beyond).found_by == "debuginfod"
    monkeypatch.setenv("no_proxy", "debuginfod.invalid")
    with pytest.raises(NoDebuginfo, match="no answer"):
        find(dump_of(tmp_path), replace(beyond, cache_dir=tmp_path / "other"))
    assert len(server.asked) == 1


def test_the_environment_is_read_as_debuginfods_own_client_does() -> None:
    told = Servers.from_environment(
        {
            "DEBUGINFOD_URLS": "https://a.example/ ima:enforcing http://b.example file:///x https://",
            "DEBUGINFOD_TIMEOUT": "7",
            "DEBUGINFOD_MAXTIME": "0",
            "DEBUGINFOD_MAXSIZE": "1000",
        }
    )
    assert told == Servers(("https://a.example", "http://b.example"), 7.0, None, 1000)
    assert Servers.from_environment({"DEBUGINFOD_TIMEOUT": "soon"}) == Servers()


def test_a_password_in_a_url_is_not_shown(tmp_path: Path, search: Search, server: Server) -> None:
    secret = server.url.replace("//", "//user:secret@")
    with pytest.raises(NoDebuginfo) as caught:
        find(dump_of(tmp_path), replace(search, servers=Servers((secret,))))
    assert "secret" not in str(caught.value)


def by_command(tmp_path: Path, search: Search, script: str, **dump: str | None) -> Debuginfo:
    """Fetches by a script that gets release, build-id and output as arguments."""
    path = tmp_path / "fetch.py"
    path.write_text(
        f"import os, sys, shutil, time\nrelease, build_id, output = sys.argv[1:]\n{script}\n"
    )
    words = f"{shlex.join([sys.executable, str(path)])} {{release}} {{build_id}} {{output}}"
    return find(dump_of(tmp_path, **dump), replace(search, command=words))


def test_the_sites_own_command_is_asked_before_a_server(
    tmp_path: Path, search: Search, server: Server
) -> None:
    (tmp_path / "pool").write_bytes(gzip.compress(vmlinux()))
    script = (
        f"assert (release, build_id) == ({RELEASE!r}, {BUILD_ID!r})\n"
        f"shutil.copy({str(tmp_path / 'pool')!r}, output)"
    )
    found = by_command(tmp_path, search, script)
    assert found.found_by == "VMTRIAGE_DEBUGINFO_COMMAND"
    assert Path(found.path).read_bytes() == vmlinux()
    assert server.asked == []


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("sys.exit('no such kernel\\x1b[2J')", r"ended with 1: no such kernel\[2J"),
        ("print('done')", "wrote no file: done"),
        ("open(output, 'w').write('hello')", "not a vmlinux"),
        ("os.symlink('/etc/passwd', output)", "not a vmlinux"),
        ("time.sleep(600)", "not done after 0.5 s"),
        ("if os.fork(): os._exit(3)\ntime.sleep(600)", "ended with 3"),
        ("with open(output, 'wb') as f:\n  while True: f.write(bytes(1 << 20))", "ended with"),
        (f"open(output, 'wb').write(bytes.fromhex('{vmlinux(OTHER_ID).hex()}'))", OTHER_ID),
    ],
)
def test_what_the_command_did_wrong_is_told_and_leaves_nothing(
    tmp_path: Path, search: Search, script: str, words: str
) -> None:
    search = replace(search, servers=Servers())
    slow = replace(search, fetch_timeout_s=0.5 if "0.5" in words else 60)
    with pytest.raises(NoDebuginfo, match=words) as caught:
        by_command(tmp_path, slow, script)
    assert "\x1b" not in str(caught.value)
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("command", ["fetch", "fetch {output} {secret}", "fetch '{output}", ""])
def test_a_command_that_cannot_be_meant_is_a_bad_setting(
    tmp_path: Path, search: Search, command: str
) -> None:
    if not command:
        assert find_error(tmp_path, replace(search, command=command)).exit_code == 66
        return
    with pytest.raises(BadSetting) as caught:
        find(dump_of(tmp_path), replace(search, command=command))
    assert "{output}" in caught.value.next_step


def find_error(tmp_path: Path, search: Search) -> NoDebuginfo:
    with pytest.raises(NoDebuginfo) as caught:
        find(dump_of(tmp_path), search)
    return caught.value


def test_a_command_that_is_not_there_is_told(tmp_path: Path, search: Search) -> None:
    error = find_error(tmp_path, replace(search, command="/no/such/program {output}"))
    assert "/no/such/program: No such file" in error.message


@settings(max_examples=30)  # each starts a process
@given(release=st.text(min_size=1, max_size=20) | st.sampled_from(["--help", "$(id)", "a b", "-x"]))
def test_a_hostile_release_reaches_no_command(
    tmp_path_factory: pytest.TempPathFactory, release: str
) -> None:
    from vmtriage.source.debuginfo.command import run
    from vmtriage.source.debuginfo.trail import Unusable

    tmp_path = tmp_path_factory.mktemp("command")
    script = "import sys; open(sys.argv[2], 'w').write(sys.argv[1])"
    words = f"{shlex.quote(sys.executable)} -c {shlex.quote(script)} {{release}} {{output}}"
    output = tmp_path / "output"
    try:
        run(words, dump_of(tmp_path, release), output, 60, 1 << 20)
    except Unusable:
        assert not output.exists()
    else:
        assert output.read_text() == release
        assert release[0].isalnum()
        assert not set(release) & set(" /$'\"`;&|<>()\\\n")


def test_without_a_build_id_a_command_that_wants_one_is_not_run(
    tmp_path: Path, search: Search
) -> None:
    with pytest.raises(NoDebuginfo, match="the dump does not say its build-id"):
        by_command(tmp_path, search, "sys.exit(0)", build_id=None)


def test_what_does_not_fit_the_disk_is_not_even_begun(
    tmp_path: Path, search: Search, server: Server
) -> None:
    server.answers[PATH] = whole(b"", claim=1 << 60)
    with pytest.raises(NoDebuginfo, match=r"no room for it: \d+ MB are free"):
        find(dump_of(tmp_path), replace(search, max_bytes=1 << 62))
    assert left_in(tmp_path) == []
