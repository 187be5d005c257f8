"""Cells executed as notebooks, by papermill, on one worker or many, and their results on disk; see `run`."""

from experiments.suite.cells import Cells
from experiments.suite.collect import verify
from experiments.suite.options import Options, Outlook, Summary, default_workers
from experiments.suite.reports import report, report_of_run
from experiments.suite.run import outlook, prepare, rebuild, run

__all__ = [
    "Cells",
    "Options",
    "Outlook",
    "Summary",
    "default_workers",
    "outlook",
    "prepare",
    "rebuild",
    "report",
    "report_of_run",
    "run",
    "verify",
]
