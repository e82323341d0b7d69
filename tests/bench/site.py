"""`python -m tests.bench.site`: the site of 10,000 crashes, one more of them, and the browser.

The promises: after one new dump the site is written within a second, few of its files are
touched, and the overview opens in the browser within a second. One problem has half of all.
"""

import argparse
import statistics
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from tests import browser
from tests.fleet import NOW, fleet, make_occurrence
from tests.site_book import Shelved, tried
from vmtriage.fleet.site import write

SECONDS, FILES = 1.0, 40
STORE = "bench"


def book(count: int) -> Shelved:
    """`count` crashes; every second one is of the same problem."""
    made = Shelved()
    crashes = list(fleet(count, hosts=2000))
    big = crashes[0].problem
    for number, each in enumerate(crashes):
        crash = each.model_copy(update={"problem": big}) if number % 2 else each
        made.crashes[crash.dump] = crash
        made.ledger[crash.dump] = tried(crash)
    made.states[big] = ("spreading",)
    made.changed(dumps=tuple(made.crashes))
    return made


def one_more(made: Shelved, number: int) -> None:
    """A crash of the biggest problem, on one of its hosts."""
    any_of = next(each for each in made.crashes.values() if made.states.get(each.problem))
    crash = make_occurrence(
        1_000_000 + number, problem=any_of.problem, host=any_of.host, title=any_of.title,
        crash_time=NOW, first_seen=NOW + timedelta(minutes=number),
    )  # fmt: skip
    made.ledger[crash.dump] = tried(crash)
    made.put(crash)


def opened(site: Path, rounds: int) -> tuple[float, float]:
    """Median seconds until the overview is loaded, and until a search shows its answer."""
    loads, searches = [], []
    with browser.chromium() as chrome:
        chrome.set_script_timeout(60)
        for number in range(rounds + 1):
            chrome.get("about:blank")
            began = time.perf_counter()
            chrome.get(browser.url(site / "index.html"))
            done = time.perf_counter() - began
            began = time.perf_counter()
            chrome.execute_async_script(
                """const done = arguments[0], said = document.getElementById('said');
                const form = document.getElementById('find');
                form.elements.host.value = 'node-0017';
                form.elements.host.dispatchEvent(new Event('input', {bubbles: true}));
                (function look() {
                  /crash/.test(said.textContent) ? done() : requestAnimationFrame(look);
                })();"""
            )
            if number:  # the first one starts the browser's processes
                loads.append(done)
                searches.append(time.perf_counter() - began)
    return statistics.median(loads), statistics.median(searches)


def main() -> int:
    """0 when every promise holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    made = book(asked.count)
    with tempfile.TemporaryDirectory() as directory:
        site = Path(directory) / "site"
        began = time.perf_counter()
        first = write(site, made, store=STORE, now=NOW)
        print(f"all of {asked.count:,} crashes: {time.perf_counter() - began:.1f} s, "
              f"{len(first.files):,} files", flush=True)  # fmt: skip
        times, touched = [], 0
        for number in range(asked.rounds):
            one_more(made, number)
            began = time.perf_counter()
            done = write(site, made, store=STORE, now=NOW + timedelta(minutes=number))
            times.append(time.perf_counter() - began)
            touched = max(touched, len(done.files))
        update = statistics.median(times)
        print(f"one more: {update:.2f} s, {touched} files", flush=True)
        began = time.perf_counter()
        write(site, made, store=STORE, now=NOW + timedelta(minutes=9))
        print(f"none more: {time.perf_counter() - began:.2f} s", flush=True)
        load, search = opened(site, asked.rounds)
        print(f"overview opens: {load:.2f} s; first search: {search:.2f} s")
    return int(update > SECONDS or touched > FILES or load > SECONDS)


if __name__ == "__main__":
    sys.exit(main())
