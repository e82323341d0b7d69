"""The shipped examples are taken by the programs they are for."""

import http.client
import re
import shlex
import shutil
import socket
import subprocess
import time
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from vmtriage.cli import main
from vmtriage.fleet.examples import EXAMPLES, text_of

NGINX = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
ANALYZE = shutil.which("systemd-analyze")


def test_each_example_is_listed_and_printed() -> None:
    listed = CliRunner().invoke(main, ["example"]).output
    assert [line.split()[0] for line in listed.splitlines()] == list(EXAMPLES)
    for name, each in EXAMPLES.items():
        done = CliRunner().invoke(main, ["example", name])
        assert (done.exit_code, done.output) == (0, text_of(name))
        assert each.place in done.output or name in ("nginx",)
    wrong = CliRunner().invoke(main, ["example", "fstab"])
    assert wrong.exit_code == 2
    assert "there are config, crontab" in wrong.output


def test_the_wheel_has_them() -> None:
    told = Path("pyproject.toml").read_text("utf-8")
    assert '"examples" = "vmtriage/_examples"' in told
    assert {each.name for each in Path("examples").iterdir()} == {
        each.file for each in EXAMPLES.values()
    }


def _commands() -> list[str]:
    text = text_of("crontab") + text_of("service")
    return re.findall(r"vmtriage (scan [^\n]+)", text)


def test_commands_of_cron_and_systemd_are_understood() -> None:
    if "scan" not in main.commands:
        pytest.skip("there is no scan here yet")
    assert len(_commands()) == 3
    for line in _commands():
        command = main.commands["scan"]
        with click.Context(main) as above:
            command.make_context("scan", shlex.split(line)[1:], parent=above)


def test_a_line_of_cron_has_user_and_times() -> None:
    lines = [x for x in text_of("crontab").splitlines() if x and not x.startswith("#")]
    jobs = [each for each in lines if not re.match(r"[A-Z]+=", each)]
    assert len(jobs) == 2
    for each in jobs:
        assert re.fullmatch(r"(\S+ ){5} ?vmtriage  nice vmtriage scan .+", each)
        assert "%" not in each, "cron makes line breaks of it"


@pytest.mark.skipif(ANALYZE is None, reason="no systemd-analyze here")
def test_systemd_takes_the_units_and_calls_them_confined(tmp_path: Path) -> None:
    for name in ("service", "timer"):
        text = text_of(name).replace("/usr/local/bin/vmtriage", "/bin/true")
        (tmp_path / EXAMPLES[name].file).write_text(text)
    units = [str(tmp_path / EXAMPLES[name].file) for name in ("service", "timer")]
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True,
                          text=True, check=False)  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    score = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=35", units[0]],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert score.returncode == 0, score.stdout


@pytest.mark.skipif(NGINX is None, reason="no nginx here")
def test_nginx_takes_its_snippet_and_serves_the_site(tmp_path: Path) -> None:
    assert NGINX
    root = tmp_path / "www"
    for name in ("p/abc/index.html", "d/x/report.md", "feed.atom", ".tmp-1/report.json"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("<p>hello")
    tmp_path.chmod(0o755)
    address = tmp_path / "http.sock"
    snippet = text_of("nginx").replace("/srv/www/crash", str(root)).replace("listen [::]:80;", "")
    snippet = snippet.replace("listen 80;", f"listen unix:{address};")
    scratch = "".join(
        f"{each}_temp_path {tmp_path}/{each};" for each in
        ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )  # fmt: skip
    user = "user root;" if Path(tmp_path).owner() == "root" else ""
    (tmp_path / "nginx.conf").write_text(
        f"{user} daemon off; pid {tmp_path}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; {scratch} types {{ text/html html; }}\n{snippet}\n}}\n"
    )
    command = [NGINX, "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
    done = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr
    server = subprocess.Popen(command)
    try:
        told = {path: _get(address, path) for path in (
            "/p/abc/", "/d/x/report.md", "/feed.atom", "/.tmp-1/report.json", "/d/", "/nothing",
        )}  # fmt: skip
    finally:
        server.terminate()
        server.wait(20)
    assert {path: status for path, (status, _) in told.items()} == {
        "/p/abc/": 200, "/d/x/report.md": 200, "/feed.atom": 200,
        "/.tmp-1/report.json": 404, "/d/": 403, "/nothing": 404,
    }  # fmt: skip
    assert "Content-Type: text/html; charset=utf-8" in told["/p/abc/"][1]
    assert "Content-Type: text/plain" in told["/d/x/report.md"][1], (
        "a report's text is never a page"
    )
    assert "Content-Type: application/atom+xml" in told["/feed.atom"][1]
    for _, headers in told.values():
        assert "X-Content-Type-Options: nosniff" in headers


class _Unix(http.client.HTTPConnection):
    """HTTP over a socket in the file system."""

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.host)


def _get(path: Path, page: str) -> tuple[int, str]:
    """Status and headers; waits for the server to be there."""
    end = time.monotonic() + 30
    while True:
        connection = _Unix(str(path))
        try:
            connection.request("GET", page, headers={"Host": "crash.example.org"})
            answer = connection.getresponse()
            return answer.status, str(answer.headers)
        except (FileNotFoundError, ConnectionRefusedError):
            assert time.monotonic() < end, "nginx does not answer"
            time.sleep(0.05)
        finally:
            connection.close()
