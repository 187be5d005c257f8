"""The kinds of cell: one notebook each, and the function that says which cells of it a protocol needs.

Add a kind with one decorated function here: the plan, the suite and the command line pick it up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from experiments.frameworks import FRAMEWORKS
from experiments.heads import BASELINE, HEADS
from experiments.optimizers import OPTIMIZERS
from experiments.plan._setups import (
    both,
    elsewhere,
    explaining,
    grid,
    grid_of_units,
    selected,
    setups,
    triple_of,
    triples,
)
from experiments.protocols import ALL, Protocol
from experiments.records import Cell, Setup
from experiments.registry import Registry
from experiments.tables import MAIN
from experiments.tasks import TASKS

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
    names = (kind, setup.task, setup.network, setup.optimizer)
    return Cell(
        id="-".join(names if setup.framework == MAIN else (*names, setup.framework)),
        notebook=f"{kind}.ipynb",
        parameters=parameters,
        networks=setup.networks,
    )


@kind("binary")
def binary(protocol: Protocol) -> tuple[Cell, ...]:
    """Both heads on every (task, network, optimizer), at the optimizer's own rate, and the arms that tell why they
    differ but where `answered` says that other cells tell it.

    Arms that only prove an equality or show a pitfall are trained where `every_arm` says.
    """
    every_arm, answered = (set(selected(protocol, groups)) for groups in (protocol.every_arm, protocol.answered))
    planned = []
    for setup in setups(protocol, protocol, triples(protocol.groups)):
        triple = triple_of(setup)
        heads = explaining(setup) if triple not in answered else both(setup)
        planned.append(setup if triple in every_arm else replace(setup, heads=heads))
    for setup in elsewhere(protocol, protocol.elsewhere.trained):
        is_explained = any(group.covers(*triple_of(setup)) for group in protocol.elsewhere.explained)
        planned.append(replace(setup, heads=explaining(setup) if is_explained else both(setup)))
    return tuple(setup_cell("binary", setup) for setup in planned if len(setup.heads) > 1)


@kind("learning_rates")
def learning_rates(protocol: Protocol) -> tuple[Cell, ...]:
    """Train both heads over a grid of learning rates, and in some cells the arms that tell causes apart beside them."""
    planned = []
    explained = set(selected(protocol, protocol.explained))
    for setup in setups(protocol, protocol.swept, selected(protocol, protocol.swept.groups)):
        is_explained = triple_of(setup) in explained
        # causes by decay are left to the default rate
        heads = tuple(
            head
            for head in explaining(setup)
            if not HEADS[head].needs_decay and (is_explained or head in both(setup))
        )
        if len(heads) > 1:  # the user may have left all but the baseline out
            rates = grid(setup.optimizer)
            planned.append(replace(setup, heads=heads, learning_rates=rates, record_every=setup.steps))
    for setup in elsewhere(protocol, protocol.elsewhere.swept):
        swept = (*both(setup), *FRAMEWORKS[setup.framework].programs)
        heads = tuple(head for head in setup.heads if head in swept)
        planned.append(
            replace(setup, heads=heads, learning_rates=grid(setup.optimizer), record_every=setup.steps)
        )
    return tuple(setup_cell("learning_rates", setup) for setup in planned)


@kind("control")
def control(protocol: Protocol) -> tuple[Cell, ...]:
    """Train the same arms in float64, where rounding is too small to hide behind; none where the user left one out."""
    main = setups(protocol, protocol.control, selected(protocol, protocol.control.groups))
    return tuple(
        setup_cell("control", replace(setup, heads=explaining(setup), dtype="float64"))
        for setup in (*main, *elsewhere(protocol, protocol.elsewhere.control))
        if {"softmax", "softmax_init", "softmax_lr", "softmax_matched"} <= set(setup.heads)
    )


@kind("frameworks")
def frameworks(protocol: Protocol) -> tuple[Cell, ...]:
    """Train both heads from equal weights in every framework of the protocol, if there are others than the main one."""
    if len(protocol.frameworks) < 2:
        return ()
    chosen = protocol.elsewhere.together
    cells = []
    for setup in setups(protocol, chosen, triples(chosen.groups), protocol.frameworks[0]):
        cell = setup_cell("frameworks", replace(setup, heads=(BASELINE, "softmax"), framework=MAIN))
        usable = [name for name in protocol.frameworks if FRAMEWORKS[name].installed]
        # of what is not installed the cell says so; two that are can be compared without the third
        compared = usable if len(usable) > 1 else [*protocol.frameworks]
        rest = {name: value for name, value in cell.parameters.items() if name not in ("framework", "dtype")}
        cells.append(replace(cell, parameters={**rest, "frameworks": compared},
                            networks=2 * len(compared) * cell.networks))  # fmt: skip
    return tuple(cells)


@kind("multiclass", by_task=False)
def multiclass(protocol: Protocol) -> tuple[Cell, ...]:
    """A sigmoid a class against one softmax, over the grid of learning rates, the default one among them."""
    return _multi_unit("multiclass", protocol)


@kind("multilabel", by_task=False)
def multilabel(protocol: Protocol) -> tuple[Cell, ...]:
    """A sigmoid a label against one softmax with normalised targets, over the same grid."""
    return _multi_unit("multilabel", protocol)


def _multi_unit(target: str, protocol: Protocol) -> tuple[Cell, ...]:
    task_names = tuple(task.name for task in TASKS.values() if task.target == target)
    chosen = [
        replace(
            group,
            tasks=tuple(task for task in task_names if group.tasks == ALL or task in group.tasks),
            optimizers=tuple(OPTIMIZERS) if group.optimizers == ALL else group.optimizers,
        )
        for group in protocol.multi_unit.groups
    ]
    heads = tuple(head.name for head in HEADS.values() if head.multi_unit)
    return tuple(
        setup_cell(target, replace(setup, heads=heads, learning_rates=grid_of_units(setup.optimizer)))
        for setup in setups(protocol, protocol.multi_unit, triples(chosen))
    )


@kind("worked_examples", by_task=False)
def worked_examples(protocol: Protocol) -> tuple[Cell, ...]:
    """The article's examples. The versions are a parameter, so that what is installed later is measured then."""
    versions = {name: _version(name) for name in ("numpy", "scikit-learn", "tensorflow", "keras", "torch")}
    return (Cell(id="worked_examples", notebook="worked_examples.ipynb", parameters={"versions": versions}),)


@kind("numerics", by_task=False)
def numerics(protocol: Protocol) -> tuple[Cell, ...]:
    """The atlas, a backend a cell; the one of a backend that is not installed says so, and is run again once it is."""
    return tuple(
        Cell(
            id=f"numerics-{backend}",
            notebook="numerics.ipynb",
            parameters={"backend": backend, "dtypes": [*protocol.dtypes]},
        )
        for backend in protocol.backends
    )


@kind("verdicts", by_task=False, last=True)
def verdicts(protocol: Protocol) -> tuple[Cell, ...]:
    """Everything that follows from the tables of all other cells."""
    return (Cell(id="verdicts", notebook="verdicts.ipynb"),)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
