"""The strings of a comparison, in each language."""

from __future__ import annotations

from pathlib import Path

from experiments.messages import NAMES, Words
from experiments.phrases import Phrases

STRINGS = Path(__file__).with_name("strings.toml")
# what was seen in a user's data and model, which its readers say in English
NOTES = Phrases(Path(__file__).with_name("notes.toml"))


def words_of(lang: str) -> Words:
    """What a comparison says, without its page's own strings. Raises `UserError` for an unknown language."""
    return Words(lang=lang, paths=(STRINGS, NAMES))


ENGLISH = words_of("en")
