"""The report: what it says, that it is self-contained, and that nothing of a user's data becomes markup."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from pathlib import Path

import pytest
import synthetic_tables as synthetic

from experiments.records import UserError
from experiments.report import build

EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = synthetic.write(tmp_path_factory.mktemp("result"))
    build(made)
    return made


def test_page_and_markdown_hold_the_same_sections_and_findings(out: Path) -> None:
    page, text = (out / "report.html").read_text("utf-8"), (out / "report.md").read_text("utf-8")
    headings = re.findall(r"<h2[^>]*>(.*?)</h2>", page)
    assert headings == re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert {"The answer", "Loss curves", "Gradient norms", "Every cell"} <= set(headings)
    for alt in re.findall(r'<img [^>]*alt="(.*?)"', page):
        assert alt in text


def test_the_page_needs_nothing_but_itself(out: Path) -> None:
    page = (out / "report.html").read_text("utf-8")
    found = re.search(r'Content-Security-Policy" content="(.*?)"', page)
    assert found is not None
    policy = html.unescape(found[1])
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy
    assert not re.findall(r"""(?:src|srcset|href)=["']?(?:https?:)?//""", page)


def test_every_link_of_page_and_markdown_resolves(out: Path) -> None:
    page, text = (out / "report.html").read_text("utf-8"), (out / "report.md").read_text("utf-8")
    for href in re.findall(r'<a [^>]*href="(.*?)"', page):
        assert f'id="{href[1:]}"' in page if href.startswith("#") else (out / href).is_file()
    for href in re.findall(r"\]\((.*?)\)", text):
        assert (out / href).is_file()


def test_a_failed_cell_is_listed_with_its_error(out: Path) -> None:
    assert "ValueError: no rows" in (out / "report.md").read_text("utf-8")


def test_a_label_from_the_data_appears_as_text(tmp_path: Path) -> None:
    cells = [(EVIL, "mlp", "sgd"), ("moons", "mlp", "adam")]
    curves = synthetic.curves(cells, seeds=3)
    synthetic.write(tmp_path, {
        "curves": curves, "differences": synthetic.differences(cells),
        "cells": synthetic.cells(failed=f"KeyError: {EVIL} | `x`").assign(kind=EVIL),
    }, notebooks=False)  # fmt: skip
    build(tmp_path)
    page, text = (tmp_path / "report.html").read_text("utf-8"), (tmp_path / "report.md").read_text("utf-8")
    assert EVIL not in page.split("<script>")[0] + text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "KeyError: &lt;script&gt;alert(1)&lt;/script&gt; \\| \\`x\\`" in text


def test_a_section_whose_table_is_not_stored_is_left_out(tmp_path: Path) -> None:
    synthetic.write(tmp_path, {"cells": synthetic.cells()})
    page = build(tmp_path).read_text("utf-8")
    assert "Every cell" in page
    assert "Loss curves" not in page


def test_a_folder_without_tables_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="headtohead run"):
        build(tmp_path)


def test_building_imports_no_tensorflow() -> None:
    code = "import sys, experiments.report; print({'tensorflow', 'keras'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
