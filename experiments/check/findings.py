"""What is wrong with a user's model, by the names of the atlas's pathologies, and the line to change."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from experiments.check.labels import misfit
from experiments.check.probe import probe
from experiments.check.program import Program, programs
from experiments.check.source import Line, last_call
from experiments.check.target import Target, load
from experiments.numerics.axes import Path as AtlasPath
from experiments.numerics.measures import Measures
from experiments.numerics.pathologies import Pathology, diagnose, place_of
from experiments.quiet import startup_aside


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One problem of one output.

    `name`: of the pathology; `seen`: what the sweep through the user's own layers showed, one sentence each;
    `cause`, `place`, `remedy`: of the pathology; `changes`: the lines to change and what to write there.
    """

    name: str
    output: str
    seen: tuple[str, ...]
    cause: str
    place: str
    remedy: str
    changes: tuple[tuple[Line | None, str], ...]


def check(target: str) -> list[Finding]:
    """The problems of the model that `FILE.py:FUNCTION` returns; none if it is sound.

    Raises `UserError` if the file, the function or the model is not what can be checked.
    """
    return inspect(target)[1]


def inspect(target: str) -> tuple[list[Program], list[Finding]]:
    """The programs that were checked, and their problems."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before the user's file imports TensorFlow
    with startup_aside():
        loaded = load(target)
        checked = programs(loaded.model)
        found = [finding for program in checked for finding in _findings(program, loaded)]
    return checked, found


def _findings(program: Program, loaded: Target) -> Iterable[Finding]:
    yield from _labels(program, loaded)
    measured = probe(program)
    if isinstance(measured, str):
        yield _refused(program, measured, loaded)
        return
    harmful = [known for known in diagnose(program.path, measured) if known.harms]
    # where the objective is another one than it seems, its rounding is beside the point
    objectives = [known for known in harmful if known.kind == "objectives"]
    for known in objectives or harmful:
        yield Finding(
            name=known.name,
            output=program.output,
            seen=tuple(_seen(program, measured)),
            cause=known.cause,
            place=place_of(known, program.path),
            remedy=known.remedy,
            changes=_changes(known, program, loaded),
        )


def _seen(program: Program, found: Measures) -> Iterable[str]:
    """What the sweep showed, in plain words."""
    several = program.path.units > 1
    # two independent sigmoids have half the swept logit each, a softmax has their difference
    halved = several and program.path.activation == "sigmoid"
    unit = "logits {:g} apart" if several and not halved else "a logit of {:g}"

    def on(z: float) -> str:
        return f"From {unit.format(z / 2 if halved else z)} on" if z > 1 else "For every logit"

    if found.defined < 1:
        yield f"For {1 - found.defined:.0%} of logits and labels the written formula has no value."
    if found.dead_from == found.dead_from:
        yield f"{on(found.dead_from)}, a wrong answer has a gradient of exactly 0."
    if found.loss_cap == found.loss_cap:
        yield f"The loss never rises above {found.loss_cap:.2f}."
    if found.wrong_from == found.wrong_from:
        worst = f"by up to {found.worst:.2g}" if np.isfinite(found.worst) else "without bound"
        yield f"{on(found.wrong_from)}, the gradient is not that of the written formula: it is off {worst}."
    if found.inf_from == found.inf_from:
        yield f"{on(found.inf_from)}, the loss or the gradient can be infinite."
    if found.nan_from == found.nan_from:
        yield f"{on(found.nan_from)}, the loss or the gradient can be nan."
    if found.asymmetric_from == found.asymmetric_from:
        yield f"{on(found.asymmetric_from)}, the two labels are not treated alike."
    if found.evaluate_differs_from <= 10:
        yield "evaluate() and loss(y, predict(x)) give different losses."


def _changes(known: Pathology, program: Program, loaded: Target) -> tuple[tuple[Line | None, str], ...]:
    """The lines that the pathology's remedy touches: what differs between the path and the cured one."""
    path, cured = program.path, known.cured(program.path)
    head = type(program.head).__name__
    changes: list[tuple[str, str]] = []
    if path.form == "layer_after" and cured.form == "in_layer":
        after = type(program.after[-1]).__name__
        changes.append((after, f"remove {after}, or put it before the activation"))
    if cured.units != path.units:
        changes.append((head, f"units: {cured.units}"))
    if cured.activation != path.activation:
        text = "no activation" if cured.activation == "linear" else f'activation="{cured.activation}"'
        changes.append((head, text))
    if cured.precision != path.precision:
        changes.append((head, f'dtype="{cured.precision}"'))
    changes += _loss_change(path, cured)
    return tuple((last_call(loaded.file, loaded.function, name), text) for name, text in changes)


def _loss_change(path: AtlasPath, cured: AtlasPath) -> list[tuple[str, str]]:
    """The change of the loss in the call of compile, if there is one."""
    logits = cured.form == "from_logits"
    if cured.loss == path.loss and logits == (path.form == "from_logits"):
        return []
    name = "".join(part.capitalize() for part in cured.loss.split("_"))
    return [("compile", f"loss=keras.losses.{name}({'from_logits=True' if logits else ''})")]


def _refused(program: Program, reason: str, loaded: Target) -> Finding:
    return Finding(
        name="loss_refuses_the_output",
        output=program.output,
        seen=(f"Keras {reason}",),
        cause="The loss does not accept what the last layer returns.",
        place=f"keras/src/losses/losses.py: {program.path.loss}",
        remedy="Give the last layer as many units as the loss needs: one for binary_crossentropy, else one a class.",
        changes=((last_call(loaded.file, loaded.function, "compile"), "a loss that fits the last layer"),),
    )


def _labels(program: Program, loaded: Target) -> Iterable[Finding]:
    told = None if loaded.labels is None else misfit(loaded.labels, program.path.loss, program.units)
    if told is not None:
        yield Finding(
            name=told.name,
            output=program.output,
            seen=(told.seen,),
            cause="Each loss takes its own encoding of the labels, and some mistakes in it raise nothing.",
            place=f"keras/src/losses/losses.py: {program.path.loss}",
            remedy=told.remedy,
            changes=((last_call(loaded.file, loaded.function, "compile"), told.change),),
        )
