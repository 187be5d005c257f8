"""What is wrong with a random program of PyTorch, by training it: no piece of the checker is used.

The last weights are set so that the logits are known. Loss, gradient and prediction come from the module and its loss
themselves; the right loss is worked out in NumPy and float64 from what the module predicts; and the last layer is
trained on rows that tell their classes, which a sound program learns.
"""

from __future__ import annotations

import warnings

import numpy as np
import torch
from check_brute_force import Truth
from check_torch_random import (
    FEATURES,
    ROWS,
    Draw,
    build,
    encoded,
    left_out,
    loss_of,
    rows,
    smoothed,
    squashes,
    weights_of,
)
from scipy.special import log_expit, log_softmax

REACHED = (-12.0, -10.0, -8.0, -6.0, -4.0, -3.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 12.0)
GRID = np.array([-20.0, -16.0, *REACHED, 16.0, 20.0])
NEAR, MET = np.abs(GRID) <= 3, np.abs(GRID) <= 12
BATCH = 8
CROSS_ENTROPIES = ("bce logits", "bce", "cross entropy", "nll")


def data(one: Draw) -> tuple[np.ndarray, np.ndarray]:
    """Rows (n, FEATURES) and their classes (n,), or their several labels (n, units), which the rows tell."""
    rng = np.random.default_rng(5)
    x = rng.normal(scale=0.3, size=(ROWS, FEATURES))
    if one.labels == "several":
        classes = rng.integers(0, 2, (ROWS, one.units))
        x[:, : one.units] += 2 * classes - 1
    else:
        classes = np.arange(ROWS) % max(one.units, 2)
        x[:, : max(one.units, 2)] += 2 * np.eye(max(one.units, 2))[classes] - 1
    return x, classes


def by_class(one: Draw) -> bool:
    """Whether the loss takes its units for one distribution."""
    return one.loss in ("cross entropy", "nll")


def alone(one: Draw) -> bool:
    """Whether the loss takes each of several units by itself: each then has half of the gap that is swept."""
    return one.units > 1 and one.loss in ("bce", "bce logits") and one.activation != "softmax"


def brute_force(one: Draw) -> Truth:
    """Judge one program."""
    truth = Truth()
    torch.manual_seed(0)
    module, head = build(one)
    loss = loss_of(one)
    x, classes = data(one)
    y = encoded(one, classes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            value = loss(module(rows(one, x[:BATCH])), y[:BATCH])
            value.backward()
        except Exception as error:
            truth.wrong["raises"] = str(error).splitlines()[0][:80]
            return truth
        _pairs_rows(truth, one, module, head, loss)
        if not truth.wrong:
            _objective(truth, one, module, head, loss)
        if not truth.wrong and not truth.open:
            _learns(truth, one, x, classes)
    return truth


def _set(head: torch.nn.Linear, kernel: np.ndarray) -> None:
    with torch.no_grad():
        head.weight.copy_(torch.tensor(kernel.T))
        head.bias.zero_()


def direction(one: Draw) -> np.ndarray:
    """How z enters the units: for class 1, against class 0."""
    return np.ones(1) if one.units == 1 else np.array([-0.5, 0.5, 0.0])[: one.units]


def _labels(one: Draw, classes: np.ndarray) -> torch.Tensor:
    several = one.labels == "several"
    return encoded(one, np.eye(one.units)[classes].astype(int) if several else classes)


def _pairs_rows(truth: Truth, one: Draw, module: torch.nn.Module, head: torch.nn.Linear, loss: object) -> None:
    """Whether each prediction meets its own label, and depends on its own row alone."""
    assert callable(loss)
    rng = np.random.default_rng(1)
    _set(head, rng.normal(size=(FEATURES, one.units)))
    x = rows(one, rng.normal(size=(BATCH, FEATURES)))
    module.train()
    with torch.no_grad():
        told, other = module(x).double(), module(x.flip(0)).flip(0).double()
        if one.activation == "dropout":
            truth.wrong["dropout"] = "what is trained is not what is predicted"
            return
        alone = torch.cat([module(x[[at, at]])[:1] for at in range(BATCH)]).double()
    if (told - other).abs().max() > 0.01 or (told - alone).abs().max() > 0.01:
        truth.wrong["rows"] = "a row's prediction depends on the others"
        return
    classes = np.arange(BATCH) // 2 % 2
    y = _labels(one, classes)
    shape = tuple(told.shape)
    if one.loss in ("square", "absolute", "huber") and tuple(y.shape) != shape:
        truth.wrong["broadcast"] = f"labels of {tuple(y.shape)} against predictions of {shape}"


def _objective(truth: Truth, one: Draw, module: torch.nn.Module, head: torch.nn.Linear, loss: object) -> None:
    """The loss and its gradient over GRID, against the textbook formula of what is predicted."""
    assert callable(loss)
    z = GRID[:, None] * direction(one)
    same = np.zeros((BATCH, FEATURES))
    same[:, 0] = 1
    prediction, losses, gradients = np.zeros((len(GRID), one.units)), np.zeros((2, len(GRID))), []
    best = np.zeros(2)  # the losses of right answers
    kernel = np.zeros((FEATURES, one.units))
    for at in range(len(GRID)):
        kernel[0] = z[at]
        _set(head, kernel)
        with torch.no_grad():
            prediction[at] = module(rows(one, same)).double().reshape(BATCH, -1)[0].numpy()
    terms = BATCH * (1 if by_class(one) else one.units)
    other = 2 if one.units > 2 else 0  # a loss that leaves out class 0 is that of the others
    labels = (1, other) if left_out(one) else (0, 1)
    for number, label in enumerate(labels):
        y = _labels(one, np.full(BATCH, label))
        for at in range(len(GRID)):
            kernel[0] = z[at]
            _set(head, kernel)
            module.zero_grad()
            try:
                value = loss(module(rows(one, same)), y)
                value.backward()
            except Exception as error:
                truth.wrong["raises"] = str(error).splitlines()[0][:80]
                return
            losses[number, at] = float(value.detach()) / (terms if one.loss_form == "sum" else 1)
            assert head.bias.grad is not None
            gradients.append(head.bias.grad.double().numpy().copy())
        kernel[0] = 24.0 * (np.arange(one.units) == label) - 12 if one.units > 1 else 12.0 * (2 * label - 1)
        _set(head, kernel)
        with torch.no_grad():
            best[number] = float(loss(module(rows(one, same)), y)) / (terms if one.loss_form == "sum" else 1)
    gradient = np.array(gradients).reshape(2, len(GRID), one.units)
    weights = weights_of(one)
    if weights is not None and (min(weights) == 0 or not any(weights)):
        truth.wrong["weights"] = "no row has a weight"
        return
    if left_out(one) and one.units < 3:
        truth.open["left out"] = "of two classes one is left out"
        return
    if not left_out(one):
        _judged(truth, one, prediction, losses, gradient, best)
    else:
        _judged_left_out(truth, one, prediction, losses)


def right(one: Draw, p: np.ndarray, label: int) -> np.ndarray:
    """The loss that the program names, of predictions (n, units), by its textbook formula; nan or inf if none."""
    low, high = one.values
    hot = np.eye(max(one.units, 2))[label][: one.units] if one.units > 1 else np.array([float(label)])
    y = low + (high - low) * hot
    with np.errstate(all="ignore"):
        if one.loss == "square":
            return ((p - y) ** 2).mean(axis=-1)
        if one.loss == "absolute":
            return np.abs(p - y).mean(axis=-1)
        if one.loss == "huber":
            gap = np.abs(p - y)
            return np.where(gap <= 1, gap**2 / 2, gap - 0.5).mean(axis=-1)
        weights = np.array(weights_of(one) or [1.0] * one.units)
        if one.loss == "bce logits":
            return -(weights * y * log_expit(p) + (1 - y) * log_expit(-p)).mean(axis=-1)
        if one.loss == "bce":
            yes, no = (np.where(w == 0, 0.0, w * np.maximum(np.log(v), -100)) for w, v in ((y, p), (1 - y, 1 - p)))
            return -(yes + no).mean(axis=-1)
        given = p if one.loss == "nll" else log_softmax(p, axis=-1)
        number = low + (high - low) * label if max(one.units, 2) == 2 else low + label
        y = y if one.labels in ("one-hot", "several") else np.eye(one.units)[number % one.units]
        y = y * (1 - smoothed(one)) + smoothed(one) / one.units
        return -(given * y).sum(axis=-1)


def _judged(
    truth: Truth, one: Draw, p: np.ndarray, losses: np.ndarray, gradient: np.ndarray, best: np.ndarray
) -> None:
    low, high = one.values
    if one.activation == "softmax" and one.units == 1:
        truth.wrong["constant"] = "a softmax of one unit"
    if by_class(one) and one.units == 1:
        truth.wrong["one unit"] = "a loss of classes with one unit"
        return
    met = np.ones(len(GRID), bool) if alone(one) else MET
    if not np.isfinite(losses[:, met]).all() or not np.isfinite(gradient[:, met]).all():
        truth.wrong["not finite"] = "the loss or its gradient is infinite or nan"
        return
    if one.loss == "bce" and (p.min() < 0 or p.max() > 1):
        truth.wrong["range"] = f"a loss of probabilities gets {p.min():.3g} to {p.max():.3g}"
    if one.loss == "nll" and np.abs(np.exp(np.minimum(p[NEAR], 50)).sum(axis=-1) - 1).max() > 0.03:
        truth.wrong["no log-probabilities"] = "the exponentials of what NLLLoss gets do not sum to 1"
    if one.labels == "several" and (by_class(one) or one.activation == "softmax"):
        truth.wrong["labels"] = "what sums to 1 gets labels that do not"
    if one.loss in ("bce logits", "bce") and (low, high) != (0, 1):
        truth.wrong["labels"] = "a cross-entropy of units gets labels beyond 0 and 1"
    if by_class(one) and one.labels in ("one-hot", "several") and (low, high) != (0, 1):
        truth.wrong["labels"] = "a cross-entropy gets labels that do not sum to 1"
    if truth.wrong:
        return
    minimised = np.stack([right(one, p, label) for label in (0, 1)])
    weights = weights_of(one)
    if not squashes(one) and not (weights and one.labels in ("one-hot", "several") and by_class(one)):
        gap = np.abs(losses - minimised)[:, NEAR]
        room = (0.06 if "16" in one.dtype else 0.01) * (1 + np.abs(minimised[:, NEAR]))
        if (gap > room).any():  # this judge or the program errs: neither is called right
            truth.open["formula"] = f"the loss is not the textbook's, by {gap.max():.3g}"
            return
    middle = losses[:, GRID == 0][:, 0].min()
    if one.loss in CROSS_ENTROPIES and (one.activation != "leaky_relu" or squashes(one)):  # that ends beyond the grid
        share = smoothed(one) / one.units
        lowest = np.array([1 - smoothed(one) + share, *[share] * (one.units - 1)])
        floors = np.minimum(best, losses.min(axis=1)) + (float((lowest * np.log(lowest)).sum()) if share else 0.0)
        if floors.max() > 0.05 * middle:
            truth.wrong["floor"] = f"the loss of a right answer never falls below {floors.max():.3g}"
    if one.loss in ("square", "absolute", "huber"):
        outside = [value for value in (low, high) if value < p.min() - 0.01 or value > p.max() + 0.01]
        if outside:
            truth.wrong["reach"] = f"labels {outside} and predictions from {p.min():.3g} to {p.max():.3g}"
    _gradient(truth, one, gradient)


def _gradient(truth: Truth, one: Draw, gradient: np.ndarray) -> None:
    moving = gradient[..., :2] != 0
    flat = ~moving.all(axis=-1) if alone(one) else ~moving.any(axis=-1)
    reach = np.abs(GRID) <= (24 if alone(one) else 12)
    for label in (0, 1):
        wrong = reach & ((GRID > 0) if label == 0 else (GRID < 0))
        dead = flat[label] & wrong
        if dead.any():
            start = np.abs(GRID[dead]).min()
            text = f"label {label} is not learnt from a logit of {start:g} on"
            (truth.wrong if one.loss in CROSS_ENTROPIES else truth.open)["dead"] = text
    if by_class(one) and one.activation in ("relu",):
        truth.wrong["cut"] = "rows whose logits are all below 0 have no gradient"


def _judged_left_out(truth: Truth, one: Draw, p: np.ndarray, losses: np.ndarray) -> None:
    if not np.isfinite(losses[:, MET]).all():
        truth.wrong["not finite"] = "the loss is infinite or nan"
    elif one.activation in ("sigmoid", "softmax", "tanh", "relu"):
        truth.wrong["squashed"] = "logits, or log-probabilities, have passed an activation"
    elif one.loss == "nll" and one.activation != "log_softmax":
        truth.wrong["no log-probabilities"] = "NLLLoss gets something else"
    elif one.values != (0, 1):
        truth.open["labels"] = "which class is left out depends on the numbers"


def _learns(truth: Truth, one: Draw, x: np.ndarray, classes: np.ndarray) -> None:
    """Whether the last layer learns rows that tell their classes."""
    torch.manual_seed(0)
    module, _ = build(one)
    module = module.float()
    given = torch.tensor(x).float()
    loss, y = loss_of(one), encoded(one, classes)
    if y.dtype == torch.float64:
        y = y.float()
    optimizer = torch.optim.Adam(module.parameters(), lr=0.1)
    if one.dtype == "float64" and weights_of(one) is not None:
        return  # the weights have the dtype of the module as it was
    for _ in range(150):
        optimizer.zero_grad()
        loss(module(given), y).sum().backward()
        optimizer.step()
    with torch.no_grad():
        p = module(given).double().reshape(ROWS, -1).numpy()
    low, high = one.values
    if one.labels == "several":
        middle = 0.0 if one.loss == "bce logits" else (low + high) / 2
        accuracy = float(((p > middle) == classes).mean())
    elif one.units == 1:
        middle = 0.0 if one.loss == "bce logits" else (low + high) / 2
        accuracy = float(((p[:, 0] > middle) == classes).mean())
    else:
        of = classes > 0 if left_out(one) else np.ones(ROWS, bool)
        accuracy = float((p.argmax(axis=-1) == classes)[of].mean())
    if accuracy < 0.9:
        told = truth.wrong if one.loss in CROSS_ENTROPIES else truth.open  # an error may get stuck where relu has ended
        told["not learnt"] = f"after 150 steps {accuracy:.0%} of rows that tell their classes are right"
