"""How each command of the benchmarks ends."""

from __future__ import annotations

import sys

import typer

from experiments.records import UserError


def run(app: typer.Typer) -> None:
    """Run a command; a user's mistake is one line and exit code 2."""
    try:
        app()
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
