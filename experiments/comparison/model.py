"""What stands in front of the head: a trunk by its name, or a user's function that builds a model."""

from __future__ import annotations

import inspect
import io
import itertools
import logging
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from dataclasses import dataclass
from typing import Any

import keras

from experiments.comparison import model_surgery
from experiments.comparison.initialisers import start_of
from experiments.comparison.inputs import Arrays, Inputs, inputs_of
from experiments.comparison.optimizer import ChosenOptimizer, from_compiled, from_registry
from experiments.engines import penalised, stacked
from experiments.networks import NETWORKS, Build
from experiments.problem import KERAS_START, Start
from experiments.records import Kind, UserError, require
from experiments.tasks.files import kind_and_message

OPTIMIZER = "adam"
USUAL: dict[Kind, str] = {"vector": "mlp", "image": "cnn", "sequence": "gru", "text": "text_mean"}
OF_RANK: dict[int, Kind] = {1: "vector", 2: "sequence", 3: "image"}
PLURAL: dict[Kind, str] = {"vector": "vectors", "image": "images", "sequence": "sequences", "text": "texts"}


@dataclass(frozen=True, kw_only=True)
class Model:
    """A trunk to compare heads on.

    `name`: in streams and tables. `build(row)`: an uncompiled trunk under Keras's present seed.
    `inputs`: what it is given for a row.
    `reasons`: what needs plain Keras, each a few words; none if the stacked engine can train it.
    `recognised`: what was taken from the user's function, a sentence each. `head`: the arm that the user's own head is
    most like, or "" if there is none. `start`: what the arms' heads are drawn by: the user's own, or Keras's default.
    `features`: of the trunk. `parameters`: of the trunk.
    """

    name: str
    build: Build
    optimizer: ChosenOptimizer
    reasons: tuple[str, ...]
    recognised: tuple[str, ...]
    inputs: Inputs
    head: str
    start: Start
    features: int
    parameters: int


def registered(
    name: str | None, row: tuple[int, ...], optimizer: str | None, rate: float | None, kind: Kind | None = None
) -> Model:
    """One of this project's networks; without a name, the usual one for such rows. `row` tells `kind`, but for text."""
    kind = kind or OF_RANK[len(row)]
    network = NETWORKS[name or USUAL[kind]]
    fitting = ", ".join(other.name for other in NETWORKS.values() if kind in other.takes)
    require(
        kind in network.takes,
        f"The network {network.name!r} takes {' and '.join(map(PLURAL.__getitem__, network.takes))}; the rows of the "
        f"data are {PLURAL[kind]}. Networks that fit: {fitting}.",
    )
    chosen = from_registry(optimizer or OPTIMIZER, rate)
    build = penalised(network.build, chosen.record.l2)
    sentence = f"Trunk: {network.name}, {network.description}. Optimizer: {chosen.text}."
    inputs = Inputs(row=row, length=row[0] if kind == "text" else None)
    return _model(network.name, build, build(row), chosen, (sentence,), inputs)


def of_function(
    function: Callable[..., Any],
    row: tuple[int, ...],
    optimizer: str | None,
    rate: float | None,
    name: str = "",
    kind: Kind | None = None,
    arrays: Arrays = (),
) -> Model:
    """What a user's function builds: a trunk, or a whole classifier whose head is taken off.

    The function takes nothing, or the shape of one row, of several arrays a dictionary of shapes; `inputs_of` says what
    its model is given. Raises `UserError`, in one line, if it raises, if it returns something else, or if what it
    returns does not take such rows.
    """
    require(
        not isinstance(function, keras.Model),
        "A model was given in the place of a function. Give a function that builds one: each seed draws its own "
        "weights.",
    )
    require(callable(function), f"{function!r} is no function that builds a Keras model.")
    kind = kind or OF_RANK[len(row)]
    display_name = (name or getattr(function, "__name__", type(function).__name__)) + "()"
    build_user_model = _caller(function, display_name, dict(arrays) if arrays else row)
    user_model = build_user_model()
    after, inputs = inputs_of(user_model, kind, row, display_name, arrays)
    graph = model_surgery.functional(after, inputs.row, display_name)
    model_surgery.check_precision(graph, display_name)
    trunk, head = model_surgery.take_apart(graph, user_model, display_name)
    l2 = head.l2 if head else 0.0
    user_optimizer = user_model.optimizer if user_model.compiled else None
    take = optimizer is None and user_optimizer is not None
    chosen = from_compiled(user_optimizer, rate, l2) if take else from_registry(optimizer or OPTIMIZER, rate)

    def trunk_of(shape: tuple[int, ...]) -> keras.Model:
        again = build_user_model()
        rows = inputs_of(again, kind, row, display_name, arrays)[0]
        return model_surgery.take_apart(model_surgery.functional(rows, shape, display_name), again, display_name)[0]

    # this project's own penalty, if it has one, is on every kernel; the user's is where the user put it
    build = trunk_of if take else penalised(trunk_of, chosen.record.l2)
    label = re.sub(r"\W+", "_", display_name.removesuffix("()")).strip("_") or "model"
    sentences = (*_sentences(display_name, user_model, head, trunk, chosen, user_optimizer, optimizer), *inputs.notes)
    if head is None:
        return _model(label, build, trunk, chosen, sentences, inputs)
    start, notes = start_of(head.layer, int(trunk.output_shape[-1]))
    return _model(label, build, trunk, chosen, (*sentences, *notes, *head.notes), inputs, head.kind, start)


def _model(
    name: str,
    build: Build,
    trunk: keras.Model,
    chosen: ChosenOptimizer,
    recognised: tuple[str, ...],
    inputs: Inputs,
    head: str = "",
    start: Start = KERAS_START,
) -> Model:
    return Model(
        name=name,
        build=build,
        optimizer=chosen,
        reasons=(*(f"the layer {reason}" for reason in stacked.unsupported(trunk)), *chosen.reasons),
        recognised=recognised,
        inputs=inputs,
        head=head,
        start=start,
        features=int(trunk.output_shape[-1]),
        parameters=int(trunk.count_params()),
    )


def _caller(function: Callable[..., Any], display_name: str, row: object) -> Callable[[], keras.Model]:
    """The function with its argument, returning a model or raising `UserError`."""
    arguments = _arguments(function, display_name, row)
    calls: Iterator[int] = itertools.count()

    def call() -> keras.Model:
        try:
            with nullcontext() if next(calls) == 0 else _silent():  # what it has to say it says once
                returned = function(*arguments)
        except UserError:
            raise
        except (Exception, SystemExit) as error:
            with_what = f" for rows of shape {row}" if arguments else ""
            raise UserError(f"{display_name} raised {kind_and_message(error)}{with_what}.") from error
        if isinstance(returned, tuple) and len(returned) == 2:  # a model and labels, as `headtohead check` takes them
            returned = returned[0]
        require(
            returned is not None,
            f"{display_name} returned nothing. It must return a Keras model: end it with `return model`.",
        )
        require(
            isinstance(returned, keras.Model),
            f"{display_name} returned a {type(returned).__name__}. It must return a Keras model: an uncompiled trunk, "
            "or a whole classifier.",
        )
        return returned

    return call


@contextmanager
def _silent() -> Iterator[None]:
    """Keep what a library says again and again, of weights that it loads for instance, from the user."""
    before = logging.root.manager.disable
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(before)


def _arguments(function: Callable[..., Any], display_name: str, row: object) -> tuple[Any, ...]:
    """What the function is called with: nothing, or the shape of a row if it asks for something."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return (row,)
    plain = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = [p.name for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    require(
        len(needed) <= 1 and (not needed or needed[0] in [p.name for p in plain]),
        f"{display_name} asks for {', '.join(needed)}. A comparison gives it nothing, or the shape of a row: "
        "`def build(input_shape)`.",
    )
    return (row,) if needed or (plain and plain[0].name in ("input_shape", "shape")) else ()


def _sentences(
    display_name: str,
    user_model: Any,
    head: model_surgery.Head | None,
    trunk: Any,
    chosen: ChosenOptimizer,
    user_optimizer: Any,
    optimizer: str | None,
) -> list[str]:
    features = f"{trunk.output_shape[-1]} features, {trunk.count_params():,} weights"
    if head is None:
        sentences = [f"{display_name} returned an uncompiled trunk ({features})."]
    else:
        state = "compiled" if user_model.compiled else "uncompiled"
        sentences = [
            f"{display_name} returned a whole classifier, {state}: a trunk ({features}) and the head {head.text}, "
            "which each arm replaces by its own."
        ]
    if user_optimizer is not None and optimizer is None:
        sentences.append(f"Its optimizer is taken over: {chosen.text}.")
    else:
        sentences.append(f"Optimizer: {chosen.text}.")
    return sentences
