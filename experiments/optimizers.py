"""The optimizers, Keras's own and beside each PyTorch's, each with the rate that a cell uses when none is named.

Rates are powers of two, so that the predicted factor of two between the heads is one step of a sweep. PyTorch's differ
from Keras's of the same name: see "The frameworks' formulas" in docs/method.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from experiments.records import Optimizer, Row
from experiments.registry import Registry

if TYPE_CHECKING:
    import keras
    import torch

OPTIMIZERS: Registry[Optimizer] = Registry("optimizer", texts={"optimizer": lambda record: record.called})


# from `torch.optim` and parameter groups that have their rates to an optimizer
InTorch = Callable[[Any, list[dict[str, Any]]], Any]


def optimizer(
    name: str,
    *,
    learning_rate: float,
    description: str,
    in_torch: InTorch | None = None,
    decays: bool = False,
    l2: float = 0.0,
    rate_exponents: range = Optimizer.rate_exponents,
    scale_invariant: bool = False,
    called: Mapping[str, str] | None = None,
    rows: tuple[Row, ...] = (),
) -> Callable[[Callable[[Any, float], Any]], Optimizer]:
    """Register `make(keras.optimizers, rate)` under `name`, and `in_torch(torch.optim, groups)` beside it.

    A framework is imported when its optimizer is first made.
    """

    def register(make: Callable[[Any, float], Any]) -> Optimizer:
        def with_keras(rate: float) -> keras.optimizers.Optimizer:
            import keras  # here, so that listing the optimizers does not start TensorFlow

            return make(keras.optimizers, rate)

        def with_torch(groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
            import torch

            assert in_torch is not None, name
            return in_torch(torch.optim, groups)

        return OPTIMIZERS.add(
            Optimizer(
                name=name,
                make=with_keras,
                learning_rate=learning_rate,
                description=description,
                torch=None if in_torch is None else with_torch,
                decays=decays,
                l2=l2,
                rate_exponents=rate_exponents,
                scale_invariant=scale_invariant,
                called=called or {},
                rows=rows,
            )
        )

    return register


@optimizer(
    "sgd",
    learning_rate=2.0**-5,
    rate_exponents=range(-1, 8),  # in every cell that standard sweeps, sigmoid's best rate is at least twice this one
    description="plain stochastic gradient descent",
    in_torch=lambda optim, groups: optim.SGD(groups),
    called={"en": "SGD", "zh": "SGD"},
)
def sgd(optimizers: Any, rate: float) -> Any:
    return optimizers.SGD(rate)


@optimizer(
    "sgd_l2",
    learning_rate=2.0**-5,
    decays=True,
    l2=2.0**-7,
    description="SGD, an L2 penalty on every kernel",
    in_torch=lambda optim, groups: optim.SGD(groups),
    called={"en": "SGD with L2", "zh": "SGD（L2）"},
)
def sgd_l2(optimizers: Any, rate: float) -> Any:
    return optimizers.SGD(rate)


@optimizer(
    "momentum",
    learning_rate=2.0**-7,
    description="SGD with momentum 0.9",
    in_torch=lambda optim, groups: optim.SGD(groups, momentum=0.9),
    called={"en": "momentum", "zh": "动量"},
)
def momentum(optimizers: Any, rate: float) -> Any:
    return optimizers.SGD(rate, momentum=0.9)


@optimizer(
    "adam",
    learning_rate=2.0**-9,
    scale_invariant=True,
    description="Adam with the framework's defaults",
    in_torch=lambda optim, groups: optim.Adam(groups),
    called={"en": "Adam", "zh": "Adam"},
)
def adam(optimizers: Any, rate: float) -> Any:
    return optimizers.Adam(rate)


@optimizer(
    "adamw",
    learning_rate=2.0**-9,
    decays=True,
    scale_invariant=True,
    description="Adam with decoupled weight decay 0.04",
    in_torch=lambda optim, groups: optim.AdamW(groups, weight_decay=0.04),
    called={"en": "AdamW", "zh": "AdamW"},
)
def adamw(optimizers: Any, rate: float) -> Any:
    return optimizers.AdamW(rate, weight_decay=0.04)


@optimizer(
    "rmsprop",
    learning_rate=2.0**-9,
    scale_invariant=True,
    description="RMSprop with the framework's defaults",
    in_torch=lambda optim, groups: optim.RMSprop(groups),
    called={"en": "RMSprop", "zh": "RMSprop"},
)
def rmsprop(optimizers: Any, rate: float) -> Any:
    return optimizers.RMSprop(rate)
