"""An executed notebook as a page: it leads back to the report, its code is folded, and it runs and fetches nothing."""

from __future__ import annotations

import html
import re
from pathlib import Path
from urllib.parse import unquote

import nbformat.v4 as v4
import pytest
import synthetic_tables as synthetic

from experiments.suite.notebooks import render

CELL = "binary-fair-mlp-adam"


def page(title: str = CELL, source: str = "print(1)", shown: str = "<b>1</b>") -> str:
    output = v4.new_output("display_data", {"text/plain": shown})
    cell = v4.new_code_cell(source, outputs=[output], metadata={"tags": ["show"]})
    return render(v4.new_notebook(cells=[v4.new_markdown_cell("# A question"), cell]), title)


def test_page_and_report_lead_to_each_other(tmp_path_factory: pytest.TempPathFactory) -> None:
    out = synthetic.built(tmp_path_factory)
    links = [html.unescape(link) for link in re.findall(r'<a href="(.*?)"', page())]
    assert links == ["../report.html#cells", f"{CELL}.ipynb"]
    folder = out / "notebooks"
    assert all((folder / link.partition("#")[0]).is_file() for link in links)
    report = (out / "report.html").read_text(encoding="utf-8")
    assert '<section id="cells"' in report
    assert f'href="notebooks/{CELL}.html"' in report


def test_code_is_folded_and_its_output_is_not() -> None:
    (folded,) = re.findall(r"<details class=\"code\">(.*?)</details>", page(), re.DOTALL)
    assert "print" in folded
    assert "code (show)" in folded
    assert "&lt;b&gt;1" not in folded
    assert "&lt;b&gt;1" in page()


def test_code_is_text_and_a_picture_has_one() -> None:
    picture = v4.new_output("display_data", {"image/png": "AAAA"})
    cell = v4.new_code_cell("'<script>alert(1)</script>'", outputs=[picture])
    text = render(v4.new_notebook(cells=[cell]), CELL)
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    (image,) = re.findall(r"<img[^>]*>", text)
    assert 'alt="No description' in image


def test_neither_prompts_nor_anchors_stand_on_the_page() -> None:
    output = v4.new_output("execute_result", {"text/plain": "2"}, execution_count=7)
    cells = [v4.new_markdown_cell("## A heading"), v4.new_code_cell("1 + 1", outputs=[output], execution_count=7)]
    body = render(v4.new_notebook(cells=cells), CELL).partition("<body>")[2]
    assert "A heading</h2>" in body
    assert not re.findall(r"prompt|anchor-link|¶|\[7\]", body)


def test_what_carries_no_answer_is_folded_under_what_it_shows() -> None:
    output = v4.new_output("display_data", {"text/plain": "rows"})
    metadata = {"tags": ["show", "fold"], "title": "Every arm <b>"}
    cell = v4.new_code_cell("every", outputs=[output], metadata=metadata)
    text = render(v4.new_notebook(cells=[cell]), CELL)
    (fold,) = re.findall(r"<details class=\"fold\">(.*)</details>", text, re.DOTALL)
    assert "<summary>Every arm &lt;b&gt;</summary>" in fold
    assert "rows" in fold


def test_a_name_from_the_data_is_text_and_its_link_resolves(tmp_path: Path) -> None:
    name = "binary-a <b>% #1"
    text = page(title=name)
    assert "<title>binary-a &lt;b&gt;% #1</title>" in text
    (tmp_path / f"{name}.ipynb").touch()
    link = re.findall(r'<a href="(.*?)"', text)[1]
    assert (tmp_path / unquote(html.unescape(link))).is_file()


def test_nothing_is_run_or_fetched() -> None:
    text = page()
    assert "<script" not in text
    assert not re.findall(r"""(?:src|href)=["']?(?:https?:)?//""", text)
