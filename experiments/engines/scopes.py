"""The scopes of a network's gradient norms."""

from __future__ import annotations

import keras


def layer_scopes(trunk: keras.Model) -> list[tuple[str, list[int]]]:
    """Each layer of the trunk that trains, named by its place, with the places of its variables."""
    places = {id(variable): place for place, variable in enumerate(trunk.trainable_variables)}
    scopes: list[tuple[str, list[int]]] = []
    for layer in trunk._flatten_layers(include_self=False, recursive=False):
        mine = [places[id(v)] for v in layer.trainable_variables if id(v) in places]
        if mine:
            scopes.append((f"layer:{len(scopes) + 1}_{type(layer).__name__}", mine))
    return scopes


def scope_names(trunk: keras.Model) -> list[str]:
    """The scopes of the gradient norms, in the order in which the engines report them."""
    return ["trunk", "head", "total", "effective_head", *(name for name, _ in layer_scopes(trunk))]
