"""The committed result: the report of a whole run with its figures and small tables, and what the README shows of it.

`make reference` writes both from results/standard.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd

from experiments.figures import Messages, attribution, finding_of, rate_map, squeeze
from experiments.frameworks import FRAMEWORKS
from experiments.marks import fill
from experiments.messages import LANGUAGES
from experiments.records import require
from experiments.report import CATALOGUES, build
from experiments.report.blocks import Span, Table
from experiments.report.render import names, render_markdown
from experiments.report.sections.answer import WRITE, in_short
from experiments.report.sections.claims import overview
from experiments.report.sections.components import file_of
from experiments.report.stored import Stored

ROOT = Path(__file__).resolve().parents[2]
STANDARD, REFERENCE = Path("results/standard"), Path("results/reference")
READMES = {"en": "README.md", "zh": "README.zh.md"}
# what was found, but not what each run gave: that takes a hundred times the space
TABLES = ("verdicts", "overall", "differences", "attribution", "attribution_float64", "loss_scale", "shifts",
          "rate_gaps", "rate_map", "rate_law", "framework_distances", "pathologies", "consequences",
          "worked_examples", "cells")  # fmt: skip
_PROGRAMS = tuple(arm for framework in FRAMEWORKS.values() for arm in framework.programs)
_ANSWERING = ("softmax", "softmax_matched", "k_softmax", "k_sigmoid_sum", *_PROGRAMS)


def keep(out: Path, into: Path, *, processes: int = 0) -> None:
    """Write the report of `out`, in both languages, its figures and its small tables into `into`, which is emptied.

    What is not kept, such as the notebooks, is not linked. Raises `UserError` when `out` holds no verdicts.
    """
    stored = Stored(out, into)
    require(stored.has("verdicts"), f"{out} holds no verdicts. Make them with `headtohead run --preset standard`.")
    shutil.rmtree(into, ignore_errors=True)
    (into / "tables").mkdir(parents=True)
    # commands as one types them in the project's folder, wherever that lies
    run = (out / "run.json").read_text(encoding="utf-8").replace(f"{ROOT}/", "")
    (into / "run.json").write_text(run, encoding="utf-8")
    build(out, into=into, processes=processes)
    for picture in sorted((into / "figures").glob("*.png")):
        squeeze(picture)
    for name in TABLES:
        if stored.has(name):
            table = pd.read_parquet(out / "tables" / f"{name}.parquet")
            if name == "rate_gaps":  # what is shown of single rates of both heads is in the rate map
                table = table[(table["at"] == "best") | table["head"].isin(_PROGRAMS)]
            if name == "differences":  # of the factor arms, the primary quantities say what the attribution needs
                table = table[table["primary"].astype(bool) | table["head"].isin(_ANSWERING)]
            table.to_parquet(into / "tables" / f"{name}.parquet", index=False, compression="zstd")


def readme_block(folder: Path, lang: str) -> str:
    """What the README says between its marks: the answer, what to write, the first figure and the verdicts.

    `folder`: a result that was kept.
    """
    messages = Messages(lang=lang, paths=CATALOGUES)
    stored = Stored(folder, folder)
    title, replies = in_short(stored, messages)
    text = names(lang)[1]
    picture, finding = _picture(stored, messages)
    address = REFERENCE.as_posix()
    return render_markdown(
        "readme.md.jinja", stored, messages, LANGUAGES,
        title=title, replies=replies, code=WRITE,
        table=_linked(overview(stored.read("verdicts"), messages), f"{address}/{text}"),
        picture=picture, finding=finding, folder=address, text=text, **_size(stored),
    )  # fmt: skip


def _picture(stored: Stored, messages: Messages) -> tuple[str, str]:
    """The first figure's file and finding: who wins along the learning rate; where no rate was swept, the causes."""
    if stored.has("rate_law"):
        tables = stored.read("rate_map"), stored.read("rate_law")
        return file_of("rate_map_in_short", messages), finding_of(rate_map, *tables, messages=messages)
    return file_of("attribution", messages), finding_of(attribution, stored.read("attribution"), messages=messages)


def _linked(table: Table, page: str) -> Table:
    """The verdicts and the claims of the table, their links leading into `page`; the numbers are there."""
    rows = [
        [cell if isinstance(cell, (str, Span)) else
         [replace(span, href=page + span.href) if isinstance(span, Span) and span.href else span for span in cell]
         for cell in row[:2]]
        for row in table.rows
    ]  # fmt: skip
    return replace(table, columns=table.columns[:2], rows=rows)


def _size(stored: Stored) -> dict[str, str]:
    networks = int(pd.to_numeric(stored.cells["networks_trained"]).sum())
    seeds = str(stored.run.get("settings", {}).get("seeds", "–"))
    return {"networks": f"{networks:,}", "seeds": seeds.replace(" to ", "–")}


def filled(readme: str, block: str) -> str:
    """`readme` with `block` between its marks. Raises `UserError` where it has none."""
    return fill(readme, "results", block, "the README")


def main(out: Path) -> None:
    """Keep the result `out` as the reference, and write what it found into the READMEs."""
    keep(out, ROOT / REFERENCE)
    for lang, name in READMES.items():
        path = ROOT / name
        path.write_text(
            filled(path.read_text(encoding="utf-8"), readme_block(ROOT / REFERENCE, lang)), encoding="utf-8"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else STANDARD)
