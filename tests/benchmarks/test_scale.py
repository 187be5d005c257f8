"""The simulation of many workers, on lengths whose schedule can be worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks import scale
from experiments.plan import kind_of, plan
from experiments.protocols import PRESETS
from experiments.records import UserError
from experiments.suite.costs import OVERHEAD, wall_time


def test_dask_hands_out_the_longest_first_to_who_is_free() -> None:
    """One worker has 6 and 2, or as much in small ones; in the order given, one would have 6 when all else is done."""
    cells = [[[length]] for length in (1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 3.0, 6.0)]
    assert scale.planned(cells, 2) == 8.0
    assert 8.0 <= scale.simulated(cells, 2, within=4.0) < 10.0


def test_what_is_left_of_a_cell_waits_for_its_parts() -> None:
    """Of two workers each has a part of 3; one has the short cell before, the other the asking and the rest."""
    cells = [[[1.0], [3.0, 3.0], [1.0]], [[1.0]]]
    assert (scale.planned(cells, 2), scale.chain(cells[0]), scale.seconds_of(cells[0])) == (5.0, 5.0, 8.0)
    assert 5.0 <= scale.simulated(cells, 2, within=4.0) < 6.2


def test_a_cell_is_as_many_tasks_as_it_has_chunks_at_most() -> None:
    """100 s that grow with the networks, beside 4 that do not: parts of two and one of three equal chunks."""
    asking, parts, rest = scale.stages(104.0, (48, 48, 48), 2)
    assert (asking, rest) == ([scale.ASKING], [OVERHEAD])
    assert parts == pytest.approx([OVERHEAD + 200 / 3, OVERHEAD + 100 / 3])
    assert [len(stage) for stage in scale.stages(104.0, (48, 48, 48), 9)] == [1, 3, 1]
    assert scale.stages(104.0, (96,), 9) == [[104.0]]


def test_a_preset_is_told_with_its_longest_cell(tmp_path: Path) -> None:
    said = CliRunner().invoke(
        scale.app, ["--preset", "quick", "--workers", "3", "--seconds", "2", "--out", str(tmp_path)],
        catch_exceptions=False,
    ).output  # fmt: skip
    cells = [cell for cell in plan(PRESETS["quick"]) if not kind_of(cell).last]
    lengths = scale.costs_of(cells, tmp_path).values()
    assert f"quick: {len(lengths)} cells, {sum(lengths) / 3600:.1f} h in all" in said
    workers, minutes, faster, cut, longest, whole = map(str.strip, said.splitlines()[-1].strip("|").split("|"))
    assert (workers, cut) == ("3", "0")
    assert float(longest) == pytest.approx(max(lengths) / 60, abs=0.06)
    assert float(whole) == pytest.approx(sum(lengths) / wall_time(lengths, 3), abs=0.06)
    assert float(minutes) >= wall_time(lengths, 3) / 60 - 0.1
    assert float(faster) == pytest.approx(sum(lengths) / 60 / float(minutes), rel=0.1)


def test_the_reference_says_what_cells_take_and_its_engine_their_chunks() -> None:
    """Of 1,000 workers no cell of two chunks or more decides; 16 seeds of six arms of a CNN are one chunk."""
    cells = [cell for cell in plan(PRESETS["full"]) if cell.id.startswith("binary-strokes-") and cell.networks == 96]
    costs = scale.costs_of(cells, scale.REFERENCE)
    assert scale.costs_of(cells, Path("nowhere")) != costs
    tasks = dict(zip(costs, scale.divided(cells, costs, 1000), strict=True))
    assert {cell: len(stages) for cell, stages in tasks.items() if cell.endswith("-adam")} == {
        "binary-strokes-cnn-adam": 1, "binary-strokes-gru-adam": 3, "binary-strokes-attention-adam": 3,
    }  # fmt: skip
    assert max(map(scale.chain, tasks.values())) < 0.8 * max(costs.values())


@pytest.mark.parametrize(("option", "value"), [("--workers", "0"), ("--workers", "a"), ("--seconds", "0")])
def test_what_cannot_be_is_told(option: str, value: str) -> None:
    with pytest.raises(UserError, match=f"{option} is '?{value}'?\\. Give"):
        CliRunner().invoke(scale.app, [option, value], catch_exceptions=False)
