"""`headtohead check FILE.py:FUNCTION`: does the user's Keras model compute the loss that its program names?

The file is imported and the named function is called; nothing else of it is executed.
"""

from experiments.check.findings import Finding, check, inspect
from experiments.check.render import main

__all__ = ["Finding", "check", "inspect", "main"]
