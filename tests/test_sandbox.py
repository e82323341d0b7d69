"""The walls around crash, tried with a shell in its place."""

import os
from pathlib import Path

import pytest

from tests.fake_crash import sandboxes
from vmtriage.errors import SessionError
from vmtriage.session.limits import Limits
from vmtriage.session.process import CrashProcess, Waited
from vmtriage.session.sandbox import choose

SHELL = Path("/bin/sh")
walled = pytest.mark.skipif(
    "bubblewrap" not in sandboxes(), reason="bubblewrap does not work on this machine"
)


def said(tmp_path: Path, script: str, *readable: Path) -> str:
    """What a shell prints that runs where crash would."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    sandbox = choose("bubblewrap", SHELL, readable)
    words = [*sandbox.command(SHELL, scratch, readable), "-c", f"{script}\necho the-end"]
    process = CrashProcess(words, scratch, Limits(1 << 30), sandboxed=True)
    try:
        assert process.wait_for("the-end", 30) is Waited.FOUND
        return process.said
    finally:
        process.kill()


@pytest.fixture
def incident(tmp_path: Path) -> Path:
    """A directory as kdump leaves it, and what somebody put beside the dump."""
    home = tmp_path / "crash" / "host-2026"
    home.mkdir(parents=True)
    for name in ("vmcore", ".crashrc", ".gdbinit", "vmcore.gdb", "trap.so"):
        (home / name).write_text("touch /tmp/ran\n")
    return home / "vmcore"


@walled
def test_the_dump_is_seen_and_its_neighbours_are_not(tmp_path: Path, incident: Path) -> None:
    script = f"ls -A {incident.parent}; cat {incident}; ls -A {Path.home()} /work /etc/shadow 2>&1"
    lines = said(tmp_path, script, incident).splitlines()
    assert lines[:2] == ["vmcore", "touch /tmp/ran"]
    assert all("No such file" in line for line in lines[2:])


@walled
def test_nothing_can_be_written_but_the_scratch(tmp_path: Path, incident: Path) -> None:
    outside = ("/", "/usr", "/etc", "/dev", "/var/tmp", "/run", str(incident.parent), "/proc/sys")
    script = f"""
        for each in {" ".join(outside)}; do true > $each/x && echo "wrote $each"; done 2>/dev/null
        true > {incident} && echo "wrote the dump"
        chmod 777 {incident} && echo "changed the dump"
        rm -f {incident} && echo "removed the dump"
        mount -t tmpfs none /usr && echo mounted
        true > here && true > $HOME/there && true > /tmp/temporary && echo "scratch is ours"
    """
    answer = said(tmp_path, f"( {script} ) 2>/dev/null", incident).splitlines()
    # a file of its own beside the dump would lie in the private /tmp, where this test's dump lies
    inside = [f"wrote {incident.parent}"] if str(incident).startswith("/tmp/") else []
    assert [line for line in answer if line not in inside] == ["scratch is ours"]
    assert incident.read_text() == "touch /tmp/ran\n"
    assert sorted(path.name for path in incident.parent.iterdir()) == [
        ".crashrc", ".gdbinit", "trap.so", "vmcore", "vmcore.gdb",
    ]  # fmt: skip


@walled
def test_there_is_no_network_no_neighbour_and_no_privilege(tmp_path: Path) -> None:
    script = "sed -n 's/:.*//p' /proc/net/dev; echo /proc/[0-9]*; cat /proc/self/status"
    answer = said(tmp_path, script)
    lines = [line.strip() for line in answer.splitlines()]
    assert lines[0] == "lo"
    assert len(lines[1].split()) <= 3  # bubblewrap's own, and the shell
    assert str(os.getpid()) not in lines[1]
    status = dict(line.split(":", 1) for line in lines if ":" in line)
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"].strip() == "1"


@walled
def test_ctrl_c_reaches_what_runs_inside(tmp_path: Path) -> None:
    """As with crash, which takes a handler of its own; a shell would leave Ctrl-C ignored."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    command = choose("bubblewrap", SHELL, ()).command(SHELL, scratch, ())
    python = (
        "import os,signal,time; signal.signal(signal.SIGINT, lambda *_: os.write(1, b'caught'));"
    )
    program = f"{python} print('ready', flush=True); time.sleep(60) or print('on', flush=True)"
    words = [*command, "-c", f'exec /usr/bin/env python3 -c "{program}"']
    process = CrashProcess(words, scratch, Limits(1 << 30), sandboxed=True)
    try:
        if process.wait_for("ready", 30) is not Waited.FOUND:
            pytest.skip("no python3 in /usr")
        process.interrupt()
        assert process.wait_for("caught", 30) is Waited.FOUND
    finally:
        process.kill()


def test_without_bubblewrap_there_are_limits_and_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = choose("auto", SHELL, ())
    assert (found.kind, found.reason) == ("limits", "bubblewrap is not installed")
    assert found.command(SHELL, tmp_path, ()) == ["/bin/sh"]
    with pytest.raises(SessionError, match="not installed") as caught:
        choose("bubblewrap", SHELL, ())
    assert "VMTRIAGE_SANDBOX=auto" in caught.value.next_step


def test_a_bubblewrap_that_may_not_work_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bwrap = tmp_path / "bwrap"
    bwrap.write_text(
        "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2; exit 1\n"
    )
    bwrap.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = choose("auto", SHELL, ())
    assert found.kind == "limits"
    assert "No permissions to create new namespace" in found.reason


def test_a_site_can_do_without_bubblewrap() -> None:
    assert choose("limits", SHELL, ()).reason == "VMTRIAGE_SANDBOX=limits"


@walled
def test_a_dump_that_only_the_privileged_may_read_is_read_without_walls(tmp_path: Path) -> None:
    """root without its capabilities cannot read what belongs to others."""
    dump = tmp_path / "vmcore"
    dump.write_text("of another user")
    try:
        os.chown(dump, 12345, 12345)
    except PermissionError:
        pytest.skip("only root can give a file away")
    dump.chmod(0o600)
    found = choose("auto", SHELL, (dump,))
    assert (found.kind, "cannot be read" in found.reason) == ("limits", True)
