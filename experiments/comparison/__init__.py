"""Sigmoid against softmax on a user's own data and network: `experiments.compare`, and `headtohead compare`.

Importing this is cheap; what it exports is imported when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.lazy_imports import importer

if TYPE_CHECKING:
    from experiments.comparison.api import compare, of_table
    from experiments.comparison.options import Options
    from experiments.comparison.result import Comparison
    from experiments.comparison.verb import compare_command

__all__ = ["Comparison", "Options", "compare", "compare_command", "of_table"]

_HOMES = {"Comparison": "result", "Options": "options", "compare": "api", "compare_command": "verb", "of_table": "api"}
__getattr__ = importer(__name__, _HOMES)
