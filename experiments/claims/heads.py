"""Claims about the two heads of a binary network, judged from what was trained."""

from __future__ import annotations

import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from experiments.claims.computed import measured
from experiments.claims.evidence import (
    CELL,
    cell_name,
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
from experiments.claims.record import Claim, NotMeasured, Outcome, Part, Tables, Verdict, claim, decide
from experiments.claims.words import figure, share, tally
from experiments.judgement import better, cells_apart
from experiments.stats import ALPHA, QUANTITIES

SOFTMAX, SIGMOID, MATCHED = "softmax", "sigmoid", "softmax_matched"
KIND = "two classes"
_OVERALL = "softmax - sigmoid in {}, mean over tasks"


@claim(
    "stable-optimisation",
    section="1.1",
    description="sigmoid's bounded output makes optimisation stable",
    margin=0.05,
    unit="share of runs",
    needs=("learning_rates",),
)
def stable_optimisation(tables: Tables, known: Claim) -> Verdict:
    """Share of runs over the sweep of rates that end worse than they began, or in no number at all."""
    rows = tables["learning_rates"]
    rows = rows[rows["quantity"] == "diverged"]
    mine, twins = (rows[rows["head"] == head] for head in (SIGMOID, SOFTMAX))
    if mine.empty or twins.empty:
        raise NotMeasured("the table learning_rates has no 'diverged' of sigmoid and softmax")
    parts = []
    for _, cell in mine.groupby(CELL, sort=False):
        low, high = _proportion(cell["value"])
        holds = True if high <= known.margin else False if low > known.margin else None
        parts.append(Part(name=cell_name(cell.iloc[0]), holds=holds))
    value, other = float(mine["value"].mean()), float(twins["value"].mean())
    low, high = _proportion(mine["value"])
    rates = mine.groupby("learning_rate")["value"].mean()
    most = f"; most of sigmoid's ({figure(100 * rates.max())} %) at the rate {rates.idxmax():g}" if value else ""
    return Verdict(
        outcome=decide(parts),
        statement=f"{figure(100 * value)} % of {len(mine)} sigmoid runs diverged over {len(rates)} rates, and "
        f"{figure(100 * other)} % of softmax's, whose output is bounded too{most}. By cell, it {tally(parts)}.",
        evidence="learning_rates: 'diverged' of sigmoid and softmax; a cell is stable if the 95 % interval of its "
        "share is below the margin, unstable if above",
        measure="share of sigmoid runs that diverged",
        value=value,
        low=low,
        high=high,
        n_cells=len(parts),
        parts=tuple(parts),
    )


@claim(
    "softmax-sharpens",
    section="1.2",
    description="softmax's exponentials pull the top probability towards 1",
    margin=QUANTITIES["top_probability"].margin,
    unit="probability",
    needs=("differences", "overall", "worked_examples"),
)
def softmax_sharpens(tables: Tables, known: Claim) -> Verdict:
    """On the article's logits against plain normalisation, and in trained networks, as written and matched."""
    example = measured(tables, known.name)
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
        statement=f"On (3, 1, -3) softmax's top probability is {figure(soft)} against {figure(plain)} by plain "
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
)
def differs_in_practice(tables: Tables, known: Claim) -> Verdict:
    """Every primary quantity, in its mean over tasks and in every cell."""
    rows = comparisons(tables, "differences", SOFTMAX, SIGMOID, primary())
    parts = differ(rows)
    across = means(tables, SOFTMAX, SIGMOID, KIND, ["nll", *primary()]).drop_duplicates("quantity")
    overall = differ(across)
    nll = across.iloc[0]
    cells = cells_apart(rows, CELL)
    return Verdict(
        outcome=decide(parts, overall),
        statement=f"{in_words(across)}. Cell by cell, with all of these and all cells corrected together, at "
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
    margin=1.0,
    unit="comparisons",
    needs=("differences", "rate_gaps"),
)
def winner_depends_on_model(tables: Tables, known: Claim) -> Verdict:
    """Wins by the margin or more, at the default rate and at each arm's own best rate."""
    quantities = ["nll", "accuracy"]
    default = comparisons(tables, "differences", SOFTMAX, SIGMOID, quantities)
    best = comparisons(tables, "rate_gaps", SOFTMAX, SIGMOID, quantities, at="best")
    at_default, wins, words = _wins(default, known)
    at_best, _, best_words = _wins(best, known)
    found = "depends" if {at_default, at_best} == {"supported", "refuted"} else at_default
    return Verdict(
        outcome=found,
        statement=f"At the default rate {words}. At each arm's own best rate {best_words}. An undecided comparison is "
        f"no tie.{seeds_clause(default)}",
        evidence=f"differences and rate_gaps (at = best): nll and accuracy, softmax against sigmoid; at the default "
        f"rate the claim is {at_default}, at the best {at_best}",
        measure="comparisons won by the head that wins less often",
        value=float(wins),
        n_cells=n_cells(default),
        parts=tuple(differ(default)),
    )


def _wins(rows: pd.DataFrame, known: Claim) -> tuple[Outcome, int, str]:
    won = better(rows)
    softmax, sigmoid = int((won == 1).sum()), int((won == -1).sum())
    undecided = int((rows["outcome"] == "undecided").sum())
    least = min(softmax, sigmoid)
    if least >= known.margin:
        found: Outcome = "supported"
    else:
        found = "refuted" if undecided <= len(rows) / 2 else "undecided"
    words = (
        f"softmax wins {softmax} and sigmoid {sigmoid} of {len(rows)} comparisons, {undecided} are undecided and "
        f"{len(rows) - softmax - sigmoid - undecided} within the margin"
    )
    return found, least, words


def _matched(part: Part) -> Part:
    return Part(name=f"{part.name}, matched", holds=part.holds)


def _proportion(values: pd.Series) -> tuple[float, float]:
    low, high = proportion_confint(int(values.sum()), len(values), alpha=ALPHA, method="wilson")
    return float(low), float(high)
