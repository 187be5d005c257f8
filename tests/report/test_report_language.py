"""The language of the report: plain names in both languages, and no identifier of a table in what people read."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
import synthetic_tables as synthetic
from page_prose import KINDS, identifiers, left_in_english, prose

from experiments.claims import verdicts
from experiments.claims.phrasing import PHRASES
from experiments.claims.phrasing import STRINGS as CLAIM_STRINGS
from experiments.comparison.language import STRINGS as COMPARISON_STRINGS
from experiments.figures.lettering import STRINGS as FIGURE_STRINGS
from experiments.messages import LANGUAGES, NAMES, Messages, catalogue
from experiments.numerics.pathologies import PATHOLOGIES
from experiments.report import CATALOGUES
from experiments.report.reference import REFERENCE, ROOT
from experiments.report.sections.claims import with_display_names


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic.built(tmp_path_factory)


@pytest.mark.parametrize("name", ["report.html", "report.zh.html"])
def test_no_identifier_of_a_table_stands_in_what_people_read(out: Path, name: str) -> None:
    for page in (out / name, ROOT / REFERENCE / name):
        said = prose(page)
        assert len(said) > 300
        assert not {(found, text[:80]) for text in said for found in identifiers(text)}


def test_an_identifier_would_be_seen() -> None:
    assert list(identifiers("k_softmax - k_sigmoid: micro_f1 +0.007")) != []
    assert list(identifiers("holds in moons/mlp/sgd")) == ["moons/mlp/sgd"]
    assert list(identifiers("成立：breast_cancer/text_mean/sgd。"))[-1] == "breast_cancer/text_mean/sgd"
    for told in ("keras-jax, float32", "在keras-tensorflow上", "算例loss-recipes：8", "softmax_init-", "keras-torch's"):
        assert list(identifiers(told)) != [], told
    assert not list(identifiers("scikit-learn, one-hot, log-softmax, back-propagation"))
    assert not list(identifiers("softmax minus sigmoid: categorical_crossentropy, mean NLL over training"))


@pytest.mark.parametrize("kind", KINDS)
def test_everything_that_is_registered_has_a_name_in_both_languages(kind: str) -> None:
    for key in KINDS[kind]:
        found = {lang: Messages(lang=lang)(f"{kind}.{key}") for lang in LANGUAGES}
        assert "_" not in "".join(found.values())


def test_what_a_user_adds_is_called_as_it_is_written() -> None:
    messages = Messages(lang="zh")
    assert messages.name("task", "my_own_task") == "my own task"
    assert messages.cell(("my_own_task", "mlp", "adam")) == "my own task · MLP · Adam"


STRINGS = [*CATALOGUES[:2], CLAIM_STRINGS, FIGURE_STRINGS, COMPARISON_STRINGS]


@pytest.mark.parametrize("path", STRINGS, ids=lambda path: path.parent.name)
def test_no_string_is_missing_in_either_language(path: Path) -> None:
    for key, texts in catalogue(path).items():
        assert set(texts) == set(LANGUAGES), key
        assert all(isinstance(text, str) for text in texts.values()), key


def test_every_statement_is_one_or_two_sentences_in_both_languages() -> None:
    """In words: what is no name of a framework's own function has no underscore, and no interval stands in it."""
    table = verdicts(synthetic.tables())
    for row in table.itertuples():
        assert re.search("[\u4e00-\u9fff]", row.statement_zh)
        assert not re.search("[\u4e00-\u9fff]", row.statement)
        for text, stop in ((row.statement, r"\.(?= |$)"), (row.statement_zh, "。")):
            assert 1 <= len(re.findall(stop, text)) <= 2, text
            assert not list(identifiers(text)), text
            assert "interval" not in text
            assert "区间" not in text


def test_figures_behind_a_verdict_and_its_evidence_are_told_in_chinese() -> None:
    """All phrases that verdicts are made of, on tables with everything, with nothing, and of the reference."""
    given = synthetic.tables()
    tables = [verdicts(given), verdicts({}), pd.read_parquet(ROOT / REFERENCE / "tables/verdicts.parquet"),
              *(verdicts({**given, name: given[name].iloc[:0]}) for name in given)]  # fmt: skip
    messages = Messages(lang="zh")
    texts = {text for table in tables for column in ("details", "evidence") for text in table[column] if text}
    assert len(texts) > 40
    assert {text: left for text in texts if (left := left_in_english(PHRASES.translate(text, messages)))} == {}


def test_a_phrase_keeps_its_numbers_and_names() -> None:
    messages = Messages(lang="zh")
    text = ("k_softmax - k_sigmoid, mean over 3 tasks: nll -0.1 nats (95 % interval -0.2 to -0.05): different, size "
            "open; accuracy +0.01: equivalent. By cell, it holds in 2 (nll of moons/mlp/sgd, nll, mean over tasks), "
            "fails in 0 and is open in 1 of 3 comparisons.")  # fmt: skip
    assert with_display_names(PHRASES.translate(text, messages), messages) == (
        "共用一个 softmax - 各用一个 sigmoid，3 个任务的平均值："
        "负对数似然 -0.1 nat（95% 区间 -0.2 至 -0.05）：有差异但大小未定；准确率 +0.01：等效。"
        "逐个单元：3 次比较中，"
        "2 次成立（双月 · MLP · SGD 的负对数似然、负对数似然（各任务平均）），0 次不成立，1 次未定。"
    )


def test_every_pathology_is_named_explained_and_cured_in_chinese() -> None:
    for name in PATHOLOGIES:
        for kind in ("pathology", "pathology_cause", "pathology_remedy"):
            assert f"{kind}.{name}" in catalogue(NAMES)


def test_the_chinese_page_leaves_no_sentence_in_english(out: Path) -> None:
    assert {text for text in prose(out / "report.zh.html") if left_in_english(text)} == set()


def test_the_names_in_a_detail_are_those_of_the_page() -> None:
    messages = Messages()
    text = "k_softmax - k_sigmoid, mean over 3 tasks: nll -0.1; holds in moons/mlp/sgd; softmax runs diverged"
    assert with_display_names(text, messages) == (
        "one softmax for all - a sigmoid each, mean over 3 tasks: NLL -0.1; holds in moons · MLP · SGD; softmax runs "
        "diverged"
    )
