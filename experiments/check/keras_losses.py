"""What Keras calls the loss that a model is compiled with: for the words of a message."""

from __future__ import annotations

import re
from typing import Any

from experiments.records import UserError


def loss_name(given: Any) -> tuple[str, bool]:
    """What Keras calls a loss, and whether it takes logits. Raises `UserError` for a name that Keras does not know."""
    import keras

    try:
        found = keras.losses.get(given)
    except ValueError as error:
        raise UserError(f"Keras knows no loss {given!r}.") from error
    if isinstance(found, keras.losses.Loss):
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", type(found).__name__).lower()
        return name, bool(found.get_config().get("from_logits", False))
    return getattr(found, "__name__", str(found)), False
