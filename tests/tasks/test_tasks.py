"""The tasks: every registered one conforms, no split leaks a row, and scaling sees the training rows alone."""

from __future__ import annotations

import socket
import subprocess
import sys
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier

from experiments.records import Data, UserError
from experiments.tasks import TASKS, Split, as_data, data_hash, fit_scaling, sample, split, task
from experiments.tasks.data import area_average, identical_rows
from experiments.tasks.splits import PARTS, SHARES

SIDE = 10
REAL = {
    "breast_cancer": (569, 30),
    "anes96": (944, 10),
    "phishing": (1250, 9),
    "bananas": (5300, 2),
    "fair": (6366, 8),
    "shuttle": (49097, 9),
    "segments": (2310, 18),
    "yeast": (2417, 103),
    "mnist_4v9": (1000, SIDE, SIDE, 1),
    "mnist_3v8": (1000, SIDE, SIDE, 1),
    "mnist_odd_even": (5000, SIDE, SIDE, 1),
    "mnist": (5000, SIDE, SIDE, 1),
    "digits_3v8": (357, 8, 8, 1),
    "digits": (1797, 8, 8, 1),
    "chinese_reviews": (35_123,),
}
DRAWN = {"separable": (10_000, 10), "label_noise": (10_000, 10), "imbalance": (10_000, 10), "moons": (10_000, 2),
         "strokes": (4000, min(SIDE, 14), min(SIDE, 14), 1)}  # fmt: skip
SYNTHETIC = {known.name for known in TASKS.values() if known.synthetic}
every_task = pytest.mark.parametrize("name", list(TASKS))


@cache
def data_of(name: str) -> Data:
    return TASKS[name].load(SIDE)


def parts(found: Split) -> list[np.ndarray]:
    return [getattr(found, name) for name in PARTS]


def flat(x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), -1)


# every task conforms


def test_the_tasks_of_the_presets_are_there() -> None:
    assert set(TASKS) >= {*REAL, *DRAWN}
    assert set(DRAWN) <= SYNTHETIC


@every_task
def test_arrays_have_the_form_of_their_kind(name: str) -> None:
    record, data = TASKS[name], data_of(name)
    assert data.x.shape == (REAL | DRAWN).get(name, data.x.shape)
    assert len(data.x) >= 300
    assert data.x.ndim == {"vector": 2, "image": 4, "text": 1}[record.kind]
    assert data.x.dtype == {"vector": np.float64, "image": np.float32, "text": object}[record.kind]
    if record.kind == "text":
        assert all(isinstance(text, str) and text.strip() for text in data.x)
    else:
        assert np.isfinite(data.x).all()
        assert (np.ptp(flat(data.x), axis=0) > 0).any()
    assert record.description
    assert record.source


@pytest.mark.parametrize(
    ("name", "whole", "negative", "positive"),
    [("mnist_4v9", "mnist", 4, 9), ("mnist_3v8", "mnist", 3, 8), ("digits_3v8", "digits", 3, 8)],
)
def test_two_digits_are_those_of_the_name_and_the_second_is_the_class_1(
    name: str, whole: str, negative: int, positive: int
) -> None:
    data, every = data_of(name), data_of(whole)
    chosen = np.isin(every.y, [negative, positive])
    np.testing.assert_array_equal(data.x, every.x[chosen])
    np.testing.assert_array_equal(data.y, every.y[chosen] == positive)


def test_odd_digits_are_the_class_1() -> None:
    np.testing.assert_array_equal(data_of("mnist_odd_even").x, data_of("mnist").x)
    np.testing.assert_array_equal(data_of("mnist_odd_even").y, data_of("mnist").y % 2)


@pytest.mark.parametrize(
    ("name", "positive"),
    [
        ("breast_cancer", 357),  # benign
        ("anes96", 393),  # for Dole; 551 for Clinton
        ("phishing", 548),
        ("bananas", 2376),
        ("fair", 2053),  # had an affair
        ("shuttle", 3511),  # abnormal
        ("chinese_reviews", 16_548),  # good ones
    ],
)
def test_the_class_1_is_what_the_description_asks_for(name: str, positive: int) -> None:
    assert data_of(name).y.sum() == positive < len(data_of(name).y)


@every_task
def test_labels_have_the_form_of_their_target(name: str) -> None:
    target, y = TASKS[name].target, data_of(name).y
    assert y.dtype == np.int64
    assert y.ndim == (2 if target == "multilabel" else 1)
    classes = np.unique(y)
    assert np.array_equal(classes, np.arange(len(classes)))
    assert len(classes) > 2 if target == "multiclass" else len(classes) == 2


@every_task
def test_loading_twice_gives_the_same_rows(name: str) -> None:
    assert data_hash(TASKS[name].load(SIDE)) == data_hash(data_of(name))


def test_no_task_opens_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a task tried to reach the network")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for name in TASKS:
        assert len(TASKS[name].load(SIDE).x)


def test_listing_the_tasks_imports_nothing_slow() -> None:
    program = "import sys; from experiments.tasks import TASKS; print(len(list(TASKS)), *sys.modules)"
    count, *modules = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert int(count) == len(TASKS)
    assert {"pandas", "scipy", "sklearn", "river", "statsmodels", "keras", "tensorflow"}.isdisjoint(modules)


@every_task
def test_groups_are_the_identical_rows(name: str) -> None:
    data = data_of(name)
    frame = pd.DataFrame(flat(data.x))
    expected = frame.groupby(list(frame.columns), sort=False).ngroup().to_numpy()
    both = np.unique(np.stack([expected, data.groups]), axis=1).shape[1]
    assert both == len(np.unique(expected)) == len(np.unique(data.groups))


@pytest.mark.parametrize(
    ("name", "distinct"), [("phishing", 625), ("fair", 4829), ("segments", 2086), ("chinese_reviews", 17_410)]
)
def test_tasks_known_to_hold_duplicates(name: str, distinct: int) -> None:
    assert len(np.unique(data_of(name).groups)) == distinct < len(data_of(name).x)


@pytest.mark.parametrize(
    ("name", "positive"),
    [
        ("breast_cancer", 0.627),
        ("anes96", 0.416),
        ("phishing", 0.438),
        ("bananas", 0.448),
        ("fair", 0.322),
        ("shuttle", 0.0715),
        ("mnist_4v9", 0.5),
        ("digits_3v8", 0.487),
        ("imbalance", 0.01),
    ],
)
def test_share_of_positive_rows(name: str, positive: float) -> None:
    assert data_of(name).y.mean() == pytest.approx(positive, abs=6e-4)


@pytest.mark.parametrize(
    ("name", "accuracy"),
    [
        ("breast_cancer", 0.958),
        ("anes96", 0.886),
        ("phishing", 0.895),
        ("fair", 0.722),
        ("shuttle", 0.996),
        ("segments", 0.946),
        ("mnist_4v9", 0.95),
        ("mnist_3v8", 0.95),
        ("mnist_odd_even", 0.862),
        ("mnist", 0.87),
        ("digits_3v8", 0.989),
        ("digits", 0.969),
        ("separable", 1.0),
        ("label_noise", 0.8),
        ("imbalance", 0.99),
        ("moons", 0.87),
        ("strokes", 0.9),
    ],
)
def test_logistic_regression_is_as_accurate_as_is_known(name: str, accuracy: float) -> None:
    seeds = range(6 if len(data_of(name).x) < 3000 else 1)  # a small test part makes one seed's accuracy noisy
    scores = [_score(name, seed, LogisticRegression(max_iter=150, tol=1e-2)) for seed in seeds]
    assert np.mean(scores) == pytest.approx(accuracy, abs=0.04)


@pytest.mark.parametrize(("name", "accuracy"), [("bananas", 0.885), ("moons", 0.97)])
def test_what_no_line_separates_a_curve_does(name: str, accuracy: float) -> None:
    assert _score(name, 0, KNeighborsClassifier(15)) == pytest.approx(accuracy, abs=0.03)


def test_yeast_is_as_learnable_as_is_known() -> None:
    model = OneVsRestClassifier(LogisticRegression(max_iter=150, tol=1e-2))
    assert _score("yeast", 0, model) == pytest.approx(0.61, abs=0.03)


def _score(name: str, seed: int, model: Any) -> float:
    """Test accuracy of a scikit-learn model; with several labels a row, micro-averaged F1."""
    data = data_of(name)
    found = split(data, seed, name)
    x = flat(fit_scaling(data.x, found.train, TASKS[name].kind).apply(data.x))
    predicted = model.fit(x[found.train], data.y[found.train]).predict(x[found.test])
    return float(f1_score(data.y[found.test], predicted, average="micro"))  # of one label a row, this is accuracy


# what the synthetic tasks promise


def test_separable_has_a_plane_with_every_row_on_its_side() -> None:
    data = data_of("separable")
    model = LogisticRegression(C=1e6, max_iter=2000).fit(data.x, data.y)
    margins = (2 * data.y - 1) * model.decision_function(data.x) / np.linalg.norm(model.coef_)
    assert margins.min() > 0.1


def test_label_noise_is_far_from_the_boundary() -> None:
    data = data_of("label_noise")
    wrong = (data.x[:, 0] > 0) != data.y
    assert wrong.mean() == pytest.approx(0.2, abs=0.005)
    assert np.mean(np.abs(data.x[wrong, 0]) > 1) > 0.95


def test_imbalance_can_be_ranked_as_well_as_documented() -> None:
    data = data_of("imbalance")
    assert data.y.sum() == 100
    assert roc_auc_score(data.y, data.x[:, 0]) == pytest.approx(0.92, abs=0.03)


@pytest.mark.parametrize("name", sorted(SYNTHETIC))
def test_every_seed_draws_its_own_rows_of_one_population(name: str) -> None:
    """No row of one seed is another's, and a model that one seed's rows taught is right about another's."""
    first, second = data_of(name), TASKS[name].load(SIDE, 1)
    assert first.x.shape == second.x.shape
    both = identical_rows(np.concatenate([flat(first.x), flat(second.x)]))
    assert not set(both[: len(first.x)]) & set(both[len(first.x) :])
    model = LogisticRegression(max_iter=150, tol=1e-2).fit(flat(first.x), first.y)
    own, others = model.score(flat(first.x), first.y), model.score(flat(second.x), second.y)
    assert others == pytest.approx(own, abs=0.04)


@pytest.mark.parametrize("name", [*sorted(SYNTHETIC), "shuttle"])
def test_rows_of_a_seed_are_the_same_in_every_process(name: str) -> None:
    program = (
        "from experiments.tasks import TASKS, data_hash, sample\n"
        f"data = TASKS[{name!r}].load({SIDE}, 3)\n"
        f"print(data_hash(data), *sample(data, 300, 3, {name!r})[:50])"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    data = TASKS[name].load(SIDE, 3)
    assert told == [data_hash(data), *map(str, sample(data, 300, 3, name)[:50])]


def test_strokes_lean_as_their_label_says() -> None:
    """The brightness of the top lies to the right of that of the bottom, in all but the flipped labels."""
    data = TASKS["strokes"].load(14)
    columns = np.arange(14)
    weights = np.maximum(data.x[..., 0] - 0.4, 0)  # noise is below, but for one pixel in twenty

    def centre(rows: slice) -> np.ndarray:
        part = weights[:, rows]
        return (part * columns).sum(axis=(1, 2)) / np.maximum(part.sum(axis=(1, 2)), 1e-9)

    leans = centre(slice(2, 7)) > centre(slice(7, 12))
    assert 0.88 < (leans == data.y).mean() <= 0.97


def test_a_stroke_has_the_light_of_its_length_and_width() -> None:
    """8 pixels of a normal density 0.8 wide, and half of a round one at either end; hardly any is out of the image."""
    light = TASKS["strokes"].load(14).x.sum(axis=(1, 2, 3))
    width = 0.8
    assert light.mean() == pytest.approx(8 * width * np.sqrt(2 * np.pi) + 2 * np.pi * width**2, rel=0.02)


# samples of a table


def test_large_tables_and_those_that_are_split_too_alike_are_sampled() -> None:
    drawn = {known.name: known.sample for known in TASKS.values() if known.sample is not None}
    assert drawn.items() >= {
        ("bananas", 1500), ("fair", 1500), ("shuttle", 10_000), ("mnist_odd_even", 2000), ("chinese_reviews", 6000)
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "size", "tolerance"),
    [
        ("shuttle", 5000, 0.002),
        ("mnist_odd_even", 2000, 0.001),
        ("fair", 1000, 0.02),
        ("phishing", 300, 0.05),  # many groups hold both classes, and stay whole
        ("yeast", 400, 0.05),  # several labels a row are not stratified
    ],
)
def test_a_sample_has_its_size_its_classes_and_whole_groups(name: str, size: int, tolerance: float) -> None:
    data = data_of(name)
    rows = sample(data, size, 0, name)
    assert np.array_equal(rows, np.unique(rows))
    largest = np.bincount(data.groups).max()
    assert abs(len(rows) - size) <= largest * len(np.unique(data.y))
    assert set(data.groups[rows]).isdisjoint(np.delete(data.groups, rows))
    assert data.y[rows].mean(axis=0) == pytest.approx(data.y.mean(axis=0), abs=tolerance)


def test_every_row_is_as_likely_to_be_drawn() -> None:
    data = as_data(np.arange(60.0)[:, None], np.arange(60) % 3 == 0)
    drawn = np.bincount(np.concatenate([sample(data, 20, seed, "x") for seed in range(600)]), minlength=60)
    assert drawn.sum() == 600 * 20
    assert abs(drawn - 200).max() < 5 * np.sqrt(600 / 3 * 2 / 3)


def test_a_sample_of_all_rows_is_all_rows() -> None:
    data = data_of("digits_3v8")
    assert np.array_equal(sample(data, len(data.x), 0, "digits_3v8"), np.arange(len(data.x)))


@pytest.mark.parametrize(("size", "synthetic"), [(0, False), (10, True)])
def test_a_sample_that_cannot_be_is_refused(size: int, synthetic: bool) -> None:
    with pytest.raises(UserError, match=rf"has the sample {size}"):
        task("throwaway", kind="vector", description="", source="", sample=size, synthetic=synthetic)(lambda: None)


# images


def test_halving_is_the_mean_of_four_pixels() -> None:
    images = np.arange(16, dtype=float).reshape(1, 4, 4)
    assert area_average(images, 2)[0, :, :, 0].tolist() == [[2.5, 4.5], [10.5, 12.5]]


def test_a_pixel_across_a_border_is_shared_by_area() -> None:
    images = np.array([[[3.0, 6.0, 9.0]] * 3])
    assert area_average(images, 2)[0, :, :, 0] == pytest.approx(np.array([[4.0, 8.0]] * 2))


@pytest.mark.parametrize("side", [4, 7, 10, 14, 27])
def test_reducing_keeps_the_mean_of_each_image(side: int) -> None:
    images = np.random.default_rng(0).uniform(0, 255, size=(5, 28, 28))
    reduced = area_average(images, side)
    assert reduced.shape == (5, side, side, 1)
    assert reduced.mean(axis=(1, 2, 3)) == pytest.approx(images.mean(axis=(1, 2)), rel=1e-5)


@pytest.mark.parametrize("side", [8, 14, 28])
def test_images_no_wider_than_asked_stay_as_they_are(side: int) -> None:
    data = TASKS["digits_3v8"].load(side)
    assert data.x.shape == (357, 8, 8, 1)
    assert set(np.unique(data.x)) <= set(range(17))


# splits


@every_task
@pytest.mark.parametrize("seed", range(8))
def test_a_split_is_a_partition_into_whole_groups_with_every_class(name: str, seed: int) -> None:
    data = data_of(name)
    found = split(data, seed, name)
    _assert_sound(data, found)
    for rows, share in zip(parts(found), SHARES, strict=True):
        assert len(rows) / len(data.x) == pytest.approx(share, abs=0.03)
        assert data.y[rows].mean(axis=0) == pytest.approx(data.y.mean(axis=0), abs=0.06)


@pytest.mark.parametrize("name", ["phishing", "fair", "segments", "anes96"])
def test_no_row_of_one_part_equals_a_row_of_another(name: str) -> None:
    data = data_of(name)
    for seed in range(20):
        rows = [{tuple(row) for row in data.x[part]} for part in parts(split(data, seed, name))]
        assert all(one.isdisjoint(other) for one, other in combinations(rows, 2))


def test_imbalanced_parts_hold_their_share_of_the_rare_class() -> None:
    data = data_of("imbalance")
    for seed in range(50):
        assert [data.y[rows].sum() for rows in parts(split(data, seed, "imbalance"))] == [60, 20, 20]


def test_equal_task_and_seed_give_the_split_again_and_others_do_not() -> None:
    data = data_of("moons")
    tests = [tuple(split(data, seed, "moons").test) for seed in range(50)]
    assert len(set(tests)) == 50
    assert tests[7] == tuple(split(data, 7, "moons").test)
    assert tests[7] != tuple(split(data, 7, "suns").test)


def test_each_row_is_tested_in_about_a_fifth_of_the_seeds() -> None:
    data = data_of("moons")
    tested = np.zeros(len(data.x))
    for seed in range(100):
        tested[split(data, seed, "moons").test] += 1
    assert tested.min() > 3
    assert tested.max() < 45


@st.composite
def grouped(draw: st.DrawFn, shapes: tuple[str, ...] = ("binary", "three", "labels")) -> Data:
    """Few rows in few groups of any size, with any labels: two classes, three, or two labels a row."""
    n = draw(st.integers(12, 40))
    groups = draw(st.lists(st.integers(0, draw(st.integers(4, 20))), min_size=n, max_size=n))
    shape = draw(st.sampled_from(shapes))
    width = 2 if shape == "labels" else 1
    top = 2 if shape == "three" else 1
    y = np.array(draw(st.lists(st.integers(0, top), min_size=n * width, max_size=n * width))).reshape(n, width)
    x = np.array(groups, dtype=float)[:, None]
    return Data(x=x, y=y if shape == "labels" else y[:, 0], groups=np.array(groups))


@settings(max_examples=300, deadline=None)
@given(data=grouped(), seed=st.integers(0, 1000))
def test_any_groups_are_split_soundly_or_refused(data: Data, seed: int) -> None:
    try:
        found = split(data, seed, "any")
    except UserError:  # too few groups; the next test says when there are enough
        return
    _assert_sound(data, found)


@settings(max_examples=200, deadline=None)
@given(data=grouped(shapes=("binary",)), seed=st.integers(0, 1000))
def test_two_classes_in_three_groups_each_can_always_be_split(data: Data, seed: int) -> None:
    assume(all(len(np.unique(data.groups[data.y == c])) >= 3 for c in (0, 1)))
    _assert_sound(data, split(data, seed, "any"))


def _assert_sound(data: Data, found: Split) -> None:
    assert np.array_equal(np.sort(np.concatenate(parts(found))), np.arange(len(data.x)))
    assert not any(np.intersect1d(data.groups[a], data.groups[b]).size for a, b in combinations(parts(found), 2))
    labels = data.y.reshape(len(data.y), -1)
    for rows in parts(found):
        for column in range(labels.shape[1]):
            assert np.array_equal(np.unique(labels[rows, column]), np.unique(labels[:, column]))


def test_groups_of_the_user_stay_whole() -> None:
    x = np.random.default_rng(0).normal(size=(300, 3))
    patients = np.repeat(np.arange(30), 10) * 17
    data = as_data(x, np.tile([0, 1], 150), groups=patients)
    for seed in range(20):
        _assert_sound(data, split(data, seed, "patients"))


def test_one_huge_group_does_not_starve_a_part() -> None:
    groups = np.array([0] * 100 + [1, 2, 3])
    data = Data(x=groups[:, None].astype(float), y=np.ones(103, dtype=int), groups=groups)
    for seed in range(20):
        _assert_sound(data, split(data, seed, "huge"))


def test_a_class_in_two_groups_is_refused_by_name() -> None:
    data = as_data(np.arange(20.0)[:, None], [1, 1] + [0] * 18)
    with pytest.raises(UserError, match=r"'few' has a class that only 2 distinct groups"):
        split(data, 0, "few")


# scaling


@pytest.mark.parametrize("name", ["breast_cancer", "digits_3v8"])
def test_scaling_does_not_move_when_other_rows_are_altered(name: str) -> None:
    data, kind = data_of(name), TASKS[name].kind
    found = split(data, 0, name)
    altered = data.x.copy()
    altered[found.validation] *= -3
    altered[found.test] += 1000
    before, after = fit_scaling(data.x, found.train, kind), fit_scaling(altered, found.train, kind)
    assert np.array_equal(before.mean, after.mean)
    assert np.array_equal(before.scale, after.scale)


def test_a_column_whose_variance_vanishes_stays_finite() -> None:
    x = np.array([[0.0], [1e-200], [2e-200]])
    scaling = fit_scaling(x, np.arange(3), "vector")
    assert np.isfinite(scaling.apply(x)).all()


def test_vectors_are_standardised_by_feature_and_constants_only_centred() -> None:
    x = np.array([[0.0, 0.1, 5.0], [2.0, 0.1, 7.0], [4.0, 0.1, 9.0], [99.0, 99.0, 99.0]])
    scaling = fit_scaling(x, np.array([0, 1, 2]), "vector")
    root = np.sqrt(8 / 3)
    assert scaling.mean == pytest.approx(np.array([2, 0.1, 7]))
    assert scaling.scale == pytest.approx(np.array([root, 1, root]))
    assert scaling.apply(x[0]) == pytest.approx(np.array([-2 / root, 0, -2 / root]))


def test_images_are_standardised_by_one_mean_and_one_deviation() -> None:
    data = data_of("mnist_3v8")
    train = split(data, 0, "mnist_3v8").train
    scaling = fit_scaling(data.x, train, "image")
    scaled = scaling.apply(data.x[train])
    assert scaling.mean.shape == scaling.scale.shape == (1, 1, 1)
    assert scaling.mean.dtype == scaling.scale.dtype == scaled.dtype == np.float64
    assert scaled.mean() == pytest.approx(0, abs=1e-9)
    assert scaled.std() == pytest.approx(1, abs=1e-9)


# arrays


def test_zero_equals_minus_zero() -> None:
    assert len(set(identical_rows(np.array([[0.0, 1.0], [-0.0, 1.0], [0.0, -1.0]])))) == 2


@pytest.mark.parametrize(
    "y", [[1, 2, 1], [0, 2, 0], [0.0, 0.5, 1.0], [0, 1, np.nan], ["no", "yes", "no"], [[0], [2], [1]]]
)
def test_labels_that_are_not_classes_are_refused(y: list) -> None:
    with pytest.raises(ValueError, match="whole numbers"):
        as_data(np.zeros((3, 1)), y)


def test_the_hash_sees_values_dtypes_shapes_and_groups() -> None:
    x, y, groups = np.zeros((4, 2)), np.array([0, 1, 0, 1]), np.arange(4)
    variants = [
        Data(x=x, y=y, groups=groups),
        Data(x=x + 1e-12, y=y, groups=groups),
        Data(x=x.astype(np.float32), y=y, groups=groups),
        Data(x=x.reshape(4, 2, 1, 1), y=y, groups=groups),
        Data(x=x, y=1 - y, groups=groups),
        Data(x=x, y=y, groups=groups[::-1]),
    ]
    assert len({data_hash(data) for data in variants}) == len(variants)
    assert data_hash(Data(x=np.asfortranarray(x), y=y, groups=groups)) == data_hash(variants[0])


# the registry


def test_one_decorated_function_adds_a_task() -> None:
    @task("throwaway", kind="vector", description="two points", source="this test", synthetic=True)
    def throwaway(seed: int) -> Data:
        return as_data([[0.0], [1.0 + seed]], [0, 1])

    try:
        assert "throwaway" in list(TASKS)
        assert TASKS["throwaway"] is throwaway
        assert TASKS["throwaway"].load(14).x.tolist() == [[0.0], [1.0]]
        assert TASKS["throwaway"].load(14, 5).x.tolist() == [[0.0], [6.0]]
    finally:
        TASKS.remove("throwaway")


def test_an_unknown_task_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"Unknown task 'mons'\. Did you mean 'moons'\? Known: anes96, bananas"):
        TASKS["mons"]
