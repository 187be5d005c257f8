"""What a reader sees before anything is scrolled or unfolded, measured in a browser."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import nbformat
import nbformat.v4 as v4
import pytest
import synthetic_tables as synthetic
from browsing import DESK, PHONE, Opened, check_page

from experiments import figures, judgement
from experiments.figures.files import FONT
from experiments.suite.notebooks import render

PAGES = ("report.html", "report.zh.html")
NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "binary.ipynb"
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


def letters_of(browser: Any, svg: str) -> list[tuple[str, float, float]]:
    """Of every text of a figure the computed family, its size and how far it stands out, in pixels of the file."""
    page = browser.new_page()
    page.goto(svg)
    found = page.evaluate("""() => [...document.querySelectorAll("text, tspan")]
        .filter((text) => text.textContent.trim())
        .map((text) => [getComputedStyle(text), text.getScreenCTM(), text.getBoundingClientRect(),
                        document.documentElement.getBoundingClientRect()])
        .map(([style, at, box, all]) => [style.fontFamily, parseFloat(style.fontSize) * Math.hypot(at.a, at.b),
            Math.max(box.right - all.right, all.left - box.left, box.bottom - all.bottom, all.top - box.top)])""")
    page.close()
    return [(family, size, out) for family, size, out in found]


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
        letters = letters_of(browser, svg)
        assert letters
        assert {same(family) for family, _, _ in letters} == {same(own)}
        assert max(out for _, _, out in letters) <= 1, alt  # nothing is cut off at the figure's edge
        assert min(size for _, size, _ in letters) * scale > LEAST - 0.01, alt
    opened.page.close()


def executed() -> nbformat.NotebookNode:
    """notebooks/binary.ipynb with the outputs that its first cells have on one cell's curves; nothing is trained."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    curves = synthetic.curves(synthetic.CELLS[:1], seeds=6)
    runs = synthetic.runs(curves)
    pairs = judgement.pair_up(synthetic.finals(curves), curves, runs)
    differences = judgement.differences(pairs).query("estimand == 'fresh rows'")
    said = judgement.binary_answer(differences, judgement.attribution(pairs), synthetic.CELLS[0])
    picture = base64.b64encode(figures.loss_curves(curves, runs)._repr_png_()).decode()
    outputs = {"answer": {"text/markdown": said}, "curves": {"image/png": picture},
               "arms": {"text/html": differences.to_html()}}  # fmt: skip
    for cell in notebook.cells:
        if cell.get("id") in outputs:
            cell.outputs = [v4.new_output("display_data", outputs[cell["id"]])]
    return notebook


@pytest.fixture(scope="module")
def notebook(out: Path) -> Path:
    """The page of an executed notebook, beside the report that it links to."""
    path = out / "notebooks" / "binary.html"
    path.write_text(render(executed(), "binary"), encoding="utf-8")
    path.with_suffix(".ipynb").write_text("{}")
    return path


def test_a_notebook_begins_with_its_answer_its_curves_and_its_code(browser: Any, notebook: Path) -> None:
    opened = Opened(browser, notebook, viewport=DESK)
    answer = opened.page.locator("p", has_text="final test loss is").first
    box = answer.bounding_box()
    assert box["y"] + box["height"] < DESK["height"] / 2
    assert 0 < opened.below("img") <= DESK["height"]
    code = opened.page.locator("details.code").first
    assert code.is_visible()
    assert code.bounding_box()["y"] < DESK["height"] / 2
    opened.page.close()


def test_a_notebook_can_be_read_by_everyone_and_everywhere(browser: Any, notebook: Path) -> None:
    check_page(browser, notebook)
