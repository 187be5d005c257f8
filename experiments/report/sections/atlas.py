"""The numerics atlas: every way from a logit to a loss, which of them go wrong, why, and what that does to training."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from experiments.figures import Messages, consequences, gradient_states, thresholds
from experiments.messages import figure
from experiments.report.blocks import Block, Inline, Item, Items, Section, Span, Text, marked
from experiments.report.sections.components import picture_of, source_links
from experiments.report.stored import Stored

_PATH = ["framework", "execution", "dtype", "form", "activation", "units", "loss"]
_SOUND = "none"
# columns of the table `pathologies` that are no |z| from which a path goes wrong, though they are named like one
_OTHER = ("asymmetric_from", "evaluate_differs_from")


def atlas(stored: Stored, messages: Messages) -> Section | None:
    """How many paths are sound, and an entry a pathology: cause, place, remedy, reach, and its training consequence."""
    table = stored.read("pathologies")
    if table.empty:
        return None
    trained = stored.read("consequences")
    paths = table[_PATH].drop_duplicates()
    sound = len(table.loc[table["pathology"] == _SOUND, _PATH].drop_duplicates())
    summary = messages("atlas.read", paths=len(paths), sound=sound, frameworks=paths["framework"].nunique())
    explained = table.loc[table["cause"] != ""]
    # what harms first, and of these what reaches the most paths
    order = explained.groupby("pathology").agg(harms=("harms", "max"), paths=("pathology", "size"))
    order = order.sort_values(["harms", "paths"], ascending=False, kind="stable")
    entries = [
        _entry(str(name), explained.loc[explained["pathology"] == name], trained, messages) for name in order.index
    ]
    blocks: list[Block] = [Text(body=summary), *_absent(stored, messages), *_pictures(stored, table, trained, messages)]
    blocks.append(Items(entries=entries))
    return Section(
        id="atlas", title=messages("atlas.title"), blocks=[*blocks, *source_links(stored, messages, "numerics")]
    )


def _pictures(stored: Stored, table: pd.DataFrame, trained: pd.DataFrame, messages: Messages) -> list[Block]:
    """The strips of the logit axis, the thresholds of each Keras backend, and the losses that networks end with."""
    blocks: list[Block] = []
    swept = stored.read("numerics", dtype="float32", execution="eager")
    if len(swept):
        blocks += [
            Text(body=messages("atlas.states")),
            picture_of(stored.figure_cache, "gradient_states", gradient_states, swept, messages=messages),
        ]
    blocks.append(Text(body=messages("atlas.thresholds")))
    for framework in sorted(name for name in set(table["framework"].astype(str)) if name.startswith("keras-")):
        name = f"thresholds_{framework.removeprefix('keras-')}"
        blocks.append(picture_of(stored.figure_cache, name, thresholds, table, messages=messages, framework=framework))
    if len(trained):
        blocks += [
            Text(body=messages("atlas.trained")),
            picture_of(stored.figure_cache, "consequences", consequences, trained, messages=messages),
        ]
    return blocks


def _absent(stored: Stored, messages: Messages) -> list[Block]:
    """The frameworks that were not installed, so that nobody takes their silence for soundness."""
    missing = stored.read("numerics", status="not installed")
    names = set(missing["framework"].astype(str)) if len(missing) else set()
    return [Text(body=messages("atlas.absent", names=_frameworks(names, messages)))] if names else []


def _frameworks(names: Iterable[str], messages: Messages) -> str:
    """What frameworks are called, one behind the other."""
    return messages("sentence.list").join(messages.name("framework", name) for name in sorted(names))


def _entry(name: str, rows: pd.DataFrame, trained: pd.DataFrame, messages: Messages) -> Item:
    first = rows.iloc[0]
    first_at = [column for column in rows if str(column).endswith("_from") and column not in _OTHER]
    reach = np.nanmin(rows[first_at].to_numpy(float), initial=math.inf)
    frameworks = _frameworks(set(rows["framework"].astype(str)), messages)
    where = messages("atlas.where", paths=len(rows[_PATH].drop_duplicates()), frameworks=frameworks)
    if math.isfinite(reach):
        where += messages("atlas.from", z=figure(float(reach)))
    locations = [location for location in dict.fromkeys(rows["place"].astype(str)) if location]
    cause, remedy = (messages.translated(f"pathology_{what}", name, str(first[what])) for what in ("cause", "remedy"))
    body: list[Inline] = [marked(cause), [messages("atlas.remedy"), *marked(remedy)]]
    if consequence := _consequence(trained, name, messages):
        body.append(consequence)
    source: list[str | Span] = [messages("atlas.place"), Span(text=locations[0], code=True)] if locations else []
    body.append([where, *source])
    harms = bool(rows["harms"].any())
    title = messages.translated("pathology", name, name.replace("_", " "))
    return Item(title=title, badge=messages("atlas.harms" if harms else "atlas.rounding"),
                mark="refuted" if harms else "undecided", body=body)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Consequence:
    """What a pathology's path did to a trained network, beside the same network on a sound path.

    `task`: on which the two end furthest apart. `nll`, `sound_nll`: the losses that they end with, in nats, and
    `accuracy`, `sound_accuracy`: medians over the `seeds`; a run that breaks down counts as infinite, and `broken` of
    them do.
    """

    task: str
    nll: float
    sound_nll: float
    accuracy: float
    sound_accuracy: float
    broken: int
    seeds: int


def consequence(trained: pd.DataFrame, name: str) -> Consequence | None:
    """What the pathology `name` did to training, from the table `consequences`; None if nothing was trained on it."""
    rows = trained.loc[trained["pathology"] == name] if len(trained) else trained
    if rows.empty:
        return None
    # a run that broke down counts as worse than any loss
    rows = rows.assign(nll=rows["predicted_nll"].where(rows["finite"].astype(bool), np.inf).fillna(np.inf))
    ends = rows.groupby(["task", "role"])[["nll", "accuracy"]].median().unstack("role")
    with np.errstate(invalid="ignore"):
        gaps = [
            (ends[measure, "pathology"] - ends[measure, "sound"]).abs().fillna(0.0) for measure in ("nll", "accuracy")
        ]
    task = (gaps[0] + gaps[1]).idxmax()
    broken = rows.loc[(rows["task"] == task) & (rows["role"] == "pathology"), "finite"].astype(bool)
    end = ends.loc[task]
    return Consequence(
        task=str(task), nll=float(end["nll", "pathology"]), sound_nll=float(end["nll", "sound"]),
        accuracy=float(end["accuracy", "pathology"]), sound_accuracy=float(end["accuracy", "sound"]),
        broken=int((~broken).sum()), seeds=len(broken),
    )  # fmt: skip


def _consequence(trained: pd.DataFrame, name: str, messages: Messages) -> str:
    """The same network on this path and on a sound one, on the task where the two end furthest apart."""
    result = consequence(trained, name)
    if result is None:
        return ""
    return messages("atlas.consequence", task=messages.or_key("numerics.task", result.task), nll=_size(result.nll),
                    sound=_size(result.sound_nll), accuracy=figure(result.accuracy),
                    sound_accuracy=figure(result.sound_accuracy), broken=result.broken, n=result.seeds)  # fmt: skip


def _size(value: float) -> str:
    return "∞" if math.isinf(value) else figure(float(value))
