"""`python -m experiments.numerics BACKEND FILE.parquet`: one backend's atlas, in a process of its own."""

from __future__ import annotations

import sys

from experiments.numerics.atlas import atlas

if __name__ == "__main__":
    backend, target = sys.argv[1:]
    atlas(backend).to_parquet(target)
