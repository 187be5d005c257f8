"""From what was measured to findings: names, and what was seen in numbers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from scipy.special import logsumexp

from experiments.check.record import Output
from experiments.check.sweep import GRID, Sweep

# a name of the registry, and what was seen
Observation = tuple[str, str]
REACHABLE_LOGIT = 14.0  # logits that networks reach; where a clip at 1e-7 acts, they are 16
LOSS_FLOOR = 0.05  # of the loss of no answer: a right answer should come below
# a loss of a whole batch differs by so much from the mean of its rows, or from that with other labels
BATCH_GAP = 0.01
FINITE_LOGIT = 40.0  # up to here everything has to be finite


def objective(output: Output, sweep: Sweep) -> Iterator[Observation]:
    """What is minimised, against what is predicted: the first thing that is wrong, since others follow from it."""
    moderate = sweep.moderate
    prediction, losses, scored = sweep.prediction[:, moderate], sweep.losses[:, moderate], sweep.scored[:, moderate]
    tolerance = 0.05 if "16" in sweep.dtype else 0.01
    if np.ptp(prediction, axis=1).max() < 1e-6:
        value = float(prediction.max())
        yield (
            "one_unit_softmax" if output.units == 1 else "prediction_is_constant",
            f"For logits from -3 to 3 the prediction is always {value:.4g}.",
        )
        return
    if sweep.no_finite_loss.any():
        if sweep.no_finite_loss.all():
            yield "loss_is_not_finite", "Whatever the logit and the label, the loss is infinite or nan."
        else:
            label = sweep.encoding.values[int(sweep.no_finite_loss.argmax())]
            yield "gradient_dies", f"Whatever the logit, a batch of rows with the label {label:g} has no finite loss."
        return
    with np.errstate(invalid="ignore"):  # infinite losses are not steady
        constant_loss = bool((np.ptp(losses, axis=1) < 1e-6).all())
    if output.units == 1 and constant_loss:
        yield "one_unit_categorical", f"For logits from -3 to 3 the loss is always {losses.max():.4g}."
        return
    sparse = not constant_loss and not sweep.encoding.onehot
    if output.units > 1 and sparse and np.allclose(losses, losses[:, ::-1], rtol=1e-3, atol=1e-6):
        yield "integer_labels_for_one_hot", (
            "The loss stays the same if two units are exchanged, so it compares each unit with the number of the class."
        )
        return
    training_shift = np.abs(sweep.trained[:, moderate] - prediction).max()
    if training_shift > 1e-3:
        yield "training_differs", f"In training the prediction differs by up to {training_shift:.2g} from predict()."
        return
    # a loss of the batch as a whole, such as Dice's, is meant: there each label still meets its own prediction
    is_batch_loss = sweep.pairing_gap > BATCH_GAP and not constant_loss
    mixed = sweep.batch_loss_gap > tolerance and not is_batch_loss
    if mixed or sweep.batch_prediction_gap > 1e-3:
        what, size = ("loss", sweep.batch_loss_gap) if mixed else ("prediction", sweep.batch_prediction_gap)
        yield "rows_are_mixed", f"The {what} of a batch differs from that of its rows one by one by {size:.2g}."
        return
    formula, scored_formula = sweep.formula, sweep.scored_formula
    as_logits = "prediction as logits" in (formula.of, scored_formula.of)
    bounded_sides = np.isfinite(sweep.prediction_range).sum()  # sides on which the prediction comes to an end
    if as_logits and bounded_sides >= (2 if formula.by_class or scored_formula.by_class else 1):
        floors = np.nanmin(sweep.losses if "as logits" in formula.of else scored, axis=1)  # of each label
        moderate_loss = float(losses[:, np.abs(GRID[moderate]) == 0.5].mean())
        if sweep.predicts_probabilities or floors.max() > LOSS_FLOOR * moderate_loss:
            name = "probabilities_taken_for_logits" if sweep.predicts_probabilities else "squashed_logits"
            floor, which = (floors.min(), "") if bounded_sides == 2 else (floors.max(), f" for label {floors.argmax()}")
            yield name, (
                f"The prediction stays between {sweep.prediction.min():.3g} and {sweep.prediction.max():.3g}, and its "
                f"loss as a {formula.text if formula.name else scored_formula.text} of logits never falls below "
                f"{floor:.2f}{which}."
            )
            return
    cut = formula.logarithmic and formula.by_class and formula.of != "prediction clipped"
    if cut and sweep.shifted_gradient_ratio == 0 and sweep.logits is not None:
        yield "squashed_logits" if as_logits else "gradient_dies", (
            "With the logits of all classes 8 lower or higher, a wrong answer has a gradient of exactly 0."
        )
        return
    least, most = sweep.prediction_range
    if formula.name == "hinge" and (least > -0.95 or most < 0.95):
        yield "squashed_logits", (
            f"The prediction stays between {sweep.prediction.min():.3g} and {sweep.prediction.max():.3g}; a hinge loss "
            "wants -1 for the one label and 1 for the other."
        )
        return
    if formula.of == "squashed logits":
        yield "probabilities_taken_for_logits", (
            f"The loss is a {formula.text} that takes for logits what it has squashed itself: of a right answer it "
            f"never falls below {np.nanmin(sweep.losses):.2f}."
        )
        return
    if formula.of == "labels":
        yield "arguments_swapped", f"The loss is a {formula.text} of the labels, for which it takes the predictions."
        return
    with np.errstate(invalid="ignore"):  # where both are infinite nothing is between them
        gap = np.abs(losses - scored)
    disagrees = gap > tolerance * (1 + np.abs(scored))
    distribution = formula.logarithmic and formula.by_class and formula.name != "likelihood"
    crossed = distribution and sweep.predicts_probabilities and output.units > 1 and not sweep.sums_to_one
    if crossed or disagrees.any():
        row, column = np.unravel_index(np.argmax(np.where(np.isfinite(gap), gap, -1)), gap.shape)
        swapped = crossed or (output.units > 1 and formula.of == "logits" and sweep.predicts_probabilities)
        yield (
            "crossed_pair_swaps_the_objective" if swapped else "evaluate_disagrees",
            f"At {_logit(output, GRID[moderate][column])} and label {row}, fit() minimises {losses[row, column]:.4f} "
            f"(a {formula.text}); loss(y, predict(x)) is {scored[row, column]:.4f}."
            if disagrees.any() else f"The loss is a {formula.text}, and the predictions of a row do not sum to 1.",
        )  # fmt: skip
        return
    if formula.name == "likelihood" and not _logarithms(sweep):
        lowest = sweep.losses.min()
        yield "not_a_log_probability", f"The loss is the negated prediction at the label: it goes down to {lowest:.4g}."
        return
    undefined = sweep.unbounded and not np.isfinite(losses).all()
    if formula.of == "prediction clipped" or undefined:
        takes_logits = sweep.unbounded and not (undefined and output.units == 1 and sweep.takes_rates)
        name = "logits_taken_for_probabilities" if takes_logits else "prediction_leaves_the_range"
        complaint = "has no value for some of them" if undefined else f"is a {formula.text} of them clipped to (0, 1)"
        complaint = f"raises {output.refused}" if output.refused else complaint
        low, high = sweep.prediction.min(), sweep.prediction.max()
        yield name, f"Predictions run from {low:.4g} to {high:.4g}; the loss {complaint}."
        return
    if formula.name in ("binary", "focal") and not formula.by_class and sweep.sums_to_one and output.units > 2:
        yield "softmax_under_a_binary_loss", f"Predictions of {output.units} classes sum to 1 under a {formula.text}."


def _logarithms(sweep: Sweep) -> bool:
    total = logsumexp(sweep.prediction[0][sweep.moderate], axis=1)
    return bool(np.allclose(total, 0, atol=1e-2))


def _logit(output: Output, z: float, *, per_unit: bool = False) -> str:
    return f"a logit of {z:g}" if output.units == 1 or per_unit else f"logits {abs(z):g} apart"


def gradient(output: Output, sweep: Sweep) -> Iterator[Observation]:
    """Whether a wrong answer is learnt from at every logit."""
    # a loss that counts units one by one sees half of what is swept over two
    per_unit = sweep.formula.name in ("binary", "focal") and not sweep.formula.by_class
    half = output.units > 1 and not sweep.sums_to_one and per_unit
    size = np.abs(GRID) * (0.5 if half else 1)
    at_logit = partial(_logit, output, per_unit=half)
    wrong = np.stack([GRID > 0, GRID < 0])
    logarithmic = sweep.formula.logarithmic
    not_finite = ~np.isfinite(sweep.losses) | ~np.isfinite(sweep.slope)
    early = not_finite & (size <= FINITE_LOGIT)
    if early.any():
        start = size[np.any(early, axis=0)].min()
        half_precision = "16" in sweep.dtype and sweep.predicts_probabilities
        name = "one_sided_saturation" if half_precision else "loss_is_not_finite"
        yield name, f"From {at_logit(start)} on, the loss or its gradient is infinite or nan."
        return
    # a loss that counts units one by one may leave out any of them
    no_gradient = (sweep.unit_zero_gradient if half else sweep.zero_gradient) & wrong & ~not_finite
    # a loss of the batch says nothing of one label alone
    if sweep.batch_loss_gap > BATCH_GAP and not sweep.formula.name:
        no_gradient &= sweep.unmoved[:, None]
    start = float(size[no_gradient.any(axis=0)].min()) if no_gradient.any() else np.inf
    message = f"From {at_logit(start)} on, a wrong answer has a gradient of exactly 0."
    fading = _fading(sweep, size, wrong)
    if sweep.formula.logarithmic and sweep.worsening.any():
        label = sweep.encoding.values[int(sweep.worsening.argmax())]
        yield "gradient_points_away", f"In a batch of both labels a step makes each row with the label {label:g} worse."
    elif sweep.zero_gradient[:, sweep.moderate].all():
        yield "gradient_dies", "The gradient is exactly 0 at every logit."
    elif (
        unlearnt := sweep.zero_gradient[:, size < REACHABLE_LOGIT].all(axis=1) & sweep.unmoved
    ).any() and _two_classes(output):
        label = sweep.encoding.values[int(unlearnt.argmax())]
        yield "gradient_dies", f"Whatever the logit, a row with the label {label:g} has a gradient of exactly 0."
    elif start < REACHABLE_LOGIT and "16" in sweep.dtype and (logarithmic or start > 3):
        yield "one_sided_saturation", message
    elif start < REACHABLE_LOGIT and (logarithmic or no_gradient[:, sweep.moderate].any(axis=1).all()):
        yield "gradient_dies", message
    elif start < REACHABLE_LOGIT:
        yield ("gradient_is_one_sided" if start <= 3 else "gradient_fades"), message
    elif not logarithmic and fading < 0.01:
        yield "gradient_fades", (
            f"At {at_logit(8)}, a wrong answer has {fading:.1g} of the largest gradient that a wrong answer has."
        )
    elif sweep.formula.by_class and logarithmic and sweep.shifted_gradient_ratio < 0.01:
        yield "gradient_fades", (
            f"With the logits of all classes 8 lower or higher, a wrong answer has {sweep.shifted_gradient_ratio:.1g} "
            "of its gradient."
        )
    elif logarithmic and not_finite.any() and not sweep.predicts_logits:
        end = size[np.any(not_finite, axis=0)].min()
        yield "probability_clipped", f"From {at_logit(end)} on, the loss or its gradient is infinite or nan."
    elif start < (np.inf if logarithmic else FINITE_LOGIT):
        losses = sweep.losses[wrong]
        cap = float(losses[np.isfinite(losses)].max())
        name = "logits_lost_to_a_layer" if output.after and logarithmic else "probability_clipped"
        yield name, f"{message} The loss never rises above {cap:.2f}."
    if not sweep.formula.name and not (start < REACHABLE_LOGIT and no_gradient[:, sweep.moderate].any(axis=1).all()):
        expected = np.where(GRID > 0, 1, -1)
        checked = np.isin(np.abs(GRID), (1.0, 2.0, 3.0)) & wrong
        toward = (sweep.slope * expected)[checked]
        worsens = (toward.reshape(2, -1) < -1e-6).all(axis=1)  # a row a label
        # with numbers of classes for several units, one label may ask for what no one unit says
        if worsens.all() or (worsens.any() and (output.units == 1 or sweep.encoding.onehot)):
            which = "each wrong answer" if worsens.all() else f"a wrong answer to label {int(worsens.argmax())}"
            yield "gradient_points_away", f"At logits of 1, 2 and 3 a step makes {which} more wrong."
        elif not sweep.zero_gradient[:, sweep.moderate].all():
            yield "loss_of_its_own_formula", (
                "The loss matches no cross-entropy, focal, squared, absolute or hinge loss of logits or predictions."
            )


def _two_classes(output: Output) -> bool:
    """Whether there are no more than two labels: of more, one may stand for rows that are left out on purpose."""
    return output.units <= 2 and (output.labels is None or len(np.unique(output.labels)) <= 2)


def _fading(sweep: Sweep, size: np.ndarray, wrong: np.ndarray) -> float:
    """The smaller of both labels' ratios: the gradient of a wrong answer at 8 over the largest up to there."""
    slope = np.abs(sweep.slope)
    return min(
        float(slope[label][at & (size == 8)].max() / max(slope[label][at & (size <= 8)].max(), np.finfo(float).tiny))
        for label in (0, 1)
        for at in [wrong[label]]
    )
