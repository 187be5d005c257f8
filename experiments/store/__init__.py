"""Results on disk.

A notebook uses only what is named here: `save_tables` and `progress`. The suite uses the modules of this folder.
"""

from experiments.store.outputs import progress, save_tables

__all__ = ["progress", "save_tables"]
