"""What the tables call the contestants."""

CELL = "this engine, a whole cell"
STEPS = "this engine, no evaluation"
JAX = "JAX vmap, a whole cell"
JAX_STEPS = "JAX vmap, no evaluation"
FIT = "model.fit"
FIT_XLA = "model.fit, XLA, 20 steps a call"
