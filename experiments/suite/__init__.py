"""Cells executed as notebooks, by papermill, on one worker or many; see `run`."""

from experiments.suite.options import Options, Outlook, Summary, default_workers
from experiments.suite.run import outlook, prepare, rebuild, run

__all__ = ["Options", "Outlook", "Summary", "default_workers", "outlook", "prepare", "rebuild", "run"]
