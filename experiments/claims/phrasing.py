"""Plain words for numbers and for lists of cells, and the statement of a verdict in a language."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from experiments import frameworks, heads, networks, optimizers, tasks  # noqa: F401  (their names are with them)
from experiments.claims.record import Part, Statement
from experiments.messages import NAMES, Messages
from experiments.messages import figure as plain
from experiments.phrases import Phrases

STRINGS = Path(__file__).with_name("strings.toml")
# what verdicts say in English of their figures and of what they stand on
PHRASES = Phrases(Path(__file__).with_name("phrases.toml"))
_MOST_NAMES = 3  # names in a list before "and N more"


def statement_in(statement: Statement | str, lang: str) -> str:
    """The statement in a language; a text is the same in all of them."""
    return statement if isinstance(statement, str) else statement(_messages_in(lang))


def _messages_in(lang: str) -> Messages:
    return Messages(lang=lang, paths=(STRINGS, NAMES))


def size(value: float) -> str:
    """The size of a number as a sentence writes it: two digits and no sign."""
    return plain(abs(value), 2)


def names(every: Sequence[str], messages: Messages) -> str:
    """The first few names, and how many more there are, in the language of `messages`."""
    unique = list(dict.fromkeys(every))
    first = messages("list.join").join(unique[:_MOST_NAMES])
    return first if len(unique) <= _MOST_NAMES else messages("list.more", names=first, n=len(unique) - _MOST_NAMES)


def fails(parts: Sequence[Part], messages: Messages) -> str:
    """Say in which cells a claim fails; nothing where it fails in none."""
    cells = [messages.cell(part.cell) for part in parts if part.cell and part.holds is False]
    return messages("fails.in", names=names(cells, messages)) if cells else ""


def figure(value: float) -> str:
    """Three significant digits, or what it is if it is no number."""
    if math.isnan(value):
        return "not a number"
    if math.isinf(value):
        return "infinite" if value > 0 else "minus infinite"
    return f"{value:.3g}"


def signed(value: float) -> str:
    """`figure` with its sign."""
    return f"+{figure(value)}" if value > 0 else figure(value)


def interval(low: float, high: float) -> str:
    """The interval in brackets after a number; empty where there is none."""
    return "" if math.isnan(low) or math.isnan(high) else f" (95 % interval {signed(low)} to {signed(high)})"


def over_tasks(n: float) -> str:
    """Say over how many tasks a mean is: "mean over 9 tasks"."""
    return f"mean over {int(n)} {'task' if n == 1 else 'tasks'}"


# what each outcome of a comparison says: the sign may be known while the size is open
OUTCOME_PHRASES = {
    "larger": "larger than the margin",
    "different": "different, size open",
    "negligible": "different by less than the margin",
    "equivalent": "equivalent",
    "undecided": "undecided",
}


def share(part: int, whole: int) -> str:
    """Say `part` of `whole`: "3 of 40"."""
    return f"{part} of {whole}"


def listed(every: Sequence[str]) -> str:
    """`names` in English."""
    return names(every, _messages_in("en"))


def tally(parts: Sequence[Part], holds: str = "holds", fails: str = "fails") -> str:
    """Count where a claim holds, fails and is open, with the names of the first few: "holds in 3 (...), ..."."""
    by_outcome: dict[bool | None, list[str]] = {True: [], False: [], None: []}
    for part in parts:
        by_outcome[part.holds].append(part.name)
    texts = [
        f"{verb} in {len(names)}{f' ({listed(names)})' if names else ''}"
        for verb, names in ((holds, by_outcome[True]), (fails, by_outcome[False]))
    ]
    return f"{', '.join(texts)} and is open in {len(by_outcome[None])} of {len(parts)} comparisons"
