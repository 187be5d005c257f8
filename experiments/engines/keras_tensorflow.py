"""Keras on TensorFlow: networks stacked where every layer has a rule, plain Keras where one has none."""

from __future__ import annotations

import logging

from experiments.engines.interface import Factory, Trainer
from experiments.engines.keras_fit import KerasFit
from experiments.engines.keras_trunk import precision, trunk_of
from experiments.engines.stacked import Stacked
from experiments.problem import Problem

log = logging.getLogger(__name__)


def factory(problem: Problem) -> Factory:
    """The stacked engine; for a trunk with a layer that it lacks plain Keras, one network after another."""
    stacked = Stacked()
    missing = stacked.unsupported(problem)
    if not missing:
        return stacked
    log.warning("Plain Keras trains this network, one arm and seed after another: no rule for %s", ", ".join(missing))
    return KerasFit()


TRAINER = Trainer(precision=precision, trunk_of=trunk_of, factory=factory)
