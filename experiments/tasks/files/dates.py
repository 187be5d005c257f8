"""Dates written as text."""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.tasks.files.formatting import counted, quoted

# the first that reads the most rows is taken: with slashes the month comes first, else the day
DAYS = ("%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%d %b %Y", "%d-%b-%Y", "%b %d, %Y")
TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
FORMATS = ("ISO8601", *(day + time for time in TIMES for day in DAYS))
SWAPPED = {"%m/%d": "%d/%m", "%d/%m": "%m/%d", "%m-%d": "%d-%m", "%d-%m": "%m-%d"}
SHARE = 0.95  # of the rows that are not missing must be dates in one form
SAMPLE = 100
FIRST, LAST = pd.Timestamp("0001-01-01", tz="UTC"), pd.Timestamp("9999-12-31", tz="UTC")


def parse_dates(name: str, texts: pd.Series, rows: np.ndarray) -> tuple[np.ndarray, str] | None:
    """Return the datetime64[us] of each of the distinct `texts` and a notice, or None if they are no dates.

    `texts`: distinct, NaN for what is missing. `rows`: how often each occurs. The notice is empty, or says which
    of day and month was taken to come first where both fit, and how many rows could not be read.
    """
    present = texts.notna().to_numpy(dtype=bool)
    likely = present & texts.str.contains(r"\d.*[-/.: ].*\d", regex=True, na=False).to_numpy(dtype=bool)
    total = int(rows[present].sum())
    if not total or rows[likely].sum() < SHARE * total:
        return None
    sample = texts[likely].iloc[:: max(1, int(likely.sum()) // SAMPLE)]
    fits = [form for form in FORMATS if _parse(sample, form).notna().mean() >= SHARE]
    read = {form: rows[_parse(texts, form).notna().to_numpy()].sum() for form in fits}
    best = max(fits, key=lambda form: read[form], default=None)  # the first of those that are equal
    if best is None or read[best] < SHARE * total:
        return None
    return in_calendar(_parse(texts, best)), _notice(name, best, read, total)


def _parse(texts: pd.Series, form: str) -> pd.Series:
    return pd.to_datetime(texts, format=form, errors="coerce", utc=True)


def in_calendar(dates: pd.Series) -> np.ndarray:
    """Return dates, which carry a zone, as datetime64[us] in UTC; NaT outside of the years 1 to 9999."""
    inside = (dates >= FIRST) & (dates <= LAST)
    return dates.where(inside).dt.tz_localize(None).dt.as_unit("us").to_numpy()


def _notice(name: str, best: str, read: dict[str, int], total: int) -> str:
    remarks = []
    other = SWAPPED.get(best[:5], "") + best[5:]
    if read.get(other) == read[best]:
        remarks.append(f"is read with the {'month' if best.startswith('%m') else 'day'} first, and would fit both ways")
    if read[best] < total:
        remarks.append(f"has {counted(int(total - read[best]), 'row')} that is no date and counts as missing")
    return f"The column {quoted(name)} {' and '.join(remarks)}." if remarks else ""
