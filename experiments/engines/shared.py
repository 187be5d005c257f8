"""The networks of a setup that several processes share: each trains whole chunks, and stores what they showed.

How many networks advance at once moves the last bits of what they show. So a chunk is trained as one process would
train it, by an engine of the same shape, and the tables are the same bit for bit whoever trained which.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.problem import Problem, Record, Replica, chunks


class NotTrained(Exception):
    """Networks that others shall train are not there yet; the message has the number of networks of each chunk."""

    def __init__(self, planned: Sequence[Sequence[Replica]]) -> None:
        self.chunks = tuple(map(len, planned))
        super().__init__(" ".join(map(str, self.chunks)))


def save(path: Path, records: Sequence[Record]) -> None:
    """Write what networks of one problem showed, bit for bit."""
    curves, finals = records[0].curves, records[0].finals
    assert all(record.curves.keys() == curves.keys() and record.finals.keys() == finals.keys() for record in records)
    told = {
        "networks": [
            [r.replica.head.name, r.replica.learning_rate, r.replica.seed, r.trunk_hash, r.order_hash, r.engine]
            for r in records
        ],
        "curves": [[*key, *records[0].steps[key]] for key in curves],
        "finals": [*finals],
    }
    arrays: dict[str, Any] = {
        str(number): np.stack([record.curves[key] for record in records]) for number, key in enumerate(curves)
    }
    arrays["finals"] = np.array([[record.finals[key] for key in finals] for record in records])
    np.savez_compressed(path, told=np.array(json.dumps(told)), **arrays)


def load(problem: Problem, folder: Path) -> list[Record]:
    """What the networks showed whose records lie in `folder`; `problem` must be the one that they are of."""
    heads = {head.name: head for head in problem.heads}
    records = []
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as stored:
            told = json.loads(str(stored["told"]))
            keys = [(split, quantity, scope) for split, quantity, scope, *_ in told["curves"]]
            steps = {key: tuple(taken) for key, (_, _, _, *taken) in zip(keys, told["curves"], strict=True)}
            curves = [stored[str(number)] for number in range(len(keys))]
            of_finals = [(split, quantity) for split, quantity in told["finals"]]
            finals = stored["finals"].tolist()
        records += [
            Record(
                replica=Replica(head=heads[head], learning_rate=rate, seed=seed),
                trunk_hash=trunk,
                order_hash=order,
                engine=engine,
                steps=steps,
                curves={key: values[index] for key, values in zip(keys, curves, strict=True)},
                finals=dict(zip(of_finals, finals[index], strict=True)),
            )
            for index, (head, rate, seed, trunk, order, engine) in enumerate(told["networks"])
        ]
    return records


def complete(problem: Problem, records: Sequence[Record]) -> bool:
    """Whether these are the records of all networks of `problem`."""
    (every,) = chunks(problem.heads, problem.rates, problem.seeds, len(problem.heads) * 10**9, problem.beside)
    return {record.replica for record in records} == set(every)
