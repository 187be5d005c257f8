"""Every number in the article's text, computed again: in each framework, beside the article's own figure.

An example is one function of a framework's calls, registered under the id of the claim that it is evidence for.
"""

from __future__ import annotations

from importlib.util import find_spec

import pandas as pd

from experiments import tables
from experiments.worked_examples.record import EXAMPLES, Example, Variant, example

__all__ = ["EXAMPLES", "Example", "Variant", "answer", "article_figures", "example", "worked_examples"]

MEASURED, NOT_INSTALLED = "measured", "not installed"


def worked_examples() -> pd.DataFrame:
    """The table `worked_examples`: a row an (example, framework, dtype, quantity).

    `article_value` is NaN where the article gives no figure. A framework that is not installed has its rows too,
    with the status "not installed" and NaN for a value.
    """
    rows = [_row(entry, variant, numbers) for entry in EXAMPLES.values() for variant in entry.variants for numbers in [
        entry.measure(variant) if _installed(variant) else None
    ]]  # fmt: skip
    return tables.validate("worked_examples", pd.concat(rows, ignore_index=True))


def _installed(variant: Variant) -> bool:
    return find_spec(variant.package) is not None


def _row(entry: Example, variant: Variant, numbers: dict[str, float] | None) -> pd.DataFrame:
    if numbers is not None and set(numbers) != set(entry.quantities):
        raise ValueError(f"The example {entry.name!r} measured {sorted(numbers)} and not {sorted(entry.quantities)}")
    return pd.DataFrame(
        {
            "example": entry.name,
            "framework": variant.framework,
            "dtype": variant.dtype,
            "quantity": entry.quantities,
            "value": [float("nan") if numbers is None else numbers[name] for name in entry.quantities],
            "article_value": [entry.article.get(name, float("nan")) for name in entry.quantities],
            "status": NOT_INSTALLED if numbers is None else MEASURED,
            "section": entry.section,
        }
    )


def article_figures(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of `worked_examples` for which the article gives a figure, with the relative `error` against it."""
    compared = table.dropna(subset="article_value").sort_values("quantity", kind="stable")
    return compared.assign(error=compared["value"] / compared["article_value"] - 1)


def answer(table: pd.DataFrame) -> str:
    """Whether the article's figures come out again, and which of its losses are right at every logit, as Markdown."""
    worst = article_figures(table)["error"].abs().max()
    recipes = table[table["example"] == "loss-recipes"]
    recipes = recipes.pivot(index=["framework", "dtype"], columns="quantity", values="value")
    recipes = recipes.dropna(subset="largest_error")
    wrong = recipes["first_wrong_logit"].dropna()
    heading = (
        f"**The article's figures come out again, to a relative error of {worst:.1e}; of {len(recipes)} losses that it "
        f"names, {len(recipes) - len(wrong)} are right at every logit.**"
    )
    others = [f"- {loss} in {dtype}: wrong from |z| = {z:g}" for (loss, dtype), z in wrong.items()]
    return "\n".join([heading, *([""] if others else []), *others])
