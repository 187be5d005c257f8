"""The sweep: a tail is driven through logits of every size, for both labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from experiments.check.formula_match import LossFormula, match_formula
from experiments.check.labels import Encoding
from experiments.check.record import Tail

MODERATE = (-3.0, -2.0, -1.0, -0.5, 0.5, 1.0, 2.0, 3.0)
FAR = (*map(float, range(4, 15)), 16.0, 17.0, 18.0, 20.0, 25.0, 30.0, 40.0, 60.0, 90.0, 120.0)
GRID = np.array([*(-z for z in reversed(FAR)), *MODERATE, *FAR])


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """What the sweep showed, a row a label (0, 1), a column a point of `GRID`.

    `slope`: the derivative of a row's loss with respect to z; `zero_gradient`: whether its gradient is exactly 0
    altogether; `unit_zero_gradient`: whether that of a unit is which z enters; `no_finite_loss`, (2,): whether a label
    has no finite loss at all; `scored`: the loss of the prediction as an array; `prediction`, `trained`: (2, points,
    K), of one position of one row. `logits`: (points, K) or None where they are not laid out as the prediction is.
    `sum_at_ones`: the sum of a row's predictions at logits that are all 1, where only a softmax gives 1.
    `batch_loss_gap`: by how much the loss of rows of several kinds differs from the mean of their losses, relatively.
    `batch_prediction_gap`: by how much a row's prediction changes with the other rows. `pairing_gap`: by how much the
    loss of a batch changes, relatively, if each row gets the logits of its neighbour: 0 where every label meets every
    prediction. `worsening`, `unmoved`: (2,), whether in a batch of both labels a step makes each row of a label worse,
    or moves none. `shifted_gradient_ratio`: the gradient of a wrong answer where all units are 8 lower or higher, over
    that where they are not; 1 of one unit.
    """

    losses: np.ndarray
    slope: np.ndarray
    zero_gradient: np.ndarray
    unit_zero_gradient: np.ndarray
    no_finite_loss: np.ndarray
    scored: np.ndarray
    prediction: np.ndarray
    trained: np.ndarray
    logits: np.ndarray | None
    sum_at_ones: float
    batch_loss_gap: float
    batch_prediction_gap: float
    pairing_gap: float
    worsening: np.ndarray
    unmoved: np.ndarray
    shifted_gradient_ratio: float
    formula: LossFormula
    scored_formula: LossFormula
    encoding: Encoding
    dtype: str

    @property
    def moderate(self) -> np.ndarray:
        """Which points are moderate logits, where every dtype still has its digits."""
        return np.isin(GRID, MODERATE)

    @property
    def predicts_logits(self) -> bool:
        """Whether the prediction is the logits themselves."""
        inside = np.abs(GRID) <= 40
        return self.logits is not None and np.allclose(self.prediction[0][inside], self.logits[inside], rtol=1e-2)

    @property
    def unbounded(self) -> bool:
        """Whether the prediction grows with the logit on both sides, as a linear unit's does."""
        finite = self.prediction[np.isfinite(self.prediction)]
        return bool(finite.size and finite.min() < -5 and finite.max() > 5)

    @property
    def prediction_range(self) -> tuple[float, float]:
        """The least and the largest prediction; infinite on a side where it still grows from logits of 40 to 120."""
        values = np.nan_to_num(self.prediction[0], nan=0.0)
        inner = values[np.abs(GRID) <= 40]
        low, high = values.min(), values.max()
        return (
            float(low) if inner.min() <= low + 1e-3 else -np.inf,
            float(high) if inner.max() >= high - 1e-3 else np.inf,
        )

    @property
    def predicts_probabilities(self) -> bool:
        """Whether the prediction stays within 0 and 1 for every logit."""
        finite = self.prediction[np.isfinite(self.prediction)]
        return bool(finite.size and finite.min() >= 0 and finite.max() <= 1 + 1e-3)

    @property
    def takes_rates(self) -> bool:
        """Whether the loss has a value for predictions above 1, and none for those below 0."""
        values = self.prediction[..., 0]
        above, below = (np.isfinite(self.losses[of]) for of in ((values > 1.5) & (values < 20), values < -0.5))
        return bool(below.size) and not below.any() and bool(above.all())

    @property
    def sums_to_one(self) -> bool:
        """Whether the predictions of one row sum to 1."""
        sums = np.append(self.prediction[0].sum(axis=1), self.sum_at_ones)
        return self.prediction.shape[2] > 1 and bool(np.allclose(sums, 1, atol=1e-2))


def directions(tail: Tail, prediction: tuple[int, ...]) -> tuple[np.ndarray, bool]:
    """How z enters the logits of one row, and whether these are laid out as the prediction is.

    One unit gets z; of several the first gets -z/2, the second z/2, the others 0, at every position.
    """
    size = int(np.prod(tail.shape, dtype=int))
    fits = size == int(np.prod(prediction, dtype=int))
    layout = prediction if fits and prediction else tail.shape
    slope = np.zeros(layout or (1,))
    if slope.shape[-1] == 1:
        slope[...] = 1.0
    else:
        slope[..., 0], slope[..., 1] = -0.5, 0.5
    return slope.reshape(tail.shape), fits


def run_sweep(tail: Tail, prediction: tuple[int, ...], encoding: Encoding) -> Sweep:
    """Drive `tail` through the grid for both labels. Raises what the program raises."""
    direction, fits = directions(tail, prediction)
    units = prediction[-1] if prediction else 1
    shape = (2, len(GRID))
    losses, slope, scored = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    zero_gradient, unit_zero_gradient = np.zeros(shape, bool), np.zeros(shape, bool)
    first, trained = np.zeros((*shape, units)), np.zeros((*shape, units))
    for label in (0, 1):
        truth = encoding.all(label, tail.rows)
        for column, z in enumerate(GRID):
            step = tail(np.broadcast_to(z * direction, (tail.rows, *tail.shape)), truth)
            losses[label, column] = step.loss
            slope[label, column] = (step.gradient * direction).sum()
            moves = (step.gradient != 0).any(axis=0)[direction != 0]
            zero_gradient[label, column], unit_zero_gradient[label, column] = not moves.any(), not moves.all()
            first[label, column] = step.prediction.flat[:units]
            trained[label, column] = step.trained.flat[:units]
            if z in MODERATE:
                scored[label, column] = tail.score(truth, step.prediction)
    # of a layer that is called for each position of a row, the logits of one position
    laid_out = fits or direction.size == units
    logits = GRID[:, None] * direction.flat[:units] if laid_out else None
    between = np.isin(GRID, MODERATE)
    shifted = _shifted(tail, direction, encoding, units) if units > 1 else _NOTHING
    classes = np.concatenate([np.repeat([0, 1], between.sum()), shifted.classes])
    inner = None if logits is None else np.concatenate([logits[between], logits[between], shifted.logits])
    predictions = np.concatenate([*first[:, between], shifted.prediction])
    values = [np.concatenate([*array[:, between], more])
              for array, more in ((losses, shifted.losses), (scored, shifted.scored))]  # fmt: skip
    no_finite_loss = np.array([not np.isfinite(values[0][classes == label]).any() for label in (0, 1)])
    batch_loss_gap, batch_prediction_gap, pairing_gap, toward = _batch_gaps(tail, direction, encoding)
    ones = tail(np.ones((tail.rows, *tail.shape)), encoding.all(0, tail.rows)).prediction.flat[:units]
    return Sweep(
        losses=losses, slope=slope, zero_gradient=zero_gradient, unit_zero_gradient=unit_zero_gradient, scored=scored,
        prediction=first, trained=trained, no_finite_loss=no_finite_loss, logits=logits, sum_at_ones=float(ones.sum()),
        batch_loss_gap=batch_loss_gap, batch_prediction_gap=batch_prediction_gap, pairing_gap=pairing_gap,
        worsening=np.all(toward < -1e-9, axis=0), unmoved=np.all(toward == 0, axis=0),
        shifted_gradient_ratio=_shifted_gradient_ratio(tail, direction, encoding) if units > 1 else 1.0,
        encoding=encoding, dtype=tail.dtype,
        formula=match_formula(values[0], inner, predictions, classes, tail.dtype),
        scored_formula=match_formula(values[1], inner, predictions, classes, tail.dtype),
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _Shifted:
    """Some more points at moderate logits, all units raised together; a row a point."""

    classes: np.ndarray
    logits: np.ndarray
    prediction: np.ndarray
    losses: np.ndarray
    scored: np.ndarray


_NOTHING = _Shifted(
    classes=np.zeros(0, int), logits=np.zeros((0, 1)), prediction=np.zeros((0, 1)), losses=np.zeros(0),
    scored=np.zeros(0),
)  # fmt: skip


def _shifted(tail: Tail, direction: np.ndarray, encoding: Encoding, units: int) -> _Shifted:
    """Points off the grid: on it, one of two units is as much up as the other is down, as if they were one softmax."""
    points = [(label, 0.75 + z * direction) for label in (0, 1) for z in (-2.0, 1.0)]
    logits, prediction, losses, scored = [], [], [], []
    for label, values in points:
        truth = encoding.all(label, tail.rows)
        step = tail(np.broadcast_to(values, (tail.rows, *tail.shape)), truth)
        # those of a layout of its own are not used
        logits.append(values.flat[:units] if values.size % units == 0 else np.zeros(units))
        prediction.append(step.prediction.flat[:units])
        losses.append(step.loss)
        scored.append(tail.score(truth, step.prediction))
    return _Shifted(
        classes=np.array([label for label, _ in points]), logits=np.array(logits), prediction=np.array(prediction),
        losses=np.array(losses), scored=np.array(scored),
    )  # fmt: skip


def _shifted_gradient_ratio(tail: Tail, direction: np.ndarray, encoding: Encoding) -> float:
    """The least gradient of a wrong answer with all units 8 lower or higher, over that with no unit moved."""

    def size(label: int, shift: float) -> float:
        logits = (1.0 if label == 0 else -1.0) * direction + shift
        step = tail(np.broadcast_to(logits, (tail.rows, *tail.shape)), encoding.all(label, tail.rows))
        return float(np.linalg.norm(step.gradient))

    plain = [size(label, 0.0) for label in (0, 1)]
    ratios = [size(label, shift) / plain[label] for label in (0, 1) for shift in (-8.0, 8.0) if plain[label] > 0]
    return min(ratios, default=1.0)


def _batch_gaps(tail: Tail, direction: np.ndarray, encoding: Encoding) -> tuple[float, float, float, np.ndarray]:
    """How far a batch of different rows is from its rows one by one: the loss relatively, the prediction at most.

    The third is how far its loss is, relatively, from that of a batch whose logits lie with the neighbouring labels;
    the fourth, (pairs, 2), how far its gradient moves rows of both labels toward them, for a rate of 1.

    The mean may be weighted by class (PyTorch divides by the sum of the weights): then two batches with the same
    labels have the same share of label 1, whatever their logits are.
    """
    classes = np.arange(tail.rows) % 2
    cycles = np.array([(-0.5, 1.5, 0.25, 2.0), (2.0, -1.0, 0.5, 0.25)])
    batches = [_batch(tail, direction, encoding, classes, cycle) for cycle in cycles]
    leaks = max(leak for _, _, _, leak, _ in batches)
    size = max(max(abs(loss_0), abs(loss_1)) for _, loss_0, loss_1, _, _ in batches)
    swapped = [tail(_spread(tail, direction, np.roll(cycle, 1)), encoding.rows(classes)).loss for cycle in cycles]
    pairs = [abs(batch[0] - loss) for batch, loss in zip(batches, swapped, strict=True)]
    share = classes.mean()
    gaps = [batch_loss - ((1 - share) * loss_0 + share * loss_1) for batch_loss, loss_0, loss_1, _, _ in batches]
    plain = max(abs(gap) for gap in gaps) / max(size, 1e-6)
    shares = [(loss - loss_0) / (loss_1 - loss_0) if abs(loss_1 - loss_0) > 1e-6 else np.nan
              for loss, loss_0, loss_1, _, _ in batches]  # fmt: skip
    weighted = abs(shares[0] - shares[1]) if all(0 <= value <= 1 for value in shares) else np.inf
    toward = np.concatenate([slopes for *_, slopes in batches]) * np.tile(1 - 2 * classes, len(batches))
    return min(plain, weighted), leaks, max(pairs) / max(size, 1e-6), toward.reshape(-1, 2)


def _spread(tail: Tail, direction: np.ndarray, cycle: np.ndarray) -> np.ndarray:
    """The logits of a batch whose rows go through the four values of z in `cycle`."""
    return np.asarray(np.multiply.outer(cycle[np.arange(tail.rows) % len(cycle)], direction))


def _batch(
    tail: Tail, direction: np.ndarray, encoding: Encoding, classes: np.ndarray, cycle: np.ndarray
) -> tuple[float, float, float, float, np.ndarray]:
    """The loss of a batch, the means of its rows' losses over each label, how far a prediction changes in it, slopes.

    The slopes, (rows,), are the derivatives of the batch's loss with respect to the z of each row.
    """
    spread = _spread(tail, direction, cycle)
    batch = tail(spread, encoding.rows(classes))
    single = [
        tail(np.broadcast_to(spread[row], spread.shape), encoding.all(int(classes[row]), tail.rows))
        for row in range(min(len(cycle), tail.rows))
    ]
    leak = max(float(np.abs(batch.prediction[row] - step.prediction[row]).max()) for row, step in enumerate(single))
    of_label = [
        [single[row % len(cycle)].loss for row in range(tail.rows) if classes[row] == label] for label in (0, 1)
    ]
    loss_0, loss_1 = (float(np.mean(losses)) if losses else 0.0 for losses in of_label)
    slopes = np.array([row.sum() for row in batch.gradient * direction])
    return batch.loss, loss_0, loss_1, leak, slopes
