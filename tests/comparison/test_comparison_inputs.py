"""Every kind of input is what a hand-written Keras loop is given, and trains as it does."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers
from test_comparison import by_hand, silent

from experiments.comparison import Options, run, seed_data
from experiments.comparison.api import weights_of_classes
from experiments.comparison.model import of_function, registered
from experiments.comparison.options import class_weights
from experiments.comparison.seed_data import Plan, row_shape
from experiments.records import UserError
from experiments.tasks import fit_scaling
from experiments.tasks.files import Table, encoder, from_arrays, read
from experiments.tasks.text import VOCABULARY

N = 90
RNG = np.random.default_rng(0)
Y = RNG.integers(0, 2, N)
WORDS = ("so good clean nice friendly", "very bad dirty rude broken")
SIGNS = ("好美净香乐", "差脏坏慢吵")


def texts(script: tuple[str, str]) -> list[str]:
    """Sentences whose words tell the class, most of the time."""
    spaced = " " in script[0]
    parts = [part.split() if spaced else list(part) for part in script]
    some = [RNG.choice(parts[int(y != (RNG.random() < 0.2))], RNG.integers(3, 9)) for y in Y]
    return [(" " if spaced else "").join(words) + f"{' ' * spaced}{number}" for number, words in enumerate(some)]


def of_frame(folder: Path, frame: pd.DataFrame, ending: str = "csv", **options: Any) -> Table:
    path = folder / f"data.{ending}"
    frame.to_csv(path, index=False)
    return read(str(path), target="y", **options)


def of_npz(folder: Path, **arrays: Any) -> Table:
    np.savez(folder / "data.npz", **arrays, y=Y)
    return read(str(folder / "data.npz"))


def rows_of_columns(folder: Path) -> Table:
    frame = pd.DataFrame({"a": RNG.normal(size=N) + Y, "c": RNG.choice(["x", "y", "z"], N), "y": Y})
    return of_frame(folder, frame)


def english(folder: Path) -> Table:
    return of_frame(folder, pd.DataFrame({"id": np.arange(N), "review": texts(WORDS), "y": Y}))


def chinese(folder: Path) -> Table:
    return of_frame(folder, pd.DataFrame({"stars": RNG.integers(1, 5, N), "t": texts(SIGNS), "y": Y}), text="t")


def text_files(folder: Path) -> Table:
    for number, (text, y) in enumerate(zip(texts(WORDS), Y, strict=True)):
        place = folder / "reviews" / ("bad", "good")[y]
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.txt").write_text(text, encoding="utf-8")
    return read(str(folder / "reviews"))


def signal(steps: int = 12) -> np.ndarray:
    """Sequences of two channels, one of which rises in class 1."""
    rise = Y[:, None] * np.linspace(0, 2, steps)
    return np.stack([RNG.normal(size=(N, steps)) + rise, RNG.normal(5, 9, size=(N, steps))], axis=2)


def arrays_of_steps(folder: Path) -> Table:
    return of_npz(folder, x=signal())


def long_lines(folder: Path) -> Table:
    """Sequences of 6 to 12 steps, whose lines are shuffled."""
    lengths = 6 + np.arange(N) % 7
    lines = [
        {"who": f"p{number}", "when": f"2024-01-{step + 1:02}", "a": values[0], "b": values[1], "y": Y[number]}
        for number, (steps, length) in enumerate(zip(signal(), lengths, strict=True))
        for step, values in enumerate(steps[:length])
    ]
    frame = pd.DataFrame(lines).sample(frac=1, random_state=0)
    return of_frame(folder, frame, sequence_id="who", time="when")


def pictures(folder: Path) -> Table:
    return of_npz(folder, x=RNG.integers(0, 256, size=(N, 8, 8, 1)) / 2 + 60 * Y[:, None, None, None])


def ids(shape: tuple[int, ...]) -> keras.Model:
    """A user's own network of token numbers, with a mask, both ways."""
    model = keras.Sequential(
        [
            layers.Input((None,), dtype="int32"),
            layers.Embedding(40, 4, mask_zero=True),
            layers.Bidirectional(layers.LSTM(3), merge_mode="sum"),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy")
    return model


def strings(shape: tuple[int, ...]) -> keras.Model:
    """A user's own network of strings: TextVectorization is a layer of it."""
    words = layers.TextVectorization(max_tokens=30, output_sequence_length=7, vocabulary=" ".join(WORDS).split())
    stack = [layers.Input((1,), dtype="string"), words, layers.Embedding(30, 4), layers.GlobalAveragePooling1D()]
    return keras.Sequential([*stack, layers.Dense(2, activation="softmax")])


def recurrent(shape: tuple[int, ...]) -> keras.Model:
    """A trunk of sequences whose steps that are all 0 do not count."""
    stack = [layers.Masking(0.0), layers.LSTM(4, return_sequences=True), layers.GRU(3)]
    return keras.Sequential([layers.Input(shape), *stack])


def rows_of_pixels(shape: tuple[int, ...]) -> keras.Model:
    """What takes an image without its axis of one channel."""
    return keras.Sequential([layers.Input((8, 8)), layers.LSTM(4)])


def pretrained(folder: Path, build: Callable[[Any], keras.Model], shape: Any) -> keras.Model:
    """A user's model whose weights are read from a file, but for its frozen first layer's they go on training."""
    path, model = folder / "mine.npz", build(shape)
    if not path.exists():
        np.savez(path, *(variable.numpy() for variable in model.weights))
    with np.load(path) as stored:
        model.set_weights([stored[name] for name in stored.files])
    next(layer for layer in model.layers if layer.weights).trainable = False
    return model


def dense(shape: tuple[int, ...]) -> keras.Model:
    return keras.Sequential([layers.Input(shape), layers.Dense(5, activation="tanh"), layers.Dense(4)])


def whole(shape: tuple[int, ...]) -> keras.Model:
    """A user's classifier of rows, with two units."""
    stack = [layers.Dense(5, activation="relu"), layers.Dense(2, activation="softmax")]
    model = keras.Sequential([layers.Input(shape), *stack])
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "sparse_categorical_crossentropy")
    return model


def convolved(shape: tuple[int, ...]) -> keras.Model:
    """A user's classifier of sequences."""
    stack = [layers.Conv1D(4, 3, activation="relu"), layers.GlobalMaxPooling1D(), layers.Dense(1, activation="sigmoid")]
    model = keras.Sequential([layers.Input(shape), *stack])
    model.compile(keras.optimizers.RMSprop(0.01), "binary_crossentropy")
    return model


def seeing(shape: tuple[int, ...]) -> keras.Model:
    """A user's classifier of images, uncompiled."""
    stack = [layers.Conv2D(3, 3, activation="relu"), layers.Flatten(), layers.Dense(1, activation="sigmoid")]
    return keras.Sequential([layers.Input(shape), *stack])


def several(folder: Path) -> Table:
    return of_npz(folder, lab=RNG.normal(size=(N, 3)) + Y[:, None], age=RNG.integers(20, 90, N), curve=signal(5))


def three_inputs(shapes: dict[str, tuple[int, ...]]) -> keras.Model:
    """A user's classifier of three inputs, in another order than the file's."""
    given = {name: layers.Input(shapes[name], name=name) for name in ("curve", "lab", "age")}
    both = layers.Concatenate()([layers.GRU(3)(given["curve"]), given["lab"], given["age"]])
    model = keras.Model(given, layers.Dense(1, activation="sigmoid")(layers.Dense(4, activation="relu")(both)))
    model.compile("adam", "binary_crossentropy")
    return model


def three_trunks(shapes: dict[str, tuple[int, ...]]) -> keras.Model:
    """What is in front of that classifier's head."""
    model = three_inputs(shapes)
    return keras.Model(model.inputs, model.layers[-2].output)


def embedded() -> keras.Model:
    """Pretrained embeddings that do not train, and nothing else that does."""
    matrix = np.random.default_rng(3).normal(size=(40, 3))
    table = layers.Embedding(40, 3, embeddings_initializer=keras.initializers.Constant(matrix), trainable=False)
    return keras.Sequential([layers.Input((8,)), table, layers.GlobalMaxPooling1D()])


Load = Callable[[Path], Table]
CASES: dict[str, tuple[Load, Any, tuple[int, ...]]] = {
    "rows": (rows_of_columns, "mlp", (4,)),
    "text": (english, "text_mean", (9,)),
    "text, recurrent": (english, "text_gru", (9,)),
    "text in Chinese": (chinese, "text_gru", (10,)),
    "files of text": (text_files, "text_mean", (9,)),
    "text, embeddings that are loaded": (english, embedded, (8,)),
    "several inputs as one": (several, "mlp", (14,)),
    "sequences": (arrays_of_steps, "gru", (12, 2)),
    "sequences by convolution": (arrays_of_steps, "cnn", (12, 2)),
    "sequences by attention": (long_lines, "attention", (12, 2)),
    "images": (pictures, "cnn", (8, 8, 1)),
}
OF_USERS: dict[str, tuple[Load, Callable[..., keras.Model], tuple[int, ...]]] = {
    "rows, a trunk": (rows_of_columns, dense, (4,)),
    "rows, a classifier": (rows_of_columns, whole, (4,)),
    "text, a classifier of token numbers": (chinese, ids, (10,)),
    "text, a classifier of strings": (english, strings, (7,)),
    "several inputs, a trunk": (several, three_trunks, (14,)),
    "several inputs, a classifier": (several, three_inputs, (14,)),
    "sequences, a trunk": (long_lines, recurrent, (12, 2)),
    "sequences, a classifier": (arrays_of_steps, convolved, (12, 2)),
    "images as rows, a trunk": (pictures, rows_of_pixels, (8, 8)),
    "images, a classifier": (pictures, seeing, (8, 8, 1)),
}
CASES |= OF_USERS
CASES |= {f"{name}, pretrained": (load, (pretrained, build), row) for name, (load, build, row) in OF_USERS.items()}


def usual(case: str) -> bool:
    """Trunks with new weights and classifiers with those of a file, and both of rows both ways; the others are slow."""
    of_user = case.removesuffix(", pretrained") in OF_USERS
    return not of_user or case.startswith("rows") or ("trunk" in case) != case.endswith(", pretrained")


def plan_of(table: Table, build: Any, folder: Path) -> Plan:
    """`build`: a network's name, a user's function, or `pretrained` and a user's function."""
    options = Options(seeds=2, steps=10, batch_size=8)
    row = row_shape(table, "data")
    if isinstance(build, str):
        model = registered(build, row, None, None, kind=table.kind)
    else:
        function = (lambda shape: pretrained(folder, build[1], shape)) if isinstance(build, tuple) else build
        model = of_function(function, row, None, None, kind=table.kind, arrays=table.arrays)
    return Plan(table=table, model=model, options=options, task="data")


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=[] if usual(case) else [pytest.mark.slow]) for case in CASES]
)
def test_every_kind_of_input_trains_as_a_plain_keras_loop(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load, build, row = CASES[case]
    monkeypatch.setattr(seed_data, "_BOTH", ("sigmoid", "sigmoid_again", "softmax"))
    monkeypatch.setattr(seed_data, "AROUND", ())
    plan = plan_of(load(tmp_path), build, tmp_path)
    assert plan.row == row
    assert plan.model.reasons == ()
    ran = run.run(plan, silent)
    assert ran.engine == "stacked"
    assert any("the same first weights" in notice for notice in ran.notices) == (
        case.endswith(", pretrained") or build is embedded
    )
    for units, head in ((1, "sigmoid"), (2, "softmax")):
        losses, nll, accuracy = by_hand(plan, units, seed=1)
        curves = ran.tables["curves"].query(f"head == '{head}' and seed == 1 and quantity == 'fit_loss'")
        np.testing.assert_allclose(curves["value"], losses, rtol=2e-4)
        finals = ran.tables["finals"].query(f"head == '{head}' and seed == 1 and split == 'test'").set_index("quantity")
        assert finals.loc["nll", "value"] == pytest.approx(nll, rel=2e-4)
        assert finals.loc["accuracy", "value"] == pytest.approx(accuracy)


def test_steps_of_a_long_file_are_those_of_the_array(tmp_path: Path) -> None:
    """In the order of time; shorter sequences end where the longest ends, and begin with the channels' means."""
    table = long_lines(tmp_path)
    assert table.kind == "sequence"
    assert "The 90 sequences have 6 to 12 steps" in table.notices[0]
    path = tmp_path / "data.csv"
    lines = pd.read_csv(path)
    plan = plan_of(table, "gru", tmp_path)
    train = seed_data.parts_of(table, "data", 0).train
    encoded = plan.model.inputs.rows(table, train, np.arange(N))
    who = pd.unique(lines["who"])
    scale = fit_scaling(table.x, train, "sequence")
    assert isinstance(table.x, np.ndarray)
    seen = lines[lines["who"].isin(who[train])][["a", "b"]]
    np.testing.assert_allclose(scale.mean, seen.mean(), rtol=1e-9)
    np.testing.assert_allclose(scale.scale, seen.std(ddof=0), rtol=1e-9)
    for number in (0, 5, 17):
        mine = lines[lines["who"] == who[number]].sort_values("when")[["a", "b"]].to_numpy()
        wanted = (mine - scale.mean) / scale.scale
        np.testing.assert_allclose(encoded[number, -len(mine) :], wanted, rtol=1e-5, atol=1e-6)
        assert not encoded[number, : 12 - len(mine)].any()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda frame: frame.assign(y=np.arange(len(frame)) % 2), "differs within the sequence"),
        (lambda frame: frame.assign(a="red", b="blue"), "No column of numbers is left for the steps"),
        (lambda frame: frame.assign(who=frame["who"].where(frame["who"] != "p3")), "--sequence-id is missing in"),
    ],
    ids=["a target by step", "no numbers", "no identity"],
)
def test_sequences_that_cannot_be(change: Callable[[pd.DataFrame], pd.DataFrame], said: str, tmp_path: Path) -> None:
    long_lines(tmp_path)
    frame = change(pd.read_csv(tmp_path / "data.csv"))
    with pytest.raises(UserError, match=said):
        of_frame(tmp_path, frame, sequence_id="who", time="when")


def test_three_axes_are_sequences_and_four_are_images() -> None:
    assert from_arrays(signal(), Y).kind == "sequence"
    assert from_arrays(signal()[..., None], Y).kind == "image"
    with pytest.raises(UserError, match="takes images and sequences; the rows of the data are vectors"):
        registered("gru", (4,), None, None)


def test_what_is_given_in_another_shape_is_said(tmp_path: Path) -> None:
    thin = plan_of(pictures(tmp_path), rows_of_pixels, tmp_path)
    assert "without its axis of one channel" in thin.model.recognised[-1]
    flat = plan_of(pictures(tmp_path), lambda: keras.Sequential([layers.Input((64,)), layers.Dense(3)]), tmp_path)
    assert "as one vector of its numbers" in flat.model.recognised[-1]
    with pytest.raises(UserError, match=r"takes rows of shape \(7,\)"):
        plan_of(pictures(tmp_path), lambda: keras.Sequential([layers.Input((7,)), layers.Dense(3)]), tmp_path)


def test_token_numbers_stay_below_those_that_an_embedding_knows(tmp_path: Path) -> None:
    table = english(tmp_path)
    few = plan_of(table, ids, tmp_path)
    assert few.model.inputs.vocabulary == 40
    some = np.arange(N)
    assert few.model.inputs.rows(table, some, some).max() == 39
    assert plan_of(table, "text_mean", tmp_path).model.inputs.vocabulary == VOCABULARY
    said = few.model.recognised[-1]
    assert said == "Each text is given as 9 token numbers below 40, as TextVectorization makes them."


class Subclassed(keras.Model):
    """A user's own class, of which nothing is known before it is called."""

    def __init__(self) -> None:
        super().__init__()
        self.table = layers.Embedding(30, 3)
        self.mean = layers.GlobalAveragePooling1D()

    def call(self, numbers: Any) -> Any:
        return self.mean(self.table(numbers))


def placed(shape: tuple[int, ...]) -> keras.Model:
    """Embeddings of tokens and of their places, whose tables have sizes of their own."""
    numbers = layers.Input(shape)
    places = layers.Embedding(shape[0], 3)(keras.ops.broadcast_to(keras.ops.arange(shape[0]), (1, *shape)))
    return keras.Model(numbers, layers.GlobalMaxPooling1D()(layers.Embedding(600, 3)(numbers) + places))


def without_input() -> keras.Model:
    stack = [layers.Embedding(20, 4), layers.GlobalAveragePooling1D(), layers.Dense(1, activation="sigmoid")]
    return keras.Sequential(stack)


@pytest.mark.parametrize(("build", "vocabulary"), [(Subclassed, 30), (without_input, 20), (placed, 600)])
def test_token_numbers_are_those_that_the_tokens_own_table_has(build: Any, vocabulary: int, tmp_path: Path) -> None:
    model = plan_of(english(tmp_path), lambda shape: build(shape) if build is placed else build(), tmp_path).model
    assert (model.inputs.vocabulary, model.inputs.length) == (vocabulary, 9)
    assert f"as 9 token numbers below {vocabulary}" in model.recognised[-1]


def vectorised(*after: Any, words: bool = True, **settings: Any) -> keras.Model:
    """A stack that begins with a TextVectorization, as Keras's own guides write it, and `after`."""
    known = {"vocabulary": " ".join(WORDS).split()} if words else {}
    return keras.Sequential([layers.TextVectorization(max_tokens=30, **known, **settings), *after])


def test_a_stack_that_begins_with_strings_needs_no_input(tmp_path: Path) -> None:
    after = [layers.Embedding(30, 4), layers.GlobalAveragePooling1D(), layers.Dense(1, activation="sigmoid")]
    table = english(tmp_path)
    model = plan_of(table, lambda: vectorised(*after, output_sequence_length=7), tmp_path).model
    some = np.arange(N)
    wanted = vectorised(output_sequence_length=7).layers[0](np.asarray(table.x))
    np.testing.assert_array_equal(model.inputs.rows(table, some, some), wanted)
    assert model.head == "sigmoid"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"words": False, "output_sequence_length": 7}, "has no vocabulary. Give it one, or let the function"),
        ({}, "do not fit behind their TextVectorization"),
        ({"output_mode": "multi_hot"}, "for a bag of words let its input have the shape ()"),
    ],
)
def test_strings_that_cannot_become_rows(settings: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=re.escape(said)) as caught:
        plan_of(english(tmp_path), lambda: vectorised(layers.Dense(1), **settings), tmp_path)
    assert str(caught.value).isprintable()


def of_sizes(shape: tuple[int, ...]) -> keras.Model:
    return keras.Sequential([layers.Input(shape), layers.Dense(4, activation="relu"), layers.Dense(1)])


def of_sizes_by_steps() -> keras.Model:
    return keras.Sequential([layers.Input((6,)), layers.Reshape((6, 1)), layers.GRU(3)])


def of_sizes_of_strings() -> keras.Model:
    return vectorised(layers.Dense(3, activation="relu"), output_sequence_length=7)


@pytest.mark.parametrize("build", [of_sizes, of_sizes_by_steps, of_sizes_of_strings])
def test_numbers_of_tokens_are_no_sizes(build: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"as if they were sizes: it has no Embedding\. Begin it with") as caught:
        plan_of(english(tmp_path), build, tmp_path)
    assert str(caught.value).isprintable()


def one_hot(shape: tuple[int, ...]) -> keras.Model:
    numbers = layers.Input(shape, dtype="int32")
    return keras.Model(numbers, layers.GlobalMaxPooling1D()(keras.ops.one_hot(numbers, 50)))


def counted() -> keras.Model:
    bag = layers.TextVectorization(vocabulary=" ".join(WORDS).split(), output_mode="multi_hot")
    return keras.Sequential([layers.Input((), dtype="string"), bag, layers.Dense(3)])


@pytest.mark.parametrize(("build", "row"), [(one_hot, (9,)), (counted, (11,))])
def test_a_model_may_look_tokens_up_in_its_own_way(build: Any, row: tuple[int, ...], tmp_path: Path) -> None:
    assert plan_of(english(tmp_path), build, tmp_path).model.inputs.row == row


def test_steps_at_the_same_time_and_columns_that_say_nothing_are_told(tmp_path: Path) -> None:
    long_lines(tmp_path)
    lines = pd.read_csv(tmp_path / "data.csv").assign(always=1.0, word="w")
    first = lines["when"].min()
    again = of_frame(tmp_path, lines.replace({"when": {"2024-01-02": first}}), sequence_id="who", time="when")
    said = "at the same time as another: they keep the file's order."
    assert f"90 steps of a sequence {said}" in again.notices
    assert "Left out 2 columns of the steps (no numbers, or always the same one): 'always', 'word'." in again.notices
    assert not any(said in notice for notice in long_lines(tmp_path).notices)


def test_numbers_are_no_text(tmp_path: Path) -> None:
    english(tmp_path)
    with pytest.raises(UserError, match=re.escape("The column 'id' (--text) holds numbers, not text. Leave out")):
        read(str(tmp_path / "data.csv"), target="y", text="id")


def test_texts_from_python_are_those_of_a_file(tmp_path: Path) -> None:
    table = english(tmp_path)
    read = "of which this project's networks read the first 9 at most"
    assert table.notices[-1] == f"The text is of words, {read}; at most 5 % of the rows have more."
    assert isinstance(table.x, np.ndarray)
    for given in (table.x, table.x.tolist(), table.x.astype(str), pd.Series(table.x)):
        again = from_arrays(given, table.y)
        assert again.kind == "text"
        assert again.x.tolist() == table.x.tolist()
    twice = from_arrays([*table.x, *table.x[:5]], [*table.y, *table.y[:5]])
    assert len(np.unique(twice.groups)) == N


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"text": "review", "sequence_id": "id"}, "Rows are texts or sequences"),
        ({"time": "id"}, "--time orders the steps of sequences"),
        ({"text": "reviews"}, "Did you mean 'review'"),
        ({"text": "y"}, "cannot be both --target and --text"),
    ],
)
def test_options_of_text_and_sequences_that_cannot_be(options: dict[str, str], said: str, tmp_path: Path) -> None:
    english(tmp_path)
    with pytest.raises(UserError, match=said):
        read(str(tmp_path / "data.csv"), target="y", **options)


def test_folders_of_text_that_cannot_be(tmp_path: Path) -> None:
    text_files(tmp_path)
    folder = tmp_path / "reviews"
    with pytest.raises(UserError, match="leave out --text"):
        read(str(folder), text="t")
    (folder / "good" / "latin.txt").write_bytes("é".encode("latin-1"))
    with pytest.raises(UserError, match="not in UTF-8"):
        read(str(folder))
    (tmp_path / "one" / "class").mkdir(parents=True)
    (tmp_path / "one" / "class" / "a.txt").write_text("alone")
    with pytest.raises(UserError, match="has files of text in 1 sub-folder"):
        read(str(tmp_path / "one"))
    with pytest.raises(UserError, match=r"a sub-folder a class, of files \.txt"):
        read(str(tmp_path))


def test_several_arrays_are_standardised_each_by_its_kind(tmp_path: Path) -> None:
    table = several(tmp_path)
    assert [name for name, _ in table.arrays] == ["lab", "age", "curve"]
    assert isinstance(table.x, np.ndarray)
    train = np.arange(50)
    encoded = encoder(table, train)(np.arange(N))
    curve = table.x[:, 4:].reshape(N, 5, 2)
    wanted = (curve - curve[:50].mean(axis=(0, 1))) / curve[:50].std(axis=(0, 1))
    np.testing.assert_allclose(encoded[:, 4:], wanted.reshape(N, 10), rtol=1e-5, atol=1e-6)
    lab = table.x[:, :3]
    wanted = (lab - lab[:50].mean(axis=0)) / lab[:50].std(axis=0)
    np.testing.assert_allclose(encoded[:, :3], wanted, rtol=1e-5, atol=1e-6)
    given = {name: table.x[:, place].reshape(N, *shape) for name, place, shape in table.parts}
    again = from_arrays(given, Y)
    assert again.arrays == table.arrays
    np.testing.assert_array_equal(again.x, table.x)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"a": np.zeros((N, 2)), "b": np.zeros((N - 1, 2))}, "different numbers of rows"),
        ({"a": np.zeros((N, 2)), "b": np.full((N, 2), "x")}, "must be numbers"),
        ({}, "a dictionary without an array"),
    ],
)
def test_several_arrays_that_cannot_be(given: dict[str, np.ndarray], said: str) -> None:
    with pytest.raises(UserError, match=said):
        from_arrays(given, Y)


def test_inputs_that_no_array_has(tmp_path: Path) -> None:
    def other() -> keras.Model:
        first, second = layers.Input((3,), name="lab"), layers.Input((1,), name="weight")
        return keras.Model([first, second], layers.Concatenate()([first, second]))

    with pytest.raises(UserError, match="with the inputs 'lab', 'weight'; the data has 'lab', 'age', 'curve'"):
        plan_of(several(tmp_path), other, tmp_path)


def test_numbers_can_stay_as_they_are() -> None:
    """Columns, where gaps are filled by the training part's median, sequences and images."""
    frame = pd.DataFrame({"a": np.where(Y, 3e7, 5.0), "b": np.where(np.arange(N) % 9, np.arange(N) / 7, np.nan)})
    train = np.arange(50)
    encoded = encoder(from_arrays(frame, Y), train, scale="none")(np.arange(N))
    wanted = frame.fillna({"b": frame["b"][:50].median()}).assign(gap=frame["b"].isna())
    np.testing.assert_allclose(encoded, wanted.to_numpy(float), rtol=1e-6)
    for x in (signal(), RNG.normal(size=(N, 4, 4, 1)), signal()[:, 0]):
        table = from_arrays(x, Y)
        np.testing.assert_allclose(encoder(table, train, scale="none")(np.arange(N)), x, rtol=1e-6)


def test_weights_of_classes_are_named_by_their_labels(tmp_path: Path) -> None:
    table = from_arrays(signal()[:, 0], np.where(Y, "yes", "no"))
    assert weights_of_classes(class_weights("yes:3, no:0.5"), table) == (0.5, 3.0)
    assert weights_of_classes(class_weights("0:1,1:4"), table) == (1.0, 4.0)
    assert class_weights("balanced") == "balanced"
    assert class_weights(None) is None
    for text in ("3", "yes:a", "yes"):
        with pytest.raises(UserError, match="Write balanced, or a factor for each class"):
            class_weights(text)
    with pytest.raises(UserError, match="class_weight names maybe, yes"):
        weights_of_classes(class_weights("yes:1,maybe:2"), table)


def test_weights_that_are_loaded_give_every_seed_one_trunk_and_are_told_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def loud(shape: tuple[int, ...]) -> keras.Model:
        print("loading weights")
        warnings.warn("a library's warning", stacklevel=1)
        return pretrained(tmp_path, dense, shape)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        plan = plan_of(rows_of_columns(tmp_path), loud, tmp_path)
        cell = seed_data.problem(plan, [0, 1, 2])
    assert capsys.readouterr().out.count("loading weights") == 1
    assert sum("library's warning" in str(warning.message) for warning in caught) == 1
    first, *others = (stream.trunk for stream in cell.streams.values())
    for other in others:
        for mine, theirs in zip(first, other, strict=True):
            np.testing.assert_array_equal(mine, theirs)
