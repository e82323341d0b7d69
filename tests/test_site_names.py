"""Names of strangers as parts of addresses."""

import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vmtriage.report.site import names

HOSTILE = [
    "", ".", "..", "../../etc/passwd", "/", "a/b", "<script>alert(1)</script>", "x" * 300, "a\nb",
    "a\0b", "%2e%2e%2f", "ﬀ", "näme", "日本", "\u202e", "\ud800", "con", "index.html", "page-2",
    "feed.xml", "-rf", "~", "a~b", "a b", "host.", ".hidden", "A", "a",
]  # fmt: skip
ANYTHING = st.one_of(st.sampled_from(HOSTILE), st.text(), st.text("aA.~-_/%"))


@given(ANYTHING)
def test_a_segment_is_one_harmless_part_of_a_path(name: str) -> None:
    made = names.segment(name)
    assert re.fullmatch(r"[a-z0-9_~][a-z0-9._~-]*", made)
    assert len(made) <= 100
    assert Path("/site/h", made).resolve().parent == Path("/site/h")
    assert not re.fullmatch(r"index\.html|index\.json|feed\.xml|page-\d+", made)  # are ours


@given(ANYTHING, ANYTHING)
@example("Host", "host")
@example("host", names.segment("Host"))
@example("", names.segment(""))
@example("\u212a", "k")  # the Kelvin sign is a k in lower case
def test_two_names_never_share_a_segment(one: str, other: str) -> None:
    """Not even where file names are compared without case."""
    assert (names.segment(one).casefold() == names.segment(other).casefold()) == (one == other)


@pytest.mark.parametrize("name", ["web-01.example.com", "application_1526_0042", "nvidia", "x86"])
def test_a_plain_name_stays_as_it_is(name: str) -> None:
    assert names.segment(name) == name


def test_addresses_of_tickets_never_change() -> None:
    assert names.problem("0165df2434f6") == "p/0165df2434f6"
    assert names.dump("d82d9410cba34280") == "d/d82d9410cba34280"
    assert names.host("Web-01.Example.com") == "h/web-01.example.com~f4fe96ecb38aff03"
    assert names.culprit("container", "<evil>/../") == "c/container/evil~ade758f6c0b8d795"
