"""The rows that each seed really uses, encoded by its own training part and laid end to end for the engines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from experiments.comparison.judge import BASELINE, HEAD
from experiments.comparison.model import Model
from experiments.comparison.options import Options
from experiments.engines import KerasTrunk
from experiments.heads import HEADS
from experiments.problem import FINAL_ROWS, READERS, Problem, Stream, draw, sample_of, seed_of
from experiments.records import Data, Head, Setup, UserError, require
from experiments.tasks import SHARES, Scaling, Split, split
from experiments.tasks.files import Table, encoder

_AS_THEY_ARE = Scaling(mean=np.zeros(()), scale=np.ones(()))
# of the memory that the process may take: rows laid out, in NumPy and once more in TensorFlow; the networks in training
ROWS_SHARE, NETWORKS_SHARE = 0.3, 0.3
_COPIES = 3  # NumPy's, TensorFlow's, and float64 while a seed is being encoded
_ITEM = 4

_BOTH = ("sigmoid", "sigmoid_again", "softmax", "softmax_init", "softmax_lr", "softmax_matched")
# times the model's own rate, for both heads: neighbours differ by 2, which is what softmax's head does to the step
AROUND = (0.25, 0.5, 2.0, 4.0)
_DECAY = ("softmax_decay", "softmax_init_lr", "softmax_init_decay", "softmax_lr_decay")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is the same for all seeds of a comparison. `task`: the name in streams and tables."""

    table: Table
    model: Model
    options: Options
    task: str

    @property
    def row(self) -> tuple[int, ...]:
        """The shape of a row as the model is given it."""
        return self.model.inputs.row

    @property
    def heads(self) -> tuple[Head, ...]:
        """Both heads, the noise floor, and the arms that tell the causes apart."""
        names = _BOTH + (_DECAY if self.model.optimizer.record.decays else ())
        return tuple(HEADS[name] for name in names)

    @property
    def rate(self) -> float:
        """The model's own learning rate."""
        return self.model.optimizer.record.learning_rate

    @property
    def rates(self) -> tuple[float, ...]:
        """The rates that both heads are trained at, ascending; the own one alone where plain Keras has to train."""
        factors = () if self.model.reasons else AROUND
        return tuple(sorted(self.rate * factor for factor in (*factors, 1.0)))

    @property
    def setup(self) -> Setup:
        """The names and sizes that engines and tables go by."""
        options = self.options
        return Setup(
            task=self.task,
            network=self.model.name,
            optimizer=self.model.optimizer.record.name,
            heads=tuple(head.name for head in self.heads),
            seeds=options.seeds,
            steps=options.steps,
            batch_size=options.batch_size,
            record_every=options.record_every,
            learning_rates=(self.rate,),
            # the engine counts its own copy of the rows too
            memory_gib=options.memory_gib * (NETWORKS_SHARE + ROWS_SHARE / _COPIES),
        )


def sample_number(plan: Plan, seed: int) -> int:
    """The number of a seed's split: of its own where a seed sees a part of the training rows alone, else shared."""
    sees_all_rows = plan.options.steps * plan.options.batch_size >= SHARES[0] * len(plan.table.y)
    return sample_of(seed) if sees_all_rows else seed


def parts_of(table: Table, task: str, number: int) -> Split:
    """The rows of each part in one of the splits; a group is never in two."""
    nothing = np.zeros((len(table.y), 1), dtype=np.float32)  # a split asks for classes and groups alone
    try:
        return split(Data(x=nothing, y=table.y, groups=table.groups), number, task)
    except UserError as error:
        raise UserError(f"{table.source}: {error}") from error


def row_shape(table: Table, task: str) -> tuple[int, ...]:
    """The shape of one encoded row: the same for every seed."""
    return encoder(table, parts_of(table, task, 0).train).row


def seed_bytes(plan: Plan) -> int:
    """Bytes that the rows of one seed take while they are laid out."""
    n, options = len(plan.table.y), plan.options
    trained = min(0.6 * n, 2.0 * options.steps * options.batch_size + FINAL_ROWS["train"])
    held_out = sum(min(0.2 * n, FINAL_ROWS[part]) for part in ("validation", "test"))
    return int((trained + held_out) * math.prod(plan.row) * _ITEM * _COPIES)


def seeds_at_once(plan: Plan) -> int:
    """How many seeds' rows the memory holds. Raises `UserError` if it holds not one's."""
    one = seed_bytes(plan)
    budget = plan.options.memory_gib * ROWS_SHARE * 2**30
    require(
        one <= budget,
        f"The rows that one seed uses take {one / 2**30:.1f} GiB, and {budget / 2**30:.1f} GiB of the "
        f"{plan.options.memory_gib:g} allowed are for them: lower --steps, --batch-size or the number of columns "
        "(--image-side), or raise --memory.",
    )
    return int(budget // one)


def problem(plan: Plan, seeds: Sequence[int]) -> Problem:
    """What the engines train for some of the seeds, with no other row in it than those that they use."""
    x, y, weights, origin = [], [], [], []
    streams: dict[int, Stream] = {}
    start, trunk = 0, KerasTrunk(build=plan.model.build, row=plan.row)
    numbers = [sample_number(plan, seed) for seed in seeds]
    for number in dict.fromkeys(numbers):
        parts = parts_of(plan.table, plan.task, number)
        drawn = {
            seed: draw(
                task=plan.task,
                network=plan.model.name,
                seed=seed,
                sample=number,
                split=parts,
                scaling=_AS_THEY_ARE,
                first_weights=trunk.first_weights,
                steps=plan.options.steps,
                batch_size=plan.options.batch_size,
            )
            for seed, split_number in zip(seeds, numbers, strict=True)
            if split_number == number
        }
        chosen = {part: _some(plan.task, number, part, getattr(parts, part), most) for part, most in FINAL_ROWS.items()}
        orders = (order.ravel() for stream in drawn.values() for order in (stream.order, stream.order_again))
        # seeds of one sample share its rows as they are laid out, too
        used = np.unique(np.concatenate([*orders, *chosen.values()]))
        streams |= {seed: _renumbered(stream, chosen, used, start) for seed, stream in drawn.items()}
        x.append(plan.model.inputs.rows(plan.table, parts.train, used, plan.options.scale))
        y.append(plan.table.y[used])
        origin.append(used)
        weights.append(_weights(plan, parts.train, used))
        start += len(used)
    rows = np.concatenate(x)
    record = plan.model.optimizer.record
    every_weight = [w for w in weights if w is not None]
    return Problem(
        setup=plan.setup,
        data=Data(x=rows, y=np.concatenate(y), groups=np.arange(len(rows))),
        heads=plan.heads,
        rates=(plan.rate,),
        optimizer=record,
        trunk=trunk,
        start=plan.model.start,
        streams=streams,
        reader=READERS["binary"],
        weights=np.concatenate(every_weight) if every_weight else None,
        origin=np.concatenate(origin),
        available=float(len(plan.table.y)),
        beside=tuple((HEADS[name], rate) for name in (BASELINE, HEAD) for rate in plan.rates if rate != plan.rate),
    )


def _some(task: str, sample: int, part: str, rows: np.ndarray, most: int) -> np.ndarray:
    """The rows of a part that are looked at, drawn once for all arms of a sample's seeds."""
    return np.random.default_rng(seed_of(task, sample, "evaluated", part)).permutation(rows)[:most]


def _renumbered(drawn: Stream, chosen: dict[str, np.ndarray], used: np.ndarray, start: int) -> Stream:
    """The stream with its rows' places among all that is laid out, where the rows `used` begin at `start`."""

    def positions(rows: np.ndarray) -> np.ndarray:
        return start + np.searchsorted(used, rows)

    return replace(
        drawn,
        split=Split(**{part: positions(rows) for part, rows in chosen.items()}),
        order=positions(drawn.order),
        order_again=positions(drawn.order_again),
    )


def _weights(plan: Plan, train: np.ndarray, used: np.ndarray) -> np.ndarray | None:
    """What each row's loss is multiplied by: its own weight times that of its class, as in Keras."""
    sample_weights, class_weight = plan.table.weights, plan.options.class_weight
    if sample_weights is None and class_weight is None:
        return None
    weights = np.ones(len(used)) if sample_weights is None else sample_weights[used].astype(np.float64)
    if class_weight is None:
        return weights
    y = plan.table.y
    # "balanced": rows over (classes × rows of the class), as scikit-learn has it, of the training part alone
    factors = (
        len(train) / (2 * np.bincount(y[train], minlength=2))
        if class_weight == "balanced"
        else np.asarray(class_weight)
    )
    return weights * factors[y[used]]
