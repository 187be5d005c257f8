"""What the worked examples show, in a few lines."""

from __future__ import annotations

import pandas as pd


def article_figures(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of `worked_examples` for which the article gives a figure, with the relative `error` against it."""
    given = table.dropna(subset="article_value").sort_values("quantity", kind="stable")
    return given.assign(error=given["value"] / given["article_value"] - 1)


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
