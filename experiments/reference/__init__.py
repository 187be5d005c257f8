"""One network at a time with plain Keras `compile` and `fit`: the oracle, and the way for layers without a rule."""

from experiments.reference.optimizer import scaled
from experiments.reference.trainer import Trainer, assemble, run

__all__ = ["Trainer", "assemble", "run", "scaled"]
