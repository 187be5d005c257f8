"""The sections of a comparison's report."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from experiments.comparison.answer import FACTORS, amount, name_of
from experiments.comparison.chart import margins, rates
from experiments.comparison.first import first, title
from experiments.comparison.result import Comparison
from experiments.figures import Words, attribution, gradient_norms, loss_curves
from experiments.heads import HEADS
from experiments.report.blocks import Block, Fold, Inline, Section, Span, Table, Text, number, ranged
from experiments.report.sections.common import badge, drawn

_RULE = (
    "The results are looked at after a few seeds and again after some more, and training stops as soon as every "
    "primary quantity is decided. Each look spends a part of the 5 % error by the spending function of Lan and DeMets "
    "(1983) that resembles O'Brien and Fleming's boundaries, over the share of the seeds; the primary quantities "
    "share it by Holm's steps (Ye, Li, Liu and Yao 2013). So over all looks and quantities at most 5 % of comparisons "
    "of equal heads end in a false “different”, and at most 5 % of those that differ by the margin in a false "
    "“equivalent”. Intervals are repeated ones (Jennison and Turnbull 1984): at 95 % they cover at all looks "
    "together. All of it allows for seeds that share rows (Nadeau and Bengio 2003)."
)


_CAPTION = (
    "Means over seeds. An interval is its quantity's own, over all looks; an outcome also allows for there being "
    "several quantities. The noise floor is what another draw of sigmoid itself does."
)


def sections(found: Comparison, words: Words) -> list[Section]:
    """All of the report: the answer first."""
    made = [_answer(found, words), _differences(found, words), _why(found, words), _rates(found, words),
            _curves(found, words),
            _arms(found, words), _looks(found, words), _given(found)]  # fmt: skip
    return [section for section in made if section is not None]


def _answer(found: Comparison, words: Words) -> Section:
    whole: list[Block] = [
        Text(body=[badge(found.verdict.outcome, words), " ", found.verdict.parts[0]], lead=True),
        *_lines(found.verdict.parts[1:]),
        Text(body=[Span(text="Why? ", strong=True), found.why]),
        *([Text(body=[Span(text="At which rate? ", strong=True), found.advice.rate])] if found.advice.rate else []),
        Text(body=[Span(text="Which to use? ", strong=True), found.advice.sentence]),
        Text(
            body="Either way, leave the activation to the loss (from_logits=True): the gradient then survives any "
            "logit on every backend."
        ),
    ]
    return Section(id="answer", title=title(found, words), blocks=[
        first(found, words), Fold(summary=words("compare.figures"), blocks=whole),
    ])  # fmt: skip


def _differences(found: Comparison, words: Words) -> Section:
    rows: list[list[Inline]] = [
        [
            name_of(row["quantity"]),
            number(row["baseline_mean"]),
            ranged(row),
            amount(row, row["mean"]),
            number(row["margin"]),
            number(row["noise_floor"]),
            badge(row["outcome"], words),
        ]
        for _, row in found.primary.iterrows()
    ]
    columns = ["quantity", "sigmoid", "softmax − sigmoid [95 %]", "that is", "margin", "noise floor", "outcome"]
    return Section(
        id="differences",
        title="Do they differ?",
        blocks=[
            drawn(None, "margins", margins, found.primary, words=words),
            Table(caption=_CAPTION,
                  columns=columns, rows=rows),
        ],
    )  # fmt: skip


def _why(found: Comparison, words: Words) -> Section | None:
    table = found.attribution
    if table.empty:
        return None
    present = [factor for factor in FACTORS if (table["factor"] == factor).any()]
    rows: list[list[Inline]] = []
    for _, row in found.primary.iterrows():
        mine = table.loc[table["quantity"] == row["quantity"]].set_index("factor")
        if len(mine):
            shares: list[Inline] = [ranged(mine.loc[factor], mean="share") for factor in present]
            rows.append([name_of(row["quantity"]), number(row["mean"], sign=True), *shares])
    columns = ["quantity", "softmax − sigmoid", *(words(f"factor.{factor}") for factor in present)]
    return Section(
        id="why",
        title="Why?",
        blocks=[
            Text(body=words("why.read")),
            *(
                [drawn(None, "attribution", attribution, table, words=words)]
                if (table["quantity"] == "nll_curve").any()
                else []
            ),
            Table(caption="Each cause's share of the difference [95 %]", columns=columns, rows=rows),
        ],
    )


def _rates(found: Comparison, words: Words) -> Section | None:
    tuned = found.tuning
    if tuned is None:
        return None
    test = found.rates[found.rates["split"] == "test"]
    means = test.groupby(["head", "quantity", "learning_rate"], observed=True)["value"].mean()
    rows: list[list[Inline]] = [
        [number(rate), *(number(means.loc[head, name, rate]) for name in tuned.apart for head in tuned.best)]
        for rate in tuned.grid
    ]
    columns = ["learning rate", *(f"{head}: {name_of(name)}" for name in tuned.apart for head in tuned.best)]
    return Section(
        id="rates",
        title="At which learning rate?",
        blocks=[
            Text(body=found.advice.rate),
            drawn(None, "rates", rates, found.rates, tuned.own, words=words),
            Table(caption="Means over seeds, on test rows", columns=columns, rows=rows),
        ],
    )


def _curves(found: Comparison, words: Words) -> Section:
    norms = found.curves.loc[found.curves["quantity"] == "grad_norm"]
    blocks: list[Block] = [drawn(None, "loss_curves", loss_curves, found.curves, found.runs, words=words)]
    if len(norms) and (norms["value"] > 0).any():
        blocks.append(drawn(None, "gradient_norms", gradient_norms, norms, words=words))
    return Section(id="curves", title="Loss curves and gradient norms", blocks=blocks)


def _arms(found: Comparison, words: Words) -> Section:
    rows: list[list[Inline]] = [
        [
            Span(text=str(row["head"]), code=True),
            name_of(row["quantity"]),
            str(row["estimand"]),
            ranged(row),
            number(row["margin"]),
            badge(row["outcome"], words),
        ]
        for _, row in found.differences.iterrows()
    ]
    columns = ["arm", "quantity", "answers for", "difference [95 %]", "margin", "outcome"]
    meaning = [
        line for head in dict.fromkeys(found.differences["head"]) for line in (Span(text=head, code=True), _means(head))
    ]
    return Section(
        id="arms",
        title="Every arm and quantity",
        blocks=[
            Text(body=meaning),
            Table(caption="Arm minus sigmoid", columns=columns, rows=rows, sortable=True),
        ],
    )  # fmt: skip


def _means(head: str) -> str:
    return f": {HEADS[head].description}. " if head in HEADS else ". "


def _looks(found: Comparison, words: Words) -> Section:
    rows: list[list[Inline]] = [
        [
            number(row["seeds"]),
            number(row["level"], 2),
            number(row["level_tost"], 2),
            badge(row["outcome"], words),
            ", ".join(name_of(name) for name in str(row["undecided"]).split(", ") if name) or "–",
            number(row["seconds"]),
        ]
        for _, row in found.looks.iterrows()
    ]
    planned = ", ".join(map(str, found.settings["looks_planned"]))
    columns = ["seeds", "p for different", "p for equivalent", "outcome", "open", "seconds"]
    return Section(
        id="looks",
        title="How many seeds, and why so many",
        blocks=[
            Text(body=_RULE),
            Table(caption=f"The looks that were taken, of those planned: {planned} seeds", columns=columns, rows=rows),
        ],
    )


def _given(found: Comparison) -> Section:
    settings = found.settings
    wanted = ("source", "network", "optimizer", "learning_rate", "steps", "batch_size", "seeds", "class_weight",
              "sample_weight", "engine", "seconds")  # fmt: skip
    rows: list[list[Inline]] = [[name.replace("_", " "), _shown(settings[name])] for name in wanted if name in settings]
    rows += [[package, str(number_)] for package, number_ in dict(settings.get("versions", {})).items()]
    return Section(
        id="given",
        title="What was compared",
        blocks=[
            *_lines(found.recognised),
            *([Text(body=Span(text="To know", strong=True)), *_lines(found.notices)] if found.notices else []),
            Table(caption="Settings", columns=["setting", "value"], rows=rows),
        ],
    )


def _lines(texts: Iterable[str]) -> list[Text]:
    return [Text(body=text) for text in texts]


def _shown(value: object) -> str:
    if value is None or value is False:
        return "no"
    if value is True:
        return "yes"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def short_table(found: Comparison) -> pd.DataFrame:
    """The primary quantities in a few columns, for a notebook or a terminal."""
    rows = found.primary
    return pd.DataFrame(
        {
            "quantity": [name_of(name) for name in rows["quantity"]],
            "softmax − sigmoid": [amount(row, row["mean"]) for _, row in rows.iterrows()],
            "95 % interval": [f"{amount(row, row['low'])} to {amount(row, row['high'])}" for _, row in rows.iterrows()],
            "outcome": list(rows["outcome"]),
        }
    )
