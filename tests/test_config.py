"""The configuration file: what is wrong is told with its line, all at once, and no secret ever."""

import base64
import itertools
import os
import tomllib
from pathlib import Path
from urllib.parse import quote

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from vmtriage.cli import main
from vmtriage.errors import BadConfig
from vmtriage.fleet.config.lines import Lines
from vmtriage.fleet.config.model import Config
from vmtriage.fleet.config.read import parse
from vmtriage.fleet.notify.secrets import Secret, masked
from vmtriage.settings import Settings

JIRA = '[notifiers.ops]\nkind = "jira"\nurl = "https://jira"\nproject = "X"\ntoken_env = "T"\n'


def wrong(text: str) -> list[str]:
    with pytest.raises(BadConfig) as caught:
        parse(text, "f.toml")
    assert caught.value.exit_code == 78
    assert "vmtriage config check" in caught.value.next_step
    return caught.value.message.splitlines()


@pytest.mark.parametrize("text", ["", "\n", "  \r\n\t\n"])
def test_a_file_that_is_being_written_is_not_taken_for_one_that_wants_nothing(text: str) -> None:
    assert wrong(text) == ["f.toml: it is empty: it may be being written just now"]


def test_a_file_of_comments_alone_leaves_all_as_it_is() -> None:
    assert parse("# nothing yet\n", "f.toml") == Config()


def test_every_mistake_is_told_at_once_by_its_line() -> None:
    text = """\
shares = [
  "/srv/crash",
  5,          # a number
  "relative",
]
Base-url = "x"

[analysis]
crash = "crash"
bugdet_s = 4

[notifiers.ops]
kind = "jira"
url = "https://jira"

[notifiers]
x = {kind = "jirra"}
chat.kind = "apprise"
chat.url_env = "X"

[[routes]]
to = "ops"

[[routes]]
too = "cha"
to = ["cha",
  "ops",
  "oops"]
states = ["newish"]
"""
    told = [line.partition(": ") for line in wrong(text)]
    assert [place for place, _, _ in told] == [
        f"f.toml:{n}" for n in (3, 4, 6, 10, 12, 17, 25, 26, 28, 29)
    ]
    words = dict(
        zip([int(place[7:]) for place, _, _ in told], [w for _, _, w in told], strict=True)
    )
    assert words[4] == "shares[3]: give the whole path, from / on"
    assert words[6] == "Base-url: no such key; did you mean base_url?"
    assert words[10] == "analysis.bugdet_s: no such key; did you mean budget_s?"
    assert words[12] == "notifiers.ops.project: is missing"
    assert words[17].startswith("notifiers.x.kind: there is no such kind; there are 'jira'")
    assert words[25] == "routes[2].too: no such key; did you mean to?"
    assert words[26] == "routes[2].to[1]: there is no notifier 'cha'; did you mean chat?"
    assert words[28] == "routes[2].to[3]: there is no notifier 'oops'; did you mean ops?"
    assert words[29].startswith("routes[2].states[1]: ")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("site = \n", 1, "Invalid value"),
        ('site = "/a"\n\nsite = "/b"\n', 3, "Cannot overwrite a value"),
        ('# x\n[analysis\ncrash = "x"\n', 2, "Expected ']'"),
        ('x = """\n\n', 1, "Unterminated string"),
        ("jobs = 0\n", 1, "greater than or equal to 1"),
        ('\n\n[listen]\nlog_size = "x"\n', 4, "valid integer"),
        ('listen.log_sise = 5\n', 1, "did you mean log_size?"),
        ('listen = {log_size = 5000,\tlog_dirs = "/x"}\n', 1, "did you mean log_dir?"),
        ('base_url = "ftp://x"\n', 1, "no http or https address"),
        ('metrics = "/x/y.txt"\n', 1, "end in .prom"),
        ('store = "crash.sqlite"\n', 1, "whole path"),
        ('[[routes]]\nhosts = ["a"]\n', 1, "either `to`"),
        ('[[routes]]\ndrop = true\n[[routes]]\nmatch = "("\ndrop = true\n', 4, "missing )"),
        (f'{JIRA}fields.x = 1\nlabels = ["a b"]\n', 7, "should match"),
        (JIRA.replace("token_env", "token_file"), 5, "whole path"),
        (JIRA.replace('token_env = "T"\n', ""), 1, "needs one of token_env"),
        (f'{JIRA}token_file = "/x"\n', 1, "needs only one of token_env"),
        (f'{JIRA}[notifiers."a b"]\nkind = "exec"\n', 6, "match pattern"),
        ('[notifiers.m]\nkind = "mail"\nserver = "m"\nsender = "a@b\\nBcc: c@d"\nto = ["a@b"]\n',
         4, "no mail address"),
        ('notifiers.x = 5\n', 1, "notifiers.x"),
        ('notifiers = 5\n', 1, "notifiers"),
        ('routes = [{to = "x"}]\n', 1, "there is no notifier 'x'"),
    ],
)  # fmt: skip
def test_a_mistake_has_file_line_and_words(text: str, line: int, words: str) -> None:
    told = wrong(text)
    assert [each for each in told if each.startswith(f"f.toml:{line}: ") and words in each], told


_KEYS = st.sampled_from(["a", "b", "c-d", '"e f"', "g"])


@st.composite
def _files(draw: st.DrawFn) -> str:
    """Files with tables, arrays of tables, dotted keys, inline tables, arrays over many lines."""
    number = itertools.count()
    lines = []
    for _ in range(draw(st.integers(1, 6))):
        form = draw(st.integers(0, 6))
        key = f"k{next(number)}"
        pad = draw(st.sampled_from(["", "# note = 1\n", "\n\n"]))
        inner = draw(_KEYS)
        lines.append(pad + {
            0: f"{key} = 1",
            1: f"{key}.{inner}.x = [1, 2]",
            2: f"{key} = {{{inner} = 1, z = [{{y = 2}}]}}",
            3: f"{key} = [\n  1,\n  [2,\n 3],\n  # x = 1\n  {{{inner} = 4}},\n]",
            4: f'{key} = """\n[t]\nx = 1\n"""',
            5: f"[t{next(number)}]\n{inner} = 1\n[t{next(number)}.{inner}.y]\nx = '''\n'''",
            6: f"[[l{next(number)}.{inner}]]\nx = 1\n\n[[m]]\n{inner} = 1\n[m.n]\n[[m]]\nq=1",
        }[form])  # fmt: skip
    return "\n".join(lines) + draw(st.sampled_from(["", "\n", "\n# end"]))


def _paths(data: object, where: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    steps = data.items() if isinstance(data, dict) else enumerate(data) \
        if isinstance(data, list) else ()  # fmt: skip
    return [where, *(p for key, each in steps for p in _paths(each, (*where, key)))]


@given(_files())
def test_every_key_has_a_line_on_which_it_stands(text: str) -> None:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    lines, told = text.split("\n"), Lines(text)
    for where in _paths(data):
        number = told.of(where)
        assert 1 <= number <= len(lines)
        last = where[-1] if where else None
        if isinstance(last, str):
            assert last in lines[number - 1]


def test_the_example_is_sound_and_shows_every_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIRA_TOKEN", "x")
    done = CliRunner().invoke(main, ["config", "check", "examples/vmtriage.toml"])
    assert (done.exit_code, done.output) == (
        0, "examples/vmtriage.toml: sound, 2 notifiers, 3 routes\n"
    )  # fmt: skip
    text = Path("examples/vmtriage.toml").read_text("utf-8")
    # with everything that is switched off switched on it is sound, too
    on = text.replace("# Lines with # before", "").replace("\n# ", "\n").splitlines()
    keys = [each for each in on if each.startswith(("[", "a")) or " = " in each]
    assert len(keys) > 70
    whole = "\n".join(each for each in keys if not each.startswith(("token_file", "store_")))
    told = parse(whole, "all")
    assert {each.kind for each in told.notifiers.values()} == {
        "jira", "gitlab", "github", "mail", "apprise", "alertmanager", "exec", "nagios", "webhook",
    }  # fmt: skip
    assert told.listen.bind == ("0.0.0.0:6666",)


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VMTRIAGE_BUDGET_S", "7")
    monkeypatch.setenv("VMTRIAGE_CRASH", "/env/crash")
    told = parse(
        '[analysis]\ncrash = "/file/crash"\nslim = false\npacks = ["/a", "/b"]\nmemory_bytes = 9\n',
        "f",
    )
    settings = told.settings()
    assert (settings.crash, settings.budget_s, settings.slim) == ("/env/crash", 7, False)
    assert settings.packs == (Path("/a"), Path("/b"))
    child = told.environment()
    assert child == {
        "VMTRIAGE_SLIM": "0", "VMTRIAGE_PACKS": "/a:/b", "VMTRIAGE_MEMORY_BYTES": "9"
    }  # fmt: skip
    for name, value in child.items():
        monkeypatch.setenv(name, value)
    assert Settings.from_environment() == settings, "a child reads the same"


# -- secrets --------------------------------------------------------------------------------------

SECRET = "s3cr3t-w0rd"


@pytest.mark.parametrize(
    "text",
    [
        JIRA.replace('token_env = "T"', f'token = "{SECRET}"'),
        JIRA.replace("https://jira", f"https://u:{SECRET}@jira"),
        JIRA.replace("https://jira", f"htps://{SECRET}"),
        f'store = "postgresql://u:{SECRET}@db/x"\n',
        f'[notifiers.m]\nkind = "mail"\npassword = "{SECRET}"\n',
        f'[notifiers.m]\nkind = "apprise"\nurl = "slack://{SECRET}"\n',
        f'[notifiers.m]\nkind = "webhook"\nurl = "slack://{SECRET}"\n',
        f'[notifiers.m]\nkind = "gitlab"\nproject = "{SECRET}"\ntoken_env = ["{SECRET}"]\n',
        f'token = "{SECRET}"\n',
        f'[analysis]\ndebuginfo_command = 5\nstart_timeout_s = "{SECRET}"\n',
        f'x = "{SECRET}\n',
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(text: str, tmp_path: Path) -> None:
    path = tmp_path / "f.toml"
    path.write_text(text)
    done = CliRunner().invoke(main, ["config", "check", str(path)])
    assert done.exit_code == 78
    assert SECRET not in done.output
    assert SECRET not in repr(done.exception)


@pytest.mark.parametrize(
    ("mode", "words"),
    [(0o644, "chmod 600"), (0o640, "chmod 600"), (0o700, "chmod 600"), (0o604, "chmod 600")],
)
def test_a_file_that_others_can_read_is_refused(mode: int, words: str, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(SECRET)
    token.chmod(mode)
    path = tmp_path / "f.toml"
    path.write_text(JIRA.replace('token_env = "T"', f'token_file = "{token}"'))
    done = CliRunner().invoke(main, ["config", "check", "--config", str(path)])
    assert done.exit_code == 78
    assert f"{words} {token}" in done.output
    assert "notifiers.ops" in done.output
    assert SECRET not in done.output
    token.chmod(0o400)
    done = CliRunner().invoke(main, ["config", "check", str(path)])
    assert done.exit_code == 0
    assert SECRET not in done.output


def test_only_a_regular_file_of_ours_with_something_in_it_is_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "token"

    def why() -> str:
        return Secret(key="token", file=path).problem()

    assert "No such file" in why()
    os.mkfifo(path, 0o600)
    assert "no regular file" in why()
    path.unlink()
    path.touch(0o600)
    assert "holds no secret" in why()
    path.write_text(f"{SECRET}\n")
    assert Secret(key="token", file=path).read().get_secret_value() == SECRET
    assert SECRET not in repr(Secret(key="token", file=path).read())
    path.chmod(0o440)
    assert "mode 0440" in why()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert why() == "", "systemd's own directory, with an access list"
    if os.geteuid() == 0:
        path.chmod(0o400)
        os.chown(path, 12345, -1)
        assert "belongs to user 12345" in why()


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=6, max_size=30))
def test_a_secret_is_masked_in_whatever_form(value: str) -> None:
    both = base64.b64encode(f"robot:{value}".encode()).decode()
    text = f"a {value} b {quote(value, safe='')} c {both} d"
    for secret in (SecretStr(f"Basic {both}"), SecretStr(f"Bearer {value}"), SecretStr(value)):
        assert value not in masked(text, [secret])
    assert both not in masked(text, [SecretStr(f"Basic {both}")])
