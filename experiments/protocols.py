"""The presets: which cells there are, and how long each is trained. Constants only.

A preset is registered where it is defined, so `headtohead list presets` and `--preset` pick up a new one.
"""

from __future__ import annotations

from experiments.records import Group, Protocol
from experiments.registry import Registry

PRESETS: Registry[Protocol] = Registry("preset")

ALL = ("*",)  # every registered one: for tasks the binary ones, for networks those that take the task

QUICK = PRESETS.add(
    Protocol(
        name="quick",
        description="a few tasks, 5 seeds: minutes, to see that everything works",
        groups=(
            Group(
                tasks=("breast_cancer", "bananas", "moons", "digits_3v8"),
                networks=("linear", "mlp"),
                optimizers=("sgd", "adam"),
            ),
            Group(tasks=("digits_3v8",), networks=("cnn",), optimizers=("sgd", "adam")),
        ),
        heads=ALL,
        seeds=5,
        steps=200,
        batch_size=32,
        record_every=20,
        image_side=8,
    )
)

STANDARD = PRESETS.add(
    Protocol(
        name="standard",
        description="every network, real and synthetic tasks, SGD and Adam, 20 seeds: the default",
        groups=(
            Group(
                tasks=("breast_cancer", "anes96", "phishing", "bananas", "fair"),
                networks=("mlp",),
                optimizers=("sgd", "adam"),
            ),
            Group(
                tasks=("separable", "label_noise", "imbalance", "moons"),
                networks=("mlp",),
                optimizers=("sgd", "adam"),
            ),
            Group(
                tasks=("breast_cancer", "fair", "separable"),
                networks=("linear",),
                optimizers=("sgd", "adam"),
            ),
            Group(tasks=("bananas", "moons"), networks=("deep_mlp",), optimizers=("sgd", "adam")),
            Group(
                tasks=("mnist_4v9", "digits_3v8"),
                networks=("cnn", "gru", "attention"),
                optimizers=("sgd", "adam"),
            ),
            # the share of weight decay can be told only where there is some
            Group(tasks=("breast_cancer", "bananas"), networks=("mlp",), optimizers=("adamw",)),
        ),
        heads=ALL,
        seeds=20,
        steps=400,
        batch_size=32,
        record_every=20,
        image_side=14,
    )
)

FULL = PRESETS.add(
    Protocol(
        name="full",
        description="every task, every network that takes it, every optimizer, 50 seeds: a night or a cluster",
        groups=(Group(tasks=ALL, networks=ALL, optimizers=ALL),),
        heads=ALL,
        seeds=50,
        steps=1000,
        batch_size=32,
        record_every=20,
        image_side=28,
    )
)
