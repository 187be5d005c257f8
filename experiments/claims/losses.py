"""Claims about losses, decided by computing them: no network is trained."""

from __future__ import annotations

import pandas as pd

from experiments.claims.computed import (
    EXAMPLES,
    ROUNDING,
    by_outcome,
    column,
    identity,
    measured,
    names_of,
    parts_of,
    verdict_of,
)
from experiments.claims.phrasing import PHRASES, figure, listed, names, size
from experiments.claims.record import Claim, Tables, Verdict, claim


@claim(
    "loss-recipes",
    section="1.4",
    description="PyTorch's CrossEntropyLoss and BCEWithLogitsLoss, TensorFlow's categorical_crossentropy and "
    "scikit-learn's log_loss are the losses to use",
    margin=1e-3,
    unit="relative error",
    needs=EXAMPLES,
    called={
        "zh": "应使用 PyTorch 的 CrossEntropyLoss 与 BCEWithLogitsLoss、TensorFlow 的 categorical_crossentropy "
        "以及 scikit-learn 的 log_loss"
    },
    measured={"zh": "各写法的损失或梯度的最大相对误差"},
)
def loss_recipes(tables: Tables, claim: Claim) -> Verdict:
    """Each recipe is right at every swept logit, or it is named with the logit at which it goes wrong."""
    wide = measured(tables, claim.name)
    first = column(wide, "first_wrong_logit", claim.name)
    error = column(wide, "largest_error", claim.name)
    parts = parts_of(wide, first.isna() & (error <= claim.margin))
    wrong = [f"{name} from |z| = {figure(z)}" for name, z in zip(names_of(wide.index), first, strict=True) if z == z]
    sound = [part.name for part in parts if part.holds]
    # a program once, whatever the dtype
    failing = [str(key[0]) for key, part in zip(wide.index, parts, strict=True) if not part.holds]
    details = f"Sound at every swept logit: {', '.join(sound) or 'none'}."
    if wrong:
        details += f" Off by more than {figure(claim.margin)}: {', '.join(wrong)}."
    return verdict_of(
        claim, wide, parts,
        statement=lambda messages: messages("recipes.told", sound=len(sound), n=len(parts)) + (
            messages("recipes.wrong", names=names([PHRASES.translate(name, messages) for name in failing], messages))
            if failing else ""
        ),
        details=details,
        measure="largest relative error of a recipe's loss or gradient",
        value=error.max(),
    )  # fmt: skip


@claim(
    "hardmax",
    section="1.4",
    description="a hardmax is tf.reduce_max or np.max",
    margin=0.0,
    unit="numbers",
    needs=EXAMPLES,
    called={"zh": "hardmax 就是 tf.reduce_max 或 np.max"},
    measured={"zh": "hardmax 应有而该调用未返回的数的个数"},
)
def hardmax(tables: Tables, claim: Claim) -> Verdict:
    """They return the largest value; a hardmax has one number a class."""
    wide = measured(tables, claim.name)
    largest = column(wide, "maximum", claim.name)
    returned = column(wide, "numbers_returned", claim.name)
    expected = column(wide, "numbers_of_hardmax", claim.name)
    parts = parts_of(wide, (returned - expected).abs() <= claim.margin)
    numbers = "number" if returned.max() == 1 else "numbers"
    return verdict_of(
        claim, wide, parts,
        statement=lambda messages: messages("hardmax.told", n=size(expected.max())),
        details=f"The calls return {figure(returned.max())} {numbers}, the largest ({figure(largest.max())}); "
        f"a hardmax, the one-hot vector of the arg max, has {figure(expected.max())}.",
        measure="numbers that a hardmax has and the call does not return",
        value=(expected - returned).max(),
    )  # fmt: skip


@claim(
    "log-loss-example",
    section="2",
    description="the animals example gives 1.3783888722474517 and 0.6391075640678003, and the second model is better",
    margin=1e-6,
    unit="relative error",
    needs=EXAMPLES,
    called={"zh": "动物示例的两个损失为 1.3783888722474517 与 0.6391075640678003，第二个模型更好"},
    measured={"zh": "两个数值的最大相对误差"},
)
def log_loss_example(tables: Tables, claim: Claim) -> Verdict:
    """Both figures are reproduced, and the second is the smaller one."""
    wide = measured(tables, claim.name)
    rows = tables["worked_examples"]
    article = rows[rows["example"] == claim.name].groupby("quantity")["article_value"].first()
    names = ("loss_model_1", "loss_model_2")
    first, second = (column(wide, name, claim.name) for name in names)
    errors = pd.concat([(c / article[name] - 1).abs() for c, name in zip((first, second), names, strict=True)], axis=1)
    worst = errors.max(axis=1, skipna=False)
    parts = parts_of(wide, (worst <= claim.margin) & (second < first))
    details = (
        f"The mean losses are {first.iloc[0]:.6f} and {second.iloc[0]:.6f}, at most {figure(worst.max())} (relative) "
        f"off the article's figures in {len(wide)} computations."
    )
    if {"accuracy_model_1", "accuracy_model_2"} <= set(wide.columns):
        a, b = (float(wide[name].dropna().iloc[0]) for name in ("accuracy_model_1", "accuracy_model_2"))
        tie = "accuracy does not tell them apart" if a == b else "accuracy differs too"
        details += f" Their accuracies are {figure(a)} and {figure(b)}: {tie}."
    return verdict_of(
        claim, wide, parts,
        statement=by_outcome("animals", parts, error=size(worst.max())),
        details=details,
        measure="largest relative error of the two figures",
        value=worst.max(),
    )  # fmt: skip


@claim(
    "cross-entropy-is-kl-plus-entropy",
    section="3",
    description="cross-entropy is entropy plus KL divergence, and the entropy does not depend on the model",
    margin=ROUNDING,
    unit="relative error",
    needs=EXAMPLES,
    called={"zh": "交叉熵等于熵加 KL 散度，其中熵与模型无关"},
    measured={"zh": "最大相对误差"},
)
def cross_entropy(tables: Tables, claim: Claim) -> Verdict:
    """The identity, and equal gradients with respect to the model."""
    quantities = ("identity_error", "gradient_error")
    return identity(tables, claim, quantities, "H(p, q) against H(p) + KL(p, q), values and gradients")


@claim(
    "three-class-example",
    section="3",
    description="for the truth (1, 0, 0), the prediction (0.5, 0.2, 0.3) loses more than (0.7, 0.1, 0.2)",
    margin=0.0,
    unit="nats",
    needs=EXAMPLES,
    called={"zh": "真值为 (1, 0, 0) 时，预测 (0.5, 0.2, 0.3) 的损失大于 (0.7, 0.1, 0.2)"},
    measured={"zh": "两个损失之差的最小值"},
)
def three_class_example(tables: Tables, claim: Claim) -> Verdict:
    """The two losses, in nats."""
    wide = measured(tables, claim.name)
    first = column(wide, "loss_model_1", claim.name)
    second = column(wide, "loss_model_2", claim.name)
    gap = first - second
    parts = parts_of(wide, gap > claim.margin)
    return verdict_of(
        claim, wide, parts,
        statement=by_outcome("three", parts, gap=size(gap.min())),
        details=f"The losses are {first.iloc[0]:.4f} and {second.iloc[0]:.4f} nats ({listed(names_of(wide.index))}).",
        measure="smallest loss of the first less that of the second",
        value=gap.min(),
    )  # fmt: skip
