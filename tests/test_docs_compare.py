"""What docs/compare.md and the README tell a reader to call exists as written."""

from __future__ import annotations

import ast
import inspect
import re
import shlex
from pathlib import Path

import pytest
import typer

import headtohead
from experiments.__main__ import app
from experiments.comparison import Comparison
from experiments.judgement import Design, looks

ROOT = Path(__file__).resolve().parents[1]
GUIDE = (ROOT / "docs" / "compare.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^(?:\.venv/bin/)?headtohead compare (.*?)(?: +#.*)?$", GUIDE + README, flags=re.MULTILINE)


def test_the_guide_shows_commands() -> None:
    assert len(COMMANDS) >= 6


@pytest.mark.parametrize("arguments", COMMANDS)
def test_every_command_can_be_parsed(arguments: str) -> None:
    command = typer.main.get_command(app).commands["compare"]  # type: ignore[attr-defined]
    assert command.make_context("compare", shlex.split(arguments)).params


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
