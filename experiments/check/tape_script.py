"""A training loop with tf.GradientTape, watched until its first gradient of weights: what it ran is what is checked."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import numpy as np

from experiments import keras_internals
from experiments.check.calls import (
    NEGATIVE_WEIGHTS,
    ancestors,
    descendants,
    labels_of,
    last_outputs,
    loss_term,
    negative_weights,
)
from experiments.check.checking import check_readings
from experiments.check.examine import Reading
from experiments.check.labels import encodings
from experiments.check.messages import one_line
from experiments.check.record import Checked, Output, Tail
from experiments.check.replay import ReplayedTail, TailCalls, replay
from experiments.check.tensorflow_operations import tensors
from experiments.check.tensorflow_recording import LayerCall, Recording, TensorFlow
from experiments.records import UserError, require

# what is done at the first gradient of weights: it is given what was recorded, and the loss
OnGradient = Callable[[Recording, Any], NoReturn]


class InGraph(BaseException):
    """A tape is entered while a function is traced: nothing has values there."""


def watch(module: ModuleType, on_gradient: OnGradient, is_over: Callable[[], bool]) -> Callable[[], None]:
    """From now on, the first gradient of a tape for variables ends in `on_gradient`. Returns what stops the watching.

    `module`: TensorFlow's, of its tapes. `is_over`: whether something has ended already.
    """
    Tape = module.GradientTape  # type: ignore[attr-defined]
    enter, gradient = Tape.__enter__, Tape.gradient
    recording_stack, recording = ExitStack(), Recording()

    def watched_enter(tape: Any) -> Any:
        nonlocal recording
        if is_over():
            return enter(tape)
        if not _eagerly():
            raise InGraph("a tape is entered in a graph that has no values")
        if not _tapes():  # the outermost one
            recording_stack.close()
            recording = recording_stack.enter_context(Recording().running())
        return enter(tape)

    def watched_gradient(tape: Any, target: Any, sources: Any, *rest: Any, **options: Any) -> Any:
        # of an input, not of weights, it is a penalty or an attack, and no step of training
        if not is_over() and any(hasattr(source, "assign") for source in _flat(sources)):
            recording_stack.close()
            on_gradient(recording, _flat(target)[0])
        return gradient(tape, target, sources, *rest, **options)

    Tape.__enter__, Tape.gradient = watched_enter, watched_gradient

    def stop() -> None:
        recording_stack.close()
        Tape.__enter__, Tape.gradient = enter, gradient

    return stop


def run_eagerly_with_a_tape(module: ModuleType) -> Callable[[], None]:
    """From now on, a tf.function that enters a tape is run eagerly. Returns what ends that.

    `module`: TensorFlow's, of its functions.
    """
    Function = module.Function  # type: ignore[attr-defined]
    original = Function.__call__

    def call(function: Any, *arguments: Any, **options: Any) -> Any:
        import tensorflow as tf

        if not tf.executing_eagerly():  # the outermost one of all sees to it
            return original(function, *arguments, **options)
        try:
            return original(function, *arguments, **options)
        except InGraph:
            tf.config.run_functions_eagerly(True)
            try:
                return original(function, *arguments, **options)
            finally:
                tf.config.run_functions_eagerly(False)

    Function.__call__ = call

    def stop() -> None:
        Function.__call__ = original

    return stop


def _eagerly() -> bool:
    import tensorflow as tf

    return bool(tf.executing_eagerly())


def _tapes() -> bool:
    """Whether a tape records at present."""
    from tensorflow.python import pywrap_tfe

    return not pywrap_tfe.TFE_Py_TapeSetIsEmpty()


def _flat(tree: Any) -> list[Any]:
    import tensorflow as tf

    return list(tf.nest.flatten(tree))


def check(path: Path, recording: Recording, loss: Any) -> Checked:
    """Check the part of a script that led to `loss`, a tensor."""
    return check_readings(read(recording, loss, str(path)), file=path, function="")


def read_step(step: Callable[[], Any], subject: str) -> list[Reading]:
    """The outputs that have a loss in a step of training, which ends at its first gradient of weights.

    `subject`: whose step it is. Raises `UserError` if it ends before that, or takes no labels; and what it raises.
    """
    import tensorflow as tf
    from tensorflow.python.eager import backprop

    class Ended(BaseException):
        """Ends the step."""

    def on_gradient(recording: Recording, loss: Any) -> NoReturn:
        raise Ended(recording, loss)

    stop = watch(backprop, on_gradient, lambda: False)
    eagerly = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        step()
    except Ended as ended:
        stop()
        recording, loss = ended.args
        return read(recording, loss, subject)
    finally:
        stop()
        tf.config.run_functions_eagerly(eagerly)
    raise UserError(f"{subject} asks no tape for the gradient of weights.")


def read(recording: Recording, loss: Any, subject: str) -> list[Reading]:
    """The outputs that led to `loss`, a tensor; `subject`: whose they are. Raises `UserError` if there are none."""
    grad_ids = recording.grad_ids()

    def requires_grad(tensor: Any) -> bool:
        return id(tensor) in grad_ids

    layer_outputs = [(a, o) for a, o in recording.outputs if requires_grad(o) and o.ndim and o is not loss]
    leading = ancestors(recording.calls, loss)
    needed = {id(tensor) for call in leading for tensor in call.inputs}
    readings: list[Reading] = []
    predictions = last_outputs(recording.calls, layer_outputs)
    for layer_call, prediction in predictions:
        part = TailCalls(TensorFlow(), recording.calls, prediction, None, recording.weights(), requires_grad)
        starts = [*part.logits, prediction]
        if not any(id(tensor) in needed for tensor in starts):
            continue  # of no use to the loss
        labels = labels_of(leading, starts, prediction, requires_grad)
        if labels is None:
            continue
        truth = labels.tensor
        output_loss = loss_term(leading, starts, loss, requires_grad, truth)
        tail = labels.unmeasured or _tail(recording, layer_call, prediction, output_loss, truth, requires_grad)
        if negative_weights(
            ancestors(leading, output_loss), starts, truth, requires_grad, lambda tensor: np.asarray(tensor).min()
        ):
            tail = NEGATIVE_WEIGHTS
        name = "output" if len(predictions) == 1 else f"output {len(readings) + 1}"
        readings.append(_reading(layer_call, prediction, tail, None if labels.unmeasured else truth, name))
    require(bool(predictions), f"{subject} asks a tape for the gradient of a loss that comes from no layer of Keras.")
    require(bool(readings), f"{subject} asks a tape for the gradient of a loss that takes no labels.")
    return readings


def _tail(
    recording: Recording, layer_call: LayerCall, prediction: Any, loss: Any, labels: Any,
    requires_grad: Callable[[Any], bool],
) -> Tail | str:  # fmt: skip
    calls = ancestors(recording.calls, loss, prediction)
    trained = TailCalls(TensorFlow(), calls, prediction, labels, recording.weights(), requires_grad)
    downstream = descendants(calls, [prediction, labels])
    prediction_calls = set(map(id, ancestors(calls, prediction)))  # the labels may be the rows themselves
    of_both = [
        call for call in calls
        if any(id(tensor) in downstream for tensor in call.inputs) and id(call) not in prediction_calls
    ]  # fmt: skip
    no_logits = {id(tensor): None for tensor in recording.logits}

    def objective(truth: Any, prediction_: Any) -> Any:
        """The loss of a prediction that is an array, which has no logits behind it."""
        return replay(TensorFlow(), of_both, {id(prediction): prediction_, id(labels): truth} | no_logits)[id(loss)]

    scored = objective if id(loss) in descendants(calls, [prediction]) else None
    try:
        return ReplayedTail(TensorFlow(), trained, _predicted(layer_call), loss=loss, labels=labels, objective=scored)
    except Exception as error:  # whatever the user's program does that cannot be played again
        return one_line(error)


def _predicted(layer_call: LayerCall) -> TailCalls | None:
    """The layer applied again as in a prediction; None if it makes no difference between that and training."""
    try:
        with Recording().running() as again:
            result = layer_call.layer(*layer_call.arguments, **(layer_call.options | {"training": False}))
    except Exception:  # the user's own layer, which takes no `training`
        return None
    prediction, grad_ids = tensors(result)[layer_call.output_index], again.grad_ids()
    calls = ancestors(again.calls, prediction)
    return TailCalls(TensorFlow(), calls, prediction, None, again.weights(), lambda tensor: id(tensor) in grad_ids)


def _reading(layer_call: LayerCall, prediction: Any, tail: Tail | str, labels: Any, name: str) -> Reading:
    truth = None if labels is None else np.asarray(labels)
    shape = tuple(prediction.shape[1:])
    inner = [layer for layer in keras_internals.layers_within(layer_call.layer) if layer.weights]
    output = Output(
        name=name, framework="Keras on tensorflow", execution="eager", loss="loss",
        layer=type(inner[-1]).__name__ if inner else "Dense", shape=shape,
        tail=None if isinstance(tail, str) else tail, unmeasured=tail if isinstance(tail, str) else "", labels=truth,
        complete=False, weights=None, class_weight=None, metrics=(), raised="", after="",
    )  # fmt: skip
    return [(output, encodings(shape, truth)[0])]
