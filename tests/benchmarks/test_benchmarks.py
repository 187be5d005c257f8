"""The benchmarks at their smallest: the contestants do the same work, and what they took is shown."""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from benchmarks import __main__ as command
from benchmarks import jobs, plan, show, work
from benchmarks.contestants import CONTESTANTS, Timing, load
from benchmarks.contestants.names import CELL, FIT
from benchmarks.flops import flops_of_step
from benchmarks.worker import work as run_in_process
from experiments.records import Setup, UserError

FAKED = {"sigmoid/0/0.001953125": (0.5, 0.5)}
TINY = work.Size(
    networks=("mlp",),
    seeds=1,
    steps=3,
    repeats=1,
    repeats_long=1,
    fits=1,
    seeds_grown=(1,),
    widths=(4,),
    steps_grown=2,
    seeds_wide=1,
    replicas=(2,),
    replica_seconds=0.01,
)


@pytest.fixture(autouse=True)
def two_arms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "HEADS", ("sigmoid", "softmax_lr"))
    load()


@pytest.mark.parametrize("network", ["mlp", "cnn", "gru", "attention"])
def test_jax_trains_the_same_networks(network: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("jax")
    # one and two units, both losses, a halved head rate, a second order of the batches
    arms = ("sigmoid_again", "softmax_lr", "softmax_bce") if network == "mlp" else ("softmax",)
    monkeypatch.setattr(work, "HEADS", arms)
    setup = work.setup(network, seeds=2, steps=10)
    ours = CONTESTANTS["cell"](setup).losses
    theirs = CONTESTANTS["jax"](setup, evaluating=network == "mlp").losses
    assert len(ours) == 2 * len(arms)
    for network_name, (mean, last) in ours.items():
        assert theirs[network_name] == pytest.approx((mean, last), rel=1e-4), network_name


def test_fit_trains_the_same_networks() -> None:
    setup = work.setup("mlp", seeds=2, steps=10)
    ours, theirs = CONTESTANTS["cell"](setup).losses, CONTESTANTS["fit"](setup, timed=1).losses
    assert len(theirs) == 1
    for network_name, (mean, last) in theirs.items():
        assert last is None
        assert mean == pytest.approx(ours[network_name][0], rel=1e-4)


def test_operations_are_those_counted_by_hand() -> None:
    import keras

    layers = [keras.layers.Input((6, 6, 1)), keras.layers.Conv2D(2, 3), keras.layers.Flatten(), keras.layers.Dense(5)]
    # 4 x 4 places x 9 inputs x 2 filters, without a gradient of the data; 32 x 5; a head of 5 x 1
    by_hand = 2 * 7 * (2 * 16 * 9 * 2 + 3 * 32 * 5 + 3 * 5)
    assert flops_of_step(keras.Sequential(layers), 1, 7) == by_hand
    gru = keras.Sequential([keras.layers.Input((4, 3)), keras.layers.GRU(2)])
    # 4 steps x (3 inputs x 6 gates, and 2 states x 6 gates); a head of 2 x 2
    assert flops_of_step(gru, 2, 1) == 2 * (2 * 4 * 18 + 3 * 4 * 12 + 3 * 4)
    steps = keras.layers.Input((5, 4))
    rows = keras.layers.Dense(6)(steps)
    attended = keras.layers.MultiHeadAttention(num_heads=2, key_dim=3)(rows, rows)
    block = keras.Model(steps, keras.layers.Flatten()(keras.layers.LayerNormalization()(attended)))
    # 5 steps x (4 x 6; four kernels of 6 x 6; 5 scores of 6, and 5 values of 6); a head of 30
    assert flops_of_step(block, 1, 1) == 2 * (2 * 5 * 24 + 3 * 5 * (4 * 36 + 2 * 5 * 6) + 3 * 30)


def test_jobs_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "run", lambda job: {"name": job.name})
    setup = work.setup("mlp", seeds=1, steps=1)
    some = [jobs.Job(part="p", name=name, contestant="cell", setup=setup) for name in "AB"]
    order: list[tuple[str, int]] = []
    results = jobs.in_turns(some, 2, lambda job, turn: order.append((job.name, turn)))
    assert order == [("A", 0), ("B", 0), ("A", 1), ("B", 1)]
    assert results == {("p", "A"): [{"name": "A"}] * 2, ("p", "B"): [{"name": "B"}] * 2}


def test_the_clock_adds_up() -> None:
    timing = Timing(networks=1)
    for _ in range(2):
        with timing.clock("part"):
            sum(range(1000))
    assert 0 < timing.seconds < 1
    assert timing.parts["part"] == pytest.approx(timing.seconds, abs=1e-3)


def test_an_unknown_part_is_told() -> None:
    with pytest.raises(UserError, match=r"no part 'mpl'.*Known: machine, mlp"):
        plan.turns(work.QUICK, ("mpl",))


def test_every_part_is_planned() -> None:
    planned = plan.turns(work.FULL, ())
    assert [group.jobs[0].part for group in planned] == list(plan.PARTS)
    swept = planned[-1].jobs
    assert len(swept[1].setup.learning_rates) > 1
    assert swept[0].setup.learning_rates == ()
    assert [group.judged for group in planned] == [
        part in ("mlp", "cnn", "gru", "attention", "frameworks") for part in plan.PARTS
    ]


def test_targets_and_disagreements_are_told() -> None:
    group = plan.contestants("mlp", work.FULL)
    timing: dict[str, Any] = {
        "networks": 1,
        "cpu": 1.0,
        "imported_mib": 1.0,
        "grown_mib": 1.0,
        "values": {"mflop": 1.0},
    }
    results = {
        (job.part, job.name): [{**timing, "seconds": 1.0, "losses": {"sigmoid/0/1": (0.5, 0.5)}}] * 3
        for job in group.jobs
    }
    results["mlp", FIT] = [{**timing, "seconds": 99.0, "losses": {}}] * 3
    words = str(show.tables(group, results, {})[0].renderables[1])  # type: ignore[union-attr]
    assert f"{FIT}: 99 times the engine's time a network; the target is at least 150: MISSED." in words
    assert "0 by more than 0.001" in words
    results["mlp", CELL] = [{**timing, "seconds": 0.5, "losses": {"sigmoid/0/1": (0.5, math.nan)}}] * 3
    words = str(show.tables(group, results, {})[0].renderables[1])  # type: ignore[union-attr]
    assert f"{FIT}: 198 times the engine's time a network; the target is at least 150: reached." in words
    assert "1 by more than 0.001" in words


def test_engines_of_frameworks_are_judged_by_their_time_beside_tensorflows() -> None:
    group = plan.frameworks(work.FULL)
    assert {job.setup.heads for job in group.jobs} == {work.COMMON}
    seconds = {"keras-tensorflow": 1.0, "keras-jax": 1.5, "torch": 1.6}
    timing = {"networks": 10, "seconds": 9.0, "imported_mib": 1.0, "grown_mib": 1.0}
    results = {(job.part, job.name): [{**timing, "cpu": seconds[job.setup.framework]}] * 3 for job in group.jobs}
    words = str(show.tables(group, results, {})[0].renderables[1])  # type: ignore[union-attr]
    target = "times the time of TensorFlow's engine a network; the target is at most 1.5"
    assert f"mlp: keras-jax: 1.50 {target}: reached" in words
    assert f"mlp: torch: 1.60 {target}: MISSED" in words
    results["frameworks", "mlp: torch"] = [{"missing": "torch"}]
    table, remarks = show.tables(group, results, {})[0].renderables  # type: ignore[union-attr]
    assert "not installed" in list(table.columns[1].cells)
    assert "torch" not in str(remarks)


def test_a_framework_trains_in_a_process_of_its_own_on_one_core() -> None:
    setup = Setup(task="breast_cancer", network="linear", optimizer="sgd", heads=("sigmoid",), seeds=2, steps=2)
    before = dict(os.environ)
    found = jobs.in_framework(setup)
    assert dict(os.environ) == before
    assert found["networks"] == len(found["losses"]) == 2
    assert found["cpu"] > 0


def test_the_command_prints_every_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    small = Setup(task="breast_cancer", network="linear", optimizer="sgd", heads=("sigmoid",), seeds=1, steps=2)

    def run(job: jobs.Job) -> dict[str, Any]:
        if job.contestant in ("jax", "fit"):  # the tests above run them
            return asdict(Timing(networks=2, seconds=1.0)) | {"imported_mib": 1.0, "grown_mib": 1.0, "losses": FAKED}
        return run_in_process(job.contestant, job.setup, dict(job.options))

    monkeypatch.setattr(command, "QUICK", TINY)
    monkeypatch.setattr(command, "settle", lambda: None)
    monkeypatch.setattr(plan, "planned", lambda preset, cell: small)
    monkeypatch.setattr(jobs, "run", run)
    out = tmp_path / "timings.json"
    parts = "machine,mlp,replicas,sweep"
    done = CliRunner().invoke(command.app, ["--quick", "--only", parts, "--out", str(out)])
    assert done.exit_code == 0, done.output
    for words in ("2048 x 2048", CELL, "networks at once", "The sweep adds"):
        assert words in done.output
    stored = json.loads(out.read_text())
    assert set(stored["timings"]) == set(parts.split(","))
    assert stored["timings"]["mlp"][CELL][0]["networks"] == 2
