"""The kinds of cell: one notebook each, and the function that says which cells of it a protocol needs.

Add a kind with one decorated function here: the plan, the suite and the command line pick it up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from experiments.heads import HEADS
from experiments.optimizers import OPTIMIZERS
from experiments.records import Cell, Protocol, Setup
from experiments.registry import Registry

CellsOf = Callable[[Protocol], tuple[Cell, ...]]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One notebook, `<name>.ipynb`, and the cells of it.

    `by_task`: the cells follow the protocol's groups, so a user who names tasks, networks or optimizers wants them;
    the others are left out then. `last`: the cells read the tables of all others, so they run after them, on this
    machine, and again whenever one of those tables has changed; their notebook gets a parameter `tables`.
    """

    name: str
    cells: CellsOf
    by_task: bool = True
    last: bool = False


KINDS: Registry[Kind] = Registry("kind")


def kind(name: str, *, by_task: bool = True, last: bool = False) -> Callable[[CellsOf], CellsOf]:
    """Register a function from `Protocol` to its cells of the notebook `<name>.ipynb`.

    The protocol's groups hold one task and one network each; its heads are spelled out.
    """

    def register(cells: CellsOf) -> CellsOf:
        KINDS.add(Kind(name=name, cells=cells, by_task=by_task, last=last))
        return cells

    return register


def kind_of(cell: Cell) -> Kind:
    """The kind that made `cell`."""
    return KINDS[Path(cell.notebook).stem]


def setup_cell(kind: str, setup: Setup) -> Cell:
    """One cell that trains `setup`: its id, its parameters as JSON has them, and the number of networks."""
    parameters = asdict(setup)
    # a scheduling setting: it moves no number beyond rounding, and a cell must not be run again for it
    del parameters["memory_gib"]
    parameters = {name: list(value) if isinstance(value, tuple) else value for name, value in parameters.items()}
    return Cell(
        id="-".join((kind, setup.task, setup.network, setup.optimizer)),
        notebook=f"{kind}.ipynb",
        parameters=parameters,
        networks=len(setup.heads) * setup.seeds * max(1, len(setup.learning_rates)),
    )


def arms(protocol: Protocol, optimizer: str) -> tuple[str, ...]:
    """The protocol's arms that are not another one over again under this optimizer."""
    return tuple(head for head in protocol.heads if OPTIMIZERS[optimizer].decays or not HEADS[head].needs_decay)


@kind("binary")
def binary(protocol: Protocol) -> tuple[Cell, ...]:
    """Every arm on every (task, network, optimizer), at the optimizer's own rate."""
    return tuple(
        setup_cell(
            "binary",
            Setup(
                task=task,
                network=network,
                optimizer=optimizer,
                heads=arms(protocol, optimizer),
                seeds=protocol.seeds,
                steps=protocol.steps,
                batch_size=protocol.batch_size,
                record_every=protocol.record_every,
                image_side=protocol.image_side,
            ),
        )
        for group in protocol.groups
        for task in group.tasks
        for network in group.networks
        for optimizer in group.optimizers
    )
