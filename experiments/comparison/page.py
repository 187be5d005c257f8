"""The sections of a comparison's report."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pandas as pd

from experiments.comparison.answer import FACTORS, amount, name_of
from experiments.comparison.chart import margins, rates
from experiments.comparison.first import first, title
from experiments.comparison.language import NOTES
from experiments.figures import Messages, attribution, gradient_norms, loss_curves
from experiments.heads import HEADS
from experiments.judgement import FRESH, THESE
from experiments.report import (
    Block,
    Fold,
    Inline,
    Section,
    Span,
    Table,
    Text,
    as_code,
    badge,
    marked,
    number,
    picture_of,
    ranged,
)

if TYPE_CHECKING:
    from experiments.comparison.result import Comparison

_ESTIMANDS = {FRESH: "fresh", THESE: "these"}
_SETTINGS = ("source", "network", "optimizer", "learning_rate", "steps", "batch_size", "seeds", "class_weight",
             "sample_weight", "engine", "seconds")  # fmt: skip


def sections(comparison: Comparison, messages: Messages) -> list[Section]:
    """All of the report: the answer first."""
    candidates = [
        _answer(comparison, messages),
        _differences(comparison, messages),
        _why(comparison, messages),
        _rates(comparison, messages),
        _curves(comparison, messages),
        _arms(comparison, messages),
        _looks(comparison, messages),
        _given(comparison, messages),
    ]
    return [section for section in candidates if section is not None]


def _answer(comparison: Comparison, messages: Messages) -> Section:
    details: list[Block] = [
        Text(body=[badge(comparison.verdict.outcome, messages), " ", comparison.verdict.parts[0]], lead=True),
        *_lines(comparison.verdict.parts[1:]),
        *(Text(body=[Span(text=messages(f"compare.{question}_question"), strong=True), reply])
          for question, reply in (
              ("why", comparison.why), ("rate", comparison.advice.rate), ("use", comparison.advice.sentence),
          ) if reply),
        Text(body=messages("compare.logits")),
    ]
    return Section(id="answer", title=title(comparison, messages), blocks=[
        first(comparison, messages), Fold(summary=messages("compare.figures"), blocks=details),
    ])  # fmt: skip


def _differences(comparison: Comparison, messages: Messages) -> Section:
    rows: list[list[Inline]] = [
        [
            name_of(row["quantity"], messages),
            number(row["baseline_mean"]),
            ranged(row),
            amount(row, row["mean"], messages),
            number(row["margin"]),
            number(row["noise_floor"]),
            badge(row["outcome"], messages),
        ]
        for _, row in comparison.primary.iterrows()
    ]
    columns = _columns(messages, "quantity", "sigmoid", "difference", "that_is", "margin", "floor", "outcome")
    return Section(
        id="differences",
        title=messages("compare.section.differences"),
        blocks=[
            picture_of(None, "margins", margins, comparison.primary, messages=messages),
            Table(caption=messages("compare.caption.differences"), columns=columns, rows=rows),
        ],
    )  # fmt: skip


def _why(comparison: Comparison, messages: Messages) -> Section | None:
    table = comparison.attribution
    if table.empty:
        return None
    present = [factor for factor in FACTORS if (table["factor"] == factor).any()]
    rows: list[list[Inline]] = []
    for _, row in comparison.primary.iterrows():
        by_factor = table.loc[table["quantity"] == row["quantity"]].set_index("factor")
        if len(by_factor):
            shares: list[Inline] = [ranged(by_factor.loc[factor], mean="share") for factor in present]
            rows.append([name_of(row["quantity"], messages), number(row["mean"], sign=True), *shares])
    columns = [*_columns(messages, "quantity", "plain"), *(messages(f"factor.{factor}") for factor in present)]
    return Section(
        id="why",
        title=messages("compare.section.why"),
        blocks=[
            Text(body=messages("why.read")),
            *(
                [picture_of(None, "attribution", attribution, table, messages=messages)]
                if (table["quantity"] == "nll_curve").any()
                else []
            ),
            Table(caption=messages("compare.caption.shares"), columns=columns, rows=rows),
        ],
    )


def _rates(comparison: Comparison, messages: Messages) -> Section | None:
    tuned = comparison.tuning
    if tuned is None:
        return None
    test = comparison.rates[comparison.rates["split"] == "test"]
    means = test.groupby(["head", "quantity", "learning_rate"], observed=True)["value"].mean()
    rows: list[list[Inline]] = [
        [number(rate), *(number(means.loc[head, name, rate]) for name in tuned.apart for head in tuned.best)]
        for rate in tuned.grid
    ]
    columns = [messages("compare.column.rate"), *(
        messages("compare.column.of_head", head=head, quantity=name_of(name, messages))
        for name in tuned.apart for head in tuned.best
    )]  # fmt: skip
    return Section(
        id="rates",
        title=messages("compare.section.rates"),
        blocks=[
            Text(body=comparison.advice.rate),
            picture_of(None, "rates", rates, comparison.rates, tuned.own, messages=messages),
            Table(caption=messages("compare.caption.rates"), columns=columns, rows=rows),
        ],
    )


def _curves(comparison: Comparison, messages: Messages) -> Section:
    norms = comparison.curves.loc[comparison.curves["quantity"] == "grad_norm"]
    blocks: list[Block] = [
        picture_of(None, "loss_curves", loss_curves, comparison.curves, comparison.runs, messages=messages)
    ]
    if len(norms) and (norms["value"] > 0).any():
        blocks.append(picture_of(None, "gradient_norms", gradient_norms, norms, messages=messages))
    return Section(id="curves", title=messages("compare.section.curves"), blocks=blocks)


def _arms(comparison: Comparison, messages: Messages) -> Section:
    rows: list[list[Inline]] = [
        [
            messages.name("arm", str(row["head"])),
            name_of(row["quantity"], messages),
            messages(f"compare.estimand.{_ESTIMANDS[str(row['estimand'])]}"),
            ranged(row),
            number(row["margin"]),
            badge(row["outcome"], messages),
        ]
        for _, row in comparison.differences.iterrows()
    ]
    columns = _columns(messages, "arm", "quantity", "estimand", "arm_difference", "margin", "outcome")
    meaning = [
        messages("compare.arms.means", arm=messages.name("arm", str(head)),
                 description=messages.translated("head", str(head), HEADS[head].description))
        for head in dict.fromkeys(comparison.differences["head"]) if head in HEADS
    ]  # fmt: skip
    return Section(
        id="arms",
        title=messages("compare.section.arms"),
        blocks=[
            Text(body="".join(meaning)),
            Fold(summary=messages("compare.arms.all", n=len(rows)), blocks=[
                Table(caption=messages("compare.caption.arms"), columns=columns, rows=rows, sortable=True),
            ]),
        ],
    )  # fmt: skip


def _looks(comparison: Comparison, messages: Messages) -> Section:
    join = messages("compare.join.items")
    rows: list[list[Inline]] = [
        [
            number(row["seeds"]),
            number(row["level"], 2),
            number(row["level_tost"], 2),
            badge(row["outcome"], messages),
            join.join(name_of(name, messages) for name in str(row["undecided"]).split(", ") if name) or "–",
            number(row["seconds"]),
        ]
        for _, row in comparison.looks.iterrows()
    ]
    caption = messages("compare.caption.looks", planned=join.join(map(str, comparison.settings["looks_planned"])))
    return Section(
        id="looks",
        title=messages("compare.section.looks"),
        blocks=[
            Text(body=messages("compare.looks.rule")),
            Table(caption=caption, columns=_columns(messages, "seeds", "p", "p_tost", "outcome", "open", "seconds"),
                  rows=rows),
        ],
    )  # fmt: skip


def _given(comparison: Comparison, messages: Messages) -> Section:
    settings = comparison.settings
    rows: list[list[Inline]] = [
        [messages(f"compare.setting.{name}"), _setting_value(settings[name], messages)]
        for name in _SETTINGS
        if name in settings
    ]
    rows += [
        [Span(text=package, code=True), Span(text=str(number_), code=True)]
        for package, number_ in dict(settings.get("versions", {})).items()
    ]
    recognised, notices = (
        [Text(body=marked(as_code(NOTES.translate(text, messages), _keys(comparison)))) for text in texts]
        for texts in (comparison.recognised, comparison.notices)
    )
    know = [Text(body=Span(text=messages("compare.given.know"), strong=True))] if notices else []
    table = Table(
        caption=messages("compare.caption.settings"), columns=_columns(messages, "setting", "value"), rows=rows
    )
    return Section(id="given", title=messages("compare.section.given"), blocks=[*recognised, *know, *notices, table])


def _keys(comparison: Comparison) -> tuple[str, ...]:
    """What the network and the optimizer are called on the command line: no words of a language."""
    return str(comparison.settings["network"]), str(comparison.settings["optimizer"]).partition(",")[0]


def _columns(messages: Messages, *names: str) -> list[str]:
    return [messages(f"compare.column.{name}") for name in names]


def _lines(texts: Iterable[str]) -> list[Text]:
    return [Text(body=text) for text in texts]


def _setting_value(value: object, messages: Messages) -> Inline:
    if value is None or isinstance(value, bool):
        return messages(f"compare.given.{'yes' if value else 'no'}")
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value) if isinstance(value, int) else Span(text=str(value), code=True)


def short_table(comparison: Comparison, messages: Messages) -> pd.DataFrame:
    """The primary quantities in a few columns, for a notebook or a terminal."""
    rows = comparison.primary
    ends = [{name: amount(row, row[name], messages) for name in ("mean", "low", "high")} for _, row in rows.iterrows()]
    columns = _columns(messages, "quantity", "plain", "interval", "outcome")
    values = (
        [name_of(name, messages) for name in rows["quantity"]],
        [end["mean"] for end in ends],
        [messages("compare.column.to", low=end["low"], high=end["high"]) for end in ends],
        [messages(f"outcome.{outcome}") for outcome in rows["outcome"]],
    )
    return pd.DataFrame(dict(zip(columns, values, strict=True)))
