"""The stacked engine: every weight has a leading axis of replicas, and all of them take their step at once."""

from experiments.engines.stacked.context import Context
from experiments.engines.stacked.forward import evaluate
from experiments.engines.stacked.limits import unsupported

__all__ = ["Context", "evaluate", "unsupported"]
