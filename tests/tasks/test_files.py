"""A user's own data: what each kind of file becomes, and what is said of each mistake."""

from __future__ import annotations

import datetime
import gzip
import io
import os
import subprocess
import sys
import urllib.error
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from experiments.records import Data, UserError
from experiments.tasks import split
from experiments.tasks.files import Table, encoder, from_arrays, read

N = 60
ALL = np.arange(N)


def frame(**more: Any) -> pd.DataFrame:
    """Sixty rows of one number, one category and a target of both classes."""
    rng = np.random.default_rng(0)
    columns = {"a": rng.normal(size=N), "c": np.array(list("xyz"))[ALL % 3], "y": np.array(["no", "yes"])[ALL % 2]}
    return pd.DataFrame(columns | more)


def table(**more: Any) -> Table:
    columns = frame(**more)
    return from_arrays(columns.drop(columns="y"), columns["y"])


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., str]:
    """Write text, bytes or a frame under a name of that ending; returns its path."""

    def save(data: str | bytes | pd.DataFrame, ending: str = "csv") -> str:
        path = tmp_path / f"data.{ending}"
        if isinstance(data, pd.DataFrame):
            if ending == "parquet":
                data.to_parquet(path)
                return str(path)
            data = data.to_csv(index=False, sep="\t" if ending.startswith("tsv") else ",")
        data = data.encode() if isinstance(data, str) else data
        path.write_bytes(gzip.compress(data) if ending.endswith(".gz") else data)
        return str(path)

    return save


def refused(source: str, *parts: str, **options: Any) -> None:
    """Reading must raise one line that holds each of `parts`."""
    with pytest.raises(UserError) as caught:
        read(source, **options)
    message = str(caught.value)
    assert message.isprintable()
    assert message.endswith(".")
    missing = [part for part in parts if part not in message]
    assert not missing, message


# --- every kind of source --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["csv", "tsv", "csv.gz", "tsv.gz", "parquet"])
def test_every_kind_of_file_gives_the_same_table(save: Callable[..., str], ending: str) -> None:
    made = frame()
    found = read(save(made, ending), target="y")
    assert isinstance(found.x, pd.DataFrame)
    np.testing.assert_allclose(found.x["a"], made["a"], rtol=1e-15)
    assert found.x["c"].astype(str).tolist() == made["c"].tolist()
    np.testing.assert_array_equal(found.y, ALL % 2)
    np.testing.assert_array_equal(found.groups, ALL)
    assert (found.labels, found.weights, found.notices, found.kind) == (("no", "yes"), None, (), "vector")


@pytest.mark.parametrize(("separator", "decimal"), [(",", "."), (";", ","), (";", "."), ("\t", "."), ("|", ".")])
def test_the_separator_of_a_csv_is_found(save: Callable[..., str], separator: str, decimal: str) -> None:
    text = frame().to_csv(index=False, sep=separator, decimal=decimal)
    found = read(save("\ufeff" + text), target="y")
    np.testing.assert_allclose(found.x["a"], frame()["a"])


def test_names_are_those_of_the_file_without_blanks_around_them(save: Callable[..., str]) -> None:
    made = frame().rename(columns={"a": " a", "y": "y "})
    assert list(read(save(made), target="y").x.columns) == ["a", "c"]


def test_an_index_that_has_a_name_is_a_column(save: Callable[..., str]) -> None:
    assert list(read(save(frame().set_index("a"), "parquet"), target="y").x.columns) == ["c", "a"]


def test_arrays_of_a_file_and_of_python_are_the_same(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(N, 3)).astype(np.float32)
    np.savez(tmp_path / "d.npz", x=x, y=ALL % 2, g=ALL // 2, w=ALL + 1.0)
    found = read(str(tmp_path / "d.npz"), group="g", weight="w")
    again = from_arrays(x, ALL % 2, groups=ALL // 2, weights=ALL + 1)
    for part in ("x", "y", "groups", "weights"):
        np.testing.assert_array_equal(getattr(found, part), getattr(again, part))
    assert found.x.dtype == np.float64
    np.testing.assert_array_equal(found.groups[::2], found.groups[1::2])
    encode = encoder(found, ALL[:30])
    np.testing.assert_allclose(encode(ALL[:30]).mean(axis=0), 0, atol=1e-6)
    assert encode.columns == ("x0", "x1", "x2")


def test_images_of_an_array_are_standardised_as_a_whole() -> None:
    x = np.random.default_rng(0).integers(0, 255, size=(N, 4, 4, 1), dtype=np.uint8)
    found = from_arrays(x, ALL % 2)
    encoded = encoder(found, ALL)(ALL)
    assert found.kind == "image"
    assert encoded.shape == (N, 4, 4, 1)
    np.testing.assert_allclose((encoded.mean(), encoded.std()), (0, 1), atol=1e-6)


def test_an_array_with_missing_values_is_read_by_column() -> None:
    x = np.random.default_rng(0).normal(size=(N, 2))
    x[3, 1] = np.nan
    found = from_arrays(x, ALL % 2)
    assert encoder(found, ALL).columns == ("x0", "x1", "x1: missing")
    assert "x holds missing values" in found.notices[0]


def test_what_is_masked_is_missing() -> None:
    x = np.ma.masked_array(np.arange(N * 2.0).reshape(N, 2), mask=np.arange(N * 2).reshape(N, 2) % 7 == 0)
    found = from_arrays(x, np.ma.masked_array(ALL % 2, mask=ALL == 5))
    assert found.x.isna().to_numpy().sum() == x.mask.sum() - x.mask[5].sum()
    assert found.notices[1] == "Left out 1 row without a target."


def _folder(root: Path, sizes: dict[str, list[tuple[int, int]]], mode: str = "L") -> Path:
    rng = np.random.default_rng(0)
    for name, each in sizes.items():
        (root / name).mkdir(parents=True)
        for number, (wide, high) in enumerate(each):
            pixels = rng.integers(0, 256, size=(high, wide, 3), dtype=np.uint8)
            Image.fromarray(pixels).convert(mode).save(root / name / f"{number}.png")
    return root


def test_a_folder_of_images(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "d", {"cat": [(40, 30)] * 10, "dog": [(16, 20)] * 11})
    (folder / "cat" / "notes.txt").write_text("no image")
    (folder / "cat" / "broken.png").write_bytes((folder / "cat" / "0.png").read_bytes()[:100])
    (folder / "cat" / ".hidden").write_text("passed over")
    (folder / "empty").mkdir()
    found = read(str(folder), images=True, image_side=8)
    assert found.x.shape == (21, 8, 8, 1)
    assert (found.labels, found.y.tolist()) == (("cat", "dog"), [0] * 10 + [1] * 11)
    assert found.notices == (
        "Left out 2 files that cannot be read as an image: 'cat/broken.png', 'cat/notes.txt'.",
        "No image in 1 sub-folder: 'empty'.",
    )
    original = np.asarray(Image.open(folder / "cat" / "0.png"), dtype=np.float64)
    assert found.x[0].mean() == pytest.approx(original.mean(), abs=0.5)


def test_images_stay_as_they_are_unless_larger_and_one_in_colour_makes_all_so(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "d", {"a": [(6, 6)] * 10, "b": [(6, 6)] * 10})
    Image.new("RGBA", (6, 6), (255, 0, 0, 255)).save(folder / "b" / "red.png")
    found = read(str(folder), images=True)
    assert found.x.shape == (21, 6, 6, 3)
    assert found.x[-1, 0, 0].tolist() == [255, 0, 0]
    np.testing.assert_array_equal(found.x[0, :, :, 0], np.asarray(Image.open(folder / "a" / "0.png")))


def test_images_of_sixteen_bits_keep_their_range(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "d", {"a": [(4, 4)] * 10, "b": [(4, 4)] * 10})
    Image.fromarray(np.full((4, 4), 128 * 257, dtype=np.uint16)).save(folder / "a" / "deep.png")
    assert (read(str(folder), images=True).x == 128).all(axis=(1, 2, 3)).sum() == 1


def test_identical_images_share_a_group(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "d", {"a": [(4, 4)] * 11, "b": [(4, 4)] * 11})
    (folder / "a" / "copy.png").write_bytes((folder / "b" / "0.png").read_bytes())
    assert len(np.unique(read(str(folder), images=True).groups)) == 22


def fetched(monkeypatch: pytest.MonkeyPatch, outcome: Any) -> dict[str, Any]:
    """Put `outcome` in the place of what scikit-learn fetches or raises; returns how it was asked."""
    asked: dict[str, Any] = {}

    def fetch(**options: Any) -> Any:
        asked.update(options)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr("experiments.tasks.files.openml.fetch_openml", fetch)
    return asked


def test_openml_by_name_and_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = fetched(monkeypatch, SimpleNamespace(frame=frame(), target_names=["y"]))
    assert read("openml:credit-g").labels == ("no", "yes")
    assert asked["name"] == "credit-g"
    assert read("openml:31", target="c", positive="z").labels == ("not z", "z")
    assert asked["data_id"] == 31


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (urllib.error.URLError(OSError(-2, "Name or service not known")), "needs a network"),
        (TimeoutError("timed out"), "needs a network"),
        (urllib.error.HTTPError("u", 412, "no", {}, io.BytesIO()), "no active data set 'zz'"),  # type: ignore[arg-type]
        (ValueError("Dataset zz with version 1 not found."), "no active data set 'zz'"),
        (ValueError("Sparse ARFF datasets\ncannot be loaded"), "Sparse ARFF datasets cannot be loaded"),
    ],
)
def test_openml_out_of_reach(monkeypatch: pytest.MonkeyPatch, error: Exception, said: str) -> None:
    fetched(monkeypatch, error)
    refused("openml:zz", said)
    refused("openml:", "openml:credit-g")
    refused("openml:zz", "Leave out --images", images=True)


# --- the target, groups and weights ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "positive", "labels"),
    [
        (["no", "yes"], None, ("no", "yes")),
        (["no", "yes"], "no", ("yes", "no")),
        (["no", "yes"], " YES ", ("no", "yes")),
        ([10, 9], None, ("9", "10")),
        ([1, 0], "1.0", ("0", "1")),
        ([True, False], "true", ("False", "True")),
        (["10", "9"], "9.0", ("10", "9")),
        (["<script>alert(1)</script>", "b"], None, ("<script>alert(1)</script>", "b")),
        (["-", "+"], None, ("+", "-")),
        (["None", "some"], None, ("None", "some")),
    ],
)
def test_two_classes(save: Callable[..., str], values: list[Any], positive: str | None, labels: Any) -> None:
    y = [values[number % 2] for number in range(N)]
    for found in (
        from_arrays(frame()[["a"]], y, positive=positive),
        read(save(frame(y=y)), target="y", positive=positive),
    ):
        assert found.labels == labels
        assert [labels[number] for number in found.y] == [str(value) for value in y]


def test_whole_numbers_are_written_as_such(save: Callable[..., str]) -> None:
    y = ALL % 2 + 0.0
    assert from_arrays(frame()[["a"]], y, positive=0).labels == ("1", "0")
    assert read(save(frame(y=y), "parquet"), target="y", positive="1").labels == ("0", "1")


def test_one_class_against_the_rest(save: Callable[..., str]) -> None:
    path = save(frame())
    found = read(path, target="c", positive="x")
    assert found.labels == ("not x", "x")
    np.testing.assert_array_equal(found.y, ALL % 3 == 0)
    refused(path, "3 classes: 'x', 'y', 'z'", "--positive LABEL", target="c")
    refused(path, "no class 'w'", "'x', 'y', 'z'", target="c", positive="w")
    refused(path, "60 classes", "looks like a measure", target="a")


def test_rows_without_a_target_are_left_out(save: Callable[..., str]) -> None:
    y = ["no", "yes", "", "NaN", " "] * 12
    found = read(save(frame(y=y)), target="y")
    assert found.notices == ("Left out 36 rows without a target.",)
    assert len(found.x) == len(found.y) == 24
    np.testing.assert_allclose(found.x["a"], frame()["a"][ALL % 5 < 2])
    refused(save(frame(y=[None] * N)), "missing in every row", target="y")
    refused(save(frame(y="no")), "only one class, 'no', in 60 rows", target="y")


def test_identical_rows_and_rows_of_one_group_stay_together() -> None:
    a = ALL.astype(float) % 50 * 0.1  # rows 0 and 50, 1 and 51, ... are identical
    groups = [f"g{number}" for number in ALL // 2]  # rows 0 and 1, 2 and 3, ...
    x = pd.DataFrame({"a": a, "c": "k"})
    alone = from_arrays(x, ALL % 2)
    both = from_arrays(x, ALL % 2, groups=groups)
    assert alone.groups[0] == alone.groups[50] != alone.groups[1]
    assert len(np.unique(alone.groups)) == 50
    assert len({both.groups[row] for row in (0, 1, 50, 51)}) == 1  # 0 with 50, 50 with 51, 51 with 1
    assert len(np.unique(both.groups)) == 25
    assert both.groups.dtype == np.int64


def test_missing_values_and_signs_of_zero_do_not_part_identical_rows() -> None:
    rows = pd.DataFrame({"a": [0.0, -0.0, np.nan, np.nan, *ALL[4:]], "c": ["p", "p", None, "", *"q" * (N - 4)]})
    groups = from_arrays(rows, ALL % 2).groups
    assert groups[0] == groups[1]
    assert groups[2] == groups[3]
    assert len(np.unique(groups)) == N - 2


def test_identical_rows_are_those_equal_in_every_column() -> None:
    values = np.random.default_rng(0).choice([0.0, 1.0, 2.5, np.nan], size=(400, 4))
    found = from_arrays(pd.DataFrame(values), np.arange(400) % 2).groups
    rows = [tuple(map(str, row)) for row in values]
    assert len(set(zip(rows, found, strict=True))) == len(set(rows)) == len(set(found)) < 257


def test_group_and_weight_are_no_features(save: Callable[..., str]) -> None:
    path = save(frame(g=ALL // 3, w=1.5))
    found = read(path, target="y", group="g", weight="w")
    assert list(found.x.columns) == ["a", "c"]
    assert found.weights is not None
    assert found.weights.tolist() == [1.5] * N


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ([-1.0, *[1.0] * (N - 1)], "negative in 1 row"),
        ([np.inf, *[1.0] * (N - 1)], "infinite in 1 row"),
        ([np.nan, np.nan, *[1.0] * (N - 2)], "missing in 2 rows"),
        ([0] * N, "0 in every row"),
        (["heavy"] * N, "must be numbers"),
    ],
)
def test_weights_that_cannot_be(save: Callable[..., str], weights: list[Any], said: str) -> None:
    refused(save(frame(w=weights)), "'w' (--weight)", said, target="y", weight="w")


def test_columns_that_are_not_there(save: Callable[..., str]) -> None:
    path = save(frame(g=[None, 1] * 30, **{f"column {number}": 1 for number in range(30)}))
    refused(path, "no column 'Y'", "Did you mean 'y'?", "--target", target="Y")
    refused(path, "no column 'colum 7'", "'column 7'", "(34 in all)", "--group", target="y", group="colum 7")
    refused(path, "--weight", target="y", weight="none")
    refused(path, "Name it with --target: 'a', 'c', 'y'")
    refused(path, "cannot be both --target and --group", target="y", group="y")
    refused(path, "'g' (--group) is missing in 30 rows", target="y", group="g")
    refused(save("1,2,3\n4,5,6\n"), "first line looks like data", target="y")


def test_too_few_rows_or_groups(save: Callable[..., str]) -> None:
    refused(
        save(frame()[:10]), "Class 'no' has 5 rows (of 10 rows)", "10 different rows of each", "20 rows", target="y"
    )
    rare = np.where(ALL % 3 == 0, "no", "yes")
    repeated = np.where(ALL % 3 == 0, ALL % 8, ALL + 0.5)
    refused(save(frame(a=repeated, c="k", y=rare)), "20 rows, but only 8 different rows", target="y")
    refused(save(frame(g=ALL // 6)), "10 groups of each", target="y", group="c")
    assert len(read(save(frame()[:20]), target="y").y) == 20


@pytest.mark.parametrize("seed", range(5))
def test_the_fewest_rows_that_are_taken_can_be_split(seed: int) -> None:
    found = from_arrays(frame()[["a"]][:20], ALL[:20] % 2)
    parts = split(Data(x=np.zeros((20, 1)), y=found.y, groups=found.groups), seed, "own")
    assert all(len(np.unique(found.y[rows])) == 2 for rows in (parts.train, parts.validation, parts.test))


# --- columns ---------------------------------------------------------------------------------------------------------


def test_columns_that_carry_nothing_are_dropped(save: Callable[..., str]) -> None:
    made = frame(
        empty=None,
        always=7,
        word="same",
        passenger_id=ALL[::-1] * 3,
        code=[f"K {number}" for number in ALL],
    )
    made.insert(0, "", ALL)  # as pandas writes a frame with its index
    found = read(save(made), target="y")
    assert list(found.x.columns) == ["a", "c"]
    assert set(found.notices) == {
        "Dropped 1 column (all missing): 'empty'.",
        "Dropped 2 columns (constant): 'always', 'word'.",
        "Dropped 1 column (row numbers): 'column 1'.",
        "Dropped 1 column (ids): 'passenger_id'.",
        "Dropped 1 column (names or ids): 'code'.",
    }
    refused(save(made[["always", "y"]]), "No usable column is left", "(constant): 'always'", target="y")
    refused(save(made[["code", "y"]]), "ids): 'code'. If 'code' is text, name it with --text.", target="y")
    refused(save(made[["y"]]), "No usable column is left", target="y")


def test_whole_numbers_that_are_no_ids_are_kept() -> None:
    made = pd.DataFrame({"paid": ALL[::-1] * 3, "width_id": ALL // 2, "half": ALL / 2, "gap": ALL + (ALL > 30)})
    assert list(from_arrays(made, ALL % 2).x.columns) == list(made.columns)


def test_marks_for_what_is_missing(save: Callable[..., str]) -> None:
    text = ["?", "n/a", "", "-", *(f"{number / 7:.3f}" for number in range(N - 4))]
    found = read(save(frame(t=text)), target="y")
    assert found.x["t"].dtype == np.float64
    assert found.x["t"].isna().sum() == 4
    assert "t: missing" in encoder(found, ALL).columns
    assert found.x["t"].iloc[4:].tolist() == pytest.approx([round(number / 7, 3) for number in range(N - 4)])


def test_stray_text_among_numbers_is_named(save: Callable[..., str]) -> None:
    text = ["twelve", "12 kg", *(str(number / 7) for number in range(N - 2))]
    refused(save(frame(t=text)), "column 't' holds numbers, but also text in 2 rows", "'twelve'", target="y")
    few = np.where(ALL % 15 == 0, "3+", (ALL % 3).astype(str))  # few numbers: labels
    assert read(save(frame(t=few)), target="y").x["t"].cat.categories.tolist() == ["0", "1", "2", "3+"]


@pytest.mark.parametrize("values", [[np.inf, -np.inf], ["inf", "-Infinity"]])
def test_infinite_values_are_counted(save: Callable[..., str], values: list[Any]) -> None:
    a = [*values, *np.linspace(0, 1, N - 2)]
    refused(save(frame(a=a)), "column 'a' holds 2 infinite values", target="y")
    refused(
        save(frame(a=["x", *["3"] * (N - 1)])[["c", "y"]].assign(a=[1e308, *ALL[1:]])), "beyond ±1e+100", target="y"
    )
    with pytest.raises(UserError, match="x holds 1 value that are missing or infinite"):
        from_arrays(np.array([[np.inf], *[[1.0]] * (N - 1)]), ALL % 2)


DAYS = pd.Timestamp("2021-03-30") + pd.to_timedelta(ALL % 40, unit="D")


@pytest.mark.parametrize(
    "written",
    [
        DAYS,
        DAYS.strftime("%Y-%m-%d"),
        DAYS.strftime("%d/%m/%Y"),
        DAYS.strftime("%m/%d/%Y"),
        DAYS.strftime("%d.%m.%Y"),
        DAYS.strftime("%d-%b-%Y"),
        DAYS.strftime("%Y-%m-%dT%H:%M:%SZ"),
        DAYS.strftime("%m/%d/%Y %I:%M %p"),
        DAYS.tz_localize("Asia/Tokyo").tz_convert("UTC") + pd.Timedelta(hours=9),
    ],
)
def test_dates_become_days_months_and_weekdays(written: pd.Index) -> None:
    found = table(when=written)
    encode = encoder(found, ALL)
    at = [encode.columns.index(f"when: {part}") for part in ("days", "month", "weekday")]
    days = np.array([(day - pd.Timestamp("1970-01-01")).days for day in DAYS])
    for column, part in zip(at, (days, DAYS.month, DAYS.day_of_week), strict=True):
        expected = (part - np.mean(part)) / np.std(part)
        np.testing.assert_allclose(encode(ALL)[:, column], expected, atol=1e-5)


def test_dates_that_could_be_read_both_ways_are_said() -> None:
    both = [f"{number % 12 + 1}/{number % 7 + 1}/2020" for number in ALL]
    assert "is read with the month first, and would fit both ways" in table(when=both).notices[0]
    some = [*both[:-1], "soon"]
    assert "has 1 row that is no date" in table(when=some).notices[0]
    assert table(when=[*both[:20], *["soon"] * 40]).x["when"].dtype == "category"


def test_rare_categories_share_a_column() -> None:
    common = [f"k{number % 3}" for number in range(50)]
    found = table(k=[*common, *["r1"] * 4, *["r2"] * 4, None, ""])
    assert found.x["k"].cat.categories.tolist() == ["k0", "k1", "k2", "(other)", "(missing)"]
    assert found.x["k"].value_counts().loc[["(other)", "(missing)"]].tolist() == [8, 2]
    assert "rare values" in found.notices[0]
    one = table(k=["k0"] * 30 + ["k1"] * 28 + ["r1"] * 2)
    assert (one.x["k"].cat.categories.tolist(), one.notices) == (["k0", "k1", "r1"], ())


def test_booleans_are_categories_and_spans_are_numbers() -> None:
    made = table(
        b=ALL % 4 == 0, maybe=pd.array([True, False, None] * 20, dtype="boolean"), t=pd.to_timedelta(ALL, "min")
    )
    names = encoder(made, ALL).columns
    assert {"b=False", "b=True", "maybe=(missing)"} <= set(names)
    np.testing.assert_allclose(made.x["t"], ALL * 60)


def test_values_of_no_kind_are_dropped() -> None:
    found = table(lists=[[1]] * N, imaginary=ALL * 1j, raw=[b"x"] * N)
    assert found.notices == (
        "Dropped 1 column (values of type list): 'lists'.",
        "Dropped 1 column (complex numbers): 'imaginary'.",
        "Dropped 1 column (values of type bytes): 'raw'.",
    )


def test_values_at_the_edge_of_what_can_be_held() -> None:
    """Each was found by the fuzz tests: old dates, half a surrogate pair, NaN that warn or raise when touched."""
    old = [datetime.datetime(21, 5, 31), datetime.datetime(1140, 6, 20)] * 30
    far = np.where(ALL % 2, 10**18, 0).astype("datetime64[s]")  # thirty milliard years
    loud = [Decimal("sNaN"), *map(Decimal, range(1, N))]
    half = pd.Series(["\ud800", "b"] * 30, dtype=object)
    quiet = np.where(ALL % 3, np.uint16(0x3C00), np.uint16(0x7C01)).view(np.float16)  # 1, and a signalling NaN
    x = pd.DataFrame({"a": ALL / 7, "old": old, "far": far, "loud": loud, "half": half, "quiet": quiet})
    names = pd.Index(["a", "old", "far", "loud", "half \udfff", "quiet"], dtype=object)
    found = from_arrays(x.set_axis(names, axis=1), half)
    assert found.labels == ("?", "b")
    assert list(found.x.columns) == ["a", "old", "far", "loud", "half ?", "quiet"]
    assert found.x.isna().sum().tolist() == [0, 0, 30, 1, 0, 20]
    assert np.isfinite(encoder(found, ALL)(ALL)).all()
    raw = encoder(found, ALL, scale="none")
    days = raw(ALL)[:, raw.columns.index("old: days")]
    assert days[1] - days[0] == (old[1] - old[0]).days
    images = np.full((N, 2, 2), 0x7F800001, dtype=np.uint32).view(np.float32)
    with pytest.raises(UserError, match="x holds 240 values that are missing"):
        from_arrays(images, ALL % 2)


# --- encoding --------------------------------------------------------------------------------------------------------


def test_the_training_rows_alone_decide_the_encoding() -> None:
    made = frame(c=["x"] * 30 + ["y"] * 30)
    made.loc[0:4, "a"] = np.nan
    train = ALL[:30]
    before = encoder(from_arrays(made[["a", "c"]], made["y"]), train)(train)
    made.loc[30:, "a"] *= 1000
    after = encoder(from_arrays(made[["a", "c"]], made["y"]), train)(train)
    np.testing.assert_array_equal(before, after)
    a = made["a"][:30]
    filled = a.fillna(a.median())
    np.testing.assert_allclose(before[:, 0], (filled - filled.mean()) / filled.std(ddof=0), rtol=1e-5)


def test_a_category_that_training_has_not_seen_is_zeros() -> None:
    found = table(c=["x"] * 20 + ["y"] * 20 + ["z"] * 20)
    encode = encoder(found, ALL[:40])
    at = [encode.columns.index(f"c={name}") for name in "xyz"]
    encoded = encode(ALL)[:, at]
    np.testing.assert_array_equal(encoded[[0, 20, 40]], [[1, 0, 0], [0, 1, 0], [0, 0, 0]])


def test_the_width_is_the_same_for_every_training_part() -> None:
    found = table(c=list("xyz") * 20, m=[np.nan, *ALL[1:]], when=[None, *DAYS[1:]])
    encoders = [encoder(found, rows) for rows in (ALL[:10], ALL[30:31], ALL)]
    assert len({encode.columns for encode in encoders}) == 1
    assert {encode(ALL).shape for encode in encoders} == {(N, len(encoders[0].columns))}
    assert encoders[0](ALL[:0]).shape == (0, len(encoders[0].columns))
    assert encoders[0].columns.count("m: missing") == encoders[0].columns.count("when: missing") == 1


def test_what_is_constant_in_training_is_finite() -> None:
    made = pd.DataFrame({"a": [0.0] * 30 + [1e90] * 30, "tiny": np.where(ALL < 30, 1e-200, 2e-200), "b": ALL / 7})
    made["fine"] = 1e-200 * (1 + ALL % 2)  # its square is 0
    for x in (made, made.to_numpy()):
        encoded = encoder(from_arrays(x, ALL % 2), ALL[:30])(ALL)
        assert np.isfinite(encoded).all()
        assert encoded.dtype == np.float32
        np.testing.assert_array_equal(encoded[:30, :2], 0)


def test_a_category_that_is_rare_in_training_counts_as_rare() -> None:
    """r has nine rows in the table, and its own feature, but two of them in this training part."""
    levels = np.array([*["k0"] * 25, *["k1"] * 25, *["r"] * 5, *["s", "t"] * 2, "k0"])
    found = table(c=levels)
    train = np.r_[0:50, 50:52, 55:58]
    encode, whole = encoder(found, train), encoder(found, ALL)
    assert encode.columns == whole.columns
    own, other = (encode.columns.index(f"c={name}") for name in ("r", "(other)"))
    np.testing.assert_array_equal(encode(ALL)[50:55][:, [own, other]], [[0, 1]] * 5)
    np.testing.assert_array_equal(whole(ALL)[50:55][:, [own, other]], [[1, 0]] * 5)


def test_the_most_frequent_of_many_categories_are_those_of_the_training_rows() -> None:
    """40 levels of 12 rows each: which 30 of them have features, and which of those are rare, the training rows say."""
    level, turn = np.arange(480) % 40, np.arange(480) // 40
    found = from_arrays(pd.DataFrame({"k": [f"k{number:02}" for number in level]}), turn % 2)
    assert "or not among its 30 most frequent" in found.notices[0]
    for first, rare in ((0, 39), (10, 0)):
        common = (level >= first) & (level < first + 30)
        encode = encoder(found, np.flatnonzero(common | ((level == rare) & (turn < 4))))
        one_of_each = encode(np.arange(40))
        assert one_of_each.shape == (40, 31)
        np.testing.assert_array_equal(one_of_each[first : first + 30, :30], np.eye(30))
        others = np.delete(one_of_each, np.arange(first, first + 30), axis=0)
        np.testing.assert_array_equal(others, [[*[0] * 30, 1]] * 10)
    assert encoder(found, np.flatnonzero(turn < 4))(np.arange(40))[:, -1].all()  # four rows of each: all are rare


def test_what_does_not_vary_in_training_is_zero_everywhere() -> None:
    """Its weights never train: what they happened to start from must not speak of other rows."""
    days = pd.to_datetime(["2020-03-01"] * 30 + ["2021-07-09"] * 30)
    found = table(a=np.where(ALL < 30, 3.0, 9.0), when=days)
    encode = encoder(found, ALL[:30])
    assert not encode(ALL)[:, [encode.columns.index(name) for name in ("a", "when: days", "when: month")]].any()
    assert encoder(found, ALL[:31])(ALL)[:, encode.columns.index("a")].any()
    raw = encoder(found, ALL[:30], scale="none")
    assert raw(ALL)[[0, 59], raw.columns.index("a")].tolist() == [3, 9]


def test_a_gap_that_training_has_not_seen_says_nothing() -> None:
    found = table(m=[np.nan, *ALL[1:]])
    at = encoder(found, ALL).columns.index("m: missing")
    assert encoder(found, ALL)(ALL)[:2, at].tolist() == [1, 0]
    assert not encoder(found, ALL[30:])(ALL)[:, at].any()


GOOD = "so good and very nice food here", "我们都非常喜欢这家酒店"
BAD = "really bad and quite dirty rooms", "服务太差下次不会再来"


@pytest.mark.parametrize("script", [0, 1])
def test_a_column_of_text_is_features_of_its_words(script: int) -> None:
    made = table(review=[f"{(BAD, GOOD)[number % 2][script]} {number:x}{number:b}" for number in ALL])
    assert made.notices == ()
    train = ALL[:40]
    encode = encoder(made, train)
    at = [place for place, name in enumerate(encode.columns) if name.startswith("review: text ")]
    assert len(at) == 30
    values = encode(ALL)[:, at]
    seen = values[40:][:, values[40:].std(axis=0) > 0]
    apart = [abs(np.corrcoef(feature, ALL[40:] % 2)[0, 1]) for feature in seen.T]
    assert max(apart) > 0.99
    assert isinstance(made.x, pd.DataFrame)
    made.x.loc[ALL[40:], "review"] = "other words in what is held out"
    np.testing.assert_array_equal(encoder(made, train)(train)[:, at], values[:40])


def test_text_without_a_word_in_training_is_zeros() -> None:
    made = table(review=[f"some words {number} here" if number > 20 else "" for number in ALL])
    encode = encoder(made, ALL[:20])
    at = [place for place, name in enumerate(encode.columns) if name.startswith("review: text ")]
    assert len(at) == 30
    assert not encode(ALL)[:, at].any()


def test_an_encoder_needs_rows() -> None:
    with pytest.raises(ValueError, match="at least one training row"):
        encoder(table(), ALL[:0])


# --- files that are not what they should be --------------------------------------------------------------------------


def test_places_that_hold_no_data(tmp_path: Path, save: Callable[..., str]) -> None:
    refused(str(tmp_path / "none.csv"), "There is no file", "none.csv'")
    refused(str(tmp_path / "no" / "none.csv"), "does not exist either")
    refused(str(tmp_path), "is a folder", "--images")
    refused(save(""), "is empty")
    refused(save("\n \n"), "nothing but blank lines")
    refused(save("a,y\n"), "has no rows", target="y")
    refused(save(b"PK", "xlsx"), "'.xlsx'", ".csv, .csv.gz, .tsv", ".parquet", ".npz", "openml:NAME")
    refused(save(b"", "csv.zip"), "'.zip'")
    refused("https://example.org/a.csv", "is an address", "Download it")
    refused(os.devnull, "no regular file")
    refused(save(frame()), "is no folder", images=True)
    refused("a\0b.csv", "no file 'a\\x00b.csv'")
    refused(f"{'a' * 5000}.csv", "cannot be opened: File name too long")


def test_options_that_cannot_be(save: Callable[..., str]) -> None:
    path = save(frame())
    for side in (0, 3, 10**6, 2.5):
        refused(path, "side of the images", target="y", image_side=side)
    for limit in (0.0, -1.0, float("nan")):
        refused(path, "memory limit", target="y", memory_gib=limit)


def test_text_that_is_no_table(save: Callable[..., str]) -> None:
    refused(save("a,b,a,y\n1,2,3,no\n"), "same name: 'a'", "'a_2'", target="y")
    refused(save("a,b,y\n1,2,no\n3,yes\n"), "Row 3 of", "has 2 values where the first has 3", target="y")
    refused(save("a,b,y\n1,2,no,3\n"), "Row 2 of", "has 4 values where the first has 3", target="y")
    refused(save('a,b,y\n"1,2,no\n3,4,no\n'), "values where the first has 3", target="y")
    refused(save(b"a,y\n1\0,no\n"), "is no text", target="y")


@pytest.mark.parametrize("lines", [1, 300_000])
def test_text_that_is_not_utf8(save: Callable[..., str], lines: int) -> None:
    before = "a,y\n" + "é,1\n" * lines  # more than one block of what is read at a time
    data = before.encode() + "é,1\n".encode("latin1")
    refused(save(data), f"byte 0xe9 at position {len(data) - 4:,}, line {lines + 2:,}", "UTF-8", target="y")
    refused(save(data[:-4] + b"\xc3"), f"byte 0xc3 at position {len(data) - 4:,}, line {lines + 2:,}", target="y")
    split = b"a,y\n" + b"x" * (2**20 - 5) + "é".encode() + b"\xe9,1\n"  # the é lies on the border of two blocks
    refused(save(split), "byte 0xe9 at position 1,048,577, line 2", target="y")
    refused(save("a,y\n1,2\n".encode("utf-16")), "looks like UTF-16", target="y")


def test_a_large_file_is_refused_before_it_is_read(tmp_path: Path, save: Callable[..., str]) -> None:
    path = tmp_path / "large.csv"
    with path.open("wb") as file:
        file.truncate(5 * 2**30)  # holds nothing: no block of it is on disk
    refused(str(path), "needs about 20.0 GiB of memory", "the limit is 4 GiB", "Parquet", target="y")
    refused(str(path), "the limit is 0.5 GiB", target="y", memory_gib=0.5)
    packed = save(b"a,y\n" + b"1,2\n" * 10**6, "csv.gz")
    assert Path(packed).stat().st_size < 10_000
    refused(packed, "or more as text", target="y", memory_gib=1e-4)
    refused(save(frame(), "parquet"), "as columns", target="y", memory_gib=1e-6)
    wide = pd.DataFrame({f"c{number}": [f"k{row % 29}" for row in range(N * 5)] for number in range(30)})
    refused(
        save(wide.assign(a=np.arange(N * 5) / 7, y=np.arange(N * 5) % 2)), "as numbers", target="y", memory_gib=0.004
    )


@pytest.mark.parametrize("ending", ["csv", "tsv", "csv.gz", "parquet"])
def test_of_a_table_that_is_too_large_rows_are_drawn(save: Callable[..., str], ending: str) -> None:
    """As many as the memory holds, whole and in their order, every part of the file alike, and read as all would be."""
    n = 60_000
    rng = np.random.default_rng(0)
    numbers = np.arange(n)
    made = pd.DataFrame({"at": numbers + 0.5, "twice": 2.0 * numbers + 1, "c": rng.choice(["x", "y, z"], n)})
    made["y"] = np.where(rng.random(n) < 0.3, "yes", "no")
    path = save(made, ending)
    found = read(path, target="y", memory_gib=0.012)
    assert isinstance(found.x, pd.DataFrame)
    assert f"Of 60,000 rows {len(found.y):,}, drawn at random, are kept" in found.notices[0]
    assert 2_000 <= len(found.y) < n / 2
    assert (np.diff(found.x["at"]) > 0).all()
    np.testing.assert_array_equal(found.x["twice"], 2 * found.x["at"])
    assert np.histogram(found.x["at"], bins=4, range=(0, n))[0] == pytest.approx(len(found.y) / 4, rel=0.15)
    assert found.y.mean() == pytest.approx(0.3, abs=0.05)
    assert set(found.x["c"]) == {"x", "y, z"}
    assert list(found.y) == list((made["y"] == "yes")[(found.x["at"] - 0.5).astype(int)])
    again = read(path, target="y", memory_gib=0.012)
    assert again.x["at"].equals(found.x["at"])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the highest memory of a process is read on Linux")
def test_reading_takes_about_the_memory_that_is_said(save: Callable[..., str]) -> None:
    """The estimate and what reading really takes are of one size; the fixed cost of libraries is in the latter."""
    rng = np.random.default_rng(0)
    numbers = {f"n{number}": rng.normal(size=15_000) for number in range(20)}
    words = {f"w{number}": rng.choice(["red", "green", "blue"], size=15_000) for number in range(5)}
    path = save(pd.DataFrame({**numbers, **words, "y": np.arange(15_000) % 2}))
    program = f"""
import pathlib, re
from experiments.tasks.files import csv, read
needed = []
csv.require_memory = lambda source, size, *rest: needed.append(size)
highest = lambda: int(re.search(r"VmHWM:\\s*(\\d+)", pathlib.Path("/proc/self/status").read_text())[1])
start = highest()
read({path!r}, target="y")
print(max(needed) / 1024 / (highest() - start))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert 0.5 < float(done.stdout) < 3


def test_files_that_are_damaged(tmp_path: Path, save: Callable[..., str]) -> None:
    refused(save(b"not parquet at all", "parquet"), "cannot be read as Parquet", target="y")
    sound = Path(save(frame(), "parquet")).read_bytes()
    refused(save(sound[:-20], "parquet"), "cannot be read as Parquet", target="y")
    refused(save(b"not an archive", "npz"), "cannot be read as NPZ", "numpy.savez")
    path = tmp_path / "packed.csv.gz"
    path.write_bytes(gzip.compress(frame().to_csv().encode())[:-30])
    refused(str(path), "cannot be read", target="y")
    path.write_bytes(b"plain text")
    refused(str(path), "cannot be read", "gzip", target="y")


def test_parquet_of_other_programs(tmp_path: Path) -> None:
    path = str(tmp_path / "d.parquet")
    a = pa.array(frame()["a"])
    pq.write_table(pa.Table.from_arrays([a, a, a], names=["a", "y", "a"]), path)
    refused(path, "same name: 'a'", target="y")
    y = pa.array([Decimal(number % 2) for number in range(N)])
    days = pa.array(DAYS.date)
    nested = pa.array([{"k": 1}] * N)
    coded = pa.array(frame()["c"].tolist()).dictionary_encode()
    columns = {"a": a, "days": days, "nested": nested, "coded": coded, "y": y}
    pq.write_table(pa.table(columns), path)
    found = read(path, target="y")
    assert found.x.dtypes.astype(str).tolist() == ["float64", "datetime64[us]", "category"]
    assert found.notices == ("Dropped 1 column (values of type dict): 'nested'.",)


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.write_text, (self.path, "run"))


def test_nothing_is_ever_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "d.npz"
    np.savez(path, x=np.array([Trap(tmp_path / "ran")] * N, dtype=object), y=ALL % 2)
    refused(str(path), "'x'", "Python objects, which are not read")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x": np.ones((N, 2))}, "called 'y'. Known: 'x'."),
        ({"y": ALL % 2}, "called 'x'. Known: 'y'."),
        ({"x": np.ones((N, 2)), "y": ALL[1:] % 2}, "x has 60 rows and y has 59"),
        ({"x": np.array([["a"]] * N), "y": ALL % 2}, "It must be numbers"),
        ({"x": np.ones((N, 2)) * 1j, "y": ALL % 2}, "It must be numbers"),
        ({"x": np.ones(N), "y": ALL % 2}, "x has the shape (60,). It must be (rows, features)"),
        ({"x": np.ones((N, 0)), "y": ALL % 2}, "it holds no values"),
        ({"x": np.ones((N, 2)), "y": np.ones((N, 2))}, "y has the shape (60, 2)"),
        ({"x": np.ones((N, 2)), "y": ALL % 2}, "the same in every row"),
        ({"x": np.full((N, 2, 2), np.nan), "y": ALL % 2}, "missing or infinite"),
    ],
)
def test_arrays_that_cannot_be(tmp_path: Path, arrays: dict[str, np.ndarray], said: str) -> None:
    np.savez(tmp_path / "d.npz", **arrays)
    refused(str(tmp_path / "d.npz"), said)


def test_folders_without_classes(tmp_path: Path) -> None:
    refused(str(tmp_path), "has 0 sub-folders", "one a class", images=True)
    (tmp_path / "a").mkdir()
    refused(str(tmp_path), "has 1 sub-folder ('a')", images=True)
    (tmp_path / "b").mkdir()
    refused(str(tmp_path), "hold no image", images=True)
    _folder(tmp_path / "three", {name: [(4, 4)] * 10 for name in "abc"})
    refused(str(tmp_path / "three"), "3 classes: 'a', 'b', 'c'", images=True)
    assert read(str(tmp_path / "three"), images=True, positive="b").labels == ("not b", "b")
    refused(str(tmp_path / "three"), "leave out --target, --weight", images=True, target="a", weight="b")
    refused(str(tmp_path / "three"), "as images", images=True, positive="b", memory_gib=1e-6)


def test_names_that_would_break_a_line_are_shown_on_one(save: Callable[..., str]) -> None:
    made = frame().rename(columns={"a": "x\ny"}).assign(k=1).rename(columns={"k": "<script>alert(1)</script>"})
    found = read(save(made), target="y")
    assert found.notices == ("Dropped 1 column (constant): '<script>alert(1)</script>'.",)
    refused(save(made), "'x\\ny'", target="no")


def test_reading_data_starts_no_framework() -> None:
    program = (
        "import sys, experiments.tasks.files\nprint(*{'tensorflow', 'keras', 'torch', 'jax'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
