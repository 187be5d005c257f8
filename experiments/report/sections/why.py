"""Why they differ: attribution."""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.figures import Messages, attribution, rounding
from experiments.report.blocks import Block, Fold, Inline, Section, Table, Text, number
from experiments.report.sections.components import FEW, by_network, network_name, picture_of, source_links
from experiments.report.stored import Stored
from experiments.stats import QUANTITIES
from experiments.tables import CELL


def why(stored: Stored, messages: Messages) -> Section | None:
    """The shares of each factor per cell, and what arithmetic leaves in float32 and in float64."""
    table = stored.read("attribution")
    if table.empty or not (table["quantity"] == "nll_curve").any():
        return None
    blocks: list[Block] = [
        Text(body=messages("why.read")),
        *_summary(stored, table, messages),
        *by_network(stored, "attribution", attribution, table, messages,
                    lambda network, _: messages("why.network", network=network_name(network, messages))),
        Fold(summary=messages("why.left"), blocks=[
            Text(body=messages("why.arithmetic")),
            _arithmetic(table, stored.read("attribution_float64"), messages),
            *_rounding(stored, messages),
        ]),
        *source_links(stored, messages, "binary", "control"),
    ]  # fmt: skip
    return Section(id="why", title=messages("why.title"), blocks=blocks)


def _summary(stored: Stored, table: pd.DataFrame, messages: Messages) -> list[Block]:
    """The shares network by network, means over cells, where there are too many cells for one figure."""
    rows = table.loc[table["quantity"] == "nll_curve"]
    if len(rows[CELL].drop_duplicates()) <= FEW:
        return []
    means = rows.groupby(["network", "factor", *CELL[::2]], sort=False, observed=True)["share"].sum().unstack("factor")
    means = means.fillna(0.0).groupby("network", sort=False, observed=True).mean().stack().rename("share").reset_index()
    means = means.assign(task=[messages.name("network", str(name)) for name in means["network"]], quantity="nll_curve",
                         network="", optimizer="")  # fmt: skip
    return [
        Text(body=messages("why.means")),
        picture_of(stored.figure_cache, "attribution", attribution, means, rows, messages=messages),
    ]


def _rounding(stored: Stored, messages: Messages) -> list[Block]:
    """How the matched arm's distance from sigmoid grows with the step, in both precisions."""
    heads = ("sigmoid", "sigmoid_again", "softmax", "softmax_matched")
    single, double = (
        stored.read(name, quantity="nll", split="test", scope="", head=heads) for name in ("curves", "curves_float64")
    )
    if not (double["head"] == "softmax_matched").any():
        return []
    return [
        Text(body=messages("why.rounding")),
        picture_of(stored.figure_cache, "rounding", rounding, single, double, messages=messages),
    ]


def _arithmetic(single: pd.DataFrame, double: pd.DataFrame, messages: Messages) -> Table:
    rows: list[list[Inline]] = []
    for quantity in QUANTITIES.values():
        sizes = [
            part.loc[(part["factor"] == "arithmetic") & (part["quantity"] == quantity.name), "share"].abs()
            for part in (single, double)
        ]
        totals = (
            single.loc[single["quantity"] == quantity.name].groupby(["task", "network", "optimizer"])["share"].sum()
        )
        if not quantity.primary or sizes[0].empty:
            continue
        rows.append([
            messages.axis(quantity.name), number(totals.abs().median()), number(sizes[0].median()),
            number(sizes[0].max()), number(sizes[1].max() if len(sizes[1]) else np.nan),
        ])  # fmt: skip
    columns = [messages(f"why.{name}") for name in ("quantity", "whole", "median", "largest", "double")]
    return Table(caption=messages("why.caption"), columns=columns, rows=rows)
