"""Claims about the two heads of a binary network, judged from what was trained."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from experiments.claims.computed import measured
from experiments.claims.evidence import (
    cell_name,
    cell_of,
    comparisons,
    differ,
    in_words,
    larger,
    means,
    n_cells,
    outcomes,
    primary,
    seeds_clause,
)
from experiments.claims.phrasing import (
    fails,
    figure,
    interval,
    listed,
    names,
    over_tasks,
    share,
    signed,
    size,
    tally,
)
from experiments.claims.record import Claim, NotMeasured, Part, Tables, Verdict, claim, decide
from experiments.judgement import APART, FRESH, INSIDE, SCORED, THESE, cells_apart, score
from experiments.messages import Messages
from experiments.stats import QUANTITIES, share_interval
from experiments.tables import CELL

SOFTMAX, SIGMOID, MATCHED = "softmax", "sigmoid", "softmax_matched"
KIND = "two classes"
# what the winner depends on, by the outcome of the claim that it is the model
_DEPENDS_ON = {
    "supported": "It depends on the model, whatever the learning rate",
    "refuted": "It depends on the learning rate, not on the model",
    "depends": "It depends on the learning rate in some comparisons, and on the model in others",
    "undecided": "Whether it depends on the model or on the learning rate is open",
}
_OVERALL = "softmax - sigmoid in {}, mean over tasks"


@claim(
    "stable-optimisation",
    section="1.1",
    description="sigmoid's bounded output makes optimisation stable",
    margin=0.05,
    unit="share of runs",
    needs=("learning_rates",),
    called={"zh": "sigmoid 的输出有界，因此优化稳定"},
    measured={"zh": "sigmoid 运行的发散比例"},
)
def stable_optimisation(tables: Tables, claim: Claim) -> Verdict:
    """Share of runs over the sweep of rates that end worse than they began, or in no number at all.

    The unit is the seed: its runs at several rates share rows, start and order, so they are one observation; and so are
    its networks on one task, in the share of all runs.
    """
    rows = tables["learning_rates"]
    rows = rows[rows["quantity"] == "diverged"]
    mine, softmax = (rows[rows["head"] == head] for head in (SIGMOID, SOFTMAX))
    if mine.empty or softmax.empty:
        raise NotMeasured("the table learning_rates has no 'diverged' of sigmoid and softmax")
    parts = []
    by_seed = mine.groupby([*CELL, "seed"], sort=False, observed=True)["value"].agg(_mean)
    reach = float(np.fmax.reduce([*by_seed, 1 / mine["learning_rate"].nunique()]))
    for cell, of_cell in by_seed.groupby(level=CELL, sort=False, observed=True):
        low, high = share_interval(of_cell.to_numpy(), reach)
        holds = True if high <= claim.margin else False if low > claim.margin else None
        parts.append(Part(name="/".join(map(str, cell)), holds=holds, cell=tuple(map(str, cell))))
    value, other = (_mean(head["value"]) for head in (mine, softmax))
    low, high = share_interval(_over_tasks(mine), reach)
    rates = mine.groupby("learning_rate")["value"].mean()
    most = f"; at the rate {rates.idxmax():g} {figure(100 * rates.max())} % of sigmoid's did" if rates.any() else ""
    return Verdict(
        outcome=decide(parts),
        statement=lambda messages: messages("stable.told", share=size(100 * value)) + fails(parts, messages),
        details=f"{figure(100 * value)} % of {len(mine)} sigmoid runs diverged over {len(rates)} rates, and "
        f"{figure(100 * other)} % of softmax's, whose output is bounded too{most}. By cell, it {tally(parts)}.",
        evidence="learning_rates: 'diverged' of sigmoid and softmax, a seed's share of its rates; a cell is stable if "
        "the 95 % interval of the mean over seeds is below the margin, unstable if above",
        measure="share of sigmoid runs that diverged",
        value=value,
        low=low,
        high=high,
        n_cells=len(parts),
        parts=tuple(parts),
    )


def _mean(values: pd.Series) -> float:
    """The mean; NaN if one of them is."""
    return float(values.mean(skipna=False))


def _over_tasks(runs: pd.DataFrame) -> np.ndarray:
    """An entry a seed of a task, whose mean is the share of all `runs` that diverged: the seed's own share of its runs.

    A seed with more runs than the mean counts for more: its share s is moved by (s - p)(its runs / mean of runs - 1),
    p being the share of all runs. It is the linear form of a ratio estimator (Cochran 1977, 6.4).
    """
    by = runs.groupby(["task", "seed"], sort=False, observed=True)["value"]
    share, size = by.agg(_mean), by.size()
    return (share + (share - _mean(runs["value"])) * (size / size.mean() - 1)).to_numpy()


@claim(
    "softmax-sharpens",
    section="1.2",
    description="softmax's exponentials pull the top probability towards 1",
    margin=QUANTITIES["top_probability"].margin,
    unit="probability",
    needs=("differences", "overall", "worked_examples"),
    called={"zh": "softmax 的指数运算使最大概率更接近 1"},
    measured={"zh": "最大概率的 softmax − sigmoid（各任务平均）"},
)
def softmax_sharpens(tables: Tables, claim: Claim) -> Verdict:
    """On the article's logits against plain normalisation, and in trained networks, as written and matched."""
    example = measured(tables, claim.name)
    if not {"softmax_top", "plain_top"} <= set(example.columns):
        raise NotMeasured("the table worked_examples has no softmax_top and plain_top of softmax-sharpens")
    soft, plain = (float(example[name].iloc[0]) for name in ("softmax_top", "plain_top"))
    as_written = comparisons(tables, "differences", SOFTMAX, SIGMOID, ["top_probability"])
    matched = comparisons(tables, "differences", MATCHED, SIGMOID, ["top_probability"])
    written_parts, matched_parts = larger(as_written), [_matched(part) for part in larger(matched)]
    parts = [Part(name="the logits (3, 1, -3)", holds=soft > plain), *written_parts, *matched_parts]
    written_means = means(tables, SOFTMAX, SIGMOID, KIND, ["top_probability", "ece", "abs_logit"])
    matched_means = means(tables, MATCHED, SIGMOID, KIND, ["top_probability"])
    overall = [*larger(written_means[:1]), *map(_matched, larger(matched_means))]
    top = written_means.iloc[0]
    return Verdict(
        outcome=decide(parts, overall),
        statement=lambda messages: _sharper(top, matched_means.iloc[0], messages),
        details=f"On (3, 1, -3) softmax's top probability is {figure(soft)} against {figure(plain)} by plain "
        f"normalisation. Trained as written, {in_words(written_means)}. With start and head rate matched, "
        f"{in_words(matched_means)}. Cell by cell, as written it {tally(written_parts)}; matched it "
        f"{tally(matched_parts)}.",
        evidence="overall and differences: top_probability of softmax and softmax_matched against sigmoid; "
        "worked_examples",
        measure=_OVERALL.format("top_probability"),
        value=top["mean"],
        low=top["low"],
        high=top["high"],
        n_cells=n_cells(as_written),
        parts=(*parts, *overall),
    )


@claim(
    "differs-in-practice",
    section="1.3, 1.4(5)",
    description="trained as people write them, sigmoid and softmax give different results on two classes",
    margin=QUANTITIES["nll"].margin,
    unit="nats",
    needs=("differences", "overall"),
    called={"zh": "按通常写法训练时，sigmoid 与 softmax 在二分类上得到不同的结果"},
    measured={"zh": "负对数似然的 softmax − sigmoid（各任务平均）"},
)
def differs_in_practice(tables: Tables, claim: Claim) -> Verdict:
    """Every primary quantity, in its mean over tasks and in every cell."""
    rows = comparisons(tables, "differences", SOFTMAX, SIGMOID, primary())
    parts = differ(rows)
    across = means(tables, SOFTMAX, SIGMOID, KIND, ["nll", *primary()]).drop_duplicates("quantity")
    overall = differ(across)
    nll = across.iloc[0]
    cells = cells_apart(rows, CELL)
    return Verdict(
        outcome=decide(parts, overall),
        statement=lambda messages: _apart(nll, parts, messages),
        details=f"{in_words(across)}. Cell by cell, with all of these and all cells corrected together, at "
        f"least one of them differs in {share(int(cells.sum()), len(cells))} cells; one by one: "
        f"{outcomes(rows)}.{seeds_clause(rows)}",
        evidence=f"overall and differences: softmax against sigmoid, {', '.join(rows['quantity'].unique())}; Holm over "
        "the quantities, and over the cells of each",
        measure=_OVERALL.format("nll"),
        value=nll["mean"],
        low=nll["low"],
        high=nll["high"],
        n_cells=n_cells(rows),
        parts=(*parts, *overall),
    )


@claim(
    "winner-depends-on-model",
    section="1.3",
    description="for some models sigmoid works better, for others softmax",
    margin=0.5,
    unit="share of cells",
    needs=("differences", "overall", "rate_law", "rate_gaps"),
    called={"zh": "有的模型用 sigmoid 更好，有的用 softmax 更好"},
    measured={"zh": "就自身数据可判定的单元中，胜者如理论所言随学习率改变的比例"},
)
def winner_depends_on_model(tables: Tables, claim: Claim) -> Verdict:
    """Along the learning rate: does one head win a model throughout, or does the winner change at its best rate?"""
    law = tables["rate_law"]
    fresh, these = (law[law["estimand"] == estimand] for estimand in (FRESH, THESE))
    parts = [
        Part(name=cell_name(row), cell=cell_of(row),
             holds=_one_winner(row["below_mean"], row["above_mean"]) if row["decided"] else None)
        for _, row in fresh.iterrows()
    ]
    below, above = (means(tables, SOFTMAX, SIGMOID, KIND, ["nll"], at=side).iloc[0] for side in ("below", "above"))
    both_signs = {below["outcome"], above["outcome"]} <= {*APART, "negligible"}  # both signs are shown
    pooled = Part(name="mean over tasks", holds=_one_winner(below["mean"], above["mean"]) if both_signs else None)
    decided = {estimand: rows[rows["decided"].astype(bool)] for estimand, rows in ((FRESH, fresh), (THESE, these))}
    predicted = {estimand: int((rows["predicted"] == True).sum()) for estimand, rows in decided.items()}  # noqa: E712
    unlike = [cell_of(row) for _, row in decided[THESE].iterrows() if not row["predicted"]]
    exceptions = ["/".join(cell) for cell in unlike]
    default = comparisons(tables, "differences", SOFTMAX, SIGMOID, SCORED)
    best = comparisons(tables, "rate_gaps", SOFTMAX, SIGMOID, SCORED, at="best")
    middle = fresh["crossing"].median()
    outcome = decide(parts, [pooled])
    return Verdict(
        outcome=outcome,
        statement=lambda messages: messages(
            f"winner.{outcome}", predicted=predicted[THESE], decided=len(decided[THESE])
        ) + _exceptions(unlike, messages),
        details=f"{_DEPENDS_ON[outcome]}: a factor of 2 to 4 below sigmoid's best rate softmax - sigmoid in test "
        f"loss is, {over_tasks(below['n_tasks'])}, {signed(below['mean'])} nats"
        f"{interval(below['low'], below['high'])}, as far above it {signed(above['mean'])}"
        f"{interval(above['low'], above['high'])}. Of {len(fresh)} swept cells {len(decided[THESE])} are decided on "
        f"both sides for their own rows, {predicted[THESE]} of them as predicted, softmax lower below and sigmoid above"
        f"{f' (not {listed(exceptions)})' if exceptions else ''}; for fresh rows {len(decided[FRESH])}, "
        f"{predicted[FRESH]} of them as predicted."
        f"{f' The median cell crosses at {figure(2**middle)} times that rate.' if np.isfinite(middle) else ''} At the "
        f"default rate {_wins(default)}; with each head at its own best rate {_wins(best)}.{seeds_clause(best)}",
        evidence="rate_law and overall (at = below, above): test loss at rates a factor of 2 to 4 from sigmoid's best, "
        "Holm over both sides of all cells; the claim holds in a cell where one head wins on both sides, and fails "
        "where the winner changes with the rate; differences and rate_gaps (at = best)",
        measure="share of the cells decided for their own rows whose winner changes with the rate, as predicted",
        value=predicted[THESE] / len(decided[THESE]) if len(decided[THESE]) else float("nan"),
        n_cells=len(fresh),
        parts=(*parts, pooled),
    )


def _one_winner(below: float, above: float) -> bool:
    """Whether one head has the lower loss on both sides of the best rate."""
    return bool((below > 0) == (above > 0))


def _wins(rows: pd.DataFrame) -> str:
    softmax, sigmoid, tie, undecided = score(rows)
    return (
        f"softmax is better in {softmax} and sigmoid in {sigmoid} of {len(rows)} comparisons of test loss and "
        f"accuracy, {tie} are within the margin and {undecided} undecided"
    )


def _matched(part: Part) -> Part:
    return replace(part, name=f"{part.name}, matched")


def _sharper(written: pd.Series, matched: pd.Series, messages: Messages) -> str:
    """How much sharper softmax is as people write it, and whether that is gone where it is matched."""
    sentence = messages(f"sharpens.{'higher' if written['mean'] > 0 else 'lower'}", size=size(written["mean"]))
    return sentence + (messages("sharpens.gone") if matched["outcome"] in INSIDE else "")


def _apart(nll: pd.Series, parts: list[Part], messages: Messages) -> str:
    """The mean difference in the final loss, and in which cells the two are within the margin in every measure."""
    sentence = messages(f"differs.{'lower' if nll['mean'] < 0 else 'higher'}", size=size(nll["mean"]))
    inside: dict[tuple[str, ...], bool] = {}
    for part in parts:
        inside[part.cell] = inside.get(part.cell, True) and part.holds is False
    cells = [messages.cell(cell) for cell, whole in inside.items() if whole]
    if cells:
        return sentence + messages("differs.inside", names=names(cells, messages))
    return sentence + (messages("differs.partly") if any(part.holds is False for part in parts) else "")


def _exceptions(cells: list[tuple[str, ...]], messages: Messages) -> str:
    return (
        messages("winner.exceptions", names=names([messages.cell(cell) for cell in cells], messages)) if cells else ""
    )
