"""A column of text beside others, as a few numbers: skrub's StringEncoder, the latent semantics of its words."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from experiments.tasks.text import unit_of

WIDTH = 30  # features a column
FITTED_ROWS = 5_000  # training rows that the decomposition is taken from: its time grows with them


@dataclass(frozen=True, kw_only=True)
class TextColumn:
    """Turns texts into (n, WIDTH) numbers: TF-IDF of words, or of characters, reduced by a truncated SVD.

    Fitted on training rows; all zeros where those hold no word. Source: skrub.StringEncoder.
    """

    encoder: Any

    @classmethod
    def fitted(cls, texts: pd.Series) -> TextColumn:
        """The encoder of a column, by its values (n,) in some rows."""
        from skrub import StringEncoder  # a second to import, which tables without text need not wait for

        some = texts.iloc[:: -(-len(texts) // FITTED_ROWS)]
        by = {"word": ("word", (1, 1)), "character": ("char", (1, 2))}[unit_of(some.tolist())]
        encoder = StringEncoder(n_components=WIDTH, analyzer=by[0], ngram_range=by[1], random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of fewer words than features: the rest is zeros
            try:
                encoder.fit(_named(some))
            except ValueError:  # no text holds a word
                return cls(encoder=None)
        return cls(encoder=encoder)

    def __call__(self, texts: pd.Series) -> np.ndarray:
        """The numbers of texts: (n, components)."""
        features = np.zeros((len(texts), WIDTH))
        if self.encoder is not None:
            components = self.encoder.transform(_named(texts)).to_numpy()
            features[:, : components.shape[1]] = components
        return features


def _named(texts: pd.Series) -> pd.Series:
    """The column under a name and an index that skrub asks nothing of."""
    return pd.Series(texts.to_numpy(), name="text", dtype="str")
