"""The arms: every last layer that is compared, and what each is for.

Add an arm here and the command line, the engines, the tests and the report have it.
"""

from __future__ import annotations

from experiments.records import Head
from experiments.registry import Registry

HEADS: Registry[Head] = Registry("head")

BASELINE = "sigmoid"


def binary_heads(framework: str = "keras-tensorflow") -> tuple[str, ...]:
    """The arms for binary tasks that exist in a framework, in the order of registration."""
    return tuple(head.name for head in HEADS.values() if not head.several and head.exists_in(framework))


_KERAS = ("keras-tensorflow", "keras-jax")

_BCE = "binary_crossentropy"
_CCE = "categorical_crossentropy"
_SPARSE = "sparse_categorical_crossentropy"


def _arm(name: str, units: int, activation: str, loss: str, role: str, description: str, **rest: object) -> Head:
    return HEADS.add(
        Head(
            name=name,
            units=units,
            activation=activation,  # type: ignore[arg-type]
            loss=loss,  # type: ignore[arg-type]
            role=role,  # type: ignore[arg-type]
            description=description,
            **rest,  # type: ignore[arg-type]
        )
    )


_arm("sigmoid", 1, "sigmoid", _BCE, "default", "one sigmoid unit, as people write it: the baseline")
_arm(
    "sigmoid_again",
    1,
    "sigmoid",
    _BCE,
    "null",
    "sigmoid with another head draw and batch order: the noise floor",
    draw="again",
    order="again",
)
_arm(
    "sigmoid_reordered",
    1,
    "sigmoid",
    _BCE,
    "null",
    "sigmoid with its own head draw and another batch order",
    order="again",
    on_request=True,
)
_arm(
    "sigmoid_logits",
    1,
    "linear",
    _BCE,
    "default",
    "one linear unit, the loss is told from_logits=True",
    frameworks=_KERAS,
)
_arm(
    "sigmoid_bceloss",
    1,
    "sigmoid",
    "bce_loss",
    "default",
    "PyTorch's Sigmoid and BCELoss, where sigmoid is a Linear layer with BCEWithLogitsLoss",
    frameworks=("torch",),
)
_arm("softmax", 2, "softmax", _CCE, "default", "two softmax units, as people write them")
_arm("softmax_sparse", 2, "softmax", _SPARSE, "default", "two softmax units with integer labels", frameworks=_KERAS)
_arm(
    "softmax_logits",
    2,
    "linear",
    _CCE,
    "default",
    "two linear units, the loss is told from_logits=True",
    frameworks=_KERAS,
)
_arm(
    "softmax_nllloss",
    2,
    "softmax",
    "nll_loss",
    "default",
    "PyTorch's LogSoftmax and NLLLoss, where softmax is a Linear layer with CrossEntropyLoss",
    frameworks=("torch",),
)
_arm(
    "softmax_init",
    2,
    "softmax",
    _CCE,
    "factor",
    "softmax that starts as sigmoid's function: W = [-w/2, +w/2]",
    draw="paired",
)
_arm("softmax_lr", 2, "softmax", _CCE, "factor", "softmax with half the head's learning rate", rate_scale=0.5)
_arm(
    "softmax_matched",
    2,
    "softmax",
    _CCE,
    "control",
    "paired start, half the head's rate, twice its decay: must follow sigmoid to rounding",
    draw="paired",
    rate_scale=0.5,
    decay_scale=2.0,
)
_arm(
    "softmax_decay",
    2,
    "softmax",
    _CCE,
    "factor",
    "softmax with twice the head's decay",
    decay_scale=2.0,
    needs_decay=True,
)
_arm(
    "softmax_init_lr",
    2,
    "softmax",
    _CCE,
    "factor",
    "softmax with the paired start and half the head's rate",
    draw="paired",
    rate_scale=0.5,
    needs_decay=True,
)
_arm(
    "softmax_init_decay",
    2,
    "softmax",
    _CCE,
    "factor",
    "softmax with the paired start and twice the head's decay",
    draw="paired",
    decay_scale=2.0,
    needs_decay=True,
)
_arm(
    "softmax_lr_decay",
    2,
    "softmax",
    _CCE,
    "factor",
    "softmax with half the head's rate and twice its decay",
    rate_scale=0.5,
    decay_scale=2.0,
    needs_decay=True,
)
_arm(
    "softmax_bce",
    2,
    "softmax",
    _BCE,
    "crossed",
    "two softmax units with binary_crossentropy on one-hot labels",
    frameworks=_KERAS,
)
_arm(
    "sigmoid2_bce",
    2,
    "sigmoid",
    _BCE,
    "crossed",
    "two sigmoid units with binary_crossentropy on one-hot labels",
    frameworks=_KERAS,
)
_arm(
    "sigmoid2_cce",
    2,
    "sigmoid",
    _CCE,
    "crossed",
    "two sigmoid units with categorical_crossentropy",
    frameworks=_KERAS,
)
_arm("softmax1", 1, "softmax", _BCE, "pitfall", "one softmax unit: its output is always 1", frameworks=_KERAS)
_arm("k_sigmoid", 0, "sigmoid", _BCE, "default", "several classes or labels: a sigmoid unit each")
_arm(
    "k_sigmoid_sum",
    0,
    "sigmoid",
    "binary_crossentropy_sum",
    "factor",
    "k_sigmoid with the sum of the units' losses, where Keras takes their mean",
)
_arm("k_softmax", 0, "softmax", _CCE, "default", "several classes or labels: one softmax over a unit each")
