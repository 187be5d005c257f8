"""Why two heads differ: each factor's share of the difference, cell by cell."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from experiments.figures.forest import MOST
from experiments.figures.lettering import ENGLISH, row_names
from experiments.figures.style import INK, MUTED, Chart, chart, colour, label_rows
from experiments.messages import Messages
from experiments.tables import CELL

# a factor has the colour of the arm that matches it
FACTORS: dict[str, str] = {
    "initialisation": colour("softmax_init"),
    "head_rate": colour("softmax_lr"),
    "decay": colour("sigmoid_logits"),
    "head_rate+decay": "#8c7a4a",
    "arithmetic": colour("softmax_matched"),
}
_ROW = 0.17


def attribution(
    table: pd.DataFrame,
    every: pd.DataFrame | None = None,
    *,
    quantity: str = "nll_curve",
    width: float = 7.2,
    messages: Messages = ENGLISH,
) -> Chart:
    """Stacked shares of softmax - sigmoid, a row a cell; a dot is the sum.

    What pulls softmax down goes left, what pulls it up goes right. `table`: rows of the `attribution` table, or means
    of such rows; then `every` are the rows that the finding counts.
    Raises `ValueError` when it holds no row of `quantity`.
    """
    rows = table.loc[table["quantity"] == quantity]
    if rows.empty:
        raise ValueError(f"The attribution holds no {quantity!r}")
    wide = _shares(rows)
    factors = [factor for factor in FACTORS if factor in wide.columns]
    wide = wide[factors].assign(_sum=wide[factors].sum(axis=1)).sort_values("_sum", kind="stable")
    visible = wide if len(wide) <= MOST else pd.concat([wide.iloc[: MOST // 2], wide.iloc[-(MOST // 2) :]])
    columns = 1 if width < 5 else 4
    handles = [Patch(color=FACTORS[factor], label=messages(f"factor.{factor}")) for factor in factors]
    handles.append(Line2D([], [], marker="o", color=INK, linestyle="", markersize=4, label=messages("attribution.sum")))
    height = 0.72 + _ROW * len(visible) + 0.2 * -(-len(handles) // columns)
    counted = wide[factors] if every is None else _shares(every.loc[every["quantity"] == quantity])
    with chart(_finding(counted, quantity, messages), width, height + 0.15) as figure:
        axes = figure.add_subplot()
        _stack(axes, visible[factors])
        position = np.arange(len(visible))
        axes.plot(visible["_sum"], position, "o", color=INK, markersize=3.5)
        axes.axvline(0, color=MUTED, linewidth=0.9)
        axes.use_sticky_edges = False
        axes.margins(x=0.04)
        label_rows(axes, row_names(visible.index, width, messages))
        axes.set_title(messages.or_key("quantity", quantity))
        label = messages("paired_differences.axis", head="softmax", baseline="sigmoid", unit=messages.unit(quantity))
        axes.set_xlabel(label)
        axes.locator_params(axis="x", nbins=4 if width < 5 else 7)
        if len(wide) > MOST:
            axes.axhline(MOST // 2 - 0.5, color=MUTED, linewidth=0.8, linestyle=":")
        figure.legend(handles=handles, loc="outside lower left", ncols=columns, frameon=False, fontsize=8)
    return figure


def _shares(rows: pd.DataFrame) -> pd.DataFrame:
    """A row a cell, a column a factor."""
    return rows.pivot_table(index=CELL, columns="factor", values="share", sort=False, observed=True)


def _stack(axes: Axes, shares: pd.DataFrame) -> None:
    position = np.arange(len(shares))
    for side in (1.0, -1.0):
        start = np.zeros(len(shares))
        for factor in shares:
            part = np.maximum(side * np.nan_to_num(shares[factor].to_numpy(float)), 0.0)
            axes.barh(position, side * part, left=side * start, height=0.72, color=FACTORS[str(factor)], linewidth=0)
            start += part


def factor_parts(shares: pd.DataFrame) -> dict[str, float]:
    """Each factor's part of all that was moved: mean |share| over cells, over the sum of these means."""
    sizes = shares.abs().mean()
    return {str(factor): float(size / sizes.sum()) for factor, size in sizes.items()} if sizes.sum() > 0 else {}


def _finding(shares: pd.DataFrame, quantity: str, messages: Messages) -> str:
    sizes = factor_parts(shares)
    if not sizes:
        return messages("attribution.none", quantity=messages.or_key("quantity", quantity))
    named = sorted((factor for factor in sizes if factor != "arithmetic"), key=lambda factor: -sizes[factor])
    listed = messages("sentence.list").join(
        messages("attribution.part", factor=messages(f"factor.{factor}"), percent=percent(sizes[factor]))
        for factor in named
    )
    return messages("attribution.finding", quantity=messages.or_key("quantity", quantity), parts=listed,
                    rest=percent(sizes.get("arithmetic", 0.0)), cells=len(shares))  # fmt: skip


def percent(part: float) -> str:
    """A share of 1 in percent, never broken over two lines; never a plain 0 or 100 for what is neither."""
    if part < 0.001:
        return "<\u00a00.1\u00a0%" if part else "0\u00a0%"
    return f"{100 * part:.1f}\u00a0%" if part < 0.1 or part > 0.99 else f"{100 * part:.0f}\u00a0%"
