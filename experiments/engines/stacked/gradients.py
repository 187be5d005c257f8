"""What is recorded of the gradients of a step: their norms, and the rows that have none."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf


def norms(
    trunk: Sequence[tf.Tensor | None],
    kernels: Sequence[tf.Tensor],
    biases: Sequence[tf.Tensor],
    scopes: Sequence[Sequence[int]],
) -> tf.Tensor:
    """The norms of each replica's gradients: those that `problem.NORMS` names, then each layer's, (scopes, replicas).

    `trunk`: by variable, (replicas, ...) or a table's (replicas * rows, ...); None where nothing depends on it.
    `kernels`, `biases`: by number of units, (replicas of as many, features, units) and (replicas of as many, units).
    `scopes`: of each layer, the indices of its variables in `trunk`.
    """
    counts = [kernel.shape[0] for kernel in kernels]
    zero = tf.zeros([sum(counts)], kernels[0].dtype)
    by_variable = [zero if g is None else _squares(g, sum(counts)) for g in trunk]
    # plain sums: the order of tf.add_n depends on which buffer happens to be free, and so do its last bits
    layers = [sum((by_variable[index] for index in indices), zero) for indices in scopes]
    head, effective = [], []
    for count, kernel, bias in zip(counts, kernels, biases, strict=True):
        head.append(_squares(kernel, count) + _squares(bias, count))
        if kernel.shape[-1] == 2:  # u = w1 - w0 at fixed w0 + w1
            kernel, bias = (kernel[..., 1] - kernel[..., 0]) / 2, (bias[..., 1] - bias[..., 0]) / 2
        effective.append(_squares(kernel, count) + _squares(bias, count))
    trunk_squares = sum(by_variable, zero)
    heads = tf.concat(head, axis=0)
    return tf.sqrt(tf.stack([trunk_squares, heads, trunk_squares + heads, tf.concat(effective, axis=0), *layers]))


def _squares(gradient: tf.Tensor, replicas: int) -> tf.Tensor:
    return tf.reduce_sum(tf.square(tf.reshape(gradient, [replicas, -1])), axis=1)


def dead_shares(at_logits: Sequence[tf.Tensor]) -> tf.Tensor:
    """The share of each replica's rows whose gradient at the logits is exactly 0: (replicas,).

    `at_logits`: by number of units, (replicas of as many, batch, units).
    """
    shares = [tf.reduce_mean(tf.cast(tf.reduce_all(g == 0, axis=2), g.dtype), axis=1) for g in at_logits]
    return tf.concat(shares, axis=0)
