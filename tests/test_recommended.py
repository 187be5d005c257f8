"""The code that the READMEs, the documents, the report and a comparison's page tell people to write passes `check`."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from experiments.check import Checked, check
from experiments.comparison.advice import _code
from experiments.comparison.language import messages_in
from experiments.report.reference import REFERENCE
from experiments.report.sections.answer import OR, WRITE

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "README.zh.md", *sorted((ROOT / "docs").glob("*.md")),
         *sorted((ROOT / REFERENCE).glob("*.md"))]  # fmt: skip
X = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
Y = np.arange(64) % 2


def written(page: Path) -> list[str]:
    """The blocks of Python in a page, fenced or indented, that compile a model."""
    text = page.read_text(encoding="utf-8")
    fenced = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    rest = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    indented = [textwrap.dedent(block) for block in re.findall(r"(?:^    .*\n)+", rest, re.MULTILINE)]
    return [block for block in (*fenced, *indented) if ".compile(" in block]


SNIPPETS = {f"{page.relative_to(ROOT)}, {number}": block
            for page in PAGES for number, block in enumerate(written(page))}  # fmt: skip
SNIPPETS |= {"report, one unit": WRITE, "report, two units": OR}
COMPARED = SimpleNamespace(optimizer=SimpleNamespace(code="keras.optimizers.SGD({rate})"))
SNIPPETS |= {f"comparison, {head}, {lang}": _code(head, 0.01, COMPARED, messages_in(lang))
             for head in ("sigmoid", "softmax") for lang in ("en", "zh")}  # fmt: skip


def followed(code: str) -> Checked:
    """What is found in a model that is built as `code` says, on a trunk of two layers."""
    import keras

    layers = [keras.Input((4,)), keras.layers.Dense(3, activation="relu")]
    # a comparison's page adds to a functional trunk, the README to a list of layers
    trunk = keras.Sequential(layers) if "trunk.inputs" in code else layers
    scope: dict[str, Any] = {"keras": keras, "trunk": trunk, "optimizer": "sgd", "x": X, "y": Y}
    exec(code, scope)
    return check(scope["model"] if "model" in scope else scope["build"]((4,)), X, Y)


@pytest.mark.parametrize("place", SNIPPETS)
def test_what_is_recommended_is_sound(place: str) -> None:
    checked = followed(SNIPPETS[place])
    assert (checked.findings, checked.measured) == ((), True)


def test_every_page_that_recommends_a_head_is_read() -> None:
    pages = {place.rpartition(",")[0] for place in SNIPPETS}
    assert {"README.md", "README.zh.md", "docs/compare.md", "results/reference/report.md",
            "results/reference/report.zh.md"} <= pages  # fmt: skip


@pytest.mark.parametrize("place", ["report, one unit", "comparison, sigmoid, en"])
def test_with_plain_names_the_same_code_would_be_a_problem(place: str) -> None:
    """So the metrics of a recommendation are looked at."""
    plain = re.sub(r"metrics=\[.*?\]\)", 'metrics=["accuracy"])', SNIPPETS[place], flags=re.DOTALL)
    assert [one.name for one in followed(plain).problems] == ["metric_cuts_the_logit"]


def test_the_report_shows_the_code_that_is_tested() -> None:
    assert {SNIPPETS["results/reference/report.md, 0"].strip(), SNIPPETS["results/reference/report.md, 1"].strip()} == {
        WRITE, OR
    }  # fmt: skip
    assert SNIPPETS["README.md, 0"].strip() == WRITE
