"""The report in a real browser: opened from a file, offline, on a desk, on a phone, in the dark, by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import synthetic_tables as synthetic
from browsing import DESK, PHONE, Opened

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")

PAGES = ("report.html", "report.zh.html")


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic.built(tmp_path_factory)


@pytest.fixture
def desk(browser: Any, out: Path) -> Iterator[Opened]:
    opened = Opened(browser, out / "report.html", viewport=DESK)
    yield opened
    opened.page.close()


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_opens_from_a_file_asks_for_nothing_and_complains_of_nothing(
    browser: Any, out: Path, name: str, scheme: str
) -> None:
    opened = Opened(browser, out / name, viewport=DESK, color_scheme=scheme)
    assert [url for url in opened.requests if not url.startswith("data:")] == [(out / name).as_uri()]
    assert opened.complaints == []
    sizes = opened.page.evaluate("[...document.images].map((image) => image.naturalWidth)")
    assert len(sizes) == 11
    assert min(sizes) > 0
    opened.page.close()


def test_the_policy_stops_what_is_not_the_pages_own(desk: Opened) -> None:
    desk.page.evaluate("""() => {
        const script = document.createElement("script");
        script.textContent = "window.intruder = true";
        document.body.append(script);
        document.body.insertAdjacentHTML("beforeend", '<img src="https://example.org/pixel.png">');
    }""")
    assert desk.page.evaluate("window.intruder") is None
    assert any("Content Security Policy" in text for text in desk.complaints)


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(("viewport", "scheme"), [(DESK, "light"), (DESK, "dark"), (PHONE, "light")])
def test_axe_finds_no_serious_violation(browser: Any, out: Path, name: str, viewport: Any, scheme: str) -> None:
    opened = Opened(browser, out / name, viewport=viewport, color_scheme=scheme)
    found = axe.Axe().run(opened.page).response["violations"]
    serious = {rule["id"]: [node["html"] for node in rule["nodes"]] for rule in found
               if rule["impact"] in ("serious", "critical")}  # fmt: skip
    assert not serious
    opened.page.close()


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [320, 390, 768])
def test_a_narrow_page_does_not_scroll_sideways(browser: Any, out: Path, name: str, width: int) -> None:
    opened = Opened(browser, out / name, viewport={"width": width, "height": 844})
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    opened.page.close()


def test_a_phone_gets_the_figures_that_are_drawn_for_it(browser: Any, out: Path) -> None:
    shown = {}
    for name, viewport in (("desk", DESK), ("phone", PHONE)):
        opened = Opened(browser, out / "report.html", viewport=viewport)
        shown[name] = opened.page.evaluate(
            "[...document.images].map((i) => [i.currentSrc, i.clientWidth / i.naturalWidth])"
        )
        opened.page.close()
    for (wide, _), (narrow, _) in zip(shown["desk"], shown["phone"], strict=True):
        assert wide != narrow


def test_dark_is_dark_and_so_are_the_figures(browser: Any, out: Path) -> None:
    grounds, inks = {}, {}
    for scheme in ("light", "dark"):
        opened = Opened(browser, out / "report.html", viewport=DESK, color_scheme=scheme)
        grounds[scheme] = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
        # the colour that the figure's writing has in the middle of its first bold letter's rows
        inks[scheme] = opened.page.evaluate("""() => {
            const image = document.images[1];  // the first that has its title in it
            const canvas = document.createElement("canvas");
            [canvas.width, canvas.height] = [image.naturalWidth, 40];
            const context = canvas.getContext("2d");
            context.drawImage(image, 0, 0);
            const data = context.getImageData(0, 0, canvas.width, 40).data;
            let most = 0, ink = 0;
            for (let i = 0; i < data.length; i += 4) if (data[i + 3] > most) [most, ink] = [data[i + 3], data[i]];
            return ink;
        }""")
        opened.page.close()
    assert grounds == {"light": "rgb(254, 254, 254)", "dark": "rgb(22, 25, 29)"}
    assert inks["light"] < 60
    assert inks["dark"] > 200


def column(page: Any, number: int) -> list[str]:
    return page.locator(f"[data-sortable] tbody tr:visible td:nth-child({number})").all_inner_texts()


def test_sorting_by_a_number_goes_both_ways_and_is_announced(desk: Opened) -> None:
    button = desk.page.get_by_role("button", name="seconds")
    button.click()
    seconds = [float(text) for text in column(desk.page, 6)]
    assert seconds == sorted(seconds)
    assert len(set(seconds)) == 9
    head = desk.page.locator("th", has=button)
    assert head.get_attribute("aria-sort") == "ascending"
    button.click()
    assert [float(text) for text in column(desk.page, 6)] == seconds[::-1]
    assert head.get_attribute("aria-sort") == "descending"


def test_sorting_differences_goes_by_value_not_by_text(desk: Opened) -> None:
    desk.page.get_by_role("button", name="difference").click()
    means = [float(text.split()[0].replace("−", "-")) for text in column(desk.page, 4) if text]
    assert len(means) == 8
    assert means == sorted(means)


def test_sorting_works_by_keyboard(desk: Opened) -> None:
    desk.page.get_by_role("button", name="status").focus()
    desk.page.keyboard.press("Enter")
    found = column(desk.page, 3)
    assert found == sorted(found)
    assert len(set(found)) == 3


def test_filtering_keeps_the_rows_that_hold_every_word(desk: Opened) -> None:
    box = desk.page.get_by_role("searchbox")
    box.fill("ADAM mlp")
    names = column(desk.page, 1)
    assert names == ["binary-breast_cancer-mlp-adam", "binary-phishing-deep_mlp-adam", "binary-fair-mlp-adam"]
    assert desk.page.get_by_role("status").inner_text() == "3 rows shown"
    box.fill("")
    assert len(column(desk.page, 1)) == 9


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(browser: Any, out: Path, name: str) -> None:
    opened = Opened(browser, out / name, viewport=DESK)
    links = opened.page.evaluate("[...document.links].map((link) => link.href)")
    assert len(links) > 20
    ids = set(opened.page.evaluate("[...document.querySelectorAll('[id]')].map((element) => element.id)"))
    for link in links:
        parts = urlsplit(link)
        target = Path(unquote(parts.path))
        assert parts.scheme == "file"
        assert target.is_file()
        assert not parts.fragment or parts.fragment in ids
    opened.page.close()


def test_without_scripts_the_page_is_whole(browser: Any, out: Path) -> None:
    page = browser.new_page(java_script_enabled=False)
    page.goto((out / "report.html").as_uri())
    assert len(column(page, 1)) == 9
    assert not page.get_by_role("searchbox").is_visible()
    page.close()
