"""A browser for the tests of pages, and a page that is open in it with all that it asked for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
DESK = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")  # while it is open an event loop runs in the process, which can start no kernel then
def browser() -> Iterator[Any]:
    """Chromium; a test that asks for it is skipped where it, or what drives it, is not installed."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    # its Node.js does not start without libatomic, and the module would then wait or fail within asyncio
    driver = subprocess.run([sys.executable, "-m", "playwright", "--version"], capture_output=True, text=True)
    if driver.returncode:
        pytest.skip(f"what Playwright's driver needs is not installed: {' '.join(driver.stderr.split())[-200:]}")
    with playwright.sync_playwright() as started:
        try:
            # a container's root has no sandbox of its own
            chromium = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        except playwright.Error as error:
            pytest.skip(f"a chromium that starts is not installed: {' '.join(str(error).split())[:200]}")
        yield chromium
        chromium.close()


class Opened:
    """A page with all that it asked for and all that it complained of."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        self.page = browser.new_page(**options)
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(path.as_uri())
        # every picture is drawn, also those below the fold and those that are folded away
        self.page.evaluate("Promise.all([...document.images].map((image) => image.decode()))")

    def below(self, selector: str) -> float:
        """Where the lowest element that `selector` finds ends, in pixels from the top of the page."""
        return self.page.evaluate(
            "(s) => Math.max(...[...document.querySelectorAll(s)].map((e) => e.getBoundingClientRect().bottom))",
            selector,
        )

    def serious(self) -> dict[str, list[str]]:
        """The rules of accessibility that are broken seriously, by axe-core, with the elements that break them."""
        axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is missing")
        found = axe.Axe().run(self.page).response["violations"]
        return {rule["id"]: [node["html"] for node in rule["nodes"]] for rule in found
                if rule["impact"] in ("serious", "critical")}  # fmt: skip

    def overflowing(self) -> list[str]:
        """What stands in cells of tables that their column is too narrow for, so that it runs into the next."""
        return self.page.evaluate("""() => [...document.querySelectorAll("td, th")].filter((cell) => {
            const written = document.createRange();
            written.selectNodeContents(cell);
            return written.getBoundingClientRect().right > cell.getBoundingClientRect().right + 1;
        }).map((cell) => cell.innerText)""")

    def dead_links(self) -> list[str]:
        """The links that lead to no file beside the page, or to no element of it."""
        links = self.page.evaluate("[...document.links].map((link) => link.href)")
        ids = set(self.page.evaluate("[...document.querySelectorAll('[id]')].map((element) => element.id)"))
        here = unquote(urlsplit(self.page.url).path)
        dead = []
        for link in links:
            parts = urlsplit(link)
            path = unquote(parts.path)
            known = path != here or not parts.fragment or unquote(parts.fragment) in ids
            if parts.scheme != "file" or not Path(path).is_file() or not known:
                dead.append(link)
        return dead


def check_page(browser: Any, path: Path) -> None:
    """Assert what holds of every page: it asks for nothing, complains of nothing, and can be read by everyone.

    On a desk, in the dark and on a phone, where it does not scroll sideways; every link in it leads somewhere.
    """
    for viewport, scheme in ((DESK, "light"), (DESK, "dark"), (PHONE, "light")):
        opened = Opened(browser, path, viewport=viewport, color_scheme=scheme)
        assert [url for url in opened.requests if not url.startswith("data:")] == [path.as_uri()]
        assert opened.complaints == []
        assert opened.dead_links() == []
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        opened.page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
        assert opened.serious() == {}
        assert opened.overflowing() == []
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        opened.page.close()
