"""What the machine can do: matrix products, alone and in batches as small as the networks'."""

from __future__ import annotations

import time

import tensorflow as tf

from benchmarks.contestants import Timing, contestant
from benchmarks.work import BATCHED, LARGE
from experiments.records import Setup


@contestant("machine")
def machine(setup: Setup, *, replicas: list[int], seconds: float) -> Timing:
    """GFLOP/s of one large product and of `replicas` small ones at once, each run again and again for `seconds`."""
    timing = Timing(networks=0)
    rows, inner, columns = BATCHED
    with timing.clock():
        timing.values["large"] = rate([1, LARGE, LARGE], [1, LARGE, LARGE], seconds)
        timing.values["batched"] = {
            str(count): rate([count, rows, inner], [count, inner, columns], seconds) for count in replicas
        }
    return timing


def rate(left: list[int], right: list[int], seconds: float) -> float:
    """GFLOP/s of the batched product of two shapes, the best of many runs in one compiled function."""
    a, b = tf.random.normal(left), tf.random.normal(right)
    product = tf.function(lambda a, b: tf.reduce_sum(tf.matmul(a, b)[:, 0, 0]))
    product(a, b).numpy()
    best, started = float("inf"), time.perf_counter()
    while time.perf_counter() - started < seconds:
        start = time.perf_counter()
        product(a, b).numpy()
        best = min(best, time.perf_counter() - start)
    return 2.0 * left[0] * left[1] * left[2] * right[2] / best / 1e9
