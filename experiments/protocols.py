"""The presets: which cells there are, and how long each is trained. Constants only.

A preset is registered where it is defined, so `headtohead list presets` and `--preset` pick up a new one.
"""

from __future__ import annotations

from experiments.records import Group, Protocol, Selection
from experiments.registry import Registry

PRESETS: Registry[Protocol] = Registry("preset")

ALL = ("*",)  # every registered one: for tasks the binary ones, for networks those that take the task
# a sweep's learning rates, as powers of two of the optimizer's own: sigmoid's best lies inside with room on either
# side, and the last diverge
GRID = range(-3, 8)
# with several units Keras's binary_crossentropy is their mean: the sigmoids' best rate lies log2(units) further up
GRID_OF_SEVERAL = range(-1, 11)

QUICK = PRESETS.add(
    Protocol(
        name="quick",
        description="a few tasks, 12 seeds: minutes, to see that everything works",
        groups=(
            Group(tasks=("breast_cancer", "digits_3v8"), networks=("linear", "mlp"), optimizers=("sgd", "adam")),
            Group(tasks=("bananas", "moons"), networks=("mlp",), optimizers=("sgd", "adam")),
            Group(tasks=("digits_3v8",), networks=("cnn",), optimizers=("sgd", "adam")),
        ),
        heads=ALL,
        seeds=12,  # fewer cannot show that some quantity differs in one of this many cells
        steps=400,
        batch_size=32,
        record_every=20,
        image_side=8,
        swept=Selection(
            groups=(Group(tasks=("breast_cancer", "moons"), networks=("linear", "mlp"), optimizers=ALL),),
            seeds=12,
            steps=300,
        ),
        every_arm=(Group(tasks=("breast_cancer",), networks=("linear", "mlp"), optimizers=("sgd",)),),
        explained=(Group(tasks=("breast_cancer",), networks=("linear", "mlp"), optimizers=("sgd",)),),
        control=Selection(
            groups=(Group(tasks=("breast_cancer",), networks=("mlp",), optimizers=("sgd",)),), seeds=5, steps=400
        ),
        several=Selection(
            groups=(Group(tasks=("digits", "yeast"), networks=("mlp",), optimizers=("adam",)),), seeds=10, steps=200
        ),
        backends=("tensorflow",),
        dtypes=("float64", "float32"),
    )
)

STANDARD = PRESETS.add(
    Protocol(
        name="standard",
        description="every network, real and synthetic tasks, SGD and Adam, 32 seeds, 12 on images: the default",
        groups=(
            Group(
                tasks=("breast_cancer", "phishing", "bananas", "fair", "shuttle"),
                networks=("mlp",),
                optimizers=("sgd", "adam"),
            ),
            Group(
                tasks=("separable", "label_noise", "imbalance", "moons"),
                networks=("mlp",),
                optimizers=("sgd", "adam"),
            ),
            Group(
                tasks=("breast_cancer", "fair", "separable", "label_noise", "imbalance"),
                networks=("linear",),
                optimizers=("sgd", "adam"),
            ),
            Group(tasks=("bananas", "moons", "label_noise"), networks=("deep_mlp",), optimizers=("sgd", "adam")),
            # of the images that ship in packages only these are enough for samples that hardly share rows
            Group(
                tasks=("strokes", "mnist_odd_even"),
                networks=("cnn", "gru", "attention"),
                optimizers=("sgd", "adam"),
                seeds=12,
            ),
            # the share of weight decay can be told only where there is some
            Group(tasks=("moons", "label_noise"), networks=("mlp",), optimizers=("adamw",)),
        ),
        heads=ALL,
        seeds=32,
        steps=400,
        batch_size=32,
        record_every=20,
        image_side=14,
        swept=Selection(
            groups=(
                Group(tasks=ALL, networks=("linear", "mlp"), optimizers=("sgd", "adam")),
                Group(tasks=("moons",), networks=("deep_mlp",), optimizers=("sgd", "adam")),
                Group(tasks=("strokes",), networks=("cnn",), optimizers=("sgd",), seeds=10),
            ),
            seeds=24,
            steps=300,
        ),
        every_arm=(
            Group(tasks=("breast_cancer",), networks=("linear", "mlp"), optimizers=("sgd", "adam")),
            Group(tasks=("moons",), networks=("deep_mlp",), optimizers=("adam",)),
            Group(tasks=("strokes",), networks=("cnn", "gru", "attention"), optimizers=("adam",)),
        ),
        explained=(
            Group(tasks=("breast_cancer",), networks=("linear",), optimizers=("sgd", "adam")),
            Group(tasks=("breast_cancer",), networks=("mlp",), optimizers=("sgd",)),
            Group(tasks=("moons",), networks=("mlp",), optimizers=("sgd", "adam")),
        ),
        control=Selection(
            groups=(
                Group(tasks=("breast_cancer",), networks=("linear",), optimizers=("sgd",)),
                Group(tasks=("breast_cancer",), networks=("mlp",), optimizers=("sgd", "adam")),
                Group(tasks=("moons",), networks=("mlp",), optimizers=("adamw",)),
                Group(tasks=("moons",), networks=("deep_mlp",), optimizers=("adam",)),
                Group(tasks=("strokes",), networks=("cnn", "gru", "attention"), optimizers=("adam",), seeds=4),
            ),
            seeds=6,
            steps=400,
        ),
        several=Selection(
            groups=(
                Group(tasks=("digits", "segments", "mnist", "yeast"), networks=("mlp",), optimizers=("sgd", "adam")),
            ),
            seeds=12,
            steps=300,
        ),
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
        swept=Selection(groups=(Group(tasks=ALL, networks=("linear", "mlp"), optimizers=ALL),), seeds=20, steps=1000),
        every_arm=(
            Group(tasks=("breast_cancer", "moons"), networks=ALL, optimizers=ALL),
            Group(tasks=("strokes",), networks=ALL, optimizers=ALL),
        ),
        explained=(Group(tasks=ALL, networks=("linear", "mlp"), optimizers=ALL),),
        control=Selection(groups=(Group(tasks=ALL, networks=ALL, optimizers=ALL),), seeds=20, steps=1000),
        several=Selection(
            groups=(Group(tasks=ALL, networks=("linear", "mlp"), optimizers=ALL),), seeds=20, steps=1000
        ),
    )
)
