"""The simulation of many workers, on lengths whose schedule can be worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks import scale
from experiments.records import UserError
from experiments.suite.costs import wall_time


def test_dask_hands_out_the_longest_first_to_who_is_free() -> None:
    """One worker has 6 and 2, or as much in small ones; in the order given, one would have 6 when all else is done."""
    lengths = [1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 3.0, 6.0]
    assert wall_time(lengths, 2) == 8.0
    assert 8.0 <= scale.simulated(lengths, 2, within=4.0) < 10.0


def test_a_preset_is_told_with_its_longest_cell(tmp_path: Path) -> None:
    said = CliRunner().invoke(
        scale.app, ["--preset", "quick", "--workers", "3", "--seconds", "2", "--out", str(tmp_path)],
        catch_exceptions=False,
    ).output  # fmt: skip
    lengths = scale.lengths_of("quick", tmp_path)
    assert f"quick: {len(lengths)} cells, {sum(lengths) / 3600:.1f} h in all" in said
    workers, minutes, faster, planned = (part.strip() for part in said.splitlines()[-1].strip("|").split("|"))
    assert workers == "3"
    assert float(planned) == pytest.approx(wall_time(lengths, 3) / 60, abs=0.06)
    assert float(minutes) >= float(planned) - 0.1
    assert float(faster) == pytest.approx(sum(lengths) / 60 / float(minutes), rel=0.1)


@pytest.mark.parametrize(("option", "value"), [("--workers", "0"), ("--workers", "a"), ("--seconds", "0")])
def test_what_cannot_be_is_told(option: str, value: str) -> None:
    with pytest.raises(UserError, match=f"{option} is '?{value}'?\\. Give"):
        CliRunner().invoke(scale.app, [option, value], catch_exceptions=False)
