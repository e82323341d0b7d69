"""Mail, chat, alerts, programs, Nagios, hooks, metrics: with a real one on the other side."""

import contextlib
import io
import json
import logging
import os
import re
import signal
import socket
import ssl
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from tests.notices import HOSTILE, notice
from tests.patience import alive, until
from tests.trackers import Fault, PlayedAlertmanager, PlayedHook, playing
from vmtriage.errors import CannotWrite
from vmtriage.fleet.config.model import Config
from vmtriage.fleet.notify import metrics
from vmtriage.fleet.notify.delivery import Delivery
from vmtriage.fleet.notify.desk import Desk
from vmtriage.fleet.notify.make import desk
from vmtriage.fleet.notify.numbers import Numbers
from vmtriage.fleet.notify.records import MemoryRecords
from vmtriage.fleet.notify.words import (
    disarmed,
    head_of,
    jira,
    markdown,
    no_commands,
    title,
    wiki,
)
from vmtriage.models.notice import Notice

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def desk_of(now: list[datetime] | None = None, /, **told: Any) -> Desk:
    config = Config.model_validate({"notifiers": {"ops": told}})
    moments = now if now is not None else [NOW]
    return desk(config, MemoryRecords(lambda: moments[-1]))


def tell(ours: Desk, *notices: Notice, now: datetime = NOW) -> Delivery:
    for each in notices:
        assert ours.take(each) == 1
    return ours.deliver(now)


def hostile() -> Notice:
    changes = {
        "title": f"oops in {HOSTILE}", "summary": HOSTILE, "host": f"web1\n{HOSTILE}",
        "culprits": (HOSTILE,), "reasons": (HOSTILE,), "function": HOSTILE, "markdown": HOSTILE,
        "hosts": (HOSTILE,), "id": "e" * 16,
    }  # fmt: skip
    return Notice.model_validate(notice().model_dump() | changes)


# -- mail -----------------------------------------------------------------------------------------


class Sink:
    """A mail server that keeps what it gets; refuses with the answers it is told."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.refusals: list[str] = []
        self.users: list[str | None] = []
        self.receivers: list[list[str]] = []

    async def handle_DATA(self, _: SMTP, session: Session, envelope: Envelope) -> str:
        if self.refusals:
            return self.refusals.pop(0)
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.receivers.append(envelope.rcpt_tos)
        self.users.append(session.auth_data)
        return "250 OK"


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    command = [
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(path), "-out",
        f"{path}.crt", "-days", "2", "-subj", "/CN=localhost", "-addext",
        "subjectAltName=DNS:localhost",
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
    return path


@contextlib.contextmanager
def mailing(sink: Sink, certificate: Path | None = None, **more: Any) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        more["tls_context"] = context
    server = Controller(sink, hostname="127.0.0.1", port=port, **more)
    server.start()
    try:
        yield port
    finally:
        server.stop()


def mail_to(port: int, /, **changes: Any) -> dict[str, Any]:
    return {
        "kind": "mail", "server": "localhost", "port": port, "security": "none",
        "sender": "vmtriage@example.org", "to": ["a@example.org", "b@example.org"], **changes,
    }  # fmt: skip


def test_mails_of_a_problem_are_one_thread() -> None:
    sink = Sink()
    with mailing(sink) as port:
        ours = desk_of(**mail_to(port))
        assert tell(ours, notice()).sent == 1
        assert tell(ours, notice("spreading", 5)).sent == 1
        assert tell(ours, notice(frames=("another", "one"))).sent == 1
    first, later, other = sink.mails
    assert sink.receivers[0] == ["a@example.org", "b@example.org"]
    assert "unthrottle_cfs_rq" in first["Subject"]
    assert later["References"] == later["In-Reply-To"] == first["Message-ID"]
    assert later["Subject"] == f"Re: {first['Subject']}"
    assert later["Message-ID"] != first["Message-ID"]
    assert other["Message-ID"] != first["Message-ID"]
    assert other["References"] is None
    assert first["Auto-Submitted"] == "auto-generated"
    text = first.get_content()
    assert "https://crash.example.org/p/" in text
    assert "Update the kernel." in text


def test_nobody_adds_a_header_to_a_mail() -> None:
    sink = Sink()
    with mailing(sink) as port:
        ours = desk_of(**mail_to(port))
        assert tell(ours, hostile()).troubles == ()
    (mail,) = sink.mails
    assert mail["Bcc"] is None
    assert "\n" not in mail["Subject"]
    assert sink.receivers == [["a@example.org", "b@example.org"]]
    assert mail.get_content_type() == "text/plain"


def test_user_and_password_go_by_starttls_only(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink, tried = Sink(), []

    def check(_: object, __: Session, ____: object, ___: str, data: Any) -> AuthResult:
        tried.append(data.password)
        fits = data.password == b"mail-secret-1"
        return AuthResult(success=fits, handled=False, auth_data=data.login.decode())

    monkeypatch.setenv("MAIL_PASSWORD", "mail-secret-1")
    told = {"security": "starttls", "user": "robot", "password_env": "MAIL_PASSWORD"}
    with mailing(sink, certificate, authenticator=check, auth_required=True) as port:
        ours = desk_of(**mail_to(port, **told))
        (trouble,) = tell(ours, notice()).troubles
        assert "certificate is not trusted" in trouble
        assert not tried
        monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")
        assert ours.deliver(NOW + timedelta(hours=1)).sent == 1
        monkeypatch.setenv("MAIL_PASSWORD", "mail-secret-2")
        (trouble,) = tell(ours, notice(frames=("x", "y"))).troubles
    assert "does not accept user and password" in trouble
    assert "mail-secret-2" not in trouble
    assert sink.users == ["robot"]


def test_what_a_mail_server_says_is_kept_apart() -> None:
    sink, now = Sink(), [NOW]
    with mailing(sink) as port:
        ours = desk_of(now, **mail_to(port))
        sink.refusals = ["451 try again", "554 this looks like spam"]
        (trouble,) = tell(ours, notice()).troubles
        assert "451 try again" in trouble
        now.append(NOW + timedelta(minutes=2))
        told = tell(ours, notice(frames=("x", "y")), now=now[-1])
        assert "554 this looks like spam" in told.troubles[0]
        assert told.sent == 1, "one mail that is refused does not hold up the other"
    now.append(NOW + timedelta(hours=2))
    (trouble,) = ours.deliver(now[-1]).troubles
    assert "refused" in trouble


def test_a_preview_of_a_mail_is_the_mail() -> None:
    (shown,) = desk_of(**mail_to(25)).preview(notice())
    assert "Subject: [vmtriage] " in shown
    assert "Update the kernel." in shown


# -- Alertmanager and hooks -----------------------------------------------------------------------


def test_an_alert_ends_when_its_problem_is_quiet() -> None:
    with playing(PlayedAlertmanager()) as played:
        ours = desk_of(kind="alertmanager", url=played.base, quiet_s=3600, labels={"team": "k"})
        assert tell(ours, notice()).sent == 1
        later = notice("recurred", 3)
        assert tell(ours, later).sent == 1
        (alert,) = played.tickets
        assert alert["labels"] == {
            "alertname": "KernelCrash", "team": "k", "problem": later.problem,
            "severity": "panic", "class": "hard_lockup", "function": "unthrottle_cfs_rq",
        }  # fmt: skip
        assert later.last_seen
        assert datetime.fromisoformat(alert["endsAt"]) == later.last_seen + timedelta(hours=1)
        assert datetime.fromisoformat(alert["startsAt"]) == later.first_seen
        assert alert["generatorURL"] == later.link
        broken = Notice.broken("/srv/crash", "stale file handle", "scanner1", NOW)
        assert ours.take(broken) == 0, "only where a route names it"
        assert tell(ours, hostile()).troubles == ()


def test_a_hook_gets_the_notice_and_the_same_key_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", "unset")
    with playing(PlayedHook()) as played:
        monkeypatch.setenv("HOOK", f"{played.base}/services/T0/very-secret-path")
        now = [NOW]
        ours = desk_of(now, kind="webhook", url_env="HOOK")
        echo = {"message": "no such hook: /services/T0/very-secret-path"}
        played.faults = [Fault("POST", "", 400, {}, echo), Fault("POST", "", 500, done=True)]
        first = notice()
        (trouble,) = tell(ours, first).troubles
        assert "very-secret-path" not in trouble
        now.append(NOW + timedelta(hours=1))
        assert ours.deliver(now[-1]).sent == 0
        now.append(NOW + timedelta(hours=3))
        assert ours.deliver(now[-1]).sent == 1
        keys = {each.headers["Idempotency-Key"] for each in played.asked}
        assert keys == {first.id}, "told at least once; by the key the receiver knows it again"
        assert Notice.model_validate(played.tickets[-1]) == first
        (shown,) = ours.preview(first)
        assert "very-secret-path" not in shown + repr(ours)


@pytest.fixture
def secure(certificate: Path) -> Iterator[str]:
    """A hook behind TLS, whose certificate nobody knows."""
    with playing(PlayedHook()) as played:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        plain = int(played.base.rpartition(":")[2])
        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=_tunnel, args=(listener, context, plain), daemon=True)
            thread.start()
            yield f"https://localhost:{listener.getsockname()[1]}/hook"


def _tunnel(listener: socket.socket, context: ssl.SSLContext, port: int) -> None:
    while True:
        try:
            client, _ = listener.accept()
            with (
                context.wrap_socket(client, server_side=True) as inner,
                socket.create_connection(("127.0.0.1", port)) as outer,
            ):
                outer.sendall(_request(inner))
                outer.shutdown(socket.SHUT_WR)
                while data := outer.recv(65536):
                    inner.sendall(data)
        except ssl.SSLError:
            continue
        except OSError:
            return


def _request(inner: ssl.SSLSocket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += inner.recv(65536)
    found = re.search(rb"(?i)content-length: (\d+)", data)
    assert found
    while len(data.partition(b"\r\n\r\n")[2]) < int(found[1]):
        data += inner.recv(65536)
    return data


def test_a_server_whose_certificate_nobody_knows_gets_nothing(
    secure: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = desk_of(kind="webhook", url=secure)
    (trouble,) = tell(ours, notice()).troubles
    assert "certificate is not trusted here" in trouble
    monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")
    assert ours.deliver(NOW + timedelta(hours=1)).sent == 1


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with playing(PlayedHook()) as proxy:
        monkeypatch.setenv("http_proxy", proxy.base)
        monkeypatch.delenv("no_proxy", raising=False)
        ours = desk_of(kind="webhook", url="http://hooks.invalid/crash")
        proxy.faults = [Fault("POST", "", 407)]
        assert "wants a password: see HTTPS_PROXY" in tell(ours, notice()).troubles[0]
        assert ours.deliver(NOW + timedelta(hours=1)).sent == 1
        assert proxy.asked[-1].headers["Host"] == "hooks.invalid"


def test_a_server_that_says_nothing_does_not_hold_up_the_scan() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        ours = desk_of(kind="webhook", url=f"http://127.0.0.1:{silent.getsockname()[1]}",
                       timeout_s=0.2)  # fmt: skip
        told = tell(ours, notice(), notice(frames=("x", "y")))
    assert (told.sent, told.waiting) == (0, 2)
    assert "no answer in time" in told.troubles[0]


# -- chat -----------------------------------------------------------------------------------------


def test_a_chat_gets_text_that_calls_nobody_and_no_secret_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    with playing(PlayedHook()) as played:
        place = played.base.removeprefix("http://")
        monkeypatch.setenv("CHAT", f"json://robot:chat-secret@{place}/secret-path-1")
        ours = desk_of(kind="apprise", url_env="CHAT")
        assert tell(ours, notice()).troubles == ()
        assert "unthrottle_cfs_rq" in played.tickets[0]["title"]
        assert "https://crash.example.org/p/" in played.tickets[0]["message"]
        again = hostile().model_copy(update={"event": "recurred"})
        assert tell(ours, again).sent == 1
        text = played.tickets[1]["message"] + played.tickets[1]["title"]
        for word in ("@everyone", "<!here>", "<@U123>", "](http", "<script>", "http://evil"):
            assert word not in text
        played.faults = [Fault("POST", "", 403, times=3)]
        (trouble,) = tell(ours, notice(frames=("x", "y"))).troubles
        monkeypatch.setenv("CHAT", "nosuch://very-secret-9")
        (unknown,) = ours.deliver(NOW + timedelta(hours=2)).troubles
    assert "Apprise does not know such an address" in unknown
    out = "".join(capfd.readouterr()) + trouble + unknown + repr(ours)
    assert "secret" not in out.replace("url_env", "")
    assert not [each for each in caplog.messages if "secret" in each]


# -- programs, Nagios -----------------------------------------------------------------------------

_HOOK = """
import json, os, sys
told = json.load(sys.stdin)
with open(sys.argv[1], "a") as file:
    print(told["id"], told["event"], told["host"], file=file)
sys.exit(int(os.environ.get("HOOK_EXIT", "0")))
"""


def test_a_program_gets_the_notice_on_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, now = tmp_path / "told", [NOW]
    ours = desk_of(now, kind="exec", command=[sys.executable, "-c", _HOOK, str(out)])
    first = notice()
    assert tell(ours, first).sent == 1
    assert out.read_text() == f"{first.id} new {first.host}\n"
    monkeypatch.setenv("HOOK_EXIT", "75")
    later = notice("recurred", 2)
    assert "exit status 75" in tell(ours, later).troubles[0]
    monkeypatch.setenv("HOOK_EXIT", "3")
    now.append(NOW + timedelta(minutes=2))
    assert "exit status 3" in ours.deliver(now[-1]).troubles[0]
    monkeypatch.delenv("HOOK_EXIT")
    now.append(NOW + timedelta(hours=2))
    assert ours.deliver(now[-1]).sent == 1
    assert out.read_text().splitlines()[-1] == f"{later.id} recurred {later.host}"


def test_a_program_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    ours = desk_of(
        kind="exec", command=["/bin/sh", "-c", f"sleep 600 & echo $! > {pid}; wait"], timeout_s=3
    )
    assert "killed after 3 s" in tell(ours, notice()).troubles[0]
    sleeper = int(pid.read_text())
    until(lambda: not alive(sleeper))  # what was killed needs a moment to die


def test_a_passive_result_is_one_line_and_waits_for_no_reader(tmp_path: Path) -> None:
    pipe, now = tmp_path / "nagios.cmd", [NOW]
    os.mkfifo(pipe)
    ours = desk_of(now, kind="nagios", command_file=str(pipe), service="kernel crash")
    assert "is Nagios running" in tell(ours, hostile()).troubles[0]
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    now.append(NOW + timedelta(hours=1))
    assert ours.deliver(now[-1]).sent == 1
    data = os.read(reader, 65536).decode()
    os.close(reader)
    assert data.count("\n") == 1
    _, host, service, state, output = data.rstrip("\n").split(";")
    assert host.startswith(r"web1\n")
    assert (service, state) == ("kernel crash", "2")
    assert output.startswith("CRITICAL: oops in ")
    assert "|" not in output


# -- killed ---------------------------------------------------------------------------------------


def test_killed_while_sending_it_is_told_again_and_once_more_only(tmp_path: Path) -> None:
    from tests.test_notify_tickets import finish, start

    with playing(PlayedHook()) as played:
        told = {"ops": {"kind": "webhook", "url": played.base}}
        config = Config.model_validate({"notifiers": told})
        pid: list[int] = []
        played.after = lambda _: os.kill(pid[0], signal.SIGKILL)
        child = start(config, tmp_path / "store.sqlite", "new:1")
        pid.append(child.pid)
        assert child.wait(60) == -signal.SIGKILL
        played.after = lambda _: None
        assert finish(config, tmp_path / "store.sqlite") == 1
        assert finish(config, tmp_path / "store.sqlite") == 0
        first, again = played.tickets
        assert first["id"] == again["id"]


# -- metrics --------------------------------------------------------------------------------------


def test_metrics_are_what_prometheus_reads(tmp_path: Path) -> None:
    from prometheus_client.parser import text_fd_to_metric_families

    path = tmp_path / "vmtriage.prom"
    told = Numbers(NOW, NOW - timedelta(seconds=40), 12, 2, 1, 3, 1, {"hard_lockup": 9}, 4, 1)
    metrics.write(path, told, 7.5)
    families = {
        each.name: each for each in text_fd_to_metric_families(io.StringIO(path.read_text()))
    }
    values = {name: each.samples[0].value for name, each in families.items()}
    assert values == {
        "vmtriage_dumps": 12, "vmtriage_dumps_untriaged": 2, "vmtriage_dumps_quarantined": 1,
        "vmtriage_problems": 3, "vmtriage_notices_waiting": 4, "vmtriage_notices_failing": 1,
        "vmtriage_occurrences": 9, "vmtriage_scan_duration_seconds": 7.5,
        "vmtriage_last_scan_timestamp_seconds": (NOW - timedelta(seconds=40)).timestamp(),
    }  # fmt: skip
    assert families["vmtriage_occurrences"].samples[0].labels == {"class": "hard_lockup"}
    assert all(each.documentation for each in families.values())
    assert path.stat().st_mode & stat.S_IROTH, "node_exporter is another user"
    with pytest.raises(CannotWrite, match=r"metrics .*No such file"):
        metrics.write(tmp_path / "no" / "x.prom", told)


# -- words ----------------------------------------------------------------------------------------


def test_the_head_of_a_report_ends_before_its_evidence_and_no_fence_stays_open() -> None:
    report = Path("reports/examples/centos7-cfs-lockup/report.md").read_text("utf-8")
    head = head_of(report)
    assert head.startswith("# ")
    assert "## What to do" in head
    assert "## Evidence" not in head
    assert head.count("```") % 2 == 0
    cut = head_of("a\n\n```text\n" + "x\n" * 100 + "```\n", 50)
    assert "```" not in cut
    assert cut.endswith("(cut; see the whole report)")
    assert head_of("a\n\n```text\nx\n") == "a"


def test_a_ticket_is_never_longer_than_trackers_take() -> None:
    long = hostile().model_copy(
        update={
            "summary": "{*" * 50_000, "reasons": ("[|]" * 9999,) * 99, "title": "x" * 9999,
            "culprits": ("{}" * 9999,), "markdown": "# x\n\n" + "word\n\n" * 30_000,
        }
    )  # fmt: skip
    assert len(jira(long)) < 32_767
    assert len(markdown(long)) < 65_536
    assert len(title(long)) < 255


def test_what_is_taken_apart_can_still_be_read() -> None:
    assert wiki("a_b {code}") == r"a\_b \{code\}"
    assert disarmed("@all <!here> [x](http://e)") == "@ all ‹! here› [x] (http:// e)"
    assert no_commands("/close\n```\n/close\n```\n /x") == "\\/close\n```\n/close\n```\n \\/x"
    assert json.loads(notice().model_dump_json())["class"] == "hard_lockup"
