"""The name that Keras gives the loss of a model, for messages."""

from __future__ import annotations

import re
from typing import Any

from experiments.records import UserError


def loss_name(loss: Any) -> tuple[str, bool]:
    """What Keras calls a loss, and whether it takes logits. Raises `UserError` for a name that Keras does not know."""
    import keras

    try:
        resolved = keras.losses.get(loss)
    except ValueError as error:
        raise UserError(f"Keras knows no loss {loss!r}.") from error
    if isinstance(resolved, keras.losses.Loss):
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", type(resolved).__name__).lower()
        return name, bool(resolved.get_config().get("from_logits", False))
    return getattr(resolved, "__name__", str(resolved)), False
