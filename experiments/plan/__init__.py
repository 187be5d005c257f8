"""A preset and what the user asks of it, turned into cells: one notebook to execute each."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from experiments.frameworks import FRAMEWORKS
from experiments.heads import BASELINE, HEADS, binary_heads
from experiments.networks import NETWORKS
from experiments.optimizers import OPTIMIZERS
from experiments.plan._keys import NOTEBOOKS, cache_key, fingerprint, frameworks_of, preload_of, read_notebook
from experiments.plan._setups import Triple, seeds_of, triples
from experiments.plan.kinds import KINDS, Kind, kind_of
from experiments.protocols import ALL, Elsewhere, Group, Protocol, Selection
from experiments.records import Cell, UserError, require
from experiments.registry import Registry
from experiments.tasks import TASKS

__all__ = [
    "KINDS",
    "NOTEBOOKS",
    "Choice",
    "Kind",
    "cache_key",
    "fingerprint",
    "frameworks_of",
    "kind_of",
    "narrow",
    "plan",
    "preload_of",
    "read_notebook",
    "shard",
]

_EVERYWHERE = (Group(tasks=ALL, networks=ALL, optimizers=ALL),)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What the user names on the command line; what is empty or None stays as the preset has it."""

    tasks: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    optimizers: tuple[str, ...] = ()
    heads: tuple[str, ...] = ()
    frameworks: tuple[str, ...] = ()
    seeds: int | None = None
    steps: int | None = None

    @property
    def by_task(self) -> bool:
        """Whether only some tasks, networks, optimizers or frameworks are wanted."""
        return bool(self.tasks or self.networks or self.optimizers or self.frameworks)


def plan(protocol: Protocol, choice: Choice | None = None) -> tuple[Cell, ...]:
    """Every cell of `protocol` as narrowed by `choice`, in a fixed order; those of the last stage come last.

    Raises `UserError` for an unknown name, for a number that cannot be, or for a task that a network cannot take.
    """
    choice = choice or Choice()
    protocol = narrow(protocol, choice)
    kinds = [kind for kind in KINDS.values() if kind.by_task or kind.last or not choice.by_task]
    cells = [cell for kind in sorted(kinds, key=lambda kind: kind.last) for cell in kind.cells(protocol)]
    seen: set[str] = set()
    for cell in cells:
        if cell.id in seen:
            raise ValueError(f"Two cells have the id {cell.id!r}")
        seen.add(cell.id)
    return tuple(cells)


def narrow(protocol: Protocol, choice: Choice) -> Protocol:
    """Return `protocol` with what `choice` names in place of its own, and with a group for each task and network.

    What is named replaces what the preset has; what is not named stays as the preset pairs it. So `--networks gru`
    keeps the tasks on which the preset has a GRU, or, where it has none, those of its tasks that a GRU takes.
    """
    chosen = _narrow_triples(_expand(protocol), choice)
    groups: dict[tuple[str, str, int | None], list[str]] = {}
    for task, network, optimizer in chosen:
        seeds = None if choice.seeds else seeds_of(protocol.groups, (task, network, optimizer))
        groups.setdefault((task, network, seeds), []).append(optimizer)
    frameworks = _frameworks(protocol, choice)
    available = dict.fromkeys(head for framework in frameworks for head in binary_heads(framework))
    usual = tuple(name for name in available if not HEADS[name].on_request)
    heads = choice.heads or (usual if protocol.heads == ALL else protocol.heads)
    for head in heads:
        require(
            not HEADS[head].multi_unit,
            f"The head {head!r} is for several classes, and --heads chooses among those for binary tasks: "
            f"{', '.join(available)}.",
        )
        require(
            head in available,
            f"The head {head!r} exists in {', '.join(HEADS[head].frameworks)} alone, and what trains is "
            f"{', '.join(frameworks)}. Heads for binary tasks there: {', '.join(available)}.",
        )
    # every other arm is compared with the baseline; the order is the registry's, so that it decides no number
    heads = tuple(head for head in HEADS if head in heads or head == BASELINE)
    require(
        len(heads) > 1,
        f"The only head is {BASELINE!r}, which others are compared with. Name one more (`headtohead list heads`).",
    )
    for name in ("seeds", "steps"):
        value = getattr(choice, name)
        require(
            value is None or value >= 1,
            f"--{name} is {value}. It must be a whole number of at least 1, for example --{name} 5.",
        )
    narrowed = tuple(
        Group(tasks=(task,), networks=(network,), optimizers=tuple(optimizers), seeds=seeds)
        for (task, network, seeds), optimizers in groups.items()
    )
    return replace(
        protocol,
        groups=narrowed,
        frameworks=frameworks,
        elsewhere=_elsewhere(protocol, narrowed, choice),
        heads=heads,
        # arms that the user names are wanted in every cell
        every_arm=_EVERYWHERE if choice.heads else protocol.every_arm,
        answered=() if choice.heads else protocol.answered,
        explained=_EVERYWHERE if choice.heads else protocol.explained,
        seeds=protocol.seeds if choice.seeds is None else choice.seeds,
        steps=protocol.steps if choice.steps is None else choice.steps,
        swept=_as_long(protocol.swept, choice),
        control=_as_long(protocol.control, choice),
        multi_unit=_as_long(protocol.multi_unit, choice),
    )


def _frameworks(protocol: Protocol, choice: Choice) -> tuple[str, ...]:
    """List the frameworks that are named, or the protocol's, in the registry's order, so that it decides no number."""
    for name in choice.frameworks:
        FRAMEWORKS[name]
    chosen = choice.frameworks or protocol.frameworks
    return tuple(name for name in FRAMEWORKS if name in chosen)


def _elsewhere(protocol: Protocol, groups: tuple[Group, ...], choice: Choice) -> Elsewhere:
    """What the other frameworks train: the preset's cells for them, as far as they are among those that are named.

    Frameworks that are named train the tasks, networks and optimizers that are named; or, where none is, what the
    preset has for them, and all of its own cells where it has nothing.
    """
    elsewhere, narrowed = protocol.elsewhere, bool(choice.tasks or choice.networks or choice.optimizers)
    if choice.frameworks and (narrowed or not elsewhere.trained.groups):
        selection = Selection(groups=groups, seeds=protocol.seeds, steps=protocol.steps)
        elsewhere = Elsewhere(trained=selection, explained=_EVERYWHERE, together=selection)
    parts = {part.name: getattr(elsewhere, part.name) for part in fields(elsewhere)}
    explained = parts.pop("explained")
    if narrowed and not choice.frameworks:
        parts = {name: replace(part, groups=_within(part.groups, groups)) for name, part in parts.items()}
    if choice.heads:  # arms that the user names are wanted in every cell
        explained = _EVERYWHERE
    return Elsewhere(explained=explained, **{name: _as_long(part, choice) for name, part in parts.items()})


def _within(groups: tuple[Group, ...], allowed: tuple[Group, ...]) -> tuple[Group, ...]:
    """Keep the cells of `groups` that are in `allowed`, a group each."""
    return tuple(
        Group(tasks=(task,), networks=(network,), optimizers=(optimizer,), seeds=group.seeds)
        for group in groups
        for task, network, optimizer in triples([group])
        if any(one.covers(task, network, optimizer) for one in allowed)
    )


def _as_long(selection: Selection, choice: Choice) -> Selection:
    return replace(
        selection,
        groups=tuple(replace(group, seeds=None) for group in selection.groups) if choice.seeds else selection.groups,
        seeds=selection.seeds if choice.seeds is None else choice.seeds,
        steps=selection.steps if choice.steps is None else choice.steps,
    )


def shard(cells: tuple[Cell, ...], which: str) -> tuple[Cell, ...]:
    """The cells of part I of N, for `which` = "I/N": every N-th, so that like cells spread over the parts.

    Cells of the last stage need all others, so no part has them: a run without `--shard` adds them.
    Raises `UserError` if `which` is not such a part.
    """
    part, _, parts = which.partition("/")
    valid = part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)
    require(valid, f"--shard is {which!r}. Give a part of a whole, I/N with 1 <= I <= N, for example --shard 1/3.")
    return tuple(cell for cell in cells if not kind_of(cell).last)[int(part) - 1 :: int(parts)]


def takes(network: str, task: str) -> bool:
    """Whether `network` can be trained on `task`."""
    return TASKS[task].kind in NETWORKS[network].takes


def _names(names: tuple[str, ...], registry: Registry) -> tuple[str, ...]:
    return tuple(registry) if names == ALL else names


def _expand(protocol: Protocol) -> list[Triple]:
    """The (task, network, optimizer) triples of a preset, in order and without repeats."""
    binary = tuple(task.name for task in TASKS.values() if task.target == "binary")
    expanded: dict[Triple, None] = {}
    for group in (*protocol.groups, *_rows(protocol.name)):
        for task in binary if group.tasks == ALL else group.tasks:
            for network in _names(group.networks, NETWORKS):
                if not takes(network, task):
                    require(group.networks == ALL or group.tasks == ALL, _refusal(network, task))
                    continue
                for optimizer in _names(group.optimizers, OPTIMIZERS):
                    expanded[task, network, optimizer] = None
    return list(expanded)


def _rows(preset: str) -> list[Group]:
    """What tasks, networks and optimizers say themselves of a preset that shall train them."""
    registries: tuple[Registry[Any], ...] = (TASKS, NETWORKS, OPTIMIZERS)
    return [
        Group(
            tasks=row.tasks or (item.name,),
            networks=row.networks or (item.name,),
            optimizers=row.optimizers or (item.name,),
        )
        for registry in registries
        for item in registry.values()
        for row in item.rows
        if row.preset == preset
    ]


def _narrow_triples(all_triples: list[Triple], choice: Choice) -> list[Triple]:
    for task in choice.tasks:
        target = TASKS[task].target
        require(target == "binary", f"The task {task!r} is {target}, not binary: its cells run without --tasks.")
    for network in choice.networks:
        NETWORKS[network]
    for optimizer in choice.optimizers:
        OPTIMIZERS[optimizer]
    optimizers: dict[tuple[str, str], list[str]] = {(task, network): [] for task, network, _ in all_triples}
    for task, network, optimizer in all_triples:
        optimizers[task, network].append(optimizer)
    usual = list(dict.fromkeys(optimizer for _, _, optimizer in all_triples))
    return [
        (task, network, optimizer)
        for task, network in _pairs(list(optimizers), choice)
        for optimizer in (choice.optimizers or optimizers.get((task, network), usual))
    ]


def _pairs(pairs: list[tuple[str, str]], choice: Choice) -> list[tuple[str, str]]:
    """The (task, network) pairs that `choice` leaves or adds to those of the preset."""
    if choice.tasks and choice.networks:
        for task in choice.tasks:
            for network in choice.networks:
                require(takes(network, task), _refusal(network, task))
        return [(task, network) for task in choice.tasks for network in choice.networks]
    if choice.tasks:
        networks = list(dict.fromkeys(network for _, network in pairs))
        by_name = [
            [pair for pair in pairs if pair[0] == task] or [(task, n) for n in networks if takes(n, task)]
            for task in choice.tasks
        ]
    elif choice.networks:
        tasks = list(dict.fromkeys(task for task, _ in pairs))
        by_name = [
            [pair for pair in pairs if pair[1] == network] or [(t, network) for t in tasks if takes(network, t)]
            for network in choice.networks
        ]
    else:
        return pairs
    for name, some in zip(choice.tasks or choice.networks, by_name, strict=True):
        if not some:
            raise UserError(f"The preset has nothing that goes with {name!r}. Name both --tasks and --networks.")
    return [pair for some in by_name for pair in some]


def _refusal(network: str, task: str) -> str:
    kind = TASKS[task].kind
    able = [other.name for other in NETWORKS.values() if kind in other.takes]
    return (
        f"The network {network!r} cannot take the task {task!r}, whose rows are {kind}s. "
        f"Networks that can: {', '.join(able)} (`headtohead list networks`)."
    )
