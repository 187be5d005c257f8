"""Whatever a user hands over: the answer is a table that encodes to finite numbers, or one line that says why not."""

from __future__ import annotations

import datetime
import io
import tempfile
import zipfile
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from experiments.records import Data, UserError
from experiments.tasks import split
from experiments.tasks.files import Table, encoder, from_arrays, read

some = settings(
    max_examples=120,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def check(table: Table) -> None:
    """Every promise that a returned table makes."""
    n = len(table.y)
    assert set(np.unique(table.y)) == {0, 1}
    assert table.groups.shape == (n,)
    assert all(isinstance(label, str) for label in table.labels)
    assert all(notice.isprintable() for notice in table.notices), table.notices
    features = set()
    for seed in range(2):
        parts = split(Data(x=np.zeros((n, 1)), y=table.y, groups=table.groups), seed, "fuzz")
        # the smallest training parts that could be, too: one row, and rows of one class
        for train in (parts.train, parts.train[:1], np.flatnonzero(table.y == 1)):
            encode = encoder(table, train)
            for rows in (parts.train, parts.validation, parts.test, np.array([], dtype=np.int64)):
                encoded = encode(rows)
                assert encoded.dtype == np.float32
                assert len(encoded) == len(rows)
                assert np.isfinite(encoded).all()
                features.add((encode.columns, encoded.shape[1:]))
    assert len(features) == 1
    names, shape = features.pop()
    assert shape == ((len(names),) if table.kind == "vector" else encode.row)


def answer(source: str, **options: Any) -> str:
    """Return the message of reading `source`, or the empty text for a table that is sound."""
    return sound(partial(read, source, **options))


def sound(load: Callable[[], Table]) -> str:
    """Return the message of the error, or the empty text for a table that keeps its promises."""
    try:
        table = load()
    except UserError as error:
        message = str(error)
        assert message
        assert message.isprintable(), message
        assert len(message) < 1500
        return message
    check(table)
    return ""


NASTY = [
    "", " ", "a", "a.1", "y", "Y", "<script>alert(1)</script>", "x\ny", "x,y", "x;y", 'q"q', "'", "\u2028", "é", "日本",
    "__index_level_0__", "(other)", "(missing)", "a=b", "a: missing", "None", "nan", "0", "1e9", "-", "=1+1", "id",
    "\x1b[31m", "%s", "{x}", "\\", "💥", "target", "1_000", "True", "\x00", "inf", "+", "a" * 300,
]  # fmt: skip
texts = st.one_of(st.sampled_from(NASTY), st.text(max_size=6))
PROSE = [
    "so good", "\U0001f600 very good 酒店", "这家酒店的服务非常好", "a b c d", "", "\x00 \x00 \x00", "ÄÖ ß é x",
    "!!! ??? ...", "กขฃคฅฆง",
]  # fmt: skip
QUOTED = ['so "good"', "two\nlines", "two\r\nlines", "two\rlines", ", and, "]
names = st.one_of(*[st.lists(texts, min_size=1, max_size=5, unique=True)] * 7, st.lists(texts, max_size=5))
numbers = st.one_of(
    st.integers(-3, 3),
    st.integers(-(10**25), 10**25),
    st.floats(allow_nan=True, allow_infinity=False, width=32),
    st.floats(),
    st.sampled_from([0.0, -0.0, 1e-300, 2e-200, 5e-324, 1e99, 1e100, -1e308]),
)
moments = st.datetimes(min_value=datetime.datetime(1, 1, 1), max_value=datetime.datetime(9999, 12, 31))
written = moments.flatmap(
    lambda moment: st.sampled_from(
        [moment.isoformat(), moment.date().isoformat(), f"{moment.day}/{moment.month}/{moment.year}", moment.ctime()]
    )
)
columns = st.one_of(
    st.lists(numbers, min_size=1, max_size=8),
    st.lists(st.integers(0, 9), min_size=1, max_size=8),
    st.lists(texts, min_size=1, max_size=8),
    st.lists(st.sampled_from(["1", "2.5", "?", "n/a", "3,5", "-", "inf", "1e400"]), min_size=1, max_size=8),
    st.lists(written, min_size=1, max_size=8),
    st.lists(st.one_of(st.sampled_from(PROSE), st.text(max_size=20)), min_size=1, max_size=80),
    st.lists(st.booleans(), min_size=1, max_size=8),
    st.lists(st.none(), min_size=1, max_size=1),
)


@st.composite
def frames(draw: st.DrawFn, kinds: st.SearchStrategy[list[Any]] = columns) -> tuple[list[str], list[list[Any]], Any]:
    """Names, columns and the number of rows: short lists that repeat, mostly with a column `x` of different rows."""
    heads = draw(names)
    rows = draw(st.sampled_from([80, 64, 40, 30, 9, 1, 0]))
    values = []
    for _ in heads:
        part = draw(kinds)
        values.append([part[(number * number + number // 3) % len(part)] for number in range(rows)])
    if draw(st.integers(0, 5)) and "x" not in heads:
        heads, values = ["x", *heads], [[(number * 7919) % 101 / 7 for number in range(rows)], *values]
    if draw(st.integers(0, 5)) and "y" not in heads:
        heads, values = [*heads, "y"], [*values, [*"ab" * (rows // 2), *"c" * (rows % 2)]]
    return heads, values, rows


each = {
    "target": texts,
    "positive": st.one_of(st.just("a"), texts),
    "group": texts,
    "weight": st.one_of(st.just("x"), texts),
    "memory_gib": st.sampled_from([4.0, 1e-9, -1.0, float("nan"), float("inf")]),
    "image_side": st.sampled_from([28, 0, -1, 10**9]),
    "images": st.booleans(),
    "text": texts,
    "sequence_id": st.one_of(st.just("x"), texts),
    "time": texts,
}
one_option = st.sampled_from(sorted(each)).flatmap(lambda name: st.fixed_dictionaries({name: each[name]}))
options = st.one_of(st.just({}), st.just({}), one_option, st.fixed_dictionaries({}, optional=each))


@some
@given(st.one_of(st.binary(max_size=200), texts.map(str.encode)), st.sampled_from(["csv", "tsv", "csv.gz"]), options)
def test_bytes_as_text(tmp_path: Path, data: bytes, ending: str, given: dict[str, Any]) -> None:
    path = tmp_path / f"f.{ending}"
    path.write_bytes(data)
    answer(str(path), **given)


@some
@given(st.text(alphabet='ab1,;\t"\n\r\u2028é. ', max_size=80), st.sampled_from(["a", "b", "1", ""]))
def test_text_that_is_nearly_csv(tmp_path: Path, text: str, target: str) -> None:
    path = tmp_path / "f.csv"
    path.write_text(text, encoding="utf-8", newline="")
    answer(str(path), target=target)


@some
@given(frames(), options, st.sampled_from([",", ";", "\t"]))
def test_frames_as_csv(tmp_path: Path, frame: Any, given: dict[str, Any], separator: str) -> None:
    heads, values, _ = frame
    path = tmp_path / "f.csv"
    table = pd.DataFrame(dict(enumerate(values)))
    text = table.set_axis(heads, axis=1).to_csv(index=False, sep=separator)
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    answer(str(path), **{"target": "y", **given})


@some
@given(
    st.lists(st.lists(st.sampled_from([*NASTY, *PROSE, *QUOTED]), min_size=1), min_size=1),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
    st.sampled_from([{}, {"text": "t"}, {"text": "t", "memory_gib": 1e-5}]),
)
def test_texts_as_csv(tmp_path: Path, parts: list[list[str]], end: str, marked: bool, given: dict[str, Any]) -> None:
    """Quoted line breaks, every kind of them between rows, and a mark of the byte order in front."""
    path = tmp_path / "f.csv"
    rows = [parts[number % len(parts)][:: 1 + number % 2] for number in range(60)]
    frame = pd.DataFrame({"t": [f"{' '.join(row)} {number}" for number, row in enumerate(rows)], "y": [0, 1] * 30})
    text = frame.to_csv(index=False, lineterminator=end)
    if len(parts) % 2:
        text = text.replace(end, "\n", 20)
    path.write_bytes(text.encode("utf-8-sig" if marked else "utf-8", "surrogatepass"))
    answer(str(path), **{"target": "y", **given})


@some
@given(st.lists(st.text(max_size=12), min_size=1, max_size=6), st.lists(st.one_of(st.none(), st.text(max_size=9))))
def test_texts_from_python_and_from_folders(tmp_path: Path, some_texts: list[str], others: list[str | None]) -> None:
    """Of any script, empty, missing, with bytes 0 and half surrogate pairs."""
    all_texts = [*some_texts, *others, *PROSE]
    rows = [all_texts[number % len(all_texts)] for number in range(60)]
    sound(partial(from_arrays, rows, [number % 2 for number in range(60)]))
    sound(partial(from_arrays, [f"{text}{number}" for number, text in enumerate(rows)], [0, 1] * 30))
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    for number, text in enumerate(rows):
        place = folder / "ab"[number % 2] / f"{number}.txt"
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(f"{text or ''}{number // 4}".encode("utf-8", "surrogatepass"))
    answer(str(folder))


steps = st.lists(st.integers(0, 6), min_size=1, max_size=6)


@some
@given(steps, st.lists(columns, min_size=1, max_size=3), st.sampled_from(["x", "t", None]), options)
def test_ragged_sequences_as_csv(
    tmp_path: Path, lengths: list[int], values: list[list[Any]], time: str | None, given: dict[str, Any]
) -> None:
    """Of no step, of one, and of different ones; channels of numbers, text and nothing."""
    who = [number for number in range(40) for _ in range(lengths[number % len(lengths)])]
    columns = {f"c{at}": [part[(row * row) % len(part)] for row in range(len(who))] for at, part in enumerate(values)}
    frame = pd.DataFrame({"who": who, "t": range(len(who)), "x": [row * 7919 % 101 / 7 for row in range(len(who))]})
    frame = frame.assign(**columns, y=[number % 2 for number in who]).sample(frac=1, random_state=0)
    path = tmp_path / "f.csv"
    path.write_bytes(frame.to_csv(index=False).encode("utf-8", "surrogatepass"))
    answer(str(path), **{"target": "y", "sequence_id": "who", "time": time, **given})


@some
@given(st.integers(1, 3), st.integers(1, 2), st.sampled_from([0.0, np.nan, np.inf, 1e-300, 1e300]), st.booleans())
def test_sequences_and_several_arrays(length: int, channels: int, odd: float, several: bool) -> None:
    """Of one step and one channel, too; with a value of a kind that only some may have."""
    x = np.random.default_rng(0).normal(size=(60, length, channels))
    x[::7, 0, 0] = odd
    y = np.arange(60) % 2
    sound(partial(from_arrays, {"a": x, "b": x[:, 0, 0], "c": x[..., None]} if several else x, y))


def test_columns_of_one_name_and_classes_of_one_row(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text("a,b,a,y\n" + "".join(f"{row},{row % 7},{row / 3},{row % 2}\n" for row in range(60)))
    assert "Several columns have the same name: 'a'" in answer(str(path), target="y")
    rows = "".join(f"{row / 3},{'yes' if row == 8 else 'no'}\n" for row in range(60))
    path.write_text("a,y\n" + rows)
    assert "Class 'yes' has 1 row (of 60 rows)" in answer(str(path), target="y")


@some
@given(frames(), options)
def test_frames_as_parquet(tmp_path: Path, frame: Any, given: dict[str, Any]) -> None:
    heads, values, _ = frame
    path = tmp_path / "f.parquet"
    try:
        table = pa.Table.from_arrays([pa.array(column) for column in values], names=heads)
    except (pa.ArrowException, OverflowError, UnicodeEncodeError):
        return  # no such file can be
    pq.write_table(table, path)
    answer(str(path), **{"target": "y", **given})


odd = st.lists(
    st.one_of(
        numbers,
        texts,
        st.none(),
        st.booleans(),
        moments,
        moments.map(datetime.datetime.date),
        st.decimals(),
        st.timedeltas(),
        st.times(),
        st.complex_numbers(),
        st.binary(max_size=3),
        st.lists(st.integers(), max_size=2),
        st.just({}),
        st.just(pd.NA),
        st.just(pd.NaT),
    ),
    min_size=1,
    max_size=4,
)
one_type = st.one_of(
    *(st.lists(kind, min_size=1, max_size=8) for kind in (st.decimals(), st.timedeltas(), st.times(), moments))
)


@some
@given(frames(st.one_of(odd, one_type, columns)), odd, st.sampled_from([None, "a", 1, True, "nan"]))
def test_frames_from_python(frame: Any, classes: list[Any], positive: Any) -> None:
    heads, values, rows = frame
    x = pd.DataFrame(dict(enumerate(values)), index=range(rows)).set_axis(heads, axis=1)
    y = pd.Series([classes[number % len(classes)] for number in range(rows)], dtype=object)
    for target in (y, [number % 2 for number in range(rows)]):
        sound(partial(from_arrays, x, target, positive=positive))


@some
@given(st.data())
def test_damaged_files(tmp_path: Path, data: st.DataObject) -> None:
    """A sound file with some bytes changed, or cut short."""
    kind = data.draw(st.sampled_from(["parquet", "npz", "csv.gz"]))
    sound = bytearray(SOUND[kind])
    for _ in range(data.draw(st.integers(1, 4))):
        sound[data.draw(st.integers(0, len(sound) - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        sound = sound[: data.draw(st.integers(1, len(sound)))]
    path = tmp_path / f"f.{kind}"
    path.write_bytes(sound)
    answer(str(path), target=None if kind == "npz" else "y")


def _sound() -> dict[str, bytes]:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=40), "c": list("abcd") * 10, "y": [0, 1] * 20})
    files = {kind: io.BytesIO() for kind in ("parquet", "npz", "csv.gz")}
    frame.to_parquet(files["parquet"])
    np.savez(files["npz"], x=frame[["x"]].to_numpy(), y=frame["y"].to_numpy())
    frame.to_csv(files["csv.gz"], index=False, compression={"method": "gzip", "mtime": 1})
    return {kind: file.getvalue() for kind, file in files.items()}


SOUND = _sound()


@pytest.mark.parametrize("kind", SOUND)
def test_the_file_that_is_damaged_is_sound(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"f.{kind}"
    path.write_bytes(SOUND[kind])
    assert answer(str(path), target=None if kind == "npz" else "y") == ""


kinds = st.sampled_from(["f4", "f8", "f2", "i1", "u8", "?", "c8", "U3", "S2", "M8[s]", "m8[s]", "V4", "i4,f8"])
shapes = st.sampled_from([(), (0,), (40,), (40, 1), (40, 3), (40, 0), (40, 2, 2), (40, 2, 2, 3), (1, 2), (40,) * 5])


@some
@given(kinds, shapes, kinds, shapes, st.integers(0, 2**32), options)
def test_arrays(tmp_path: Path, kind: str, shape: Any, of_y: str, long: Any, seed: int, given: dict[str, Any]) -> None:
    rng = np.random.default_rng(seed)
    path = tmp_path / "f.npz"
    shape, long = (part if np.prod(part) < 1e5 else part[:1] for part in (shape, long))

    def array(dtype: str, size: Any) -> np.ndarray:
        count = int(np.prod(size)) * np.dtype(dtype).itemsize
        data = rng.integers(0, 3 if rng.random() < 0.8 else 256, size=count, dtype=np.uint8).tobytes()
        return np.frombuffer(data, dtype=dtype, count=int(np.prod(size))).reshape(size)

    x = array(kind, shape)
    y = array(of_y, long)
    np.savez(path, x=x, y=y)
    given.pop("target", None)
    answer(str(path), **given)
    np.savez(path, x=x, y=np.arange(40) % 2)
    answer(str(path))


@some
@given(st.binary(max_size=120), st.sampled_from(["parquet", "npz", "pq"]))
def test_bytes_as_binary_formats(tmp_path: Path, data: bytes, ending: str) -> None:
    path = tmp_path / f"f.{ending}"
    path.write_bytes(data)
    assert answer(str(path), target="y")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", data)
        archive.writestr("y.npy", data[::-1])
    assert answer(str(path), target="y")


def _pictures() -> list[bytes]:
    pixels = np.random.default_rng(0).integers(0, 256, size=(9, 9, 3), dtype=np.uint8)
    pictures = []
    for form, mode in (("png", "RGB"), ("png", "I;16"), ("jpeg", "L"), ("gif", "P"), ("bmp", "1"), ("tiff", "CMYK")):
        grey = Image.fromarray(pixels[..., 0].astype(np.uint16) * 257) if mode == "I;16" else None
        file = io.BytesIO()
        (grey or Image.fromarray(pixels).convert(mode)).save(file, form)
        pictures.append(file.getvalue())
    return pictures


PICTURES = _pictures()


@settings(some, max_examples=40)
@given(st.data(), options)
def test_damaged_images(tmp_path: Path, data: st.DataObject, given: dict[str, Any]) -> None:
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    for name in "ab":
        (folder / name).mkdir()
        for number in range(10):  # of each class as many sound ones as are needed, all different
            Image.new("L", (5, 4), 20 * number + ord(name) % 7).save(folder / name / f"{number}.png")
    for number in range(4):
        picture = bytearray(data.draw(st.sampled_from(PICTURES)))
        for _ in range(data.draw(st.integers(0, 3))):
            picture[data.draw(st.integers(0, len(picture) - 1))] = data.draw(st.integers(0, 255))
        (folder / "a" / f"damaged {number}").write_bytes(picture[: data.draw(st.integers(0, len(picture)))])
    answer(str(folder), **{"images": True, "image_side": 6, **given})


@some
@given(texts, options)
def test_any_name(name: str, given: dict[str, Any]) -> None:
    assert answer(f"/nowhere/{name}", **given)


def test_decimals_are_numbers() -> None:
    """The values that the fuzz draws do reach the encoder: a frame of them is no error."""
    n = 40
    x = pd.DataFrame(
        {
            "decimal": [Decimal(number) / 7 for number in range(n)],
            "span": [datetime.timedelta(minutes=number * number) for number in range(n)],
            "time": [datetime.time(number % 24, number) for number in range(n)],
            "date": [datetime.date(2020, 1, 1) + datetime.timedelta(days=number**2) for number in range(n)],
        }
    )
    table = from_arrays(x, np.arange(n) % 2)
    check(table)
    assert len(encoder(table, np.arange(n)).columns) == 6
    np.testing.assert_allclose(table.x["decimal"], np.arange(n) / 7)
