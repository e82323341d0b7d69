"""A headless Chromium to click through pages; what it needs to run is a test dependency."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

PACKAGES = ("chromium", "chromium-driver")
_QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage",
)  # fmt: skip


def missing() -> list[str]:
    """What keeps the browser from running here; empty when it can. Starts nothing."""
    programs = {"chromium": "chromium", "chromedriver": "chromium-driver"}
    return [
        f"package {package}: apt-get install {package}"
        for program, package in programs.items()
        if not shutil.which(program)
    ]


@contextmanager
def chromium(*, script: bool = True) -> Iterator["Chrome"]:
    """A browser of its own, without profile, network services or names; gone at the end."""
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (browser and driver):
        raise RuntimeError(", ".join(missing()))
    options = ChromeOptions()
    options.binary_location = browser
    with tempfile.TemporaryDirectory(
        prefix="vmtriage-browser-", ignore_cleanup_errors=True
    ) as home:
        for each in (*_QUIET, f"--user-data-dir={home}"):
            options.add_argument(each)
        if not script:
            options.add_experimental_option(
                "prefs", {"profile.managed_default_content_settings.javascript": 2}
            )
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        service = Service(driver, env={**os.environ, "SE_OFFLINE": "true", "HOME": home})
        opened = Chrome(options=options, service=service)
        try:
            opened.set_page_load_timeout(120)
            yield opened
        finally:
            opened.quit()


def complaints(browser: "Chrome") -> list[str]:
    """What the console holds: a policy that was broken, a script that failed."""
    return [str(each["message"]) for each in browser.get_log("browser")]  # type: ignore[no-untyped-call]


def url(path: Path) -> str:
    """A file's address."""
    return path.resolve().as_uri()
