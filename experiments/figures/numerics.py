"""The numerics atlas: where a path's gradient is right, from which logit it is not, and what that does to training."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from experiments.figures.lettering import ENGLISH, clip, in_two, width_of, wrap
from experiments.figures.style import GRID, INK, MUTED, ON_PATCH, Chart, chart, label_rows
from experiments.messages import Messages, figure

OFF = 1e-3  # a gradient is right when it is this close to its reference
# the states of a gradient, and Okabe and Ito's colours for them, lighter where less is wrong
STATES = ("right", "off", "dead", "lost", "undefined")
_INKS = ("#cfe3f2", "#e69f00", "#d55e00", "#3b2a4d", GRID)
_SOUND, _ILL = "#0072b2", "#d55e00"

# what people write, in the order of the rows: (form, activation, units, loss)
USUAL = [
    *(
        (form, activation, units, f"{loss}_crossentropy")
        for activation, units, loss in (
            ("sigmoid", 1, "binary"),
            ("softmax", 2, "categorical"),
            ("softmax", 2, "sparse_categorical"),
            ("softmax", 2, "binary"),
            ("sigmoid", 2, "categorical"),
        )
        for form in ("in_layer", "layer_after")
    ),
    ("from_logits", "linear", 1, "binary_crossentropy"),
    ("from_logits", "linear", 2, "categorical_crossentropy"),
    ("activation_layer", "sigmoid", 1, "BCELoss"),
    ("from_logits", "linear", 1, "BCEWithLogitsLoss"),
    ("from_logits", "linear", 2, "CrossEntropyLoss"),
    ("activation_layer", "softmax", 2, "CrossEntropyLoss"),
    ("activation_layer", "log_softmax", 2, "NLLLoss"),
    ("activation_layer", "sigmoid", 1, "log_by_hand"),
    ("from_logits", "linear", 1, "sigmoid_cross_entropy_with_logits"),
    ("from_logits", "linear", 2, "softmax_cross_entropy_with_logits"),
]
_KEYS = ["form", "activation", "units", "loss"]
_DTYPES = ["float64", "float32", "bfloat16", "float16", "mixed_bfloat16", "mixed_float16"]
_ROW = 0.19  # inches


def gradient_states(
    numerics: pd.DataFrame, *, dtype: str = "float32", width: float = 7.2, messages: Messages = ENGLISH
) -> Chart:
    """A strip of the logit axis a path, a column a label: where the gradient is right, off, exactly 0 or not finite.

    `numerics`: the table of that name, with its column `units`; of each framework the paths of `USUAL` in `dtype` are
    drawn, run eagerly. If none of them was measured the figure says only that.
    """
    rows = _usual(numerics.loc[(numerics["dtype"] == dtype) & (numerics["execution"] == "eager")])
    rows = rows.loc[rows["z"].notna() & ~rows.groupby(["framework", *_KEYS])["grad"].transform("count").eq(0)]
    if rows.empty:
        return _nothing(width, messages)
    rows = rows.assign(state=_states(rows))
    order = rows[["framework", *_KEYS]].drop_duplicates()
    names = [_name(row) for row in order.itertuples(index=False, name=None)]
    grid = rows.pivot(index=["framework", *_KEYS], columns=["label", "z"], values="state")
    grid = grid.reindex(pd.MultiIndex.from_frame(order))
    whole = int((grid == 0).all(axis=1).sum())
    finding = messages("numerics.states", whole=whole, paths=len(grid), dtype=dtype)
    present = [(STATES[state], _INKS[state]) for state in sorted(set(np.unique(grid.to_numpy()).astype(int)))]
    key = [
        Line2D([], [], marker="s", linestyle="", markersize=7, color=ink, label=messages(f"state.{state}"))
        for state, ink in present
    ]
    left = 2.9 if width >= 5 else 0.6 * width
    each = (width - left - 0.3) / 2
    if width < 5:
        names = [name.replace("tensorflow", "tf").replace("softmax", "sm").replace("sigmoid", "sg") for name in names]
    with chart(finding, width, _ROW * len(grid) + 0.85, more=key, auto=False) as page:
        for column, label in enumerate((0, 1)):
            axes = page.place(left + column * (each + 0.15), 0.3, each, _ROW * len(grid))
            _strips(axes, grid[label])
            axes.set_title(messages("numerics.label", label=label))
            axes.set_xlabel(messages("numerics.z"))
            labels = [clip(name, left - 0.1, 7.5) for name in names] if column == 0 else [""] * len(names)
            label_rows(axes, labels)
            axes.tick_params(axis="y", labelsize=7.5)
        for legend in page.legends:
            for text in legend.get_texts():
                text.set_color(INK)
    return page


def _nothing(width: float, messages: Messages) -> Chart:
    with chart(messages("numerics.nothing"), width, 0.1, auto=False) as page:
        return page


def _usual(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of `USUAL`, framework by framework, in its order."""
    usual = pd.DataFrame(USUAL, columns=_KEYS).assign(rank=range(len(USUAL)))
    plain = rows.astype(dict.fromkeys(("framework", "form", "activation", "loss"), str))
    return plain.merge(usual, on=_KEYS).sort_values(["framework", "rank", "label", "z"], kind="stable")


def _states(rows: pd.DataFrame) -> np.ndarray:
    """The index in `STATES` of each row's gradient."""
    grad, reference = rows["grad"].to_numpy(float), rows["grad_reference"].to_numpy(float)
    with np.errstate(invalid="ignore"):
        gap = np.abs(grad - reference)
    state = np.where(gap <= OFF, 0, 1)
    state = np.where((grad == 0) & (np.abs(reference) > OFF), 2, state)
    state = np.where(~np.isfinite(grad), 3, state)
    return np.where(~np.isfinite(reference), 4, state)


def _name(row: tuple[object, ...]) -> str:
    framework, form, activation, units, loss = map(str, row)
    short = loss.replace("sparse_categorical", "sparse").replace("_crossentropy", "")
    short = short.replace("_cross_entropy_with_logits", " op")
    head = f"{activation}({units})" if activation != "linear" else f"logits({units})"
    after = "+layer" if form == "layer_after" else ""
    return f"{framework}: {head}{after} → {short}"


def _strips(axes: Axes, grid: pd.DataFrame) -> None:
    z = grid.columns.to_numpy(float)
    middle = (z[:-1] + z[1:]) / 2
    edges = np.concatenate([[z[0]], middle, [z[-1]]])
    colours = ListedColormap(_INKS)
    norm = BoundaryNorm(np.arange(len(STATES) + 1) - 0.5, len(STATES))
    rows = np.arange(len(grid) + 1) - 0.5
    axes.pcolormesh(edges, rows, grid.to_numpy(float), cmap=colours, norm=norm, shading="flat", rasterized=True)
    axes.set_xlim(z[0], z[-1])
    axes.set_xticks([-100, 0, 100])
    axes.tick_params(axis="x", labelsize=7.5)
    axes.grid(visible=False)
    for row in range(1, len(grid)):
        axes.axhline(row - 0.5, color="#fefefe", linewidth=1)


def thresholds(pathologies: pd.DataFrame, *, framework: str, width: float = 7.2, messages: Messages = ENGLISH) -> Chart:
    """A table of numbers: from which |z| on a path's gradient is wrong, a row a path, a column a dtype.

    `pathologies`: the table of that name; the paths of `USUAL` of one framework are shown, over all executions the
    smallest |z|. What the rounding of a dtype explains counts as right. If there are none the figure says only that.
    """
    rows = _usual(pathologies.loc[pathologies["framework"] == framework].assign(label=0, z=0.0))
    if rows.empty:
        return _nothing(width, messages)
    rows = rows.assign(first=rows[["wrong_from", "inf_from", "nan_from"]].min(axis=1).fillna(np.inf))
    order = rows[["framework", *_KEYS]].drop_duplicates()
    grid = rows.groupby([*_KEYS, "dtype"], observed=True)["first"].min().unstack("dtype")
    dtypes = [name for name in _DTYPES if name in grid]
    dtypes += [name for name in grid if name not in dtypes]
    grid = grid.reindex(pd.MultiIndex.from_frame(order[_KEYS]))[dtypes]
    values = grid.to_numpy(float)
    sound = int(np.isinf(values).sum())
    finding = messages("numerics.thresholds", framework=messages.name("framework", framework), sound=sound,
                       paths=int((~np.isnan(values)).sum()))  # fmt: skip
    left = 2.4 if width >= 5 else 0.42 * width
    height = (0.24 if width >= 5 else 0.38) * len(grid)
    columns = [_column(str(name), narrow=width < 5) for name in grid.columns]
    angle, size = (90, 7.5) if width < 5 else (50, 7.5)
    above = 0.15 + max(width_of(name, size) for name in columns) * math.sin(math.radians(angle))
    with chart(finding, width, height + above + 0.1, auto=False) as page:
        axes = page.place(left, above, width - left - (0.6 if width >= 5 else 0.1), height)
        _numbers(axes, values, messages, narrow=width < 5)
        names = [_name(row).partition(": ")[2] for row in order.itertuples(index=False, name=None)]
        label_rows(axes, [in_two(name, left - 0.1, 8) for name in names])
        axes.set_xticks(range(len(columns)), columns, rotation=angle, ha="center" if angle == 90 else "left")
        axes.xaxis.tick_top()
        axes.tick_params(axis="x", length=0, labelsize=size)
    return page


def _column(dtype: str, *, narrow: bool) -> str:
    """A dtype's name above its column: "mixed f16, f32 head"."""
    name = dtype.replace("_float32_head", ", float32 head").replace("_", " ")
    return name.replace("float", "f") if narrow or "," in name else name


def _numbers(axes: Axes, values: np.ndarray, messages: Messages, *, narrow: bool) -> None:
    axes.set_xlim(-0.5, values.shape[1] - 0.5)
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)
    for (row, column), value in np.ndenumerate(values):
        if math.isnan(value):
            continue
        ink = _INKS[0] if math.isinf(value) else _INKS[2] if value < 5 else "#eb9a5b" if value < 15 else "#f6d3b3"
        axes.add_patch(Rectangle((column - 0.47, row - 0.44), 0.94, 0.88, color=ink, linewidth=0))
        right = "✓" if narrow else messages("numerics.right")
        text = right if math.isinf(value) else messages("numerics.all") if value <= 0.5 else f"{value:g}"
        axes.text(column, row, text, ha="center", va="center", fontsize=7.5, color=ON_PATCH)


def consequences(trained: pd.DataFrame, *, width: float = 7.2, messages: Messages = ENGLISH) -> Chart:
    """For each pathology, the loss that a network ends with on its path and on a sound one; a column a task.

    `trained`: the table `consequences`. Dots are medians over seeds of the loss of what the model predicts; beside
    them stands how many runs were lost to values that are not finite. An empty table gives a figure that says so.
    """
    if trained.empty:
        return _nothing(width, messages)
    names = list(dict.fromkeys(trained["pathology"].astype(str)))
    tasks = list(dict.fromkeys(trained["task"].astype(str)))
    ended = trained.assign(value=trained["predicted_nll"].where(trained["finite"].astype(bool)))
    middle = ended.groupby(["task", "pathology", "role"], observed=True)["value"].median().unstack("role")
    lost = (~trained["finite"].astype(bool)).groupby([trained["task"], trained["pathology"], trained["role"]]).sum()
    worse = sum(_worse(middle.xs(name, level="pathology"), lost, name, tasks) for name in names)
    key = [
        Line2D([], [], marker="o", linestyle="", color=ink, label=messages(f"numerics.{role}"))
        for role, ink in (("ill", _ILL), ("sound", _SOUND))
    ]
    left = 2.5 if width >= 5 else 0.45 * width
    each = (width - left - 0.1 * len(tasks)) / len(tasks)
    called = [messages.translated("pathology", name, name.replace("_", " ")) for name in names]
    labels = [in_two(name, left - 0.1, 8) for name in called]
    high = (0.32 if any("\n" in label for label in labels) else 0.24) * len(names)
    with chart(messages("numerics.consequences", worse=worse, all=len(names)), width, high + 1.1,
               more=key, auto=False) as page:  # fmt: skip
        for column, task in enumerate(tasks):
            axes = page.place(left + column * (each + 0.1), 0.5, each, high)
            gone = [int(lost[task, name, "pathology"]) for name in names]
            _dumbbells(axes, middle.loc[task].reindex(names), gone, messages, narrow=width < 5)
            axes.set_title(wrap(messages.or_key("numerics.task", task), each + 0.2, 8), fontsize=8)
            if width >= 5 or column == len(tasks) // 2:
                axes.set_xlabel(messages("numerics.nll"))
            label_rows(axes, labels if column == 0 else [""] * len(labels))
            axes.tick_params(axis="y", labelsize=8)
            for label in axes.get_yticklabels():
                label.set_linespacing(0.95)
    return page


def _worse(part: pd.DataFrame, lost: pd.Series, name: str, tasks: Sequence[str]) -> bool:
    """Whether a pathology loses runs, or a tenth of a nat, on any of the tasks."""
    gone = any(lost[task, name, "pathology"] > 0 for task in tasks)
    return bool(gone or (part["pathology"] - part["sound"] > 0.1).any())


def _dumbbells(axes: Axes, ends: pd.DataFrame, lost: Sequence[int], messages: Messages, *, narrow: bool) -> None:
    least = 1e-3
    for row, (ill, sound) in enumerate(ends[["pathology", "sound"]].to_numpy(float)):
        both = np.clip([ill, sound], least, None)
        axes.plot(both, [row, row], color=MUTED, linewidth=1)
        axes.plot(both[1], row, "o", color=_SOUND, markersize=4)
        axes.plot(both[0], row, "o", color=_ILL, markersize=5, markerfacecolor="none", markeredgewidth=1.4)
        if lost[row]:
            vertical = "bottom" if narrow else "center"
            # on the side where there is no dot
            at, side = (0.02, "left") if np.nanmax(both, initial=least) > 0.1 else (0.98, "right")
            axes.text(at, row, messages("numerics.lost", runs=lost[row]), transform=axes.get_yaxis_transform(),
                      ha=side, va=vertical, fontsize=7.5, color=_ILL)  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlim(least * 0.7, 25)
    ticks = (0.01, 1) if narrow else (0.01, 0.1, 1, 10)
    axes.set_xticks(ticks, [figure(tick) for tick in ticks])
    axes.tick_params(axis="x", which="minor", length=0)
    axes.minorticks_off()
