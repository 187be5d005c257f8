"""The arms: every last layer that is compared, and what each is for.

Add an arm here and the command line, the engines, the tests and the report have it.
"""

from __future__ import annotations

from experiments.records import Head
from experiments.registry import Registry

HEADS: Registry[Head] = Registry(
    "head", texts={"arm": lambda head: head.called, "head": lambda head: head.descriptions}
)

BASELINE = "sigmoid"


def binary_heads(framework: str = "keras-tensorflow") -> tuple[str, ...]:
    """The arms for binary tasks that exist in a framework, in the order of registration."""
    return tuple(head.name for head in HEADS.values() if not head.multi_unit and head.exists_in(framework))


_KERAS = ("keras-tensorflow", "keras-jax")

_BCE = "binary_crossentropy"
_CCE = "categorical_crossentropy"
_SPARSE = "sparse_categorical_crossentropy"


# One colour an arm, everywhere. The four that most figures show are Okabe and Ito's (2008) and stay apart for every
# kind of colour blindness; the others are near relatives of the arm they vary, told apart by their labels. All keep
# a contrast of at least 2.5 on white and on the dark page.
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


# fmt: off
_arm("sigmoid", 1, "sigmoid", _BCE, "default", "one sigmoid unit, as people write it: the baseline",
     colour="#0072b2", called={"en": "sigmoid", "zh": "sigmoid"},
     descriptions={"zh": "一个 sigmoid 单元，通常写法：基准"})
_arm("sigmoid_again", 1, "sigmoid", _BCE, "null",
     "sigmoid with another head draw and batch order: the noise floor", draw="again", order="again",
     colour="#70757c", called={"en": "sigmoid, drawn again", "zh": "sigmoid（重抽）"},
     descriptions={"zh": "输出层重抽、样本次序不同的 sigmoid：噪声水平"})
_arm("sigmoid_reordered", 1, "sigmoid", _BCE, "null",
     "sigmoid with its own head draw and another batch order", order="again", on_request=True,
     colour="#8d8478", called={"en": "sigmoid, other order", "zh": "sigmoid（换序）"},
     descriptions={"zh": "输出层相同、样本次序不同的 sigmoid"})
_arm("sigmoid_logits", 1, "linear", _BCE, "default", "one linear unit, the loss is told from_logits=True",
     frameworks=_KERAS, colour="#3d9bd6",
     called={"en": "sigmoid from logits", "zh": "sigmoid（由 logit）"})
_arm("sigmoid_bceloss", 1, "sigmoid", "bce_loss", "default",
     "PyTorch's Sigmoid and BCELoss, where sigmoid is a Linear layer with BCEWithLogitsLoss",
     frameworks=("torch",), colour="#2a8fb5",
     called={"en": "sigmoid with BCELoss", "zh": "sigmoid 配 BCELoss"})
_arm("softmax", 2, "softmax", _CCE, "default", "two softmax units, as people write them",
     colour="#d55e00", called={"en": "softmax", "zh": "softmax"},
     descriptions={"zh": "两个 softmax 单元，通常写法"})
_arm("softmax_sparse", 2, "softmax", _SPARSE, "default", "two softmax units with integer labels",
     frameworks=_KERAS, colour="#b8541a",
     called={"en": "softmax, integer labels", "zh": "softmax（整数标签）"})
_arm("softmax_logits", 2, "linear", _CCE, "default",
     "two linear units, the loss is told from_logits=True", frameworks=_KERAS, colour="#f07f3c",
     called={"en": "softmax from logits", "zh": "softmax（由 logit）"})
_arm("softmax_nllloss", 2, "softmax", "nll_loss", "default",
     "PyTorch's LogSoftmax and NLLLoss, where softmax is a Linear layer with CrossEntropyLoss",
     frameworks=("torch",), colour="#dd7a3a",
     called={"en": "log-softmax with NLLLoss", "zh": "log-softmax 配 NLLLoss"})
_arm("softmax_init", 2, "softmax", _CCE, "factor",
     "softmax that starts as sigmoid's function: W = [-w/2, +w/2]", draw="paired", colour="#c0679a",
     called={"en": "softmax, same start", "zh": "softmax（同起点）"},
     descriptions={"zh": "与 sigmoid 从同一函数出发的 softmax：W = [-w/2, +w/2]"})
_arm("softmax_lr", 2, "softmax", _CCE, "factor", "softmax with half the head's learning rate",
     rate_scale=0.5, colour="#b58900",
     called={"en": "softmax, half the rate", "zh": "softmax（半学习率）"},
     descriptions={"zh": "输出层学习率减半的 softmax"})
_arm("softmax_matched", 2, "softmax", _CCE, "control",
     "paired start, half the head's rate, twice its decay: must follow sigmoid to rounding",
     draw="paired", rate_scale=0.5, decay_scale=2.0, colour="#009e73",
     called={"en": "matched softmax", "zh": "对齐的 softmax"},
     descriptions={"zh": "从同一函数出发、输出层学习率减半、衰减加倍：应与 sigmoid 一致到舍入误差"})
_arm("softmax_decay", 2, "softmax", _CCE, "factor", "softmax with twice the head's decay",
     decay_scale=2.0, needs_decay=True, colour="#7d8f00",
     called={"en": "softmax, twice the decay", "zh": "softmax（双倍衰减）"},
     descriptions={"zh": "输出层衰减加倍的 softmax"})
_arm("softmax_init_lr", 2, "softmax", _CCE, "factor",
     "softmax with the paired start and half the head's rate", draw="paired", rate_scale=0.5,
     needs_decay=True, colour="#4f9f6e",
     called={"en": "softmax, same start, half the rate", "zh": "softmax（同起点、半学习率）"},
     descriptions={"zh": "从同一函数出发、输出层学习率减半的 softmax"})
_arm("softmax_init_decay", 2, "softmax", _CCE, "factor",
     "softmax with the paired start and twice the head's decay", draw="paired", decay_scale=2.0,
     needs_decay=True, colour="#b0728a",
     called={"en": "softmax, same start, twice the decay", "zh": "softmax（同起点、双倍衰减）"},
     descriptions={"zh": "从同一函数出发、输出层衰减加倍的 softmax"})
_arm("softmax_lr_decay", 2, "softmax", _CCE, "factor",
     "softmax with half the head's rate and twice its decay", rate_scale=0.5, decay_scale=2.0,
     needs_decay=True, colour="#a8863c",
     called={"en": "softmax, half the rate, twice the decay", "zh": "softmax（半学习率、双倍衰减）"},
     descriptions={"zh": "输出层学习率减半、衰减加倍的 softmax"})
_arm("softmax_bce", 2, "softmax", _BCE, "crossed",
     "two softmax units with binary_crossentropy on one-hot labels", frameworks=_KERAS, colour="#8f6fd0",
     called={"en": "softmax with the binary loss", "zh": "softmax 配二元损失"},
     descriptions={"zh": "两个 softmax 单元，对 one-hot 标签使用 binary_crossentropy"})
_arm("sigmoid2_bce", 2, "sigmoid", _BCE, "crossed",
     "two sigmoid units with binary_crossentropy on one-hot labels", frameworks=_KERAS, colour="#6a7fdb",
     called={"en": "two sigmoids with the binary loss", "zh": "两个 sigmoid 配二元损失"},
     descriptions={"zh": "两个 sigmoid 单元，对 one-hot 标签使用 binary_crossentropy"})
_arm("sigmoid2_cce", 2, "sigmoid", _CCE, "crossed", "two sigmoid units with categorical_crossentropy",
     frameworks=_KERAS, colour="#a05fb0",
     called={"en": "two sigmoids with the categorical loss", "zh": "两个 sigmoid 配分类损失"},
     descriptions={"zh": "两个 sigmoid 单元，使用 categorical_crossentropy"})
_arm("softmax1", 1, "softmax", _BCE, "pitfall", "one softmax unit: its output is always 1",
     frameworks=_KERAS, colour="#c2445c", called={"en": "one softmax unit", "zh": "单个 softmax 单元"},
     descriptions={"zh": "一个 softmax 单元：输出恒为 1"})
_arm("k_sigmoid", 0, "sigmoid", _BCE, "default", "several classes or labels: a sigmoid unit each",
     colour="#2f7fc1", called={"en": "a sigmoid each", "zh": "各用一个 sigmoid"})
_arm("k_sigmoid_sum", 0, "sigmoid", "binary_crossentropy_sum", "factor",
     "k_sigmoid with the sum of the units' losses, where Keras takes their mean", colour="#5a9f8f",
     called={"en": "a sigmoid each, losses summed", "zh": "各用一个 sigmoid（损失求和）"})
_arm("k_softmax", 0, "softmax", _CCE, "default",
     "several classes or labels: one softmax over a unit each", colour="#c65a2e",
     called={"en": "one softmax for all", "zh": "共用一个 softmax"})
# fmt: on
