"""What a reader sees before anything is scrolled or unfolded, measured in a browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import synthetic_tables as synthetic
from browsing import DESK, PHONE, Opened

from experiments.figures.files import FONT

PAGES = ("report.html", "report.zh.html")
LEAST = 10  # pixels that a letter of a figure is high


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic.built(tmp_path_factory)


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_answer_picture_and_code_are_there_without_scrolling(browser: Any, out: Path, name: str, viewport: Any) -> None:
    opened = Opened(browser, out / name, viewport=viewport)
    for what in ("h1", ".first .reply", ".first img", ".first pre"):
        assert 0 < opened.below(what) <= viewport["height"], what
    assert opened.page.locator(".first .reply").count() == 3
    sizes = opened.page.evaluate("[...document.querySelectorAll('.first img')].map((i) => [i.width, i.height])")
    assert all(width > 300 and height > 150 for width, height in sizes)
    opened.page.close()


def fonts_of(browser: Any, svg: str) -> list[tuple[str, float]]:
    """The computed family and size, in pixels at the size of the file, of every text of a figure."""
    page = browser.new_page()
    page.goto(svg)
    found = page.evaluate("""() => [...document.querySelectorAll("text, tspan")]
        .filter((text) => text.textContent.trim())
        .map((text) => [getComputedStyle(text), text.getScreenCTM()])
        .map(([style, at]) => [style.fontFamily, parseFloat(style.fontSize) * Math.hypot(at.a, at.b)])""")
    page.close()
    return [(family, size) for family, size in found]


def same(family: str) -> str:
    return re.sub(r"[\s\"']", "", family)


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_the_letters_of_every_figure_are_the_pages_own_and_large_enough(browser: Any, out: Path, viewport: Any) -> None:
    opened = Opened(browser, out / "report.html", viewport=viewport)
    opened.page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    own = opened.page.evaluate("getComputedStyle(document.body).fontFamily")
    assert same(own) == same(FONT)
    assert own.endswith("sans-serif")
    shown = opened.page.evaluate("[...document.images].map((i) => [i.alt, i.currentSrc, i.width / i.naturalWidth])")
    assert len(shown) >= 10
    for alt, svg, scale in shown:
        letters = fonts_of(browser, svg)
        assert letters
        assert {same(family) for family, _ in letters} == {same(own)}
        assert min(size for _, size in letters) * scale > LEAST - 0.01, alt
    opened.page.close()
