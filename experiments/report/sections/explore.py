"""What a reader can ask the page itself: one experiment, or some, along the learning rate and along training."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from experiments.figures import ARMS, Messages, colour, for_fresh_rows, on_either_page
from experiments.frameworks import FRAMEWORKS
from experiments.heads import BASELINE
from experiments.judgement import APART, INSIDE
from experiments.report.blocks import Explorer, Section, Text, ranged
from experiments.report.sections.components import SOFTMAX
from experiments.report.stored import Stored
from experiments.tables import MAIN

KEYS = ["framework", "task", "network", "optimizer"]  # what can be asked for
_DIGITS = 4
_TEXTS = ("all", "some", "none", "one", "map", "rate", "loss", "steps", "difference", "best", "softmax", "sigmoid",
          "notebook")  # fmt: skip


def explore(stored: Stored, messages: Messages) -> Section | None:
    """The rate map and the loss curves of every cell, for the page's script to draw; None where neither is stored."""
    every: dict[str, Any] = {"framework": tuple(FRAMEWORKS)}
    maps = stored.read("rate_map", **every)
    losses = stored.read("curves", quantity="nll", split="test", scope="", head=ARMS, **every)
    differences = for_fresh_rows(stored.read("differences", quantity="nll", head=SOFTMAX, baseline=BASELINE, **every))
    cells: dict[tuple[str, ...], dict[str, Any]] = {}
    for key, part in _by_cell(maps):
        part = part.sort_values("relative")
        cells.setdefault(key, {})["map"] = {
            "x": part["relative"].astype(int).tolist(), "y": _short(part["mean"]), "low": _short(part["low"]),
            "high": _short(part["high"]),
        }  # fmt: skip
    for key, part in _by_cell(losses):
        cells.setdefault(key, {})["loss"] = _medians(part)
    for key, part in _by_cell(differences):
        row = part.iloc[0]
        kind = "apart" if row["outcome"] in APART else "inside" if row["outcome"] in INSIDE else "open"
        cells.setdefault(key, {}).update(
            said=ranged(row).text, outcome=messages(f"outcome.{row['outcome']}"), kind=kind
        )
    if not any("map" in cell or "loss" in cell for cell in cells.values()):
        return None
    links = _links(stored)
    entries = [dict(zip(KEYS, key, strict=True)) | {"link": links.get(key, "")} | cell for key, cell in cells.items()]
    content: dict[str, Any] = {
        "cells": entries, "margin": float(maps["margin"].median()) if len(maps) else 0.02,
        "choices": {kind: _choices(kind, (str(cell[kind]) for cell in entries), messages) for kind in KEYS},
        "arms": [{"id": arm, "name": messages.name("arm", arm), "ink": colour(arm),
                  "letters": on_either_page(colour(arm))} for arm in ARMS],
        "texts": {name: messages(f"explore.{name}") for name in _TEXTS},
    }  # fmt: skip
    labels = [(kind, messages(f"explore.{kind}")) for kind in KEYS if len(content["choices"][kind]) > 1]
    return Section(id="explore", title=messages("explore.title"), blocks=[
        Text(body=messages("explore.read")),
        Explorer(content=content, labels=labels, without=messages("explore.without")),
    ])  # fmt: skip


def _by_cell(table: pd.DataFrame) -> Iterable[tuple[tuple[str, ...], pd.DataFrame]]:
    for key, part in table.groupby(KEYS, sort=False, observed=True):
        yield tuple(map(str, key)), part


def _medians(rows: pd.DataFrame) -> dict[str, list[float | None]]:
    """The steps, and each arm's median over seeds at each."""
    wide = rows.groupby(["step", "head"], observed=True)["value"].median().unstack("head").sort_index()
    return {"x": wide.index.tolist()} | {str(arm): _short(wide[arm]) for arm in wide}


def _short(values: pd.Series | np.ndarray) -> list[float | None]:
    """Numbers as a page carries them: a few digits, and null for what is not finite."""
    return [float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None for value in np.asarray(values, float)]


def _choices(kind: str, keys: Iterable[str], messages: Messages) -> dict[str, str]:
    return {
        key: messages.name(kind, key) for key in sorted(set(keys), key=lambda key: messages.name(kind, key).lower())
    }


def _links(stored: Stored) -> dict[tuple[str, ...], str]:
    """The notebook of each cell that has one, by the keys of the cell."""
    links: dict[tuple[str, ...], str] = {}
    for cell, link in stored.notebooks("binary"):
        task, network, rest = (*cell.removeprefix("binary-").split("-", 2), "", "")[:3]
        optimizer, _, framework = rest.partition("-")
        links[framework or MAIN, task, network, optimizer] = link
    return links
