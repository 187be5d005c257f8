"""How many networks advance together."""

import pytest

from experiments.heads import HEADS
from experiments.problem import chunks


@pytest.mark.parametrize(
    ("seeds", "most", "sizes"),
    [
        (20, 8, [5] * 4),  # of 7, 7 and 6 a step would be compiled twice
        (20, 20, [20]),
        (20, 10, [10, 10]),
        (12, 5, [4, 4, 4]),
        (23, 8, [8, 8, 7]),  # a prime number
        (10, 3, [2] * 5),
        (14, 6, [5, 5, 4]),  # seven chunks of two would be too many
        (10, 4, [4, 4, 2]),
        (2, 1, [1, 1]),
        (1, 5, [1]),
    ],
)
def test_chunks_are_of_one_size_where_few_more_make_them_so(seeds: int, most: int, sizes: list[int]) -> None:
    heads = [HEADS["sigmoid"], HEADS["softmax"]]
    parts = list(chunks(heads, (0.1,), range(seeds), 2 * most + 1))
    assert [len(part) for part in parts] == [2 * size for size in sizes]
    assert [replica.seed for part in parts for replica in part if replica.head.units == 1] == [*range(seeds)]
