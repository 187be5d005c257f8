"""The strings of a comparison, in each language."""

from __future__ import annotations

from pathlib import Path

from experiments.messages import NAMES, Messages
from experiments.phrases import Phrases

STRINGS = Path(__file__).with_name("strings.toml")
# what was seen in a user's data and model, which its readers say in English
NOTES = Phrases(Path(__file__).with_name("notes.toml"))


def messages_in(lang: str) -> Messages:
    """What a comparison says, without its page's own strings. Raises `UserError` for an unknown language."""
    return Messages(lang=lang, paths=(STRINGS, NAMES))


ENGLISH = messages_in("en")
