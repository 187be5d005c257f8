"""`python -m headtohead`, which is the command `headtohead`."""

from __future__ import annotations

import headtohead  # noqa: F401  (it sees to it that `experiments` is the one beside it)
from experiments.__main__ import main

if __name__ == "__main__":
    main()
