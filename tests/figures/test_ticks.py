"""Numbers on logarithmic axes and in tables of rates."""

import pytest

from experiments.figures.ticks import power


@pytest.mark.parametrize(
    ("value", "base", "text"),
    [(2**-5, 2, "2⁻⁵"), (1.0, 2, "2⁰"), (4096.0, 2, "2¹²"), (2**-0.67, 2, "0.63"), (3.0, 2, "3"), (1e-3, 10, "10⁻³"),
     (0.5, 10, "0.5")],
)  # fmt: skip
def test_powers_are_written_as_such_and_other_numbers_as_they_are(value: float, base: int, text: str) -> None:
    assert power(value, base) == text
