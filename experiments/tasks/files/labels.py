"""The two classes: which values of the target are 0 and 1, and what the file calls them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.records import UserError, require
from experiments.tasks.files.formatting import counted, listed, plain, quoted

FEW = 20  # a target of more different numbers is hardly one of classes


def missing(y: pd.Series) -> np.ndarray:
    """Return which rows (n,) have no target: missing, or text that is blank."""
    blank = np.zeros(len(y), dtype=bool)
    if y.dtype == object or pd.api.types.is_string_dtype(y.dtype):
        blank = np.fromiter((isinstance(value, str) and not value.strip() for value in y), dtype=bool, count=len(y))
    return blank | y.isna().to_numpy(dtype=bool)


def binary(y: pd.Series, positive: str | None, target: str) -> tuple[np.ndarray, tuple[str, str]]:
    """Return the class of each row, (n,) int64 of 0 and 1, and the names of both.

    `y`: (n,) without a missing value. `positive` names class 1; where there are more than two, the rest is class 0.
    Without it the later of the two is class 1, numbers by size and text by alphabet.
    `target` is how messages call `y`. Raises `UserError` if that does not leave two classes.
    """
    try:
        codes, values = pd.factorize(y.to_numpy(dtype=object))
    except TypeError as error:
        raise UserError(f"{target} holds values that are no labels, such as {quoted(y.iloc[0])}.") from error
    texts = [_text(value) for value in values]
    names = _sorted(set(texts))
    require(
        len(names) > 1,
        f"{target} has only one class, {listed(names)}, in {counted(len(y), 'row')}. Two are needed: "
        "name another target, or add rows of the other class.",
    )
    if positive is None:
        measure = len(names) > FEW and all(_number(name) is not None for name in names)
        way_out = (
            "It looks like a measure: add a column that says on which side of a threshold it lies."
            if measure
            else f"--positive LABEL asks for one against the rest, for example --positive {quoted(names[0])}."
        )
        require(len(names) == 2, f"{target} has {len(names):,} classes: {listed(names)}. Two are needed. {way_out}")
        chosen = names[1]
    else:
        chosen = _match(str(positive), names, target)
    others = [name for name in names if name != chosen]
    is_chosen = np.array([text == chosen for text in texts])
    return is_chosen[codes].astype(np.int64), (others[0] if len(others) == 1 else f"not {chosen}", chosen)


def _text(value: object) -> str:
    """Return a label as its file would write it: 1 rather than 1.0."""
    if isinstance(value, (float, np.floating)):
        number = float(value)
        return str(int(number)) if number.is_integer() and abs(number) < 1e15 else str(number)
    return plain(value).strip()


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _sorted(names: set[str]) -> list[str]:
    sizes = [(size, name) for name in sorted(names) if (size := _number(name)) is not None]
    return [name for _, name in sorted(sizes)] if len(sizes) == len(names) else sorted(names)


def _match(positive: str, names: list[str], target: str) -> str:
    """Return the label that is meant: the same text, else the only one that is the same but for case or as a number."""
    label = positive.strip()
    number = _number(label)
    for same in (
        [name for name in names if name == label],
        [name for name in names if name.casefold() == label.casefold()],
        [name for name in names if number is not None and _number(name) == number],
    ):
        if len(same) == 1:
            return same[0]
    raise UserError(f"{target} has no class {quoted(positive)} (--positive). Known: {listed(names)}.")
