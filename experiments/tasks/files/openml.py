"""Data sets of OpenML, fetched by scikit-learn: the only source that needs a network."""

from __future__ import annotations

import socket
import urllib.error
import warnings

import pandas as pd
from sklearn.datasets import fetch_openml

from experiments.records import UserError, require
from experiments.tasks.files.formatting import one_line, quoted, quoted_path

PREFIX = "openml:"
PATIENCE = 30.0  # seconds without an answer


def read_openml(source: str) -> tuple[pd.DataFrame, str | None]:
    """Return the columns of `openml:NAME` (or of its number), and which one OpenML says is to be predicted."""
    name = source.removeprefix(PREFIX).strip()
    require(bool(name), f"{quoted_path(source)} names no data set. Write openml:NAME, for example openml:credit-g.")
    which = {"data_id": int(name)} if name.isascii() and name.isdigit() else {"name": name}
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE)  # scikit-learn sets none of its own
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # several versions, a damaged cache: it goes on with the right one
            bunch = fetch_openml(**which, as_frame=True, n_retries=1, delay=0.5)
    except Exception as error:  # of many kinds: network, cache, format, memory
        raise _explained(name, error) from error
    finally:
        socket.setdefaulttimeout(before)
    targets = list(bunch.target_names or [])
    return bunch.frame, str(targets[0]) if len(targets) == 1 else None


def _explained(name: str, error: Exception) -> UserError:
    missing = isinstance(error, urllib.error.HTTPError) and error.code in (404, 412)
    if missing or str(error).endswith((" found.", "not found")):
        return UserError(
            f"OpenML has no active data set {quoted(name)}. Look it up on www.openml.org, and give its name or number."
        )
    if isinstance(error, (OSError, EOFError)):
        return UserError(
            f"OpenML cannot be reached for {quoted(name)}: {one_line(error)}. It needs a network; without one, "
            "download the data elsewhere and name the file."
        )
    return UserError(f"{quoted(name)} of OpenML cannot be read: {one_line(error)}. Download it and name the file.")
