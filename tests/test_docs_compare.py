"""What docs/compare.md and the README tell a reader to call exists as written."""

from __future__ import annotations

import ast
import inspect
import re
import shlex
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import typer
from PIL import Image

import headtohead
from experiments.__main__ import app, main
from experiments.comparison import Comparison
from experiments.figures import Chart
from experiments.judgement import Design, looks
from experiments.report.figure_cache import Drawing

ROOT = Path(__file__).resolve().parents[1]
GUIDE = (ROOT / "docs" / "compare.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
CHINESE = (ROOT / "docs" / "compare.zh.md").read_text(encoding="utf-8")


def commands(text: str) -> list[str]:
    return re.findall(r"^(?:\.venv/bin/)?headtohead compare (.*?)(?: +#.*)?$", text, flags=re.MULTILINE)


COMMANDS = commands(GUIDE + README)


def test_the_guides_of_both_languages_show_the_same_commands() -> None:
    assert len(COMMANDS) >= 10
    away = "openml:credit-g --target class --class-weight balanced --json"
    chinese = [command.removesuffix(" --lang zh") for command in commands(CHINESE)]
    assert [command for command in commands(GUIDE) if command != away] == chinese


@pytest.mark.parametrize("arguments", COMMANDS)
def test_every_command_can_be_parsed(arguments: str) -> None:
    command = typer.main.get_command(app).commands["compare"]  # type: ignore[attr-defined]
    assert command.make_context("compare", shlex.split(arguments)).params


N = 60


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files that the guide's commands name, small, and the models that it shows."""
    rng, y = np.random.default_rng(0), np.arange(N) % 2
    yes = np.where(y, "yes", "no")
    customers = pd.DataFrame({"age": rng.normal(40, 9, N) + y, "plan": rng.choice(["a", "b"], N), "churned": yes})
    customers.to_csv(tmp_path / "customers.csv", index=False)
    customers.assign(customer=np.arange(N) // 4 * 2 + y).to_parquet(tmp_path / "customers.parquet")
    curve, words = rng.normal(size=(N, 6, 2)) + y[:, None, None], np.where(y, "good and clean", "rude and dirty")
    np.savez(tmp_path / "rows.npz", x=curve[:, 0], y=y)
    np.savez(tmp_path / "waves.npz", x=curve, y=y)
    np.savez(tmp_path / "visits.npz", lab=curve[:, 0], curve=curve, y=y)
    texts = [f"{some} {number}" for number, some in enumerate(words)]
    pd.DataFrame({"stars": y, "review": texts, "label": yes}).to_csv(tmp_path / "reviews.csv", index=False)
    steps = pd.DataFrame({"patient": np.repeat(np.arange(N), 6), "second": np.tile(np.arange(6), N)})
    steps.assign(height=curve[..., 0].ravel(), fell=np.repeat(yes, 6)).to_csv(tmp_path / "steps.csv", index=False)
    for number, name in enumerate(yes):
        for folder in ("mails", "photos"):
            (tmp_path / folder / name).mkdir(parents=True, exist_ok=True)
        (tmp_path / "mails" / name / f"{number}.txt").write_text(texts[number])
        pixels = rng.integers(0, 200, size=(9, 9)) + 50 * y[number]
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "photos" / name / f"{number}.png")
    models = re.findall(r"```python\n(.*?)```", GUIDE, flags=re.DOTALL)
    (tmp_path / "my_model.py").write_text("\n".join(block for block in models if "def " in block))
    bunch = SimpleNamespace(frame=customers.rename(columns={"churned": "class"}), target_names=["class"])
    monkeypatch.setattr("experiments.tasks.files.openml.fetch_openml", lambda **options: bunch)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def blank(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages hold empty figures: drawing them takes most of the time of a small comparison."""
    empty = Drawing(finding="empty", size=(1, 1), svg="<svg/>", draw=lambda: Chart(figsize=(0.1, 0.1)))
    monkeypatch.setattr("experiments.report.sections.components.drawing", lambda *_: empty)


WITH_FIGURES = [commands(GUIDE)[0], commands(CHINESE)[0]]


@pytest.mark.parametrize("arguments", [*WITH_FIGURES, *commands(GUIDE)[1:]])
def test_every_command_of_the_guides_gives_an_answer(
    arguments: str, desk: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    if arguments not in WITH_FIGURES:
        request.getfixturevalue("blank")
    given = ["headtohead", "compare", *shlex.split(arguments), "--seeds", "2", "--steps", "4", "--out", "answer"]
    monkeypatch.setattr(sys, "argv", given)
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert ended.value.code == 0, said.err
    begins = "{" if "--json" in arguments else ("60 rows of ", "customers.csv")["--lang zh" in arguments]
    assert said.out.startswith(begins), said.out
    assert list((desk / "answer").glob("report*.html"))


def test_every_call_of_the_guide_fits_the_functions() -> None:
    blocks = re.findall(r"```python\n(.*?)```", GUIDE, flags=re.DOTALL)
    calls = [node for block in blocks for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Call)]
    known = {"compare": headtohead.compare, "GradientNorms": headtohead.GradientNorms}
    seen = 0
    for call in calls:
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if name in known:
            words = {keyword.arg: None for keyword in call.keywords}
            inspect.signature(known[name]).bind(*call.args, **words)
            seen += 1
    assert seen == 2
    named = set(re.findall(r"found\.(\w+)", GUIDE))
    assert named <= {*Comparison.__dataclass_fields__, *dir(Comparison)}


def test_the_guide_names_every_option_of_the_function() -> None:
    options = [name for name in inspect.signature(headtohead.compare).parameters if name not in ("x", "y")]
    assert not [name for name in options if f"`{name}`" not in GUIDE]


def test_the_levels_are_as_written() -> None:
    found = Design(looks=looks(20)).levels(2)
    assert [f"{level:.1g}" for level in found[:2]] == ["9e-05", "0.003"]
    assert [f"{level:.2g}" for level in found[2:]] == ["0.013", "0.044"]
