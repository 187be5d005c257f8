"""This engine, as a cell uses it."""

from __future__ import annotations

from dataclasses import replace

import keras

from benchmarks.contestants import Timing, contestant, training_losses
from benchmarks.flops import mean_mflop
from experiments.engines import driver, prepare, train
from experiments.engines.keras_trunk import precision
from experiments.engines.stacked import StackedEngine
from experiments.engines.stacked.budget import at_once
from experiments.networks import NETWORKS
from experiments.problem import chunk_of, chunks
from experiments.records import Head, Network, Setup


@contestant("cell")
def cell(setup: Setup) -> Timing:
    """A whole cell: drawing, tracing, training, evaluating, recording, tables."""
    timing = Timing(networks=setup.networks)
    with timing.clock():
        tables = train(setup)
    timing.losses = training_losses(setup, tables["curves"])
    timing.values["mflop"] = mean_mflop(prepare(replace(setup, seeds=1, steps=1)))
    return timing


@contestant("steps")
def steps(setup: Setup) -> Timing:
    """Drawing, tracing and training with losses and gradient norms recorded; the splits are not evaluated."""
    timing = Timing(networks=setup.networks)
    with precision(setup.dtype):
        with timing.clock("drawing"):
            problem = prepare(setup)
        with timing.clock("training"):
            planned = list(chunks(problem.heads, problem.rates, range(setup.seeds), at_once(problem)))
            engines: dict[tuple[Head, ...], StackedEngine] = {}
            for replicas in planned:
                heads = tuple(replica.head for replica in replicas)
                if heads not in engines:
                    engines[heads] = StackedEngine(problem, heads)
                engines[heads].start(chunk_of(problem, replicas))
                for _ in driver.steps(problem, engines[heads]):
                    pass
    timing.values["at_once"] = len(planned[0])
    return timing


@contestant("wide")
def wide(setup: Setup, *, width: int) -> Timing:
    """A whole cell of an MLP with two hidden layers of `width`."""

    def build(row: tuple[int, ...]) -> keras.Model:
        layers = [keras.layers.Dense(width, activation="relu") for _ in range(2)]
        return keras.Sequential([keras.layers.Input(row), *layers])

    network = NETWORKS.add(Network(name=f"mlp_{width}", takes=("vector",), build=build, description="of one width"))
    return cell(replace(setup, network=network.name))
