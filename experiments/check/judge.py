"""From what was measured to findings: names, and what was seen in numbers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from scipy.special import logsumexp

from experiments.check.record import Output
from experiments.check.sweep import GRID, Sweep

# a name of the registry, and what was seen
Seen = tuple[str, str]
REACHED = 14.0  # logits that networks reach; where a clip at 1e-7 acts, they are 16
FLOOR = 0.05  # of the loss of no answer: a right answer should come below
MEANT = 0.01  # by so much a loss of a whole batch differs from the mean of its rows, or from that with other labels
TRUSTED = 40.0  # up to here everything has to be finite


def objective(output: Output, found: Sweep) -> Iterator[Seen]:
    """What is minimised, against what is predicted: the first thing that is wrong, since others follow from it."""
    at = found.moderate
    prediction, losses, scored = found.prediction[:, at], found.losses[:, at], found.scored[:, at]
    rough = 0.05 if "16" in found.dtype else 0.01
    if np.ptp(prediction, axis=1).max() < 1e-6:
        value = float(prediction.max())
        yield (
            "one_unit_softmax" if output.units == 1 else "prediction_is_constant",
            f"For logits from -3 to 3 the prediction is always {value:.4g}.",
        )
        return
    if found.silent.any():
        if found.silent.all():
            yield "loss_is_not_finite", "Whatever the logit and the label, the loss is infinite or nan."
        else:
            label = found.encoding.values[int(found.silent.argmax())]
            yield "gradient_dies", f"Whatever the logit, a batch of rows with the label {label:g} has no finite loss."
        return
    with np.errstate(invalid="ignore"):  # infinite losses are not steady
        steady = bool((np.ptp(losses, axis=1) < 1e-6).all())
    if output.units == 1 and steady:
        yield "one_unit_categorical", f"For logits from -3 to 3 the loss is always {losses.max():.4g}."
        return
    sparse = not steady and not found.encoding.onehot
    if output.units > 1 and sparse and np.allclose(losses, losses[:, ::-1], rtol=1e-3, atol=1e-6):
        yield "integer_labels_for_one_hot", (
            "The loss stays the same if two units are exchanged, so it compares each unit with the number of the class."
        )
        return
    moved = np.abs(found.trained[:, at] - prediction).max()
    if moved > 1e-3:
        yield "training_differs", f"In training the prediction differs by up to {moved:.2g} from predict()."
        return
    # a loss of the batch as a whole, such as Dice's, is meant: there each label still meets its own prediction
    meant = found.paired > MEANT and not steady
    mixed = found.mixed > rough and not meant
    if mixed or found.leaks > 1e-3:
        what, size = ("loss", found.mixed) if mixed else ("prediction", found.leaks)
        yield "rows_are_mixed", f"The {what} of a batch differs from that of its rows one by one by {size:.2g}."
        return
    meaning, plain = found.meaning, found.scored_meaning
    as_logits = "prediction as logits" in (meaning.of, plain.of)
    ends = np.isfinite(found.reach).sum()  # sides on which the prediction comes to an end
    if as_logits and ends >= (2 if meaning.by_class or plain.by_class else 1):
        floors = np.nanmin(found.losses if "as logits" in meaning.of else scored, axis=1)  # of each label
        middle = float(losses[:, np.abs(GRID[at]) == 0.5].mean())
        if found.probabilities or floors.max() > FLOOR * middle:
            name = "probabilities_taken_for_logits" if found.probabilities else "squashed_logits"
            kept, of = (floors.min(), "") if ends == 2 else (floors.max(), f" for label {floors.argmax()}")
            yield name, (
                f"The prediction stays between {found.prediction.min():.3g} and {found.prediction.max():.3g}, and its "
                f"loss as a {meaning.text if meaning.name else plain.text} of logits never falls below {kept:.2f}{of}."
            )
            return
    cut = meaning.logarithmic and meaning.by_class and meaning.of != "prediction clipped"
    if cut and found.sunk == 0 and found.logits is not None:
        yield "squashed_logits" if as_logits else "gradient_dies", (
            "With the logits of all classes 8 lower or higher, a wrong answer has a gradient of exactly 0."
        )
        return
    least, most = found.reach
    if meaning.name == "hinge" and (least > -0.95 or most < 0.95):
        yield "squashed_logits", (
            f"The prediction stays between {found.prediction.min():.3g} and {found.prediction.max():.3g}; a hinge loss "
            "wants -1 for the one label and 1 for the other."
        )
        return
    if meaning.of == "squashed logits":
        yield "probabilities_taken_for_logits", (
            f"The loss is a {meaning.text} that takes for logits what it has squashed itself: of a right answer it "
            f"never falls below {np.nanmin(found.losses):.2f}."
        )
        return
    if meaning.of == "labels":
        yield "arguments_swapped", f"The loss is a {meaning.text} of the labels, for which it takes the predictions."
        return
    with np.errstate(invalid="ignore"):  # where both are infinite nothing is between them
        gap = np.abs(losses - scored)
    far = gap > rough * (1 + np.abs(scored))
    distribution = meaning.logarithmic and meaning.by_class and meaning.name != "likelihood"
    crossed = distribution and found.probabilities and output.units > 1 and not found.sums_to_one
    if crossed or far.any():
        row, place = np.unravel_index(np.argmax(np.where(np.isfinite(gap), gap, -1)), gap.shape)
        swapped = crossed or (output.units > 1 and meaning.of == "logits" and found.probabilities)
        yield (
            "crossed_pair_swaps_the_objective" if swapped else "evaluate_disagrees",
            f"At {_logit(output, GRID[at][place])} and label {row}, fit() minimises {losses[row, place]:.4f} "
            f"(a {meaning.text}); loss(y, predict(x)) is {scored[row, place]:.4f}."
            if far.any() else f"The loss is a {meaning.text}, and the predictions of a row do not sum to 1.",
        )  # fmt: skip
        return
    if meaning.name == "likelihood" and not _logarithms(found):
        lowest = found.losses.min()
        yield "not_a_log_probability", f"The loss is the negated prediction at the label: it goes down to {lowest:.4g}."
        return
    undefined = found.unbounded and not np.isfinite(losses).all()
    if meaning.of == "prediction clipped" or undefined:
        logits = found.unbounded and not (undefined and output.units == 1 and found.of_rates)
        name = "logits_taken_for_probabilities" if logits else "prediction_leaves_the_range"
        told = "has no value for some of them" if undefined else f"is a {meaning.text} of them clipped to (0, 1)"
        told = f"raises {output.refused}" if output.refused else told
        low, high = found.prediction.min(), found.prediction.max()
        yield name, f"Predictions run from {low:.4g} to {high:.4g}; the loss {told}."
        return
    if meaning.name in ("binary", "focal") and not meaning.by_class and found.sums_to_one and output.units > 2:
        yield "softmax_under_a_binary_loss", f"Predictions of {output.units} classes sum to 1 under a {meaning.text}."


def _logarithms(found: Sweep) -> bool:
    total = logsumexp(found.prediction[0][found.moderate], axis=1)
    return bool(np.allclose(total, 0, atol=1e-2))


def _logit(output: Output, z: float, *, alone: bool = False) -> str:
    return f"a logit of {z:g}" if output.units == 1 or alone else f"logits {abs(z):g} apart"


def gradient(output: Output, found: Sweep) -> Iterator[Seen]:
    """Whether a wrong answer is learnt from at every logit."""
    # a loss that counts units one by one sees half of what is swept over two
    alone = found.meaning.name in ("binary", "focal") and not found.meaning.by_class
    half = output.units > 1 and not found.sums_to_one and alone
    size = np.abs(GRID) * (0.5 if half else 1)
    at = partial(_logit, output, alone=half)
    wrong = np.stack([GRID > 0, GRID < 0])
    logarithmic = found.meaning.logarithmic
    broken = ~np.isfinite(found.losses) | ~np.isfinite(found.slope)
    early = broken & (size <= TRUSTED)
    if early.any():
        start = size[np.any(early, axis=0)].min()
        half_precision = "16" in found.dtype and found.probabilities
        name = "one_sided_saturation" if half_precision else "loss_is_not_finite"
        yield name, f"From {at(start)} on, the loss or its gradient is infinite or nan."
        return
    # a loss that counts units one by one may leave out any of them
    dead = (found.stalled if half else found.flat) & wrong & ~broken
    if found.mixed > MEANT and not found.meaning.name:  # a loss of the batch says nothing of one label alone
        dead &= found.still[:, None]
    start = float(size[dead.any(axis=0)].min()) if dead.any() else np.inf
    told = f"From {at(start)} on, a wrong answer has a gradient of exactly 0."
    fading = _fading(found, size, wrong)
    if found.meaning.logarithmic and found.turned.any():
        label = found.encoding.values[int(found.turned.argmax())]
        yield "gradient_points_away", f"In a batch of both labels a step makes each row with the label {label:g} worse."
    elif found.flat[:, found.moderate].all():
        yield "gradient_dies", "The gradient is exactly 0 at every logit."
    elif (unlearnt := found.flat[:, size < REACHED].all(axis=1) & found.still).any() and _two_classes(output):
        label = found.encoding.values[int(unlearnt.argmax())]
        yield "gradient_dies", f"Whatever the logit, a row with the label {label:g} has a gradient of exactly 0."
    elif start < REACHED and "16" in found.dtype and (logarithmic or start > 3):
        yield "one_sided_saturation", told
    elif start < REACHED and (logarithmic or dead[:, found.moderate].any(axis=1).all()):
        yield "gradient_dies", told
    elif start < REACHED:
        yield ("gradient_is_one_sided" if start <= 3 else "gradient_fades"), told
    elif not logarithmic and fading < 0.01:
        yield "gradient_fades", (
            f"At {at(8)}, a wrong answer has {fading:.1g} of the largest gradient that a wrong answer has."
        )
    elif found.meaning.by_class and logarithmic and found.sunk < 0.01:
        yield "gradient_fades", (
            f"With the logits of all classes 8 lower or higher, a wrong answer has {found.sunk:.1g} of its gradient."
        )
    elif logarithmic and broken.any() and not found.identical:
        end = size[np.any(broken, axis=0)].min()
        yield "probability_clipped", f"From {at(end)} on, the loss or its gradient is infinite or nan."
    elif start < (np.inf if logarithmic else TRUSTED):
        losses = found.losses[wrong]
        cap = float(losses[np.isfinite(losses)].max())
        name = "logits_lost_to_a_layer" if output.after and logarithmic else "probability_clipped"
        yield name, f"{told} The loss never rises above {cap:.2f}."
    if not found.meaning.name and not (start < REACHED and dead[:, found.moderate].any(axis=1).all()):
        expected = np.where(GRID > 0, 1, -1)
        check = np.isin(np.abs(GRID), (1.0, 2.0, 3.0)) & wrong
        toward = (found.slope * expected)[check]
        away = (toward.reshape(2, -1) < -1e-6).all(axis=1)  # a row a label
        # with numbers of classes for several units, one label may ask for what no one unit says
        if away.all() or (away.any() and (output.units == 1 or found.encoding.onehot)):
            which = "each wrong answer" if away.all() else f"a wrong answer to label {int(away.argmax())}"
            yield "gradient_points_away", f"At logits of 1, 2 and 3 a step makes {which} more wrong."
        elif not found.flat[:, found.moderate].all():
            yield "loss_of_its_own_formula", (
                "The loss matches no cross-entropy, focal, squared, absolute or hinge loss of logits or predictions."
            )


def _two_classes(output: Output) -> bool:
    """Whether there are no more than two labels: of more, one may stand for rows that are left out on purpose."""
    return output.units <= 2 and (output.labels is None or len(np.unique(output.labels)) <= 2)


def _fading(found: Sweep, size: np.ndarray, wrong: np.ndarray) -> float:
    """The smaller of both labels' ratios: the gradient of a wrong answer at 8 over the largest up to there."""
    slope = np.abs(found.slope)
    return min(
        float(slope[label][of & (size == 8)].max() / max(slope[label][of & (size <= 8)].max(), np.finfo(float).tiny))
        for label in (0, 1)
        for of in [wrong[label]]
    )
