"""The presets, constants only.

A preset is registered where it is defined, so `headtohead list presets` and `--preset` pick up a new one.
"""

from experiments.protocols.record import ALL, PRESETS, Elsewhere, Group, Protocol, Selection

QUICK = PRESETS.add(
    Protocol(
        name="quick",
        description="a few tasks, 12 seeds: minutes, to see that everything works",
        groups=(
            Group(tasks=("breast_cancer", "digits_3v8"), networks=("linear", "mlp"), optimizers=("sgd", "adam")),
            Group(tasks=("bananas", "moons"), networks=("mlp",), optimizers=("sgd", "adam")),
            Group(tasks=("digits_3v8",), networks=("cnn",), optimizers=("adam",)),
        ),
        heads=ALL,
        seeds=12,  # fewer cannot show that some quantity differs in one of this many cells
        steps=400,
        batch_size=32,
        record_every=20,
        image_side=8,
        swept=Selection(
            groups=(
                Group(tasks=("breast_cancer",), networks=("linear", "mlp"), optimizers=ALL),
                Group(tasks=("moons",), networks=("mlp",), optimizers=("adam",)),
            ),
            seeds=12,
            steps=300,
        ),
        every_arm=(Group(tasks=("breast_cancer",), networks=("linear", "mlp"), optimizers=("sgd",)),),
        explained=(Group(tasks=("breast_cancer",), networks=("linear",), optimizers=("sgd",)),),
        control=Selection(
            groups=(Group(tasks=("breast_cancer",), networks=("mlp",), optimizers=("sgd",)),), seeds=5, steps=400
        ),
        multi_unit=Selection(
            groups=(Group(tasks=("digits", "yeast"), networks=("mlp",), optimizers=("adam",)),), seeds=10, steps=200
        ),
        backends=("tensorflow",),
        dtypes=("float32",),
    )
)

STANDARD = PRESETS.add(
    Protocol(
        name="standard",
        description="every network, real and synthetic tasks, SGD and Adam, 32 seeds (20: synthetic; 13: images, text)",
        groups=(
            Group(
                tasks=("breast_cancer", "phishing", "bananas", "fair", "shuttle"),
                networks=("mlp",),
                optimizers=("sgd", "adam"),
            ),
            # a population draws rows of its own for every seed, so that each of them counts in full
            Group(
                tasks=("separable", "label_noise", "imbalance", "moons"),
                networks=("mlp",),
                optimizers=("sgd", "adam"),
                seeds=20,
            ),
            Group(tasks=("breast_cancer", "fair"), networks=("linear",), optimizers=("sgd", "adam")),
            Group(
                tasks=("separable", "label_noise", "imbalance"),
                networks=("linear",),
                optimizers=("sgd", "adam"),
                seeds=20,
            ),
            Group(tasks=("bananas",), networks=("deep_mlp",), optimizers=("sgd", "adam")),
            Group(tasks=("moons", "label_noise"), networks=("deep_mlp",), optimizers=("sgd", "adam"), seeds=20),
            # of the images that ship in packages only these are enough for samples that hardly share rows
            Group(
                tasks=("strokes", "mnist_odd_even"),
                networks=("cnn", "gru", "attention"),
                optimizers=("sgd", "adam"),
                seeds=13,  # with 12 no permutation of signs is rare enough to show a difference in one of so many cells
            ),
            # the same networks train in the other frameworks, which have an MLP on images too
            Group(tasks=("strokes", "mnist_odd_even"), networks=("mlp",), optimizers=("sgd", "adam"), seeds=13),
            Group(tasks=("chinese_reviews",), networks=("text_mean", "text_gru"), optimizers=("adam",), seeds=13),
            # the share of weight decay can be told only where there is some
            Group(tasks=("moons", "label_noise"), networks=("mlp",), optimizers=("adamw",), seeds=20),
        ),
        heads=ALL,
        seeds=32,
        steps=400,
        batch_size=32,
        record_every=20,
        image_side=14,
        swept=Selection(
            groups=(
                Group(tasks=ALL, networks=("linear",), optimizers=("sgd", "adam"), seeds=16),
                Group(
                    tasks=("breast_cancer", "phishing", "bananas", "fair", "shuttle", "separable", "label_noise",
                           "imbalance", "moons"),
                    networks=("mlp",),
                    optimizers=("sgd", "adam"),
                ),
                Group(tasks=("moons",), networks=("deep_mlp",), optimizers=("sgd", "adam")),
            ),
            seeds=24,
            steps=300,
        ),
        # what these show is the head's own, whatever network is below it
        every_arm=(
            Group(tasks=("breast_cancer",), networks=("linear", "mlp"), optimizers=("adam",)),
            Group(tasks=("moons",), networks=("deep_mlp",), optimizers=("adam",)),
        ),
        # images and text take ten times as long as rows; each network is explained on one task
        answered=(
            Group(tasks=("mnist_odd_even",), networks=ALL, optimizers=ALL),
            Group(tasks=("strokes",), networks=("mlp",), optimizers=ALL),
            Group(tasks=("strokes",), networks=("gru", "attention"), optimizers=("sgd",)),
            Group(tasks=("chinese_reviews",), networks=ALL, optimizers=ALL),
        ),
        explained=(
            Group(tasks=("breast_cancer",), networks=("linear",), optimizers=("sgd", "adam")),
            Group(tasks=("breast_cancer",), networks=("mlp",), optimizers=("sgd",)),
        ),
        control=Selection(
            groups=(
                Group(tasks=("breast_cancer",), networks=("linear",), optimizers=("sgd",)),
                Group(tasks=("breast_cancer",), networks=("mlp",), optimizers=("sgd", "adam")),
                Group(tasks=("moons",), networks=("mlp",), optimizers=("adamw",)),
                Group(tasks=("moons",), networks=("deep_mlp",), optimizers=("adam",)),
                Group(tasks=("strokes",), networks=("cnn", "gru", "attention"), optimizers=("adam",), seeds=3),
            ),
            seeds=6,
            steps=200,
        ),
        multi_unit=Selection(
            groups=(
                Group(tasks=("digits", "segments", "yeast"), networks=("mlp",), optimizers=("sgd", "adam")),
                Group(tasks=("mnist",), networks=("mlp",), optimizers=("adam",)),
            ),
            seeds=12,
            steps=300,
        ),
        frameworks=("keras-tensorflow", "keras-jax", "torch"),
        elsewhere=Elsewhere(
            trained=Selection(
                groups=(
                    Group(tasks=("separable", "label_noise"), networks=("mlp",), optimizers=("sgd", "adam")),
                    Group(
                        tasks=("strokes", "mnist_odd_even"),
                        networks=("mlp", "cnn"),
                        optimizers=("sgd", "adam"),
                        seeds=10,
                    ),
                ),
                seeds=20,
                steps=400,
            ),
            explained=(Group(tasks=("separable", "label_noise"), networks=ALL, optimizers=ALL),),
            swept=Selection(
                groups=(Group(tasks=("separable", "label_noise"), networks=("mlp",), optimizers=("sgd",)),),
                seeds=12,
                steps=300,
            ),
            control=Selection(
                groups=(Group(tasks=("breast_cancer",), networks=("mlp",), optimizers=("sgd", "adam")),),
                seeds=6,
                steps=200,
            ),
            together=Selection(
                groups=(Group(tasks=("breast_cancer",), networks=("mlp",), optimizers=("sgd", "adam")),),
                seeds=6,
                steps=400,
            ),
        ),
    )
)

_SLOW = ("cnn", "gru", "attention", "text_mean", "text_gru")  # what takes ten times as long as rows

FULL = PRESETS.add(
    Protocol(
        name="full",
        description="everything that goes together, 50 seeds (16: images, text): a night or a cluster",
        groups=(
            # the least p of 16 seeds passes the correction over as many cells as there are of these
            Group(tasks=ALL, networks=_SLOW, optimizers=ALL, seeds=16),
            Group(tasks=ALL, networks=ALL, optimizers=ALL),
        ),
        heads=ALL,
        seeds=50,
        steps=1000,
        batch_size=32,
        record_every=20,
        image_side=20,
        swept=Selection(groups=(Group(tasks=ALL, networks=("linear", "mlp"), optimizers=ALL),), seeds=20, steps=1000),
        every_arm=(Group(tasks=("breast_cancer", "moons"), networks=ALL, optimizers=ALL),),
        answered=(
            Group(tasks=("digits_3v8", "mnist_3v8", "mnist_4v9", "mnist_odd_even"), networks=_SLOW, optimizers=ALL),
            Group(tasks=("chinese_reviews",), networks=_SLOW, optimizers=ALL),
            # causes by decay are told on rows
            Group(tasks=("strokes",), networks=_SLOW, optimizers=("sgd_l2", "adamw")),
        ),
        explained=(Group(tasks=("breast_cancer", "moons"), networks=("linear", "mlp"), optimizers=ALL),),
        # what rounding leaves is the same on every task
        control=Selection(
            groups=(
                Group(tasks=("breast_cancer", "moons"), networks=ALL, optimizers=ALL),
                Group(tasks=("strokes", "chinese_reviews"), networks=ALL, optimizers=ALL, seeds=4),
            ),
            seeds=10,
            steps=400,
        ),
        multi_unit=Selection(
            groups=(Group(tasks=ALL, networks=("linear", "mlp"), optimizers=ALL),), seeds=20, steps=1000
        ),
    )
)
