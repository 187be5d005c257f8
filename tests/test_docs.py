"""The documents hold: links lead somewhere, and what they tell a reader to write works."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import synthetic_tables as synthetic

import experiments.claims.record
import experiments.heads
import experiments.networks
import experiments.optimizers
import experiments.tasks.synthetic
from experiments.report import build
from experiments.tables import RUN

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")


def anchor(heading: str) -> str:
    """The fragment that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in LINK.findall(text):
        if "://" in link:
            continue
        name, _, fragment = link.partition("#")
        target = path.parent / name if name else path
        assert target.exists(), f"{path.name} links to {link}"
        if fragment:
            aimed = target.read_text(encoding="utf-8")
            headings = re.findall(r"^#+ (.*)$", aimed, flags=re.MULTILINE)
            assert f'<a id="{fragment}">' in aimed or fragment in map(anchor, headings), f"{path.name} links to {link}"


def snippet(title: str) -> str:
    """The first Python block under the heading `title` of docs/extending.md."""
    text = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    found = re.search(rf"^## {re.escape(title)}$.*?```python\n(.*?)```", text, flags=re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def run(title: str, module: Any) -> None:
    """Execute the snippet as if it stood at the end of `module`."""
    exec(compile(snippet(title), title, "exec"), dict(vars(module)))


def test_task_of_the_guide_can_be_split() -> None:
    tasks = experiments.tasks
    run("A task", experiments.tasks.synthetic)
    try:
        data = tasks.TASKS["rings"].load(14)
        parts = tasks.split(data, seed=0, task="rings")
        assert len(parts.train) > len(parts.test) > 0
        assert set(np.unique(data.y)) == {0, 1}
    finally:
        tasks.TASKS.remove("rings")


def test_network_of_the_guide_makes_features() -> None:
    run("A network", experiments.networks)
    try:
        trunk = experiments.networks.NETWORKS["wide"].build((4,))
        assert trunk.output_shape == (None, 512)
    finally:
        experiments.networks.NETWORKS.remove("wide")


def test_head_of_the_guide_is_registered() -> None:
    run("A head", experiments.heads)
    try:
        assert experiments.heads.HEADS["softmax_lr4"].rate_scale == 0.25
    finally:
        experiments.heads.HEADS.remove("softmax_lr4")


def test_optimizer_of_the_guide_is_made_at_its_rate() -> None:
    run("An optimizer", experiments.optimizers)
    try:
        rule = experiments.optimizers.OPTIMIZERS["nesterov"].make(0.25)
        assert rule.nesterov
        assert float(rule.learning_rate) == 0.25
    finally:
        experiments.optimizers.OPTIMIZERS.remove("nesterov")


def test_claim_of_the_guide_is_judged_and_reported(tmp_path: Path) -> None:
    run("A claim", experiments.claims.record)
    try:
        curves = synthetic.curves(synthetic.CELLS[:2], seeds=3)
        norms = curves.loc[(curves["quantity"] == "grad_norm") & (curves["scope"] == "head")]
        keys = [*RUN, "split"]
        finals = norms.groupby(keys, as_index=False)["value"].mean().assign(quantity="grad_norm_head")
        verdicts = experiments.claims.verdicts({"finals": finals}, only=["head-norm"])
        (row,) = verdicts.to_dict("records")
        assert (row["outcome"], row["hold"], row["n_cells"]) == ("supported", 2, 2)
        assert row["value"] == pytest.approx(2**0.5)
        out = synthetic.write(tmp_path / "out", {"verdicts": verdicts})
        text = build(out, ["en"]).with_suffix(".md").read_text(encoding="utf-8")
        assert "The matched head's gradient norm is √2 times sigmoid's" in text
    finally:
        experiments.claims.CLAIMS.remove("head-norm")
