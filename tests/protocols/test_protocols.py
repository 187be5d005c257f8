"""The presets are what they promise: constants of a size that fits their purpose."""

from __future__ import annotations

import itertools
from collections import defaultdict

import pytest

from experiments.frameworks import FRAMEWORKS
from experiments.heads import HEADS, binary_heads
from experiments.networks import NETWORKS
from experiments.optimizers import OPTIMIZERS
from experiments.plan import plan
from experiments.protocols import FULL, PRESETS, QUICK, STANDARD, Protocol
from experiments.records import Cell
from experiments.stats import ALPHA, QUANTITIES
from experiments.suite.costs import estimate, wall_time
from experiments.tables import MAIN
from experiments.tasks import TASKS


def binary(protocol: Protocol, framework: str = MAIN) -> list[Cell]:
    cells = [cell for cell in plan(protocol) if cell.notebook == "binary.ipynb"]
    return [cell for cell in cells if cell.parameters["framework"] == framework]


def test_there_are_three_presets() -> None:
    assert list(PRESETS) == ["quick", "standard", "full"]


def test_standard_covers_every_network_head_and_kind_of_data() -> None:
    cells = binary(STANDARD)
    tasks = {TASKS[str(cell.parameters["task"])] for cell in cells}
    assert sum(not task.synthetic for task in tasks) >= 6
    assert sum(task.synthetic for task in tasks) >= 3
    seen = defaultdict(set)
    for cell in cells:
        seen[cell.parameters["network"], cell.parameters["optimizer"]].add(cell.parameters["task"])
    for network in ("linear", "mlp", "deep_mlp", "cnn", "gru", "attention"):
        assert len(seen[network, "sgd"]) >= 2
        assert len(seen[network, "adam"]) >= 2
    assert {optimizer for _, optimizer in seen} == {"sgd", "adam", "adamw"}
    every_arm = defaultdict(int)
    for cell in cells:
        # an arm that differs in its decay alone needs an optimizer that decays
        decays = OPTIMIZERS[str(cell.parameters["optimizer"])].decays
        usual = [name for name in binary_heads() if not HEADS[name].on_request]
        every = [name for name in usual if decays or not HEADS[name].needs_decay]
        answering = [
            name
            for name in every
            if name in ("sigmoid", "softmax") or HEADS[name].role in ("factor", "control", "null")
        ]
        heads = list(cell.parameters["heads"])
        assert heads in (every, answering, ["sigmoid", "softmax"])
        every_arm[cell.parameters["network"]] += heads == every
    assert seen["text_mean", "adam"] == seen["text_gru", "adam"] == {"chinese_reviews"}
    # what only proves an equality or shows a pitfall is trained in a cell of each kind of network for rows
    assert {network: cells for network, cells in every_arm.items() if cells} == {"linear": 1, "mlp": 1, "deep_mlp": 1}
    for cell in cells:  # images and text take ten times as long; of a synthetic task each seed has rows of its own
        task = TASKS[str(cell.parameters["task"])]
        assert cell.parameters["seeds"] == (13 if task.kind in ("image", "text") else 20 if task.synthetic else 32)
    assert all(cell.parameters["image_side"] <= 14 for cell in cells)
    assert 36 <= len(cells) <= 54


@pytest.mark.parametrize("framework", STANDARD.frameworks)
def test_standard_has_seeds_enough_to_show_a_difference(framework: str) -> None:
    """The least p of n seeds is 2 / 2^n. It has to pass the corrections over all cells, and that of a cell's five
    primary quantities those over twice the cells that have as few seeds.
    """
    seeds = [int(cell.parameters["seeds"]) for cell in binary(STANDARD, framework)]
    least = 2.0 ** (1 - min(seeds))
    assert least <= ALPHA / len(seeds)
    if framework == MAIN:
        primary = sum(quantity.primary for quantity in QUANTITIES.values())
        assert primary * least <= ALPHA / (2 * seeds.count(min(seeds)))


def test_standard_explains_each_network_and_optimizer_on_some_task() -> None:
    """Elsewhere both heads alone: no arm is trained again whose answer is known from a cell like it."""
    explained, all_of_them = set(), set()
    for cell in binary(STANDARD):
        parameters = cell.parameters
        heads, of = set(parameters["heads"]), (parameters["network"], parameters["optimizer"])
        all_of_them.add(parameters["network"])
        if heads != {"sigmoid", "softmax"}:
            assert {"softmax_init", "softmax_lr", "softmax_matched", "sigmoid_again"} < heads
            explained.add(of)
    assert {network for network, _ in explained} == all_of_them - {"text_mean", "text_gru"}
    assert {(network, optimizer) for network in ("linear", "mlp", "deep_mlp", "cnn") for optimizer in ("sgd", "adam")} \
        <= explained


@pytest.mark.parametrize("framework", STANDARD.frameworks[1:])
def test_standard_trains_the_same_cells_in_every_framework(framework: str) -> None:
    """Both heads, the arms that tell causes apart, and both heads in another program of the framework."""
    here = {cell.id.removesuffix(f"-{framework}"): cell.parameters for cell in binary(STANDARD, framework)}
    there = {cell.id: cell.parameters for cell in binary(STANDARD)}
    assert here.keys() <= there.keys()
    for name, mine in here.items():
        differ = {key for key in mine if mine[key] != there[name][key]}
        assert {"framework"} <= differ <= {"framework", "heads", "seeds"}
        programs = set(FRAMEWORKS[framework].programs)
        assert set(mine["heads"]) - programs <= set(there[name]["heads"])
        causes = {"softmax_matched", "sigmoid_again", "softmax_init", "softmax_lr", *programs}
        told = causes if mine["task"] in ("separable", "label_noise") else set()
        assert set(mine["heads"]) == {"sigmoid", "softmax"} | told
    tasks = {parameters["task"] for parameters in here.values()}
    assert {"separable", "label_noise"} < tasks
    assert len(tasks) >= 4
    for network, optimizer in itertools.product(("mlp", "cnn"), ("sgd", "adam")):
        assert any((p["network"], p["optimizer"]) == (network, optimizer) for p in here.values())
    assert not binary(QUICK, framework)


def test_no_framework_trains_an_arm_of_another() -> None:
    only_torch = {"sigmoid_bceloss", "softmax_nllloss"}
    assert only_torch == set(binary_heads("torch")) - set(binary_heads())
    assert binary_heads("keras-jax") == binary_heads()
    assert set(binary_heads()) - set(binary_heads("torch")) == {
        "sigmoid_logits", "softmax_logits", "softmax_sparse", "softmax_bce", "sigmoid2_bce", "sigmoid2_cce", "softmax1",
    }  # fmt: skip
    for preset in (QUICK, STANDARD, FULL):
        for cell in plan(preset):
            framework = cell.parameters.get("framework", MAIN)
            assert all(HEADS[head].exists_in(framework) for head in cell.parameters.get("heads", ()))


def test_quick_is_small() -> None:
    cells = binary(QUICK)
    assert len(cells) <= 20
    assert all(cell.networks <= 160 and cell.parameters["steps"] <= 400 for cell in cells)
    assert {"linear", "mlp"} < {cell.parameters["network"] for cell in cells}


def test_full_is_everything_that_fits() -> None:
    cells = binary(FULL)
    wanted = {
        (task.name, network.name, optimizer)
        for task in TASKS.values()
        for network in NETWORKS.values()
        for optimizer in OPTIMIZERS
        if task.target == "binary" and task.kind in network.takes
    }
    found = {tuple(cell.parameters[name] for name in ("task", "network", "optimizer")) for cell in cells}
    assert found == wanted
    for cell in cells:
        rows = cell.parameters["network"] in ("linear", "mlp", "deep_mlp")
        assert cell.parameters["seeds"] == (50 if rows else 16)


def test_no_cell_of_full_holds_up_a_hundred_workers() -> None:
    """What a hundred workers take is at most a hundredth of what one takes, and a quarter."""
    lengths = list(estimate(plan(FULL), []).values())
    assert sum(lengths) / wall_time(lengths, 100) >= 80
    assert wall_time(lengths, 2) <= 12 * 3600
