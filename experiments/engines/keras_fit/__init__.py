"""One network at a time with plain Keras `compile` and `fit`: the oracle, and the way for layers without a rule."""

from experiments.engines.keras_fit.optimizer import scaled
from experiments.engines.keras_fit.trainer import Trainer, assemble, run

__all__ = ["Trainer", "assemble", "run", "scaled"]
