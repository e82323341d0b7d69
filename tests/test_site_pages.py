"""The site's pages: whole, linked, without a stranger's markup, with JSON and a valid feed."""

import json
import re
import xml.etree.ElementTree as ET
from datetime import timedelta
from pathlib import Path

import feedparser
import pytest

from tests.fleet import NOW, dump_id, fleet, make_occurrence, yarn, yarn_fleet
from tests.site_book import Shelved, like, not_read, shared, tried
from tests.site_trees import Page, broken_links, texts
from vmtriage.fleet.site import write
from vmtriage.models.finding import CrashClass
from vmtriage.models.occurrence import Occurrence
from vmtriage.models.problem import ProblemView
from vmtriage.report.site import data, names
from vmtriage.report.site.rows import Row

ATOM = "{http://www.w3.org/2005/Atom}"
EVIL = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "../../../etc/passwd", "",
    "a\nb\r\x1b[31m", "%2e%2e/%00", "\u202eevil\u2066", "x" * 300, "HOST", "host", "{{ 7*7 }}",
    "javascript:alert(1)", "</title><svg onload=alert(1)>", "]])\nalert(1)//",
]  # fmt: skip


def evil_crash(number: int, text: str) -> Occurrence:
    """Everything a dump may bring is `text`."""
    blamed = yarn().model_copy(
        update={"name": text, "application": text, "path": text, "reason": text,
                "owner_hint": text, "pod": text, "runtime": text}
    )  # fmt: skip
    return make_occurrence(
        9000 + number, host=text, title=text, summary=text, release=text, hardware=text,
        firmware=text, distro=text, module=text, frames=(text or "f", "g"), share=text,
        place=text, culprit=blamed, crash_class=CrashClass.BUG, problem=f"{number:012x}",
        taint=(text,), signatures_revision=text,
    )  # fmt: skip


def book() -> Shelved:
    made = Shelved()
    lockups = yarn_fleet()
    others = [
        each.model_copy(update={"dump": dump_id(2000 + number)})
        for number, each in enumerate(fleet(60))
    ]
    made.put(*lockups, *others)
    lockup = lockups[0].problem
    made.states[lockup] = ("spreading", "new")
    made.extras[lockup] = {
        "common": (shared(9, 11, "the same YARN application on 9 of 11 dumps", "stop it"),),
        "near": (like(others[0].problem, 0.25, "the same but for one frame"),),
        "reasons": ("eleven hosts within a day",),
        "ticket": "https://tickets.example.com/OPS-17",
    }
    made.ledger = {dump: tried(each) for dump, each in made.crashes.items()}
    made.waits = not_read()
    made.files[lockups[0].dump] = Path("reports/examples/centos7-cfs-lockup").resolve()
    return made


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("sites") / "site"
    write(made, book(), store="test", now=NOW)
    return made


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = Shelved()
    made.put(*(evil_crash(number, text) for number, text in enumerate(EVIL)))
    for number, text in enumerate(EVIL):
        made.states[f"{number:012x}"] = ("new",)
        made.extras[f"{number:012x}"] = {
            "reasons": (text,), "common": (shared(1, 1, text, text),),
            "near": (like("0" * 12, 0.5, text),), "ticket": text,
        }  # fmt: skip
    there = tmp_path_factory.mktemp("sites") / "hostile"
    write(there, made, store="<evil>\n&", now=NOW)
    return there


def page(site: Path, directory: str) -> Page:
    return Page((site / directory / "index.html").read_text(encoding="utf-8"))


def test_every_link_leads_to_a_file(site: Path, hostile: Path) -> None:
    assert broken_links(site) == []
    assert broken_links(hostile) == []


def test_the_overview_begins_with_what_wants_somebody(site: Path) -> None:
    text = page(site, "").text
    assert "71 crashes of 7 problems on" in text
    first = text.index("Look at these first")
    assert first < text.index("spreading") < text.index("Problems, seen last first")
    assert "the same YARN application on 9 of 11 dumps" in text
    assert "4 not read, 1 in quarantine" in text


def test_a_site_without_a_crash_says_so(tmp_path: Path) -> None:
    write(tmp_path / "s", Shelved(), store="test", now=NOW)
    assert "No crash yet" in page(tmp_path / "s", "").text
    assert "All that was found is read" in page(tmp_path / "s", "unread").text
    assert broken_links(tmp_path / "s") == []
    required_by_the_rfc(ET.parse(tmp_path / "s" / "feed.xml").getroot())


def test_the_problem_tells_what_its_crashes_share(site: Path) -> None:
    told = page(site, names.problem(yarn_fleet()[0].problem))
    for said in ("eleven hosts within a day", "the same YARN application on 9 of 11 dumps",
                 "stop it", "hadoop-001.example.com", "application_1526_0042",
                 "CFS bandwidth timer never ends", "3.10.0-693.11.1.el7",
                 "the same but for one frame", "75 %"):  # fmt: skip
        assert said in told.text
    assert "https://tickets.example.com/OPS-17" in told.links


def test_the_dump_leads_to_report_problem_host_and_culprit(site: Path) -> None:
    crash = yarn_fleet()[0]
    told = page(site, names.dump(crash.dump))
    ways = [
        "report.html", "report.md", "report.json",
        f"../../{names.problem(crash.problem)}/index.html",
        f"../../{names.host(crash.host)}/index.html",
        "../../c/application/application_1526_0042/index.html",
    ]  # fmt: skip
    assert [way for way in ways if way not in told.links] == []
    assert "crash was still opening the dump when its time was over" in told.text


def test_nothing_that_was_not_read_is_forgotten(site: Path) -> None:
    told = page(site, "unread").text
    for each in not_read():
        assert each.place in told
        assert each.reason in told
    assert "In quarantine" in page(site, names.dump("00000000deadbeef")).text


def test_a_crash_known_by_its_log_says_so(tmp_path: Path) -> None:
    made = Shelved()
    made.put(make_occurrence(1, stage="log"))
    write(tmp_path / "site", made, store="test", now=NOW)
    told = page(tmp_path / "site", names.dump(dump_id(1))).text
    assert "Of the kernel log alone" in told
    assert "log only" in page(tmp_path / "site", names.host("hadoop-001.example.com")).text


ALLOWED = {
    "html", "head", "meta", "title", "style", "link", "body", "a", "header", "nav", "main",
    "footer", "p", "section", "h1", "h2", "h3", "div", "b", "span", "svg", "path", "rect",
    "figure", "figcaption", "table", "thead", "tbody", "tr", "th", "td", "time", "code", "wbr",
    "form", "label", "input", "select", "option", "datalist", "button", "noscript", "article",
    "ul", "li", "ol", "details", "summary", "dl", "dt", "dd", "br", "strong", "script",
}  # fmt: skip


def test_a_strangers_text_never_becomes_markup(hostile: Path) -> None:
    for path in hostile.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        told = Page(text)
        assert {tag for tag, _ in told.tags} <= ALLOWED
        assert sum(tag == "script" for tag, _ in told.tags) == (path.parent == hostile)
        for tag, attrs in told.tags:
            assert not [name for name in attrs if name.startswith("on") or name == "style"]
            href = attrs.get("href") or ""
            assert not re.match(r"\s*(javascript|data|vbscript):", href, re.I), (tag, href)
        assert not re.search("[\u202a-\u202e\u2066-\u2069\x1b]", text)


def test_a_strangers_text_is_shown(hostile: Path) -> None:
    hosts = page(hostile, "h").text
    assert "<script>alert(1)</script>" in hosts
    assert r"a\nb\r\x1b[31m" in hosts
    assert "(no name)" in hosts
    assert "x" * 300 in hosts
    assert len(list((hostile / "h").glob("host*"))) == 2  # HOST and host


def test_every_page_forbids_what_it_does_not_need(site: Path) -> None:
    for path in site.rglob("index.html"):
        told = Page(path.read_text(encoding="utf-8"))
        (policy,) = [a["content"] for t, a in told.tags if t == "meta" and "http-equiv" in a
                     and a["http-equiv"] == "Content-Security-Policy"]  # fmt: skip
        assert policy
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert ("script-src" in policy) == (path.parent == site)
        assert "unsafe" not in policy


def test_every_page_is_for_everybody(site: Path) -> None:
    """Landmarks, one first heading, headers of columns, words for pictures, names of fields."""
    for path in site.rglob("index.html"):
        told = Page(path.read_text(encoding="utf-8"))
        tags = [tag for tag, _ in told.tags]
        assert tags.count("main") == tags.count("h1") == tags.count("header") == 1, path
        assert ("html", {"lang": "en"}) in told.tags
        for tag, attrs in told.tags:
            if tag == "th":
                assert attrs.get("scope") == "col"
            if tag == "svg":
                assert attrs.get("aria-label") or attrs.get("aria-hidden") == "true"
        ids = [attrs["id"] for _, attrs in told.tags if "id" in attrs]
        assert len(ids) == len(set(ids)), path


def test_beside_every_page_is_its_json(site: Path, hostile: Path) -> None:
    for path in [*site.rglob("index.html"), *hostile.rglob("index.html")]:
        told = json.loads(path.with_name("index.json").read_text(encoding="utf-8"))
        assert told["schema"].startswith("vmtriage/site/")
    crash = yarn_fleet()[0]
    told = json.loads((site / names.problem(crash.problem) / "index.json").read_text())
    assert ProblemView.model_validate(told["problem"]).id == crash.problem
    told = json.loads((site / names.dump(crash.dump) / "index.json").read_text())
    assert Occurrence.model_validate(told["occurrence"]) == crash


def test_the_searchs_data_holds_every_crash_as_it_is(hostile: Path) -> None:
    rows: list[Row] = []
    for path in (hostile / "data").glob("crashes-*.js"):
        text = path.read_text(encoding="utf-8")
        assert text.isascii()
        assert "<" not in text
        rows += data.read_crashes(text)
    assert sorted(row.host for row in rows) == sorted(EVIL)


# -- feeds ----------------------------------------------------------------------------------------


def required_by_the_rfc(feed: ET.Element) -> None:
    """RFC 4287, 4.1: what a feed and an entry must have once, and where an author must be."""
    for element in [feed, *feed.findall(f"{ATOM}entry")]:
        for name in ("id", "title", "updated"):
            assert len(element.findall(ATOM + name)) == 1
        assert re.fullmatch(
            r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", element.findtext(f"{ATOM}updated", "")
        )
        assert re.fullmatch(r"tag:[a-z0-9.-]+,\d{4}:[\w./~-]+", element.findtext(f"{ATOM}id", ""))
        alternates = [e for e in element.findall(f"{ATOM}link") if e.get("rel") == "alternate"]
        assert len(alternates) == 1
    assert feed.find(f"{ATOM}author/{ATOM}name") is not None
    ids = [e.text for e in feed.iter(f"{ATOM}id")]
    assert len(ids) == len(set(ids))


def test_feeds_keep_the_rules(site: Path, hostile: Path) -> None:
    feeds = [*site.rglob("feed.xml"), *hostile.rglob("feed.xml")]
    assert len(feeds) == 2 + 7 + len(EVIL)
    for path in feeds:
        required_by_the_rfc(ET.parse(path).getroot())
        parsed = feedparser.parse(path.read_bytes())
        assert not parsed.bozo, parsed.get("bozo_exception")
        assert parsed.version == "atom10"
        assert parsed.entries


def test_a_feed_tells_the_newest_and_links_to_them(tmp_path: Path) -> None:
    made = book()
    write(tmp_path / "s", made, store="test", now=NOW, base_url="https://crash.example.com/fleet")
    parsed = feedparser.parse((tmp_path / "s" / "feed.xml").read_bytes())
    newest = max(made.crashes.values(), key=lambda each: each.first_seen)
    assert parsed.entries[0].link == f"https://crash.example.com/fleet/d/{newest.dump}/"
    assert parsed.entries[0].title == f"{newest.host}: {newest.title}"
    assert parsed.feed.links[0].href == "https://crash.example.com/fleet/feed.xml"


def test_an_entry_keeps_its_id_when_the_dump_is_read_in_full(tmp_path: Path) -> None:
    made = Shelved()
    log = make_occurrence(1, stage="log", confidence="low")
    made.put(log)
    made.ledger[log.dump] = tried(log)[:1]
    write(tmp_path / "s", made, store="test", now=NOW)
    before = feedparser.parse((tmp_path / "s" / "feed.xml").read_bytes()).entries[0]
    made.ledger[log.dump] = tried(log)
    made.put(log.model_copy(update={"stage": "full"}))
    write(tmp_path / "s", made, store="test", now=NOW + timedelta(minutes=1))
    after = feedparser.parse((tmp_path / "s" / "feed.xml").read_bytes()).entries[0]
    assert after.id == before.id
    assert after.updated > before.updated


def test_no_address_of_this_machine_is_told(site: Path) -> None:
    for path, text in texts(site).items():
        if "report." not in path:
            assert str(site).encode() not in text
