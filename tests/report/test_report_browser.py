"""The report in a real browser: opened from a file, offline, on a desk, on a phone, in the dark, by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import synthetic_tables as synthetic
from browsing import DESK, PHONE, Opened, check_page

from experiments.report.reference import REFERENCE, ROOT

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
def test_the_page_can_be_read_by_everyone_and_everywhere(browser: Any, out: Path, name: str) -> None:
    check_page(browser, out / name)


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [320, 768])
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
    assert names == ["breast cancer · MLP · Adam", "phishing · deep MLP · Adam", "affairs · MLP · Adam"]
    assert desk.page.get_by_role("status").inner_text() == "3 rows shown"
    box.fill("")
    assert len(column(desk.page, 1)) == 9


def test_without_scripts_the_page_is_whole(browser: Any, out: Path) -> None:
    page = browser.new_page(java_script_enabled=False)
    page.goto((out / "report.html").as_uri())
    assert len(column(page, 1)) == 9
    assert not page.get_by_role("searchbox").is_visible()
    page.close()


# what a reader asks the page itself -----------------------------------------------------------------------------------


def focused(page: Any) -> tuple[str, str]:
    """What has the focus: its tag, and which kind it chooses or what it says."""
    return tuple(
        page.evaluate("""() => {
        const at = document.activeElement;
        return [at.tagName, at.dataset.kind ?? at.textContent.trim()];
    }""")
    )


def tab_to(page: Any, wanted: tuple[str, str]) -> None:
    """Press the tabulator until it gets there, as someone without a mouse does."""
    for _ in range(80):
        if focused(page) == wanted:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{wanted} is not reached by the tabulator")


def test_an_experiment_is_asked_for_by_keyboard_alone(desk: Opened) -> None:
    """Tab to a choice, change it by the arrow keys: what is told and drawn changes; the chosen notebook is a link."""
    page = desk.page
    told = page.locator("#explore .told")
    assert told.inner_text().startswith("Of 8 experiments, the final test losses differ in ")
    tab_to(page, ("SELECT", "task"))
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    choice = page.locator("#explore select[data-kind=task]")
    seen = [choice.input_value()]
    for _ in range(3):
        page.keyboard.press("ArrowDown")
        seen.append(choice.input_value())
    assert len(set(seen)) == 4
    page.keyboard.type("aff")
    assert choice.input_value() == "fair"
    assert told.inner_text().startswith("Final test loss, softmax − sigmoid: ")
    charts = page.locator("#explore svg")
    assert [chart.get_attribute("aria-label") for chart in charts.all()] == [
        "Test loss, softmax − sigmoid (nats)", "Test loss (nats)"
    ]  # fmt: skip
    assert told.get_by_role("link").get_attribute("href") == "notebooks/binary-fair-mlp-adam.html"
    page.keyboard.press("Tab")
    assert focused(page) == ("SELECT", "network")
    page.keyboard.type("GRU")
    assert told.inner_text() == "No experiment has all of these."
    assert charts.count() == 0


def test_a_fold_opens_and_shuts_by_keyboard(desk: Opened) -> None:
    tab_to(desk.page, ("SUMMARY", "The same with all its figures"))
    fold = desk.page.locator("#answer details").first
    for wanted in (True, False):
        desk.page.keyboard.press("Enter")
        assert fold.evaluate("(fold) => fold.open") is wanted


def test_the_curves_that_are_drawn_hold_the_tables_values(desk: Opened, out: Path) -> None:
    """The end of softmax's line, read back from the axis of the chart."""
    desk.page.locator("#explore").get_by_label("Task").select_option("fair")
    ends = desk.page.evaluate("""() => {
        const svg = document.querySelectorAll("#explore svg")[1];
        const ys = [...svg.querySelectorAll("text[text-anchor=end]:not(.end)")].map(
            (text) => [Number(text.textContent.replace("\u2212", "-")), Number(text.getAttribute("y")) - 4]);
        const [[v0, p0], [v1, p1]] = [ys[0], ys.at(-1)];
        return [...svg.querySelectorAll("path.chosen")].map((path) => {
            const last = path.getPointAtLength(path.getTotalLength());
            return [path.querySelector("title").textContent, v0 + (last.y - p0) * (v1 - v0) / (p1 - p0)];
        });
    }""")
    curves = pd.read_parquet(out / "tables" / "curves.parquet")
    mine = curves.query("task == 'fair' and quantity == 'nll' and split == 'test' and step == 400")
    medians = mine.groupby("head")["value"].median()
    for name, head in (("softmax", "softmax"), ("sigmoid", "sigmoid"), ("matched softmax", "softmax_matched")):
        assert dict(ends)[name] == pytest.approx(medians[head], abs=0.003)


# three people's tasks, from the first screen in at most two clicks ----------------------------------------------------


def seen(page: Any, locator: Any) -> bool:
    """Whether what is found stands within the window."""
    box, size = locator.bounding_box(), page.viewport_size
    return box is not None and box["y"] >= 0 and box["y"] + box["height"] <= size["height"]


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_is_the_difference_real_on_convolutional_networks(browser: Any, out: Path, viewport: Any) -> None:
    page = Opened(browser, out / "report.html", viewport=viewport).page
    page.get_by_role("link", name="Network by network").click()
    assert page.url.endswith("#where")
    heading = page.get_by_role("heading", name="Where they differ")
    assert seen(page, heading)
    page.close()
    # on a result of more networks the answer stands in a line of its own
    page = Opened(browser, ROOT / REFERENCE / "report.html", viewport=viewport).page
    page.get_by_role("link", name="Network by network").click()
    line = page.locator("summary", has_text="Convolutional networks (CNN): the final test losses differ in ")
    line.click()
    assert page.locator("#differences-cnn img").is_visible()
    page.close()


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_what_happens_at_a_larger_learning_rate(browser: Any, viewport: Any) -> None:
    page = Opened(browser, ROOT / REFERENCE / "report.html", viewport=viewport).page
    page.locator(".first").get_by_role("link", name="Learning rates").click()
    told = page.locator("#rates .lead")
    assert "above it" in told.inner_text()
    assert seen(page, told)
    page.close()


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_show_me_the_notebook_behind_this_number(browser: Any, out: Path, viewport: Any) -> None:
    page = Opened(browser, out / "report.html", viewport=viewport).page
    page.get_by_role("link", name="The notebooks behind these numbers").click()
    page.get_by_role("link", name="affairs · MLP · Adam").first.click()
    assert page.url.endswith("notebooks/binary-fair-mlp-adam.html")
    page.close()
