"""Names on a share: what is read from them, and what no name may break."""

import json
import os
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmtriage.errors import BadConfig
from vmtriage.fleet.share import HostName, HostNames, filenames, placenames
from vmtriage.models.found import Found, FoundFile, Identity, path_of, path_text

HOSTS = st.from_regex(r"[a-z][a-z0-9]{0,9}([.-][a-z][a-z0-9]{1,6}){0,3}", fullmatch=True).filter(
    placenames.host
)
TIMES = st.datetimes(datetime(1990, 1, 1), datetime(2089, 12, 31))
ADDRESSES = st.ip_addresses().filter(lambda each: not each.is_loopback and not each.is_unspecified)
RAW = st.binary(min_size=1, max_size=40).filter(lambda raw: not {0, 47} & set(raw))


@given(HOSTS | ADDRESSES.map(str), TIMES)
def test_what_kdump_writes_into_a_name_is_read_from_it(host: str, time: datetime) -> None:
    utc = time.replace(tzinfo=UTC, microsecond=0)
    for form, exact in (("%Y-%m-%d-%H:%M:%S", True), ("%Y.%m.%d-%H:%M:%S", True),
                        ("%Y-%m-%d-%H_%M_%S", True), ("%Y-%m-%d-%H:%M", False),
                        ("%Y%m%d%H%M", False)):  # fmt: skip
        told = placenames.parse(f"{host}-{time.strftime(form)}")
        assert told.host == host
        assert told.time == (utc if exact else utc.replace(second=0))
        assert placenames.parse(time.strftime(form)).host is None


@given(st.ip_addresses(v=6))
def test_an_address_is_the_same_however_it_is_spelled(address: object) -> None:
    short, long = str(address), ip_address(str(address)).exploded
    forms = (short, long, short.replace(":", "_"), long.replace(":", "-"), f"[{short}]",
             f"{short}%eth0", short.upper())  # fmt: skip
    assert {placenames.address(form) for form in forms} == {short}


@pytest.mark.parametrize(
    "name",
    ["2026-13-45-15:04:05", "202613451504", "web01", "", "-", "....", "2026-01-02", "12:34:56"],
)
def test_digits_that_are_no_time_are_none(name: str) -> None:
    assert placenames.parse(name) == placenames.PlaceName()


@given(st.text(max_size=60) | RAW.map(os.fsdecode))
def test_no_name_breaks_a_rule(name: str) -> None:
    told = filenames.parse(name)
    assert told is None or told.key == "" or told.key in name or told.stamp
    placenames.parse(name)


@given(RAW)
def test_a_path_survives_as_text_whatever_its_bytes(raw: bytes) -> None:
    path = Path(os.fsdecode(b"/srv/" + raw))
    text = path_text(path)
    assert os.fsencode(path_of(json.loads(json.dumps(text)))) == os.fsencode(path)
    assert FoundFile.model_validate_json(
        FoundFile(path=text, size=1, mtime_ns=2).model_dump_json()
    ).real == path  # fmt: skip


@given(RAW, RAW)
def test_two_paths_are_never_one_text(one: bytes, other: bytes) -> None:
    texts = {path_text(os.fsdecode(each)) for each in (one, other)}
    assert len(texts) == len({one, other})


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
def test_an_ordinary_path_is_its_own_text(text: str) -> None:
    if not any(0xEF80 <= ord(char) <= 0xEFFF for char in text):
        assert path_text(text) == text


def found(host: str | None) -> Found:
    return Found(share="/s", place="p", layout="rhel", kind="vmcore", host=host)


def identity(nodename: str | None) -> Identity:
    return Identity(id="0" * 16, nodename=nodename, size=1)


@pytest.mark.parametrize(
    ("nodename", "host", "expected"),
    [
        ("web01.example.org", "10.1.2.3", HostName("web01.example.org", "dump")),
        ("web01", None, HostName("web01", "dump")),
        (None, "10.1.2.3", HostName("mail1", "map")),
        ("localhost", "10.1.2.3", HostName("mail1", "map")),
        ("(none)", "2001:db8::7", HostName("mail6", "map")),
        ("localhost.localdomain", "2001:db8:0:0::7", HostName("mail6", "map")),
        ("kdump", "db7", HostName("db7", "directory")),
        ("", "db7", HostName("db7", "directory")),
        ("10.1.2.3", None, HostName("mail1", "map")),
        ("10.9.9.9", "db7", HostName("db7", "directory")),
        ("(none)", "10.9.9.9", HostName("10.9.9.9", "address")),
        ("192.0.2.1", None, HostName("192.0.2.1", "address")),
        (None, None, HostName("unknown", "unknown")),
        ("\x1b[31mroot", None, HostName("unknown", "unknown")),
        ("a b", "db7", HostName("db7", "directory")),
    ],
)
def test_a_host_has_a_name_where_there_is_one(
    nodename: str | None, host: str | None, expected: HostName, tmp_path: Path
) -> None:
    table = tmp_path / "names"
    table.write_text("10.1.2.3 mail1\n2001:db8::7 mail6 # by IPv6\n")
    assert HostNames(table).name(found(host), identity(nodename)) == expected


def test_before_a_dump_is_opened_the_directory_tells() -> None:
    assert HostNames().name(found("db7")) == HostName("db7", "directory")


def test_a_wrong_map_is_told_by_its_line(tmp_path: Path) -> None:
    (tmp_path / "names").write_text("10.1.2.3 mail1\nmail2 10.1.2.4\n")
    with pytest.raises(BadConfig, match=":2: 'mail2' is no IP address"):
        HostNames(tmp_path / "names")
