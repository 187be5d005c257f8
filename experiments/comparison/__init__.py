"""Sigmoid against softmax on a user's own data and network: `experiments.compare`, and `headtohead compare`."""

from experiments.comparison.api import compare, of_table
from experiments.comparison.options import Options
from experiments.comparison.result import Comparison

__all__ = ["Comparison", "Options", "compare", "of_table"]
