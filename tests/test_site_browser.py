"""The site in a real browser, from the disk and through a web server below a prefix."""

import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import browser
from tests.fleet import NOW, make_occurrence, yarn_fleet
from tests.test_site_pages import EVIL, book, evil_crash
from vmtriage.fleet.site import write
from vmtriage.report.site import names

if TYPE_CHECKING:
    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

LOCKUP = "hard lockup in unthrottle_cfs_rq"


@pytest.fixture(scope="module")
def chrome() -> Iterator["Chrome"]:
    if lacking := browser.missing():
        if os.environ.get("VMTRIAGE_LIVE") == "required":
            pytest.fail(f"no browser: {lacking}")
        pytest.skip(", ".join(lacking))
    with browser.chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = book()
    made.put(*(evil_crash(number, text) for number, text in enumerate(EVIL)))
    made.put(make_occurrence(700, host="100 %.example.com", stage="log"))
    there = tmp_path_factory.mktemp("served") / "below" / "a prefix"
    write(there, made, store="test", now=NOW)
    return there


@pytest.fixture(scope="module")
def server(site: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = partial(Quiet, directory=str(site.parents[1]))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}/below/a%20prefix/"
        http.shutdown()
        thread.join()


@pytest.fixture(params=["disk", "server"])
def root(request: pytest.FixtureRequest, site: Path) -> str:
    """The site's address with a / at its end."""
    if request.param == "disk":
        return browser.url(site) + "/"
    return str(request.getfixturevalue("server"))


def css(chrome: "Chrome", selector: str) -> list["WebElement"]:
    return chrome.find_elements("css selector", selector)


def until(chrome: "Chrome", true: Callable[[], bool]) -> None:
    from selenium.webdriver.support.wait import WebDriverWait

    WebDriverWait(chrome, 30).until(lambda _: true())


def click(chrome: "Chrome", text: str) -> None:
    """Follow the first visible link with this text, as a reader would."""
    was = chrome.current_url
    link = next(each for each in chrome.find_elements("link text", text) if each.is_displayed())
    link.click()
    until(chrome, lambda: chrome.current_url != was)


def said(chrome: "Chrome") -> str:
    return chrome.find_element("id", "said").text


def ask(chrome: "Chrome", **fields: str) -> None:
    """Type into the form."""
    from selenium.webdriver.support.ui import Select

    for name, value in fields.items():
        field = chrome.find_element("css selector", f"#find [name={name}]")
        if field.tag_name == "select":
            Select(field).select_by_value(value)
        else:
            field.clear()
            field.send_keys(value)


def test_from_the_overview_to_the_report_and_back(chrome: "Chrome", root: str) -> None:
    chrome.get(root + "index.html")
    assert css(chrome, "article h3")[0].text == LOCKUP
    click(chrome, LOCKUP)
    assert chrome.find_element("tag name", "h1").text == LOCKUP
    click(chrome, "hadoop-001.example.com")
    assert chrome.find_element("tag name", "h1").text == "hadoop-001.example.com"
    click(chrome, "report")
    click(chrome, "Full report")
    assert "XXXXXX-YYY-ZZZ" in chrome.find_element("tag name", "main").text
    chrome.back()
    click(chrome, "application_1526_0042")
    assert chrome.find_element("tag name", "h1").text == "application_1526_0042"
    click(chrome, "vmtriage")
    assert "crashes of" in chrome.find_element("tag name", "h1").text
    for name in ("Problems", "Hosts", "Culprits", "Not read"):
        click(chrome, name)
        assert css(chrome, "h1")[0].text
    assert browser.complaints(chrome) == []


def test_the_link_in_a_ticket_works_without_a_file_name(chrome: "Chrome", server: str) -> None:
    crash = yarn_fleet()[0]
    chrome.get(f"{server}{names.problem(crash.problem)}/")
    assert chrome.find_element("tag name", "h1").text == LOCKUP
    chrome.get(f"{server}{names.dump(crash.dump)}/")
    click(chrome, LOCKUP)
    assert chrome.find_element("tag name", "h1").text == LOCKUP


def test_search_finds_by_every_field(chrome: "Chrome", root: str) -> None:
    for fields, answer in (
        ({"text": "unthrottle hadoop-00"}, "9 crashes of 1 problem on 9 hosts"),
        ({"class": "hard_lockup", "host": "hadoop-"}, "11 crashes of 1 problem on 11 hosts"),
        ({"culprit": "1526_0007"}, "1 crash of 1 problem on 1 host"),
        ({"host": "HADOOP-011"}, "1 crash of 1 problem on 1 host"),
        ({"text": "no such thing"}, "Nothing fits."),
    ):
        chrome.get("about:blank")
        chrome.get(root + "index.html")
        ask(chrome, **fields)
        until(chrome, lambda answer=answer: said(chrome) == answer)  # type: ignore[misc]
    chrome.get("about:blank")
    chrome.get(root + "index.html")
    ask(chrome, state="spreading", kernel="327")
    until(chrome, lambda: "of 1 problem" in said(chrome))
    assert css(chrome, "#found-problems a")[0].text == LOCKUP
    assert browser.complaints(chrome) == []


def test_a_search_can_be_sent_to_somebody(chrome: "Chrome", root: str) -> None:
    chrome.get("about:blank")
    chrome.get(root + "index.html#host=hadoop-003&class=hard_lockup")
    until(chrome, lambda: said(chrome) == "1 crash of 1 problem on 1 host")
    assert chrome.find_element("css selector", "[name=host]").get_attribute("value") == "hadoop-003"
    click(chrome, "report")
    assert chrome.current_url.endswith(f"/d/{yarn_fleet()[2].dump}/index.html")
    chrome.back()
    until(chrome, lambda: said(chrome) == "1 crash of 1 problem on 1 host")
    chrome.find_element("css selector", "#find button").click()
    until(chrome, lambda: css(chrome, ".static")[0].is_displayed())
    assert "#" not in chrome.current_url


def test_hostile_names_are_text_and_their_links_work(chrome: "Chrome", root: str) -> None:
    for text in EVIL:
        wanted = names.segment(text)
        chrome.get("about:blank")
        chrome.get(root + "h/index.html")
        link = next(each for each in css(chrome, "td a")
                    if f"/{wanted}/" in (each.get_attribute("href") or ""))  # fmt: skip
        link.click()
        shown = chrome.find_element("tag name", "h1").text
        assert shown == (text if text.isprintable() and text else shown)
        click(chrome, "report")
        assert css(chrome, "h1")
    assert browser.complaints(chrome) == []  # no script ran, no picture was asked for


def test_the_search_shows_hostile_names_as_text(chrome: "Chrome", root: str) -> None:
    chrome.get("about:blank")
    chrome.get(root + "index.html#class=bug&text=alert(1)")
    until(chrome, lambda: "crash" in said(chrome))
    shown = chrome.find_element("id", "found").text
    for text in EVIL:
        if "alert(1)" in text and text.isprintable():
            assert text in shown
    assert not css(chrome, "#found img, #found script, #found svg")
    first = css(chrome, "#found-crashes td.host a")[0]
    first.click()
    until(chrome, lambda: "/h/" in chrome.current_url)
    assert css(chrome, "h1")
    assert browser.complaints(chrome) == []


def test_without_script_all_is_reached_by_links(site: Path, chrome: "Chrome") -> None:
    assert chrome
    with browser.chromium(script=False) as plain:
        plain.get(browser.url(site / "index.html"))
        assert not plain.find_element("id", "find").is_displayed()
        assert "Search needs JavaScript" in plain.find_element("tag name", "main").text
        click(plain, "all hosts")
        click(plain, "hadoop-003.example.com")
        click(plain, "report")
        assert plain.current_url.endswith(f"/d/{yarn_fleet()[2].dump}/index.html")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_no_page_is_wider_than_the_screen(
    chrome: "Chrome", site: Path, width: int, scheme: str
) -> None:
    screen = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    pages = ["index.html", "p/index.html", "h/index.html", "c/index.html", "unread/index.html"]
    crash = evil_crash(EVIL.index("x" * 300), "x" * 300)
    pages += [f"{at}/index.html" for at in
              (names.dump(crash.dump), names.problem(crash.problem), names.host(crash.host),
               names.problem(yarn_fleet()[0].problem))]  # fmt: skip
    try:
        for page in pages:
            chrome.get(browser.url(site / page))
            wide = chrome.execute_script("return document.documentElement.scrollWidth")
            assert wide <= width, page
            assert contrasts(chrome) == [], page
    finally:
        chrome.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def contrasts(chrome: "Chrome") -> list[str]:
    """Texts whose contrast with what is behind them is less than WCAG's 4.5."""
    found: list[str] = chrome.execute_script(_CONTRAST)
    return found


_CONTRAST = """
const part = (v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
const behind = (el) => {
  for (; el; el = el.parentElement) {
    const c = rgb(getComputedStyle(el).backgroundColor);
    if (c.length < 4 || c[3] > 0) return c;
  }
  return [255, 255, 255];
};
const bad = new Set();
for (const el of document.querySelectorAll("body *")) {
  const own = [...el.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  if (!own || !el.checkVisibility() || el.closest("svg, select, datalist, .skip")) continue;
  const [a, b] = [light(rgb(getComputedStyle(el).color)), light(behind(el))].sort((x, y) => y - x);
  const which = el.tagName + "." + el.className + ": " + el.textContent.trim().slice(0, 40);
  if ((a + 0.05) / (b + 0.05) < 4.5) bad.add(which);
}
return [...bad];
"""
