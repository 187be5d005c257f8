"""Labels against the loss that takes them: one-hot rows, integers, or numbers from 0 to 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Misfit:
    """How labels do not fit a loss: what is seen, the remedy, and what to write in the call of compile."""

    name: str
    seen: str
    remedy: str
    change: str


def misfit(labels: np.ndarray, loss: str, units: int) -> Misfit | None:
    """How `labels`, (n,), (n, 1) or (n, units), do not fit `loss` over `units`; None if they do."""
    wide = labels.ndim > 1 and labels.shape[-1] > 1
    low, high = (labels.min(), labels.max()) if labels.size else (0, 0)
    shape = " x ".join(map(str, labels.shape))
    if loss == "sparse_categorical_crossentropy" and wide:
        return Misfit(
            name="one_hot_labels_for_integers",
            seen=f"The labels are {shape}, one-hot; the loss takes one integer a row.",
            remedy="Use categorical_crossentropy, or labels.argmax(axis=-1).",
            change='loss="categorical_crossentropy"',
        )
    if loss == "sparse_categorical_crossentropy":
        if low >= 0 and high < units:
            return None
        return Misfit(
            name="label_names_no_unit",
            seen=f"The labels go from {low} to {high}; the units of the last layer from 0 to {units - 1}.",
            remedy="Number the classes from 0 and give each one a unit.",
            change="as many units as classes",
        )
    if loss == "categorical_crossentropy" and not wide:
        return Misfit(
            name="integer_labels_for_one_hot",
            seen=f"The labels are {shape}, one number a row; the loss takes one-hot rows.",
            remedy="Use sparse_categorical_crossentropy, or keras.utils.to_categorical(labels).",
            change='loss="sparse_categorical_crossentropy"',
        )
    if loss == "binary_crossentropy" and wide != (units > 1):
        return Misfit(
            name="labels_and_units_differ",
            seen=f"The labels are {shape}; the last layer has {units} unit{'s' if units > 1 else ''}.",
            remedy="Give binary_crossentropy one column of labels a unit.",
            change="a loss that fits the labels",
        )
    if low < 0 or high > 1:
        return Misfit(
            name="labels_are_no_probabilities",
            seen=f"The labels go from {low} to {high}; the loss takes numbers from 0 to 1.",
            remedy="Write the classes as 0 and 1.",
            change="labels of 0 and 1",
        )
    return None
