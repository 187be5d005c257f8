"""What is trained: the same networks for every contestant. Constants, and the setups made of them."""

from __future__ import annotations

from dataclasses import dataclass

from experiments.plan import plan
from experiments.protocols import PRESETS
from experiments.records import Setup

# every binary arm but the pitfall and those that need weight decay
HEADS = (
    "sigmoid",
    "sigmoid_again",
    "sigmoid_logits",
    "softmax",
    "softmax_sparse",
    "softmax_logits",
    "softmax_init",
    "softmax_lr",
    "softmax_matched",
    "softmax_bce",
    "sigmoid2_bce",
    "sigmoid2_cce",
)
# those that every framework has
COMMON = ("sigmoid", "sigmoid_again", "softmax", "softmax_init", "softmax_lr", "softmax_matched")
TASK_OF = {"mlp": "breast_cancer", "cnn": "mnist_4v9", "gru": "mnist_4v9", "attention": "mnist_4v9"}
WIDTHS = (16, 32, 64, 128, 256)
SEEDS = (1, 5, 20, 100, 300)
BATCHED = (32, 64, 64)  # rows of a batch times a layer of 64: the product that the networks are made of
LARGE = 2048  # rows and columns of the product that the machine is best at


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much is trained and how often: all of a benchmark's knobs.

    `seeds_framework`: of each arm that all frameworks have, so that there are a few hundred networks.
    `repeats` are those of the MLP, `repeats_long` of what takes longer. `fits`: networks that a loop of `fit` is timed
    on, a repeat. `seeds_grown`, `steps_grown`: the curves over seeds and width. `swept`: the preset and the cell whose
    sweep is timed. `replicas`: how many advance at once, `replica_seconds` for each of them.
    """

    networks: tuple[str, ...] = ("mlp", "cnn", "gru", "attention")
    seeds: int = 20
    seeds_framework: int = 40
    steps: int = 400
    repeats: int = 3
    repeats_long: int = 2
    fits: int = 2
    seeds_grown: tuple[int, ...] = SEEDS
    widths: tuple[int, ...] = WIDTHS
    steps_grown: int = 100
    seeds_wide: int = 5
    swept: tuple[str, str] = ("standard", "bananas-mlp-adam")
    replicas: tuple[int, ...] = (12, 24, 48, 96, 192, 384)
    replica_seconds: float = 0.5


FULL = Size()
QUICK = Size(
    seeds=2,
    seeds_framework=2,
    steps=40,
    repeats=1,
    repeats_long=1,
    fits=1,
    seeds_grown=(1, 20),
    widths=(16, 256),
    steps_grown=20,
    seeds_wide=2,
    swept=("quick", "breast_cancer-mlp-sgd"),
    replicas=(12, 96),
    replica_seconds=0.2,
)


def setup(network: str, *, seeds: int, steps: int) -> Setup:
    """The cell of one network, at the optimizer's own rate."""
    return Setup(
        task=TASK_OF.get(network, "breast_cancer"),
        network=network,
        optimizer="adam",
        heads=HEADS,
        seeds=seeds,
        steps=steps,
        image_side=14,
    )


def planned(preset: str, cell: str) -> Setup:
    """The setup of a cell as the suite would train it, by its id."""
    found = {one.id: one for one in plan(PRESETS[preset])}
    return Setup(**found[cell].parameters)
