"""PyTorch made alike to Keras: equal weights, and the formulas that differ made equal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch
from training_cases import cell

from experiments.engines import keras_trunk
from experiments.engines.torch import START, TRAINER, Torch, TorchEngine, precision
from experiments.engines.torch.layers import PlainAttention
from experiments.optimizers import OPTIMIZERS
from experiments.problem import Problem
from experiments.problem import _problem as problems
from experiments.records import Head, Optimizer

EPSILON = 1e-7  # Keras's


@contextmanager
def both(dtype: str) -> Iterator[None]:
    """Keras and PyTorch compute in `dtype` within."""
    with keras_trunk.precision(dtype), precision(dtype):
        yield


def rounded(number: float) -> float:
    """What Keras on TensorFlow makes of a Python number that it casts: it passes through float32, in float64 too."""
    return float(np.float32(number))


def as_in_keras(rule: type[torch.optim.Adam]) -> type[torch.optim.Adam]:
    """PyTorch's Adam with Keras's epsilon, added before the bias correction, which is that of rounded betas."""

    class AsInKeras(rule):  # type: ignore[misc,valid-type]
        def step(self) -> None:
            self.taken = getattr(self, "taken", 0) + 1

            def correction(first: float, second: float) -> float:
                return math.sqrt(1 - second**self.taken) / (1 - first**self.taken)

            own = [(group["lr"], group["weight_decay"]) for group in self.param_groups]
            for group in self.param_groups:
                first, second = group["betas"]
                group["eps"] = EPSILON / math.sqrt(1 - second**self.taken)
                ratio = correction(rounded(first), rounded(second)) / correction(first, second)
                group["lr"] *= ratio
                group["weight_decay"] /= ratio  # what decays is the rate times this
            super().step()
            for group, (rate, decay) in zip(self.param_groups, own, strict=True):
                group["lr"], group["weight_decay"] = rate, decay

    return AsInKeras


def alike(name: str) -> Optimizer:
    """The optimizer of that name, whose PyTorch form has Keras's formula in float64."""
    made = {
        "sgd": lambda groups: torch.optim.SGD(groups),
        "momentum": lambda groups: torch.optim.SGD(groups, momentum=rounded(0.9)),
        "adam": lambda groups: as_in_keras(torch.optim.Adam)(groups),
        "adamw": lambda groups: as_in_keras(torch.optim.AdamW)(groups, weight_decay=rounded(0.04)),
    }
    return replace(OPTIMIZERS[name], torch=made[name])


class Alike(Torch):
    """The PyTorch engine with the scale of Keras's attention, which Keras rounds to float32 even in float64."""

    def engine(self, problem: Problem, heads: Sequence[Head]) -> TorchEngine:
        made = super().engine(problem, heads)
        for part in made.module.modules():
            if isinstance(part, PlainAttention):
                part.scale = rounded(part.scale)
        return made


def twins(name: str, optimizer: str, **rest: object) -> tuple[Problem, Problem]:
    """One problem as Keras and as PyTorch train it, from equal weights, batches and heads; call it within `both`."""
    setup = cell(name, optimizer, **rest)
    mine = problems.prepare(setup, keras_trunk.trunk_of, START)
    theirs = problems.prepare(setup, TRAINER.trunk_of, START)
    streams = {
        seed: replace(stream, trunk=TRAINER.adopt(theirs.trunk, mine.streams[seed].trunk))
        for seed, stream in theirs.streams.items()
    }
    return mine, replace(theirs, streams=streams, optimizer=alike(optimizer))
