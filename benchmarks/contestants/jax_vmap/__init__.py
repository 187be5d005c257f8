"""The same networks with JAX: one network written down, `vmap` over the rest, the loop compiled by XLA."""

from __future__ import annotations

from importlib.util import find_spec

from benchmarks.contestants import NotInstalled, Timing, contestant, training_losses
from benchmarks.work import networks_of
from experiments.records import Setup


@contestant("jax")
def jax(setup: Setup, *, evaluating: bool = True, at_once: int = 0) -> Timing:
    """Draw as the engine does, compile, train, record the same quantities at the same steps.

    `at_once`: networks that advance together, 0 for all. Without `evaluating`, only losses and gradient norms.
    """
    if find_spec("jax") is None:
        raise NotInstalled("jax")
    from benchmarks.contestants.jax_vmap import run

    timing = Timing(networks=networks_of(setup))
    tables = run.train(setup, timing, evaluating=evaluating, at_once=at_once)
    timing.losses = training_losses(setup, tables["curves"])
    return timing
