"""Recorded calls, on arrays in the place of a framework's tensors: what leads where, and what is played again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy_tails import THREE, NumpyTail, cce_of_logits, identity, soft

from experiments.check.calls import (
    Call,
    ancestors,
    descendants,
    labels_of,
    last_outputs,
    loss_term,
    negative_weights,
)
from experiments.check.record import Step
from experiments.check.replay import ReplayedTail, TailCalls, replay
from experiments.check.split import Node, entry_points, split
from experiments.check.torch_channels import ClassesLast, classes_second

Array = np.ndarray


def tensor(*shape: int, value: float = 1.0) -> Array:
    return np.full(shape, value)


def call(inputs: tuple[Any, ...], outputs: tuple[Any, ...], *, random: bool = False, **options: Any) -> Call:
    return Call(function=max, arguments=inputs, options=options, inputs=inputs, outputs=outputs, random=random)


def learning(*tensors: Array) -> Callable[[Any], bool]:
    ids = set(map(id, tensors))
    return lambda one: id(one) in ids


ROWS, WEIGHTS, HIDDEN, LOGITS, LABELS, LOSS = (
    tensor(8, 4), tensor(4, 1), tensor(8, 3), tensor(8, 1), tensor(8, 1), tensor(),
)  # fmt: skip
FIRST, SECOND = call((ROWS, WEIGHTS), (HIDDEN,)), call((HIDDEN, WEIGHTS), (LOGITS,))
LAST = call((LOGITS, LABELS), (LOSS,))
LEARNT = learning(WEIGHTS, HIDDEN, LOGITS, LOSS)


# what leads where ---------------------------------------------------------------------------------------------------


def test_what_a_call_makes_is_not_what_it_hands_through() -> None:
    assert call((LOGITS,), (LOGITS,)).new_outputs == (LOGITS,)  # changed in its place
    assert [id(one) for one in call((LOGITS, LABELS), (LOGITS, LOSS)).new_outputs] == [id(LOSS)]
    assert call((), (LOGITS, LOSS)).new_outputs == (LOGITS, LOSS)
    known = call((LOGITS, LABELS), (LOSS,), random=True)
    assert known.node == Node(inputs=(id(LOGITS), id(LABELS)), outputs=(id(LOSS),), random=True)
    assert not Call(function=max, arguments=(), inputs=(), outputs=()).node.random


def test_the_calls_that_a_tensor_depends_on() -> None:
    other, aside = tensor(8, 1), tensor(8, 2)
    calls = [FIRST, call((ROWS,), (aside,)), SECOND, call((LOGITS, aside), (other,)), LAST]
    assert ancestors(calls, LOSS) == [FIRST, SECOND, LAST]
    assert ancestors(calls, HIDDEN) == [FIRST]
    assert ancestors(calls, other, HIDDEN) == calls[:4]
    assert ancestors(calls, ROWS) == []
    two = call((ROWS,), (tensor(2), HIDDEN))
    assert ancestors([two, SECOND], LOGITS) == [two, SECOND]


def test_what_is_made_of_a_tensor() -> None:
    calls = [FIRST, SECOND, LAST]
    assert descendants(calls, [HIDDEN]) == {id(HIDDEN), id(LOGITS), id(LOSS)}
    assert descendants(calls, [LABELS]) == {id(LABELS), id(LOSS)}
    assert descendants(calls[::-1], [ROWS]) == {id(ROWS), id(HIDDEN)}  # in their order
    through = call((LOGITS, LABELS), (LABELS, LOSS))
    assert descendants([through], [LOGITS]) == {id(LOGITS), id(LOSS)}


def test_the_last_modules() -> None:
    """Each tensor once, from its outermost module, and none behind which another comes."""
    calls = [FIRST, SECOND, LAST]
    aside = tensor(8, 1)
    found = last_outputs([*calls, call((HIDDEN, WEIGHTS), (aside,))], [
        ("dense", HIDDEN), ("head", LOGITS), ("model", LOGITS), ("other", aside),
    ])  # fmt: skip
    assert [(name, id(one)) for name, one in found] == [("model", id(LOGITS)), ("other", id(aside))]
    assert [name for name, _ in last_outputs(calls, [("dense", HIDDEN)])] == ["dense"]


def test_the_part_of_a_loss_that_is_of_one_prediction() -> None:
    other, penalty, both, mean, total = tensor(8, 1), tensor(), tensor(8, 1), tensor(), tensor()
    learnt = learning(WEIGHTS, HIDDEN, LOGITS, other, penalty, both, mean, total)
    made = [
        FIRST, SECOND, call((HIDDEN, WEIGHTS), (other,)), call((LOGITS, LABELS), (both,)), call((both,), (mean,)),
        call((WEIGHTS,), (penalty,)), call((mean, penalty), (total,)),
    ]  # fmt: skip
    assert loss_term(made, [LOGITS], total, learnt, LABELS) is mean
    assert loss_term(made, [other], total, learnt, LABELS) is total  # nothing is made of it and labels
    assert loss_term(made, [LOGITS], total, learnt, tensor(8, 1)) is total  # which these labels have no part in
    # a mean of the prediction alone is no loss of labels
    alone = call((LOGITS,), (penalty,))
    assert loss_term([*made[:5], alone], [LOGITS], total, learnt, LABELS) is mean
    assert loss_term([FIRST, SECOND, made[3]], [LOGITS], total, learnt, LABELS) is total
    # two numbers: the later one, which the first went into
    doubled = tensor()
    assert loss_term([*made[:5], call((mean, LABELS), (doubled,))], [LOGITS], total, learnt, LABELS) is doubled


# labels -------------------------------------------------------------------------------------------------------------


def labels(calls: list[Call], *starts: Array, requires_grad: Callable[[Any], bool] = LEARNT) -> tuple[Any, str]:
    found = labels_of(calls, starts or [LOGITS], LOGITS, requires_grad)
    return (None, "") if found is None else (found.tensor, found.unmeasured)


def test_what_stands_beside_a_prediction_is_its_labels() -> None:
    assert labels([FIRST, SECOND, LAST])[0] is LABELS
    assert labels([FIRST, SECOND]) == (None, "")
    raw, cast = tensor(8), tensor(8, 1)
    found, told = labels([SECOND, call((raw,), (cast,)), call((LOGITS, cast), (LOSS,))])
    assert (found is cast, told) == (True, "")
    # flattened there: the labels are what has as many rows
    flat, ones = tensor(24), tensor(24)
    rows, target = tensor(8, 3), tensor(8, 3)
    wide = learning(rows, flat, LOSS)
    calls = [call((rows,), (flat,)), call((target,), (ones,)), call((flat, ones), (LOSS,))]
    known = labels_of(calls, [rows], rows, wide)
    assert known is not None
    assert (known.tensor is target, known.unmeasured) == (True, "")
    # a scale, a number and what is learnt are no labels
    for other in (tensor(4, 1), tensor(), HIDDEN):
        assert labels([SECOND, call((LOGITS, other), (LOSS,))]) == (None, "")
    # behind something that was made of the prediction
    made = tensor(8, 1)
    assert labels([SECOND, call((LOGITS,), (made,)), call((made, LABELS), (LOSS,))],
                  requires_grad=learning(WEIGHTS, HIDDEN, LOGITS, made, LOSS))[0] is LABELS  # fmt: skip


def test_labels_that_are_made_of_a_shape_alone_come_last() -> None:
    zeros, made = tensor(8, 1), tensor(8, 1)
    shaped = call((), (zeros,))
    assert labels([shaped, call((LOGITS, zeros), (LOSS,))])[0] is zeros
    assert labels([shaped, call((LOGITS, zeros), (made,)), call((made, LABELS), (LOSS,))],
                  requires_grad=learning(WEIGHTS, LOGITS, made, LOSS))[0] is LABELS  # fmt: skip
    drawn = call((), (zeros,), random=True)
    assert labels([drawn, call((LOGITS, zeros), (made,)), call((made, LABELS), (LOSS,))],
                  requires_grad=learning(WEIGHTS, LOGITS, made, LOSS))[0] is zeros  # fmt: skip


def test_a_prediction_is_followed_where_no_gradient_goes() -> None:
    """Behind a rounding nothing is learnt: the labels are found there all the same, and that is measured."""
    rounded = tensor(8, 7)
    calls = [SECOND, call((LOGITS,), (rounded,)), call((rounded, LABELS), (LOSS,))]
    assert labels(calls)[0] is LABELS
    # 56 numbers of 8 are no units, and where they are learnt that is said
    found, told = labels(calls, requires_grad=learning(WEIGHTS, HIDDEN, LOGITS, rounded, LOSS))
    assert found is LABELS
    assert told == ("The loss compares labels, 8 x 1, with 8 x 7 numbers that it makes of the prediction, 8 x 1.")
    assert labels(calls)[1] == ""


@pytest.mark.parametrize(
    ("made", "prediction", "target", "measured"),
    [
        ((8, 3), (8, 3), (8, 3), True),
        ((24,), (8, 3), (24,), True),
        ((8, 3), (8, 3), (8,), True),  # numbers of classes
        ((8, 3, 5), (8, 3, 5), (8, 5), True),  # of which the classes are the second axis
        ((8, 3, 5), (8, 3, 5), (8, 3), True),
        ((8, 3), (8, 3), (8, 1), True),
        ((8, 3), (8, 3), (1, 3), True),
        ((8, 3), (8, 3), (8, 2), False),
        ((8, 3), (8, 3), (4, 3), False),
        ((4, 3), (8, 3), (4, 3), True),  # some of the rows
        ((8, 2), (8, 3), (8, 2), False),
        ((8,), (8, 3), (8,), False),
        ((3,), (8, 3), (3,), True),
        ((), (8, 3), (8, 1), False),
        ((6, 4), (8, 3), (6, 4), True),  # as many numbers
    ],
)
def test_labels_that_can_be_compared_with_units(
    made: tuple[int, ...], prediction: tuple[int, ...], target: tuple[int, ...], measured: bool
) -> None:
    from experiments.check.calls import _comparable, _of_units

    assert (_of_units(tensor(*made), tensor(*prediction)) and _comparable(tensor(*made), tensor(*target))) == measured


def test_rows_that_are_weighed_with_less_than_nothing() -> None:
    both, mean = tensor(8, 1), tensor()
    learnt = learning(WEIGHTS, LOGITS, both, mean)

    def weighed(weights: Array, of: Array = both, **options: Any) -> bool:
        calls = [SECOND, call((LOGITS, LABELS), (both,)), call((of, weights), (mean,))]
        return negative_weights(calls, [LOGITS], LABELS, options.get("learnt", learnt), lambda one: float(one.min()))

    below = tensor(8, 1)
    below[3] = -0.5
    assert weighed(below)
    assert not weighed(tensor(8, 1))
    assert not weighed(tensor(8, 1, value=0.0))
    assert not weighed(below[:4])  # not of rows
    assert not weighed(tensor(value=-1.0))
    assert not weighed(below, of=LABELS)  # not of what is made of both
    assert not weighed(below, learnt=learning(WEIGHTS, LOGITS, both, mean, below))
    made = tensor(8, 1, value=-1.0)
    calls = [call((LABELS,), (made,)), call((LOGITS, LABELS), (both,)), call((both, made), (mean,))]
    # of the labels themselves
    assert not negative_weights(calls, [LOGITS], LABELS, learnt, lambda one: float(one.min()))


# played again -------------------------------------------------------------------------------------------------------


class Numpy:
    """NumPy as a replay needs a framework; gradients by differences."""

    def tensors(self, tree: Any) -> list[Array]:
        return [one for one in (tree if isinstance(tree, (list, tuple)) else [tree]) if isinstance(one, np.ndarray)]

    def array(self, tensor: Array) -> Array:
        return np.asarray(tensor, float)

    def like(self, values: Array, tensor: Array) -> Array:
        return np.asarray(values, tensor.dtype).reshape(tensor.shape)

    def replaced(self, tree: Any, by: dict[int, Any]) -> Any:
        arguments, options = tree
        return [by.get(id(one), one) for one in arguments], {
            name: by.get(id(one), one) for name, one in options.items()
        }

    def gradient(self, play: Callable[[Any], Any], z: Array) -> tuple[Any, Any, Any]:
        prediction, loss = play(z)
        slope = np.zeros(z.shape)
        for place in np.ndindex(z.shape):
            moved = z.copy()
            moved[place] += 1e-6
            slope[place] = (play(moved)[1] - loss) / 1e-6
        return prediction, loss, slope if slope.any() else None


def program(*, dropout: bool = False) -> tuple[list[Call], dict[str, Array]]:
    """(8, 2) rows times weights, doubled, and the mean of squares against labels that are halved before; recorded."""
    rng = np.random.default_rng(0)
    x, w, y = rng.normal(size=(8, 2)), rng.normal(size=(2, 1)), rng.normal(size=(8, 1))
    made: dict[str, Array] = {"x": x, "w": w, "y": y}
    calls: list[Call] = []

    def run(name: str, function: Callable[..., Array], *inputs: str, **options: Any) -> None:
        given = tuple(made[one] for one in inputs)
        made[name] = np.asarray(function(*given, **options))
        calls.append(Call(function=function, arguments=given, options=options, inputs=given, outputs=(made[name],)))

    run("half", lambda y: y / 2, "y")
    run("share", lambda y: np.asarray(y.mean()), "y")
    run("z", lambda x, w: x @ w, "x", "w")
    run("p", lambda z, training=False: (3 if training else 2) * z, "z", **({"training": True} if dropout else {}))
    run("gap", lambda p, half: p - half, "p", "half")
    run("loss", lambda gap, share: np.asarray((gap**2).mean() + 0 * share), "gap", "share")
    return calls, made


def part_of(calls: list[Call], made: dict[str, Array], labels: Array | None) -> TailCalls:
    learnt = learning(*(made[one] for one in ("w", "z", "p", "gap", "loss")))
    return TailCalls(Numpy(), calls, made["p"], labels, {id(made["w"])}, learnt)


def test_what_is_played_from_the_logits_on() -> None:
    calls, made = program()
    part = part_of(calls, made, made["y"])
    assert [id(one) for one in part.logits] == [id(made["z"])]
    assert part.logits_suffice
    # what labels are made into is made again, but what is made of all of them is as it was
    again = [id(made[name]) for name in ("half", "p", "gap", "loss")]
    assert [id(call.outputs[0]) for call in part.calls] == again
    z = np.arange(8.0)[:, None]
    prediction, loss = part.play(z, {}, made["p"], made["loss"])
    np.testing.assert_allclose(prediction, 2 * z)
    assert loss == pytest.approx(((2 * z - made["y"] / 2) ** 2).mean())
    labels = np.ones((8, 1))
    (loss,) = part.play(z, {id(made["y"]): labels}, made["loss"])
    assert loss == pytest.approx(((2 * z - 0.5) ** 2).mean())
    assert part.play(z, {}, made["x"])[0] is made["x"]
    assert replay(Numpy(), calls[:1], {id(made["y"]): labels})[id(made["half"])] == pytest.approx(labels / 2)
    without = part_of(calls, made, None)
    assert [id(call.outputs[0]) for call in without.calls] == [id(made[one]) for one in ("p", "gap", "loss")]


def test_an_option_of_training_is_switched_off() -> None:
    calls, made = program(dropout=True)
    part = part_of(calls, made, made["y"])
    z = np.ones((8, 1))
    assert part.play(z, {}, made["p"])[0] == pytest.approx(3 * z)
    off = part.without("training")
    assert off is not None
    assert off.play(z, {}, made["p"])[0] == pytest.approx(2 * z)
    assert part.play(z, {}, made["p"])[0] == pytest.approx(3 * z)  # which is left as it was
    assert part.without("other") is None
    assert off.without("training") is None


def test_a_tail_that_is_played_again() -> None:
    calls, made = program(dropout=True)
    part = part_of(calls, made, made["y"])

    def objective(labels: Array, prediction: Array) -> Array:
        return np.asarray((prediction - labels / 2) ** 2)

    tail = ReplayedTail(
        Numpy(), part, part.without("training"), loss=made["loss"], labels=made["y"], objective=objective
    )
    assert (tail.rows, tail.shape, tail.dtype, tail.logits_suffice) == (8, (1,), "float64", True)
    np.testing.assert_allclose(tail.logits, made["z"][None])
    z, labels = np.linspace(-1, 1, 8)[:, None], np.arange(8.0)[:, None]
    step = tail(z, labels)
    np.testing.assert_allclose(step.prediction, 2 * z)
    np.testing.assert_allclose(step.trained, 3 * z)
    assert step.loss == pytest.approx(((3 * z - labels / 2) ** 2).mean())
    np.testing.assert_allclose(step.gradient, 2 * (3 * z - labels / 2) * 3 / 8, atol=1e-4)
    assert tail.score(labels, z) == pytest.approx(((z - labels / 2) ** 2).mean())
    # rows of the sweep are repeated to as many as the program has, or cut
    assert tail(np.ones((3, 1)), np.ones((20, 1))).loss == pytest.approx((3 - 0.5) ** 2)
    alone = ReplayedTail(Numpy(), part, None, loss=made["loss"], labels=made["y"])
    np.testing.assert_allclose(alone(z, labels).prediction, 3 * z)
    assert np.isnan(alone.score(labels, z))
    constant = ReplayedTail(Numpy(), part, None, loss=made["half"], labels=made["y"])
    constant._loss = made["share"]
    np.testing.assert_array_equal(constant(z, labels).gradient, np.zeros((8, 1)))


def test_rows_and_random_numbers_are_told_from_weights() -> None:
    """A tensor with as many rows as the prediction is data, unless it was drawn, or a weight."""
    x, w, noise, z, p = tensor(8, 2), tensor(2, 1), tensor(8, 1), tensor(8, 1), tensor(8, 1)
    learnt = learning(w, z, p)
    drawn = [call((), (noise,), random=True), call((x, w), (z,)), call((z, noise), (p,))]
    part = TailCalls(Numpy(), drawn, p, None, {id(w)}, learnt)
    assert ([id(one) for one in part.logits], part.logits_suffice) == ([id(z)], True)
    given = [call((x, w), (z,)), call((z, noise), (p,))]
    part = TailCalls(Numpy(), given, p, None, {id(w)}, learnt)
    assert part.logits_suffice is False  # noise that was given goes around the logits
    few = [call((x, w), (z,)), call((z, tensor(1, 1)), (p,))]
    assert TailCalls(Numpy(), few, p, None, {id(w)}, learnt).logits_suffice
    # rows that a layer with weights took, though they have another number
    other, hidden = tensor(3, 2), tensor(3, 1)
    odd = [call((other, w), (hidden,)), call((hidden,), (p,))]
    learnt = learning(w, hidden, p)
    assert [id(one) for one in TailCalls(Numpy(), odd, p, None, {id(w)}, learnt, {id(other)}).logits] == [id(hidden)]


# classes along the second axis --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prediction", "labels", "kind", "expected"),
    [
        ((8, 3, 5), (8, 5), "i", True), ((8, 3, 5), (8, 5), "u", True), ((8, 3, 5), (8, 5), "f", False),
        ((8, 3, 5), None, "i", False), ((8, 3), (8,), "i", False), ((8, 3, 5), (8, 3), "i", False),
        ((8, 3, 5), (4, 5), "i", False), ((8, 3, 5, 6), (8, 5, 6), "i", True), ((8, 3, 5, 6), (8, 6), "i", False),
    ],
)  # fmt: skip
def test_labels_of_classes_along_the_second_axis(
    prediction: tuple[int, ...], labels: tuple[int, ...] | None, kind: str, expected: bool
) -> None:
    assert classes_second(prediction, labels, kind) == expected


class Second(NumpyTail):
    """Logits and predictions (rows, 3 classes, 2 places)."""

    @property
    def shape(self) -> tuple[int, ...]:
        return (3, 2)

    @property
    def logits(self) -> Array:
        return np.arange(48.0).reshape(1, 8, 3, 2)

    def __call__(self, logits: Array, labels: Array) -> Step:
        assert logits.shape == (8, 3, 2)
        return Step(prediction=logits + 1, trained=logits + 2, loss=float(labels.sum()), gradient=logits + 3)

    def score(self, labels: Array, prediction: Array) -> float:
        assert prediction.shape == (8, 3, 2)
        return float(prediction[0, 1, 0])


def test_classes_are_seen_last() -> None:
    inner = Second(predict=identity, loss=cce_of_logits, scored=cce_of_logits)
    last = ClassesLast(inner, 3)
    assert (last.rows, last.shape, last.dtype, last.logits_suffice) == (8, (2, 3), "float64", True)
    assert last.logits.shape == (1, 8, 2, 3)
    assert last.logits[0, 0].tolist() == [[0, 2, 4], [1, 3, 5]]
    z = np.arange(48.0).reshape(8, 2, 3)
    step = last(z, np.ones(8))
    assert step.loss == 8
    for values, plus in ((step.prediction, 1), (step.trained, 2), (step.gradient, 3)):
        np.testing.assert_array_equal(values, z + plus)
    assert last.score(np.ones(8), z) == z[0, 0, 1]


def test_logits_that_are_laid_out_otherwise_are_left_as_they_are() -> None:
    """Of a layer whose numbers are put into classes and places behind it."""

    class Flat(NumpyTail):
        def __call__(self, logits: Array, labels: Array) -> Step:
            both = logits.reshape(8, 3, 2)
            return Step(prediction=both, trained=both, loss=0.0, gradient=logits)

    for units, classes in ((6, 3), (6, 6)):
        last = ClassesLast(Flat(predict=soft, loss=cce_of_logits, scored=cce_of_logits, units=units), classes)
        assert last.shape == (6,)
        assert last.logits.shape == (8, 6)
        z = np.arange(48.0).reshape(8, 6)
        step = last(z, np.ones(8))
        np.testing.assert_array_equal(step.gradient, z)
        np.testing.assert_array_equal(step.prediction, np.moveaxis(z.reshape(8, 3, 2), 1, -1))
    other = Second(predict=THREE.predict, loss=cce_of_logits, scored=cce_of_logits)
    assert ClassesLast(other, 2).shape == (3, 2)


# where a sweep enters -----------------------------------------------------------------------------------------------


def ends(*nodes: tuple[str, str], target: str = "y") -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    return split([Node(inputs=tuple(i.split()), outputs=tuple(o.split())) for i, o in nodes], ["x"], ["w", "v"], target)


def test_the_tensors_behind_the_logits_from_the_target_on() -> None:
    assert ends(("x w", "z"), ("z", "p"), ("p", "y")) == (("z",), ("y", "p", "z"))
    assert ends(("x w", "a"), ("x v", "b"), ("a b", "s"), ("s", "y")) == (("b", "a"), ("y", "s"))
    assert ends(("x w", "z"), target="z") == (("z",), ("z",))
    assert ends(("w", "c"), ("x", "y")) == ((), ("y", "x"))
    # what weights are made of is a weight; what data is made of is data
    assert ends(("w", "c"), ("x", "h"), ("h c", "z"), ("z", "y"))[0] == ("z",)


def test_where_several_weighted_tensors_are_entered() -> None:
    def at(met: str, narrow: str, **values: Array) -> tuple[Any, bool]:
        return entry_points(tuple(met.split()), tuple(narrow.split()), values.__getitem__)

    numbers, chances, wide = tensor(8, 1, value=3.0), tensor(8, 1, value=0.5), tensor(8, 4, value=2.0)
    assert at("z", "y z", z=numbers, y=chances) == (("z",), True)
    assert at("a b", "y", a=numbers, b=numbers, y=chances) == (("a", "b"), True)
    assert at("a b", "y", a=numbers, b=wide, y=chances) == (("y",), False)
    # one activation's logits: smaller than both together, and not squashed
    assert at("a b", "y s", a=numbers, b=numbers, s=numbers, y=chances) == (("s",), True)
    assert at("a b", "y s", a=numbers, b=numbers, s=chances, y=chances) == (("a", "b"), True)
    assert at("a b", "y s", a=numbers, b=numbers, s=tensor(8, 2, value=3.0), y=tensor(8, 2)) == (("a", "b"), True)
    assert at("a b", "s", a=wide, b=wide, s=numbers) == (("s",), True)
    assert at("", "y s", s=numbers, y=chances) == (("s",), False)
    assert at("", "y s", s=wide, y=chances) == (("y",), False)
    shapes = {"a": (8, 1), "b": (8, 1), "y": (8, 1), "s": (8, 1)}
    assert entry_points(("a", "b"), ("y", "s"), lambda one: numbers, shapes.__getitem__) == (("s",), True)


def test_what_lies_within_0_and_1_is_squashed() -> None:
    from experiments.check.split import squashed

    for values, expected in (([0, 1], True), ([0.2], True), ([-0.1, 0.5], False), ([0.5, 1.1], False), ([], False)):
        assert squashed(np.array(values)) == expected
