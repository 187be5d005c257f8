"""How the weights of a step move: by Keras's own rule; and Adam's, with the same bits, in fewer passes over memory.

A step of small networks spends as long on the passes of its optimizer as on its matrix products.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from experiments.keras_internals import moments_of

# moves a variable (replicas, ...) by its gradient at the rates (replicas, 1, ...)
Update = Callable[[tf.Tensor, keras.Variable, tf.Tensor], None]


def move(
    optimizer: keras.optimizers.Optimizer,
    variables: Sequence[tuple[keras.Variable, tf.Tensor | None, tf.Tensor, tf.Tensor]],
) -> None:
    """One step: each variable, its gradient, and by replica, (replicas,), its rate and what its decay is multiplied by.

    A variable is (replicas, ...), or (replicas * rows, ...) if it is a table. Decay comes first, as in Keras.
    """
    decay, dtype = optimizer.weight_decay, variables[0][0].value.dtype
    update = update_of(optimizer, dtype)
    for variable, gradient, rate, scale in variables:
        if gradient is None:  # nothing that trains depends on it: Keras leaves it alone, decay included
            continue
        rows = variable.shape[0] // rate.shape[0]
        if rows > 1:  # a table's
            rate, scale = tf.repeat(rate, rows), tf.repeat(scale, rows)
        shape = [-1, *[1] * (len(variable.shape) - 1)]
        rate = tf.reshape(rate, shape)
        if decay is not None:
            coefficient = tf.cast(decay, dtype) * tf.reshape(scale, shape)
            variable.assign(variable.value - variable.value * coefficient * rate)
        update(gradient, variable, rate)
    optimizer.iterations.assign_add(1)


def update_of(optimizer: keras.optimizers.Optimizer, dtype: tf.DType) -> Update:
    """What moves each variable, of `dtype`, in one step; to be made within the step, whose number it reads once."""
    if type(optimizer) in (keras.optimizers.Adam, keras.optimizers.AdamW) and not optimizer.amsgrad:
        return _adam(optimizer, dtype)
    update: Update = optimizer.update_step
    return update


def _adam(optimizer: keras.optimizers.Adam, dtype: tf.DType) -> Update:
    """Keras's Adam, operation by operation, but for the sign of the difference by which a moment moves.

    Source: Kingma & Ba 2015, algorithm 1, in the order of computation that its section 2 ends with.
    """
    step = tf.cast(optimizer.iterations.value + 1, dtype)
    first, second = (1 - tf.cast(beta, dtype) ** step for beta in (optimizer.beta_1, optimizer.beta_2))
    root = tf.sqrt(second)

    def update(gradient: tf.Tensor, variable: keras.Variable, rate: tf.Tensor) -> None:
        if isinstance(gradient, tf.IndexedSlices):  # of a table: Keras moves the moments of some rows
            optimizer.update_step(gradient, variable, rate)
            return
        mean, square = moments_of(optimizer, variable)
        _move(mean, gradient, 1 - optimizer.beta_1)
        _move(square, tf.square(gradient), 1 - optimizer.beta_2)
        alpha = rate * root / first
        variable.value.assign_sub(mean.value * alpha / (tf.sqrt(square.value) + optimizer.epsilon))

    return update


def _move(moment: keras.Variable, target: tf.Tensor, share: float) -> None:
    """Move a moment by a share of the way to `target`: TensorFlow multiplies and subtracts in one pass."""
    difference = moment.value - target
    tf.raw_ops.ResourceApplyGradientDescent(
        var=moment.value.handle, alpha=tf.constant(share, difference.dtype), delta=difference
    )
