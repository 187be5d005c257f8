"""Tokens are those of Keras's TextVectorization, by the vocabulary of the training part."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from experiments.engines import prepare
from experiments.engines.keras_trunk import precision
from experiments.records import Setup
from experiments.tasks import TASKS, sample, split
from experiments.tasks import text as texts
from experiments.tasks.text import PADDING, UNKNOWN, Tokens, length_of, tokens_of, unit_of, word_count

SPACED = ["Good food, GOOD price!", "schlecht  Ärger\u3000x", "bad\tbad\nfood’s it's", "ok ok 😀", "a-b_c d/e"] * 3
CHINESE = ["这本书很好，Good！", "质量 不错😀", "很差。", "好" * 9] * 4


@pytest.mark.parametrize(("rows", "split"), [(SPACED, "whitespace"), (CHINESE, "character")])
@pytest.mark.parametrize("most", [7, 8_000])
def test_tokens_are_those_of_keras(rows: list[str], split: str, most: int) -> None:
    """Vocabulary, its order, and numbers, in training rows and in rows with tokens that are not known."""
    layer = keras.layers.TextVectorization(max_tokens=most, split=split, output_sequence_length=6)
    layer.adapt(rows)
    mine = tokens_of(rows, 6, most)
    assert list(mine.vocabulary) == [str(token) for token in layer.get_vocabulary()[2:]]
    assert len(mine.vocabulary) <= most - 2
    seen = [*rows, "never seen 从没", "Good food 好"]
    np.testing.assert_array_equal(mine(seen), keras.ops.convert_to_numpy(layer(np.array(seen, dtype=object))))


def test_a_row_without_a_token_is_unknown() -> None:
    """Where Keras has padding alone, over which a mean with its mask is no number."""
    tokens = tokens_of(SPACED, 3)
    assert tokens(["", " ?! "]).tolist() == [[UNKNOWN, PADDING, PADDING]] * 2


def test_the_unit_follows_the_script() -> None:
    assert [unit_of(rows) for rows in (SPACED, CHINESE, ["กขฃ คฅ"], ["これはペンです"], ["안녕 하세요"], [""], [])] == [
        "word", "character", "character", "character", "word", "word", "word",
    ]  # fmt: skip
    assert [word_count(row) for row in ("a b  c", "很好很好", "")] == [3, 2, 0]


def test_the_length_is_that_of_nearly_all_rows() -> None:
    rows = ["a b c"] * 97 + ["a " * 50] * 3
    assert length_of(rows) == 3
    assert length_of(["a " * 500] * 9) == texts.LONGEST == 64
    assert length_of([""]) == 1


def test_the_training_part_alone_knows_words() -> None:
    tokens = tokens_of(["b a a"], 4)
    assert tokens == Tokens(unit="word", vocabulary=("a", "b"), length=4)
    assert tokens(["a c b"]).tolist() == [[2, UNKNOWN, 3, PADDING]]


@pytest.fixture(scope="module")
def reviews() -> object:
    return TASKS["chinese_reviews"].load(14)


def test_identical_reviews_stay_together(reviews) -> None:
    assert reviews.y.sum() == 16_548
    rows = sample(reviews, 6_000, 0, "chinese_reviews")
    data = type(reviews)(x=reviews.x[rows], y=reviews.y[rows], groups=reviews.groups[rows])
    found = split(data, 0, "chinese_reviews")
    held = [{*data.x[part]} for part in (found.train, found.validation, found.test)]
    assert not held[0] & held[1]
    assert not held[0] & held[2]
    assert not held[1] & held[2]


def test_a_cell_of_text_has_the_tokens_of_its_own_training_parts(reviews) -> None:
    """Four seeds are two samples, laid end to end; each row is the review that its origin names."""
    setup = Setup(task="chinese_reviews", network="text_mean", optimizer="adam", heads=("sigmoid", "softmax"), seeds=4)
    with precision("float32"):
        problem = prepare(setup)
    assert problem.origin is not None
    assert problem.available == 35_123
    assert problem.data.x.shape == (len(problem.origin), texts.LONGEST)
    np.testing.assert_array_equal(problem.data.y, reviews.y[problem.origin])
    assert [problem.samples[seed] for seed in range(4)] == [0, 0, 1, 1]
    np.testing.assert_array_equal(problem.streams[0].split.test, problem.streams[1].split.test)
    for seed in (0, 2):
        parts = problem.streams[seed].split
        settings = {"split": "character", "output_sequence_length": texts.LONGEST}
        layer = keras.layers.TextVectorization(texts.VOCABULARY, **settings)
        layer.adapt(reviews.x[problem.origin[parts.train]])
        for rows in (parts.train[:50], parts.test[:50]):
            theirs = keras.ops.convert_to_numpy(layer(reviews.x[problem.origin[rows]]))
            np.testing.assert_array_equal(problem.data.x[rows], theirs)
