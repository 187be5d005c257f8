"""What the figures say: their own strings, and the names that everything shares."""

from __future__ import annotations

from pathlib import Path

from experiments import frameworks, heads, networks, optimizers, tasks  # noqa: F401  (their names are with them)
from experiments.words import LANGUAGES, NAMES, Words, catalogue, figure

__all__ = ["ENGLISH", "LANGUAGES", "STRINGS", "Words", "catalogue", "figure", "words_of"]

STRINGS = Path(__file__).with_name("strings.toml")


def words_of(lang: str) -> Words:
    """The figures' words in a language."""
    return Words(lang=lang, paths=(STRINGS, NAMES))


ENGLISH = words_of("en")
