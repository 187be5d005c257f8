"""One network at a time with plain Keras `compile` and `fit`: the oracle, and the way for layers without a rule."""

from experiments.engines.keras_fit.engine import FitEngine, KerasFit, assemble, scaled

__all__ = ["FitEngine", "KerasFit", "assemble", "scaled"]
