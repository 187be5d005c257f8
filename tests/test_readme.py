"""The committed result and what the READMEs say of it: one cannot change without the other."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import synthetic_tables as synthetic

from experiments.figures import lettering
from experiments.records import UserError
from experiments.report.reference import READMES, REFERENCE, ROOT, TABLES, filled, keep, readme_block
from experiments.report.sections import components
from experiments.tables import of_main

KEPT = ROOT / REFERENCE
MOST = 6_500_000  # bytes that a clone has to carry


@pytest.mark.parametrize("lang", READMES)
def test_the_readme_says_what_the_reference_tables_hold(lang: str) -> None:
    readme = (ROOT / READMES[lang]).read_text(encoding="utf-8")
    assert filled(readme, readme_block(KEPT, lang)) == readme, "run `make reference`"


def test_the_chinese_readme_does_not_depend_on_installed_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (lettering, components):
        monkeypatch.setattr(module, "chinese_font", lambda: None)
    readme = (ROOT / READMES["zh"]).read_text(encoding="utf-8")
    assert filled(readme, readme_block(KEPT, "zh")) == readme


@pytest.mark.parametrize("lang", READMES)
def test_the_readme_is_read_in_three_minutes(lang: str) -> None:
    """Its sentences, without code, pictures and tables: 238 English words or 390 Chinese signs (260 words) a minute.

    Source of both speeds: Brysbaert 2019, How many words do we read per minute?
    """
    text = (ROOT / READMES[lang]).read_text(encoding="utf-8")
    for left_out in (r"```.*?```", r"!\[[^\]]*\]\([^)]*\)", r"(?<=\])\([^)]*\)", r"<!--.*?-->", r"^\|.*?$"):
        text = re.sub(left_out, "", text, flags=re.DOTALL | re.MULTILINE)
    signs = len(re.findall("[\u4e00-\u9fff]", text))
    words = len(re.findall(r"[A-Za-z0-9][\w.'-]*", text, flags=re.ASCII))
    assert 1.5 < signs / 390 + words / 238 <= 3


def test_a_changed_verdict_changes_the_readme(tmp_path: Path) -> None:
    shutil.copytree(KEPT, tmp_path / "kept")
    path = tmp_path / "kept/tables/verdicts.parquet"
    table = pd.read_parquet(path)
    table.loc[0, "outcome"] = "refuted" if table.loc[0, "outcome"] != "refuted" else "supported"
    table.to_parquet(path)
    readme = (ROOT / READMES["en"]).read_text(encoding="utf-8")
    assert filled(readme, readme_block(tmp_path / "kept", "en")) != readme


def test_the_readme_has_a_row_for_each_claim_that_leads_to_its_evidence() -> None:
    readme = (ROOT / READMES["en"]).read_text(encoding="utf-8")
    report = (KEPT / "report.md").read_text(encoding="utf-8")
    verdicts = pd.read_parquet(KEPT / "tables/verdicts.parquet").set_index("claim")["outcome"]
    row = r"^\| \*\*(\w+)\*\* \| \[.*\]\(results/reference/report\.md#([\w-]+)\)"
    rows = {claim: outcome for outcome, claim in re.findall(row, readme, re.MULTILINE)}
    assert rows == verdicts.to_dict()
    assert all(f'<a id="{claim}"></a>' in report for claim in rows)


def test_the_committed_report_was_made_from_the_committed_tables() -> None:
    verdicts = pd.read_parquet(KEPT / "tables/verdicts.parquet")
    report = (KEPT / "report.md").read_text(encoding="utf-8")
    for outcome, count in verdicts["outcome"].value_counts().items():
        assert f"{count} {outcome}" in report
    overall = of_main("overall", pd.read_parquet(KEPT / "tables/overall.parquet"))
    overall = overall.set_index(["head", "baseline", "quantity", "at", "estimand"])
    mean = overall.loc[("softmax", "sigmoid", "nll", "default", "fresh rows"), "mean"]
    assert f"{mean:+.3g} nats in the final test loss".replace("-", "−") in report


def test_the_reference_is_small_and_links_to_nothing_that_is_not_kept() -> None:
    files = [path for path in KEPT.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < MOST
    assert {path.stem for path in (KEPT / "tables").iterdir()} <= set(TABLES)
    for name in ("report.html", "report.zh.html"):
        links = re.findall(r'<a [^>]*href="([^"#]+)', (KEPT / name).read_text(encoding="utf-8"))
        assert all((KEPT / link).is_file() for link in links)
    for name in ("report.md", "report.zh.md"):
        text = (KEPT / name).read_text(encoding="utf-8")
        assert all((KEPT / link).is_file() for link in re.findall(r"\]\(([^)#]+)\)", text))
        assert "results/standard" in text  # where the command puts the notebooks again


def test_keeping_a_result_empties_what_was_there(tmp_path: Path) -> None:
    made = {name: synthetic.tables()[name] for name in ("verdicts", "overall", "cells")}
    out = synthetic.write(tmp_path / "out", made)
    run = json.loads((out / "run.json").read_text())
    (out / "run.json").write_text(json.dumps(run | {"command": f"headtohead run --out {ROOT}/results/mine"}))
    (tmp_path / "kept/tables").mkdir(parents=True)
    (tmp_path / "kept/tables/curves.parquet").write_text("old")
    keep(out, tmp_path / "kept", processes=1)
    assert not (tmp_path / "kept/tables/curves.parquet").exists()
    page = (tmp_path / "kept/report.html").read_text(encoding="utf-8")
    assert "notebooks/" not in "".join(re.findall(r'href="(.*?)"', page))
    assert "The notebooks that made the numbers are not kept here" in page
    assert ">headtohead run --out results/mine<" in page
    assert str(ROOT) not in page + (tmp_path / "kept/run.json").read_text(encoding="utf-8")


def test_a_result_without_verdicts_is_refused(tmp_path: Path) -> None:
    synthetic.write(tmp_path / "out", {"cells": synthetic.cells()})
    with pytest.raises(UserError, match="no verdicts"):
        keep(tmp_path / "out", tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def test_a_readme_without_marks_is_refused() -> None:
    with pytest.raises(UserError, match="No `<!-- results"):
        filled("# Head to Head\n", "numbers")


def test_the_command_is_the_one_that_the_readme_names() -> None:
    assert "\nreference:" in (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all("`make reference`" in (ROOT / name).read_text(encoding="utf-8") for name in READMES.values())
