"""How the messages about a user's data name its values: quoted, on one line, and shortened."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from experiments.records import UserError

LONGEST = 60
LONGEST_PATH = 120
MOST_LISTED = 8
COLOURS = re.compile(r"\x1b\[[\d;]*m")  # what a terminal shows as bold or in colour
COMPARED = 10_000  # names that a misspelt one is compared with: difflib takes a second for ten times as many


def plain(value: object) -> str:
    """Return `str(value)` with what no text file could hold replaced: half a surrogate pair, a damaged character."""
    return str(value).encode("utf-8", "replace").decode("utf-8", "replace")


def quoted(value: object) -> str:
    """Return `value` in quotes, without a line break or another character that does not print, and cut when long."""
    text = str(value)
    return repr(text if len(text) <= LONGEST else text[: LONGEST - 1] + "…")


def quoted_path(source: object) -> str:
    """Return where the data is, in quotes and on one line; of a long path the end, which tells files apart."""
    text = str(source)
    return repr(text if len(text) <= LONGEST_PATH else "…" + text[1 - LONGEST_PATH :])


def listed(values: Iterable[object]) -> str:
    """Return the first few values, quoted, and how many there are when some are left out."""
    names = [quoted(value) for value in values]
    if len(names) <= MOST_LISTED:
        return ", ".join(names)
    return f"{', '.join(names[:MOST_LISTED])}, ... ({len(names):,} in all)"


def counted(number: int, noun: str) -> str:
    """Return `1 row`, `2 rows`, `50,000 rows`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def one_line(error: BaseException) -> str:
    """Return what another library says of an error, on one line and without its full stop."""
    reason = getattr(error, "reason", None)  # what a network error wraps
    message = getattr(reason, "strerror", None) or getattr(error, "strerror", None) or str(error)
    text = " ".join(COLOURS.sub("", str(message)).split()) or type(error).__name__
    printable = "".join(character if character.isprintable() else "?" for character in text)
    return (printable if len(printable) <= 200 else printable[:199] + "…").rstrip(".")


def kind_and_message(error: BaseException) -> str:
    """Return an error's kind and `one_line` of it."""
    return f"{type(error).__name__}: {one_line(error)}"


def unknown(what: str, name: object, candidates: Iterable[object], way_out: str = "") -> UserError:
    """Return the error for a name that is not there, with the nearest known ones and the rest of them."""
    names = [str(value) for value in candidates]
    spelt = {candidate.casefold().strip(): candidate for candidate in reversed(names[:COMPARED])}
    close = difflib.get_close_matches(str(name).casefold().strip(), spelt, n=2)
    hint = f" Did you mean {' or '.join(quoted(spelt[match]) for match in close)}?" if close else ""
    return UserError(f"There is no {what} {quoted(name)}.{hint} Known: {listed(names)}.{way_out}")
