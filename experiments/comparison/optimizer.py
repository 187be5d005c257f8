"""The optimizer of a user's compiled model as one of this project's, and what of it needs plain Keras."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import keras

from experiments import keras_internals
from experiments.optimizers import OPTIMIZERS
from experiments.records import Optimizer, UserError, require

# each weight by itself, with a rate that the rule is given: what the stacked engine can apply to stacked weights
_STACKS = ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adamax", "Lion")
_CLIPS = ("clipnorm", "clipvalue", "global_clipnorm")
_REFUSED = {
    "use_ema": "averages the weights",
    "gradient_accumulation_steps": "gathers gradients over several steps",
    "loss_scale_factor": "scales the loss",
}


@dataclass(frozen=True, kw_only=True)
class ChosenOptimizer:
    """An optimizer to compare under.

    `text`: as a program writes it. `code`: with a rate to fill in, `keras.optimizers.Adam({rate})`.
    `reasons`: why plain Keras has to apply it, each a few words; none if the stacked engine can.
    """

    record: Optimizer
    text: str
    code: str
    reasons: tuple[str, ...] = ()


def from_registry(name: str, rate: float | None) -> ChosenOptimizer:
    """One that this project registers, at its own rate unless another is given."""
    record = OPTIMIZERS[name]
    record = record if rate is None else replace(record, learning_rate=rate)
    return ChosenOptimizer(record=record, text=f"{name}, rate {record.learning_rate:.4g}", code=_code(record.make(1.0)))


def from_compiled(optimizer: keras.optimizers.Optimizer, rate: float | None, head_l2: float) -> ChosenOptimizer:
    """The optimizer of a compiled model; `rate` replaces its own, `head_l2` is the penalty on its head's kernel.

    Raises `UserError` for a setting under which a step is no step of one network any more.
    """
    kind, name = type(optimizer), type(optimizer).__name__
    for setting, does in _REFUSED.items():
        require(
            not getattr(optimizer, setting, None),
            f"The model's optimizer has {setting}={getattr(optimizer, setting, None)!r}, which {does}: leave it out.",
        )
    require(
        name not in ("LossScaleOptimizer", "MultiOptimizer", "OptimizerMap") and hasattr(optimizer, "update_step"),
        f"The model's optimizer is a {name}. Compile it with one optimizer, such as keras.optimizers.Adam(1e-3).",
    )
    require(
        not keras_internals.excludes_from_decay(optimizer),
        "The model's optimizer excludes weights from its decay, which a comparison cannot carry over: leave that out.",
    )
    config = {key: value for key, value in optimizer.get_config().items() if key != "name"}
    schedule = keras_internals.schedule_of(optimizer)
    scheduled = rate is None and isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule)
    compiled_rate = float(optimizer.learning_rate.numpy())
    reasons = []
    if name not in _STACKS or not kind.__module__.startswith("keras."):
        reasons.append(f"the optimizer {name}")
    if scheduled:
        reasons.append(f"the learning-rate schedule {type(schedule).__name__}")
    reasons += [f"{clip}={config[clip]:g}" for clip in _CLIPS if config.get(clip)]
    decay = config.get("weight_decay")

    def make(learning_rate: float) -> keras.optimizers.Optimizer:
        try:
            return kind.from_config(config if scheduled else {**config, "learning_rate": learning_rate})
        except Exception as error:  # a class of the user's own
            raise UserError(
                f"The optimizer {name} cannot be made again from its configuration: {error}. "
                "Use one of Keras's, or give it get_config."
            ) from error

    record = Optimizer(
        name=name.lower(),
        make=make,
        learning_rate=compiled_rate if rate is None else rate,
        description=f"{name} of the compiled model",
        decays=bool(decay) or bool(head_l2),
        l2=head_l2,
    )
    example = make(record.learning_rate)
    rate_text = "a schedule" if scheduled else f"rate {record.learning_rate:.4g}"
    settings = ", ".join(f"{key}={value:g}" for key, value in _settings(example).items())
    text = ", ".join(part for part in (name, rate_text, settings) if part)
    return ChosenOptimizer(record=record, text=text, code=_code(example), reasons=tuple(reasons))


def _settings(optimizer: keras.optimizers.Optimizer) -> dict[str, Any]:
    """The numbers in which it differs from its class's defaults, but for the rate."""
    try:
        usual = type(optimizer)().get_config()
    except TypeError:  # a class of the user's own, with arguments that it needs
        return {}
    return {
        key: value
        for key, value in optimizer.get_config().items()
        if isinstance(value, (int, float)) and key != "learning_rate" and value != usual.get(key)
    }


def _code(optimizer: keras.optimizers.Optimizer) -> str:
    settings = "".join(f", {key}={value!r}" for key, value in _settings(optimizer).items())
    return f"keras.optimizers.{type(optimizer).__name__}({{rate}}{settings})"
