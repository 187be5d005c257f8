"""The options of `headtohead compare`. Nothing slow is imported here: every other verb imports this too."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import Exit


def compare_command(
    data: Annotated[
        str | None, typer.Argument(metavar="[DATA]", help="CSV, TSV, Parquet, NPZ, a folder of texts, openml:NAME.")
    ] = None,
    target: Annotated[str | None, typer.Option(metavar="COLUMN", help="The column to predict.")] = None,
    positive: Annotated[str | None, typer.Option(metavar="LABEL", help="Its value that counts as class 1.")] = None,
    text: Annotated[str | None, typer.Option(metavar="COLUMN", help="Its text is what is read of a row.")] = None,
    sequence_id: Annotated[str | None, typer.Option(metavar="COLUMN", help="A row is a step of this sequence.")] = None,
    time: Annotated[str | None, typer.Option(metavar="COLUMN", help="The order of a sequence's steps.")] = None,
    images: Annotated[str | None, typer.Option(metavar="DIR", help="Instead: a folder of images by class.")] = None,
    network: Annotated[str | None, typer.Option(metavar="NAME", help="A trunk; the default follows the data.")] = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="FILE.py:FUNCTION", help="Instead: a function that returns a Keras trunk or classifier."),
    ] = None,
    optimizer: Annotated[str | None, typer.Option(metavar="NAME", help="Default: the compiled one's, or adam.")] = None,
    learning_rate: Annotated[float | None, typer.Option(metavar="RATE", help="Default: the optimizer's.")] = None,
    seeds: Annotated[int, typer.Option(metavar="N", help="At most so many; fewer if the answer is clear before.")] = 20,
    steps: Annotated[int, typer.Option(metavar="N", help="Optimiser steps a network.")] = 400,
    batch_size: Annotated[int, typer.Option(metavar="N", help="Rows a step.")] = 32,
    budget: Annotated[str | None, typer.Option(metavar="TIME", help="Add seeds no longer: 90s, 5min, 1h.")] = None,
    group: Annotated[str | None, typer.Option(metavar="COLUMN", help="Rows of one value stay in one part.")] = None,
    weight: Annotated[str | None, typer.Option(metavar="COLUMN", help="Weights of the rows in the loss.")] = None,
    class_weight: Annotated[
        str | None, typer.Option(metavar="balanced|LABEL:FACTOR,..", help="Weigh classes alike, or by these factors.")
    ] = None,
    scale: Annotated[str, typer.Option(metavar="standard|none", help="none: numbers as they are.")] = "standard",
    image_side: Annotated[int, typer.Option(metavar="N", help="Pixels that images are reduced to.")] = 28,
    memory: Annotated[float, typer.Option(metavar="GIB", help="What may be used of the memory.")] = 4.0,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the result; default results/compare-NAME.")
    ] = None,
    lang: Annotated[str, typer.Option(metavar="{en,zh}", help="The language of the answer and of its page.")] = "en",
    json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON, and nothing else.")] = False,
) -> None:
    """Compare sigmoid and softmax on your own data and network: do they differ, why, and which to use?"""
    from experiments.comparison.command import main as run_comparison
    from experiments.comparison.options import Options, class_weights, seconds

    options = Options(
        optimizer=optimizer,
        learning_rate=learning_rate,
        seeds=seeds,
        steps=steps,
        batch_size=batch_size,
        budget=seconds(budget),
        scale=scale,  # type: ignore[arg-type]
        memory_gib=memory,
        lang=lang,
    )
    try:
        run_comparison(
            data,
            options,
            images=images,
            network=network,
            model=model,
            out=out,
            as_json=json,
            class_weight=class_weights(class_weight),
            target=target,
            positive=positive,
            group=group,
            weight=weight,
            text=text,
            sequence_id=sequence_id,
            time=time,
            image_side=image_side,
        )
    except KeyboardInterrupt:
        typer.echo("Error: stopped before the answer; nothing is written.", err=True)
        raise Exit(130) from None
