"""This engine, as a cell uses it."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import tensorflow as tf

from benchmarks.contestants import Timing, contestant, training_losses
from benchmarks.flops import mean_mflop
from experiments.engines import precision, prepare, train
from experiments.engines.driver import Chunk, engine_for
from experiments.engines.stacked.budget import at_once
from experiments.networks import NETWORKS
from experiments.problem.replicas import chunks
from experiments.records import Network, Setup


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
            engines = {}
            for replicas in planned:
                shape = tuple(replica.head.name for replica in replicas)
                if shape not in engines:
                    engines[shape] = engine_for(problem, replicas)
                advance(Chunk(problem, engines[shape], replicas))
    timing.values["at_once"] = len(planned[0])
    return timing


def advance(chunk: Chunk) -> list[list[np.ndarray]]:
    """Take all steps of a chunk; the losses, norms and dead shares at each recorded one."""
    problem, engine = chunk.problem, chunk.engine
    engine.start(
        [problem.streams[replica.seed].trunk for replica in chunk.replicas],
        [problem.kernel(replica) for replica in chunk.replicas],
        [problem.bias(replica) for replica in chunk.replicas],
    )
    seen, step = [], 0
    for target in sorted({1, *problem.recorded} - {0}):
        values = engine.advance(tf.constant(step), tf.constant(target), chunk.order, chunk.stream, chunk.rates)
        seen.append([value.numpy() for value in values])
        step = target
    return seen


@contestant("wide")
def wide(setup: Setup, *, width: int) -> Timing:
    """A whole cell of an MLP with two hidden layers of `width`."""

    def build(row: tuple[int, ...]) -> keras.Model:
        layers = [keras.layers.Dense(width, activation="relu") for _ in range(2)]
        return keras.Sequential([keras.layers.Input(row), *layers])

    network = NETWORKS.add(Network(name=f"mlp_{width}", takes=("vector",), build=build, description="of one width"))
    return cell(replace(setup, network=network.name))
