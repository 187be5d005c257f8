"""Text as token numbers, the same as Keras's TextVectorization gives; without TensorFlow, for every framework.

Source of the rules: keras.layers.TextVectorization with its default `standardize`, `split` "whitespace" or
"character", `max_tokens` and `output_sequence_length`; a test compares the two.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

# token numbers, with PADDING and UNKNOWN: of this project's networks, whose tables make most of what a step costs, and
# the most that a user's own are given
VOCABULARY, LARGEST_VOCABULARY = 2_000, 8_000
PADDING, UNKNOWN = 0, 1
LONGEST = 64  # tokens of a row that are read, the first ones
ENOUGH = 0.95  # of the rows are read to their end, unless that takes more

_PUNCTUATION = re.compile(r"""[!"#$%&()\*\+,\-\./:;<=>?@\[\\\]^_`{|}~\']""")
_CAPITALS = {ord(letter): ord(letter.lower()) for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
_BLANKS = re.compile(r"[ \t\n\r\x0b\x0c]+")
# scripts that put no space between words: Thai, Lao, Myanmar, Khmer; kana and Han with their extensions
_SPACELESS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003134f]"
)
_SAMPLE = 2_000  # rows that tell the script and the length of all

Unit = Literal["word", "character"]


def unit_of(texts: Sequence[str]) -> Unit:
    """What is a token: a word, or a character where most letters are of a script without spaces."""
    some = "".join(texts[:: max(1, len(texts) // _SAMPLE)])
    letters = sum(character.isalpha() for character in some)
    return "character" if len(_SPACELESS.findall(some)) > letters / 2 else "word"


def word_count(text: str) -> float:
    """About how many words there are: those between blanks, and in a script without spaces half of the characters."""
    spaceless = len(_SPACELESS.findall(text))
    return len(text.split()) if not spaceless else max(len(text.split()), spaceless / 2)


def split(text: str, unit: Unit) -> list[str]:
    """The tokens of one row: without capitals and punctuation of ASCII, which is what Keras takes away."""
    plain = _PUNCTUATION.sub("", text.translate(_CAPITALS))
    return list(plain) if unit == "character" else [word for word in _BLANKS.split(plain) if word]


def length_of(texts: Sequence[str]) -> int:
    """How many tokens of a row are read: as many as `ENOUGH` of the rows have, and `LONGEST` at the most."""
    some, unit = texts[:: max(1, len(texts) // _SAMPLE)], unit_of(texts)
    lengths = [len(split(text, unit)) for text in some]
    return int(np.clip(np.quantile(lengths, ENOUGH, method="higher"), 1, LONGEST))


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """Turns rows of text into (n, length) int32: places in the vocabulary from 2 on, `UNKNOWN`, `PADDING` at the end.

    `vocabulary`: the most frequent first. A row without a token has one that is unknown:
    Keras's mean over no token would be no number.
    """

    unit: Unit
    vocabulary: tuple[str, ...]
    length: int

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {token: number for number, token in enumerate(self.vocabulary, start=2)}

    def __call__(self, texts: Iterable[str]) -> np.ndarray:
        """The token numbers of texts: (n, length), short texts padded."""
        rows = [split(text, self.unit)[: self.length] or [""] for text in texts]
        numbers = np.full((len(rows), self.length), PADDING, dtype=np.int32)
        for row, tokens in zip(numbers, rows, strict=True):
            row[: len(tokens)] = [self._numbers.get(token, UNKNOWN) for token in tokens]
        return numbers


def tokens_of(texts: Sequence[str], length: int, most: int = VOCABULARY) -> Tokens:
    """What some rows, those of a training part, make of text: the unit, and the vocabulary.

    `most`: the numbers that there may be, with those of padding and of what is unknown.
    Of tokens that are equally frequent the later in order of code points comes first, as in Keras.
    """
    unit = unit_of(texts)
    counts = Counter(token for text in texts for token in split(text, unit))
    ordered = sorted(counts, key=lambda token: (counts[token], token), reverse=True)
    return Tokens(unit=unit, vocabulary=tuple(ordered[: most - 2]), length=length)
