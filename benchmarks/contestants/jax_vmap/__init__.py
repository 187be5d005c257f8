"""The same networks with JAX: one network written down, `vmap` over the rest, the loop compiled by XLA."""

from __future__ import annotations

from importlib.util import find_spec

from benchmarks.contestants import NotInstalled, Timing, contestant, training_losses
from experiments.records import Setup


@contestant("jax")
def jax(setup: Setup, *, evaluating: bool = True) -> Timing:
    """Draw as the engine does, compile, train all networks together, record the same quantities at the same steps.

    Without `evaluating`, only losses and gradient norms.
    """
    if find_spec("jax") is None:
        raise NotInstalled("jax")
    from benchmarks.contestants.jax_vmap import engine

    timing = Timing(networks=setup.networks)
    tables = engine.train(setup, timing, evaluating=evaluating)
    timing.losses = training_losses(setup, tables["curves"])
    return timing
