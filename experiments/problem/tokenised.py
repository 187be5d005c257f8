"""Rows of text as the numbers that networks take, by what each split's training part knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from experiments.records import Data
from experiments.tasks import Split
from experiments.tasks.text import length_of, tokens_of


def tokenised(
    data: Data, parts: Mapping[int, Split], samples: Mapping[int, int]
) -> tuple[Data, dict[int, Split], np.ndarray]:
    """Token numbers (rows, length), laid end to end for each sample; the parts among them; and each row's origin.

    `parts` and `samples`: by seed; seeds of one sample have the same rows. A vocabulary is the training part's.
    """
    texts = data.x.tolist()
    length = length_of(texts)  # one for all seeds: a network has one shape
    x, origin = [], []
    laid: dict[int, Split] = {}
    start = 0
    for seed, sample in samples.items():
        if sample in laid:
            continue
        split = parts[seed]
        rows = np.sort(np.concatenate([split.train, split.validation, split.test]))
        tokens = tokens_of([texts[row] for row in split.train], length)
        x.append(tokens(texts[row] for row in rows))
        origin.append(rows)
        places = {part: start + np.searchsorted(rows, getattr(split, part)) for part in ("train", "validation", "test")}
        laid[sample] = replace(split, **places)
        start += len(rows)
    where = np.concatenate(origin)
    made = Data(x=np.concatenate(x), y=data.y[where], groups=data.groups[where])
    return made, {seed: laid[sample] for seed, sample in samples.items()}, where
