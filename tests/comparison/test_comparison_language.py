"""A comparison in Chinese: the answer, the page and what was seen in the data, with nothing left in English."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.cells import cell_len
from test_comparison_answer import LOSSES, NORMS, OWN, model, ran, rows, sweep

from experiments.comparison import answer, command
from experiments.comparison.advice import advice
from experiments.comparison.language import NOTES, STRINGS, messages_in
from experiments.comparison.tuning import tune
from experiments.judgement import OUTCOMES
from experiments.messages import LANGUAGES, catalogue

PACKAGE = Path(answer.__file__).parents[1]
CHINESE = messages_in("zh")
# words that Chinese texts on the subject keep
NAMES = {"sigmoid", "softmax", "nat", "seeds", "logit"}


def english(text: str) -> list[str]:
    """The English words of a Chinese text, names of the field left out."""
    return [word for word in re.findall(r"[A-Za-z]{2,}", text) if word.lower() not in NAMES]


def test_every_string_is_there_in_both_languages() -> None:
    for key, texts in catalogue(STRINGS).items():
        assert set(texts) == set(LANGUAGES), key
        places = [set(re.findall(r"\{(\w+)\}", text)) for text in texts.values()]
        assert places[0] == places[1], key


def told(outcomes: dict[str, tuple[str, float]], head: str, tuning: Any, stopped: str, **more: Any) -> Iterator[str]:
    """All sentences of an answer in Chinese."""
    result = ran(rows(outcomes, **more), tuning, stopped)
    yield from answer.verdict(result, CHINESE).parts
    found = advice(result, model(head), CHINESE)
    yield from (text for text in (found.sentence, found.rate) if text)


SIDES = [None, *(tune(*sweep(best * OWN), OWN) for best in (0.25, 1, 4)), tune(*sweep(OWN, depth=0, noise=1), OWN)]
NEEDS = [{}, {"seeds_needed": 60, "fresh_seeds_needed": 30}, {"fresh_seeds_needed": 30}]


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_no_sentence_of_an_answer_is_english(outcome: str) -> None:
    """Every outcome in predictions and in gradients, on every side of the best rate, whatever the model has."""
    for names, sign in itertools.product((LOSSES, NORMS), (-1, 1)):
        outcomes = dict.fromkeys(names, (outcome, sign * 0.3))
        answers = [told(outcomes, head, side, "seeds") for head in ("", "sigmoid", "softmax") for side in SIDES]
        for stopped, shared, need in itertools.product(("decided", "budget"), (0.0, 1.0), NEEDS):
            answers.append(told(outcomes, "", None, stopped, shared=shared, **need))
        for text in itertools.chain(*answers):
            assert re.search("[\u4e00-\u9fff]", text)
            assert english(text) == []


def test_a_cause_is_told_in_chinese() -> None:
    shares = pd.DataFrame({"quantity": "nll", "factor": ["initialisation", "head_rate", "decay", "arithmetic"],
                           "share": [0.02, -0.12, 0.01, 1e-9]})  # fmt: skip
    result = ran(rows({"nll": ("larger", -0.1)}))
    for table in (shares, shares.assign(share=0.01), shares.assign(share=0.0), shares.iloc[:0]):
        text = answer.cause(table, result, CHINESE)
        assert english(text) == []
        assert text.endswith("。")


# what was seen in the data and in the model ---------------------------------------------------------------------------

READERS = [
    *sorted((PACKAGE / "tasks" / "files").glob("*.py")),
    *(
        PACKAGE / "comparison" / f"{name}.py"
        for name in ("api", "initialisers", "inputs", "model", "model_surgery", "run")
    ),
]
HINTS = ("It looks like a measure: add a column that says on which side of a threshold it lies.",)  # of an error


def sentences(path: Path) -> Iterator[str]:
    """The sentences that a module says and does not raise, what fills their places written as "7 rows"."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    raised: set[int] = set()
    for node in ast.walk(tree):
        called = isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("require", "UserError", "unknown")
        if called or isinstance(node, (ast.Raise, ast.FormattedValue)) or documented(node):
            raised |= {id(inner) for inner in ast.walk(node) if inner is not node or isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if id(node) in raised or not isinstance(node, (ast.JoinedStr, ast.Constant)):
            continue
        text = filled(node)
        if re.match(r"([A-Z]|7 [a-z]).* .*\w.*\.$", text, flags=re.DOTALL) and text not in HINTS:
            yield text


def documented(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def filled(node: ast.JoinedStr | ast.Constant) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in node.values)


@pytest.mark.parametrize("path", READERS, ids=lambda path: path.stem)
def test_what_readers_say_has_its_translation(path: Path) -> None:
    assert [text for text in sentences(path) if not NOTES.fits(text, "zh")] == []


def test_the_sentences_are_found() -> None:
    """Else the test above would hold of nothing."""
    found = [text for path in READERS for text in sentences(path)]
    assert len(found) > 25
    assert "Left out 7 without a target." in found


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Left out 1,204 rows without a target.", "略去没有目标值的 1,204 行。"),
        ("90 steps of a sequence at the same time as another: they keep the file's order.",
         "90 步与同一序列中的另一步时间相同：保持文件中的次序。"),
        ("Dropped 2 columns (constant): 'a', 'b'.", "舍去 2 列（取值恒定）：'a'、'b'。"),
        ("The column 'day' is read with the month first, and would fit both ways.",
         "列 'day' 按月在前读取（两种读法都合适）。"),
        ("240 rows of a.csv (100 of 'no', 140 of 'yes'), each 3 numbers once encoded.",
         "a.csv 的 240 行（'no' 100 行，'yes' 140 行），编码后每行 3 个数。"),
        ("Optimizer: adam, rate 1e-05.", "优化器：adam，学习率 1e-05。"),
        ("a name of the user's own", "a name of the user's own"),
    ],
)  # fmt: skip
def test_what_fills_a_sentence_is_told_too(text: str, wanted: str) -> None:
    assert NOTES.translate(text, CHINESE) == wanted
    assert NOTES.translate(text, messages_in("en")) == text


@pytest.mark.parametrize("text", ["a word " * 40, "输出层的学习率、" * 30, "sigmoid 取自身的最佳学习率 " * 12])
def test_a_line_of_the_answer_fits_a_terminal(text: str) -> None:
    """A Chinese sign fills two columns."""
    lines = command._wrapped(text.strip()).split("\n")
    assert max(cell_len(line) for line in lines) <= 100
    assert min(cell_len(line) for line in lines[:-1]) > 70
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_a_word_that_is_longer_than_a_line_stays_whole() -> None:
    """A path can be copied."""
    path = "/results/" + "long-name/" * 12
    assert command._wrapped(f"It is in {path} now") == f"It is in\n{path}\nnow"
