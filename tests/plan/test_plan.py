"""Protocol and choice to cells; and the keys that say when a stored cell still answers to its plan."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import suite_throwaway as throwaway

from experiments import code_hash
from experiments.frameworks import FRAMEWORKS
from experiments.heads import HEADS
from experiments.keras_backend import BACKENDS
from experiments.networks import NETWORKS
from experiments.numerics.axes import DTYPES
from experiments.optimizers import OPTIMIZERS
from experiments.plan import KINDS, Choice, kinds, narrow, plan, shard
from experiments.plan import _keys as keys
from experiments.plan import _setups as setups
from experiments.plan._keys import cache_key, modules_of, preload_of, read_notebook
from experiments.protocols import FULL, QUICK, STANDARD, Elsewhere, Group, Protocol, Selection
from experiments.records import Cell, Head, Network, UserError
from experiments.report.reference import REFERENCE, ROOT
from experiments.tables import MAIN
from experiments.tasks import TASKS


def ids(protocol: Protocol, **choice: Any) -> list[str]:
    return [cell.id for cell in plan(protocol, Choice(**choice)) if cell.notebook == "binary.ipynb"]


def test_an_id_can_be_read() -> None:
    assert ids(QUICK)[0] == "binary-breast_cancer-linear-sgd"
    assert len(set(ids(FULL))) == len(ids(FULL))


def test_an_arm_on_request_is_trained_where_it_is_named() -> None:
    heads = {head for cell in plan(QUICK) for head in cell.parameters.get("heads", ())}
    assert "sigmoid_again" in heads
    assert "sigmoid_reordered" not in heads
    named = narrow(QUICK, Choice(heads=("softmax", "sigmoid_reordered")))
    assert named.heads == ("sigmoid", "sigmoid_reordered", "softmax")


def test_what_is_named_replaces_what_the_preset_has() -> None:
    assert ids(QUICK, tasks=("breast_cancer",)) == [
        "binary-breast_cancer-linear-sgd",
        "binary-breast_cancer-linear-adam",
        "binary-breast_cancer-mlp-sgd",
        "binary-breast_cancer-mlp-adam",
    ]
    assert ids(QUICK, tasks=("moons",), networks=("mlp",), optimizers=("rmsprop",)) == ["binary-moons-mlp-rmsprop"]
    # a task that the preset lacks goes with those of its networks that take it
    assert ids(QUICK, tasks=("shuttle",), optimizers=("sgd",)) == [
        "binary-shuttle-linear-sgd",
        "binary-shuttle-mlp-sgd",
    ]
    # a network that the preset lacks goes with those of its tasks that it takes
    assert ids(QUICK, networks=("gru",)) == ["binary-digits_3v8-gru-sgd", "binary-digits_3v8-gru-adam"]
    # a network that it has stays where it is
    assert {name.split("-")[1] for name in ids(STANDARD, networks=("deep_mlp",))} == {"bananas", "moons", "label_noise"}


def test_causes_are_swept_where_the_preset_explains_them() -> None:
    """Both heads over the rates in each swept cell; in some the arms that tell causes apart, but for those by decay."""
    swept = [cell for cell in plan(STANDARD) if cell.id.startswith("learning_rates-")]
    explained = []
    for cell in swept:
        if cell.parameters["framework"] != MAIN:
            continue
        heads = set(cell.parameters["heads"])
        names = [str(cell.parameters[name]) for name in ("task", "network", "optimizer")]
        explained.append(any(group.covers(*names) for group in STANDARD.explained))
        assert {"sigmoid", "softmax"} <= heads
        assert ({"softmax_init", "softmax_lr", "softmax_matched"} <= heads) == explained[-1]
        assert (heads == {"sigmoid", "softmax"}) != explained[-1]
        assert not any(HEADS[head].needs_decay for head in heads)
    assert 0 < sum(explained) < len(explained)


def test_other_frameworks_train_causes_and_programs_where_the_preset_says() -> None:
    """At the optimizer's rate, where it is explained; over the rates both heads and both in another program."""
    programs = set(FRAMEWORKS["torch"].programs)
    named: dict[bool, int] = {True: 0, False: 0}
    for cell in plan(STANDARD):
        if cell.parameters.get("framework") != "torch":
            continue
        heads = set(cell.parameters["heads"])
        if cell.id.startswith("learning_rates-"):
            assert heads == {"sigmoid", "softmax", *programs}
        elif cell.id.startswith("binary-"):
            names = [str(cell.parameters[name]) for name in ("task", "network", "optimizer")]
            explained = any(group.covers(*names) for group in STANDARD.elsewhere.explained)
            named[explained] += 1
            assert (heads == {"sigmoid", "softmax"}) != explained
            assert (heads >= {"softmax_init", "softmax_matched", *programs}) == explained
    assert min(named.values()) > 0


def test_several_classes_and_labels_are_trained_on_the_tasks_of_their_groups() -> None:
    def planned(*tasks: str) -> list[str]:
        group = Group(tasks=tasks, networks=("mlp",), optimizers=("sgd",))
        made = plan(replace(QUICK, multi_unit=Selection(groups=(group,), seeds=2, steps=3)))
        return sorted(cell.id for cell in made if cell.notebook in ("multiclass.ipynb", "multilabel.ipynb"))

    assert planned("digits") == ["multiclass-digits-mlp-sgd"]
    assert planned("yeast") == ["multilabel-yeast-mlp-sgd"]
    both = ["multiclass-digits-mlp-sgd", "multiclass-segments-mlp-sgd", "multilabel-yeast-mlp-sgd"]
    assert planned("yeast", "digits", "segments") == both
    assert set(both) < set(planned("*"))


def test_who_names_a_task_wants_its_cells_and_the_verdicts() -> None:
    named = {Path(cell.notebook).stem for cell in plan(STANDARD, Choice(tasks=("moons",)))}
    assert named == {"binary", "learning_rates", "control", "verdicts"}
    everything = {Path(cell.notebook).stem for cell in plan(STANDARD)}
    assert everything - named == {"frameworks", "multiclass", "multilabel", "worked_examples", "numerics"}


def test_rates_are_powers_of_two_of_the_optimizers_own() -> None:
    """Seven steps above it, since sigmoid's best rate lies above for most, and three below, for plain SGD one."""
    own = OPTIMIZERS["adam"].learning_rate
    assert setups.grid("adam") == tuple(own * factor for factor in (1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8, 16, 32, 64, 128))
    assert setups.grid("sgd") == tuple(OPTIMIZERS["sgd"].learning_rate * 2.0**k for k in range(-1, 8))
    assert setups.grid("sgd", range(-1, 2)) == tuple(OPTIMIZERS["sgd"].learning_rate * f for f in (1 / 2, 1, 2))
    assert len(setups.grid("sgd_l2")) == len(setups.grid("adam"))


def test_a_sweep_of_plain_sgd_leaves_out_no_rate_that_a_side_is_made_of() -> None:
    """In the reference sigmoid's best rate is so far from the grid's lower end that two steps below it are swept."""
    law = pd.read_parquet(ROOT / REFERENCE / "tables" / "rate_law.parquet").query("optimizer == 'sgd'")
    assert len(law) >= 20
    assert law["best_rate"].min() / 4 >= min(setups.grid("sgd"))


def test_other_frameworks_may_train_what_the_main_one_does_not() -> None:
    group = Group(tasks=("shuttle",), networks=("mlp",), optimizers=("rmsprop",))
    selection = Selection(groups=(group,), seeds=2, steps=3)
    wider = replace(QUICK, frameworks=(MAIN, "torch"), elsewhere=Elsewhere(trained=selection))
    for choice in (Choice(), Choice(frameworks=(MAIN, "torch"))):
        (cell,) = [cell for cell in plan(wider, choice) if cell.id.endswith("-torch")]
        assert cell.id == "binary-shuttle-mlp-rmsprop-torch"
        assert (cell.parameters["seeds"], cell.parameters["steps"]) == (2, 3)
        assert cell.parameters["heads"] == ["sigmoid", "softmax"]
    assert not [cell for cell in plan(wider, Choice(tasks=("moons",))) if cell.id.endswith("-torch")]
    causes = (replace(group, tasks=("moons",)), group)  # one of the groups is enough
    explained = replace(wider, elsewhere=Elsewhere(trained=selection, explained=causes))
    (cell,) = [cell for cell in plan(explained) if cell.id.endswith("-torch")]
    assert {"softmax_init", "softmax_lr", "softmax_matched"} <= set(cell.parameters["heads"])


@pytest.mark.parametrize("network", NETWORKS)
def test_a_framework_trains_what_has_a_counterpart_in_it(network: str) -> None:
    """PyTorch has none of the networks of text, whatever the optimizer; Keras on JAX has what Keras has."""
    assert setups.has("torch", network, "adam") == (network not in ("text_mean", "text_gru"))
    assert setups.has("keras-jax", network, "adam")
    assert setups.has(MAIN, network, "adam")


def test_the_control_in_float64_needs_every_arm_that_matches_a_cause() -> None:
    def controls(*heads: str) -> list[Cell]:
        return [cell for cell in plan(STANDARD, Choice(heads=heads)) if cell.notebook == "control.ipynb"]

    matching = ("softmax", "softmax_init", "softmax_lr", "softmax_matched")
    every = controls()
    assert {cell.parameters["dtype"] for cell in every} == {"float64"}
    assert [cell.id for cell in controls(*matching)] == [cell.id for cell in every]
    for left_out in matching:
        assert not controls(*(head for head in matching if head != left_out))


def test_numbers_and_heads_are_replaced_and_the_baseline_stays() -> None:
    (cell,) = [
        cell
        for cell in plan(
            QUICK,
            Choice(tasks=("moons",), networks=("mlp",), optimizers=("sgd",), heads=("softmax",), seeds=2, steps=7),
        )
        if cell.notebook == "binary.ipynb"
    ]
    assert cell.parameters["heads"] == ["sigmoid", "softmax"]
    assert (cell.parameters["seeds"], cell.parameters["steps"], cell.networks) == (2, 7, 4)
    assert "memory_gib" not in cell.parameters
    assert json.loads(json.dumps(dict(cell.parameters))) == dict(cell.parameters)  # papermill gets plain values


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"tasks": ("mons",)}, r"Unknown task 'mons'\. Did you mean 'moons'\? Known: .*\(`headtohead list tasks`\)"),
        ({"networks": ("cmm",)}, "Unknown network 'cmm'"),
        ({"optimizers": ("adm",)}, "Unknown optimizer 'adm'"),
        ({"heads": ("sofmax",)}, "Unknown head 'sofmax'"),
        ({"heads": ("sigmoid",)}, "The only head is 'sigmoid'"),
        ({"seeds": 0}, "--seeds is 0. It must be a whole number of at least 1"),
        ({"steps": -3}, "--steps is -3"),
        ({"tasks": ("moons",), "networks": ("cnn",)}, "'cnn' cannot take the task 'moons'.* Networks that can: linear"),
        ({"tasks": ("yeast",)}, "The task 'yeast' is multilabel, not binary"),
        (
            {"heads": ("sigmoid_bceloss",)},
            "'sigmoid_bceloss' exists in torch alone, and what trains is keras-tensorflow. Heads for binary tasks",
        ),
    ],
)
def test_a_mistake_names_the_value_and_the_way_out(choice: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        plan(QUICK, Choice(**choice))
    assert "\n" not in str(caught.value)


def test_a_new_head_and_network_are_planned() -> None:
    HEADS.add(
        Head(name="new_head", units=1, activation="sigmoid", loss="binary_crossentropy", role="default", description="")
    )
    NETWORKS.add(Network(name="new_net", takes=("image",), build=lambda shape: None, description=""))  # type: ignore[arg-type,return-value]
    try:
        assert any("-new_net-" in name for name in ids(FULL))
        assert ids(QUICK, networks=("new_net",)) == ["binary-digits_3v8-new_net-sgd", "binary-digits_3v8-new_net-adam"]
        assert "new_head" in plan(QUICK)[0].parameters["heads"]
    finally:
        HEADS.remove("new_head")
        NETWORKS.remove("new_net")


def test_a_new_kind_is_planned_in_its_place() -> None:
    def one(name: str) -> Callable[[Protocol], tuple[Cell, ...]]:
        return lambda protocol: (Cell(id=name, notebook=f"{name}.ipynb"),)

    kinds.kind("aside", by_task=False)(one("aside"))
    kinds.kind("end", last=True)(one("end"))
    try:
        everything = [cell.id for cell in plan(QUICK)]
        assert "aside" in everything
        assert KINDS["end"].last
        assert everything.index("end") > everything.index("aside")
        narrowed = [cell.id for cell in plan(QUICK, Choice(tasks=("moons",)))]
        assert "aside" not in narrowed  # who names tasks does not want what has none
        assert "end" in narrowed
    finally:
        KINDS.remove("aside")
        KINDS.remove("end")


def test_shards_are_a_partition_of_all_but_the_last_stage() -> None:
    with throwaway.kinds():
        cells = tuple(throwaway.plan(7))
        parts = [shard(cells, f"{part}/3") for part in (1, 2, 3)]
        assert [len(part) for part in parts] == [3, 2, 2]
        assert sorted(cell.id for part in parts for cell in part) == sorted(cell.id for cell in cells[:-1])
        for wrong in ("0/3", "4/3", "1", "a/b", "1/", "-1/3"):
            with pytest.raises(UserError, match="Give a part of a whole, I/N"):
                shard(cells, wrong)


@pytest.fixture
def books(tmp_path: Path) -> Path:
    return throwaway.notebooks(tmp_path)


def test_a_key_depends_on_what_decides_the_numbers(books: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cell = throwaway.cell(1)
    key = cache_key(cell, books)
    assert key == cache_key(throwaway.cell(1), books)
    others = {
        "a parameter": cache_key(throwaway.cell(2), books),
        "what it reads": cache_key(cell, books, inputs=["digest"]),
    }
    monkeypatch.setattr(keys, "version", lambda name: "0")
    others["a version"] = cache_key(cell, books)
    monkeypatch.undo()
    monkeypatch.setattr(keys, "hash_of", lambda files: "changed")
    others["a module"] = cache_key(cell, books)
    monkeypatch.undo()
    throwaway.notebook(
        books / "throwaway.ipynb", ("parameters", throwaway.PARAMETERS), ("train", throwaway.WORK + "\n")
    )
    others["the notebook"] = cache_key(cell, books)
    assert len({key, *others.values()}) == len(others) + 1, others


def test_a_key_does_not_depend_on_scheduling_or_on_outputs(books: Path) -> None:
    cell = throwaway.cell(1)
    key = cache_key(cell, books)
    scheduled = replace(cell, parameters={**cell.parameters, "memory_gib": 1.0, "out": "/x"})
    assert cache_key(scheduled, books) == key
    path = books / "throwaway.ipynb"
    content = json.loads(path.read_text())
    content["cells"][1]["execution_count"] = 3
    content["cells"][1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x"}]
    content["metadata"]["kernelspec"] = {"name": "other", "display_name": "Other"}
    path.write_text(json.dumps(content))
    assert cache_key(cell, books) == key


def test_a_fingerprint_can_be_taken_by_many_threads_at_once(books: Path) -> None:
    notebook = read_notebook(books / "throwaway.ipynb")
    expected = keys.fingerprint(notebook)

    def let_others_run(*_: object) -> None:  # Dask has such a callback; CPython's parser may be interrupted by it
        time.sleep(0)

    gc.callbacks.append(let_others_run)
    try:
        with ThreadPoolExecutor(4) as threads:
            assert set(threads.map(lambda _: keys.fingerprint(notebook), range(200))) == {expected}
    finally:
        gc.callbacks.remove(let_others_run)


@pytest.mark.parametrize("which", [0, 1])
def test_a_key_depends_on_the_data_of_its_task(which: int, books: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a population, on what either of two seeds draws."""
    throwaway.notebook(books / "data.ipynb", ("parameters", 'task = ""\nimage_side = 14'))
    cell = Cell(id="x", notebook="data.ipynb", parameters={"task": "moons", "image_side": 14})
    key = cache_key(cell, books)
    keys._data_hash.cache_clear()
    task = TASKS["moons"]
    drawn = {seed: task.load(14, seed) for seed in (0, 1)}
    drawn[which] = replace(drawn[which], x=drawn[which].x + 1e-9)
    moved = replace(task, load=lambda side, seed=0: drawn[seed])
    monkeypatch.setitem(TASKS._records, "moons", moved)
    try:
        assert cache_key(cell, books) != key
    finally:
        keys._data_hash.cache_clear()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package of the same name that stands elsewhere."""
    folder = tmp_path / "experiments"
    files = {
        "__init__.py": "",
        "used.py": "from experiments.inner import thing\n\ndef late():\n    import experiments.late\n",
        "late.py": "",
        "unused.py": "",
        "inner/__init__.py": "from . import one\nfrom .two import x\n",
        "inner/one.py": "",
        "inner/two.py": "x = 1\n",
        "inner/three.py": "",
        "inner/words.toml": "",
        "loader/__init__.py": "import importlib\n\nload = lambda n: importlib.import_module(f'{__name__}.{n}')\n",
        "loader/some.py": "import experiments.named\n",
        "named.py": "import_module('experiments.by_string')\n",
        "by_string.py": "",
        "typed.py": "if TYPE_CHECKING:\n    from experiments import unused\nelse:\n    import experiments.late\n",
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    for module in (keys, code_hash):
        monkeypatch.setattr(module, "PACKAGE", folder)
    code_hash._uses.cache_clear()
    code_hash.hash_of.cache_clear()
    code_hash.dotted_in.cache_clear()
    code_hash._telling.cache_clear()
    yield folder
    code_hash._uses.cache_clear()
    code_hash.hash_of.cache_clear()


def _used(folder: Path, code: str) -> set[str]:
    notebook = {"cells": [{"cell_type": "code", "source": code}, {"cell_type": "markdown", "source": "import x y"}]}
    return {path.relative_to(folder).as_posix() for path in modules_of(notebook)}


def test_modules_are_found_through_imports_and_no_others(package: Path) -> None:
    used = {
        "__init__.py",
        "used.py",
        "late.py",
        "inner/__init__.py",
        "inner/one.py",
        "inner/two.py",
        "inner/words.toml",
    }
    assert _used(package, "%matplotlib inline\nfrom experiments import used") == used
    assert _used(package, "from experiments.used import late as l") == used
    loaded = {"__init__.py", "loader/__init__.py", "loader/some.py", "named.py", "by_string.py"}
    assert _used(package, "import experiments.loader") == loaded
    assert _used(package, "import experiments.typed") == {"__init__.py", "typed.py"}
    assert _used(package, "import pandas") == set()


def test_a_changed_module_changes_the_hash(package: Path) -> None:
    notebook = {"cells": [{"cell_type": "code", "source": "from experiments import used"}]}
    before = keys.code_hash(notebook)
    (package / "unused.py").write_text("changed = 1\n")
    code_hash.hash_of.cache_clear()
    assert keys.code_hash(notebook) == before
    (package / "inner" / "two.py").write_text("x = 2\n")
    code_hash.hash_of.cache_clear()
    assert keys.code_hash(notebook) != before


def test_other_backends_count_where_a_notebook_uses_them(package: Path) -> None:
    (package / "used.py").write_text("def late():\n    import torch.nn\n")
    plain = {"cells": [{"cell_type": "code", "source": "import pandas"}]}
    torch = {"cells": [{"cell_type": "code", "source": "from experiments import used"}]}
    assert set(keys.versions(plain)) == {"tensorflow", "keras", "numpy"}
    assert set(keys.versions(torch)) == {"tensorflow", "keras", "numpy", "torch"}
    assert not any("torch" in name for name in preload_of(torch))


def test_code_that_is_not_python_is_a_mistake_of_the_caller(package: Path) -> None:
    with pytest.raises(UserError, match="code that is not Python"):
        _used(package, "x = = 1")


def test_the_binary_notebook_uses_what_trains_and_not_what_schedules() -> None:
    notebook = read_notebook(keys.NOTEBOOKS / "binary.ipynb")
    found = {path.relative_to(keys.PACKAGE).as_posix() for path in modules_of(notebook, (MAIN,))}
    assert {"engines/__init__.py", "engines/stacked/rules.py", "tasks/bundled.py", "figures/strings.toml"} <= found
    # nor what the package's `__init__` names for type checkers alone
    assert not any(name.startswith(("suite/", "plan/", "report/", "comparison/", "__main__")) for name in found)
    assert not found & {"protocols/record.py", "protocols/presets.py"}
    assert not any(name.startswith(("engines/torch/", "engines/keras_jax/")) for name in found)
    preload = preload_of(notebook, (MAIN,))
    assert {"keras", "tensorflow", "experiments.engines", "sklearn.datasets"} <= set(preload)
    assert not any(name.partition(".")[0] in ("torch", "jax") for name in preload)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_cell_depends_on_the_code_of_what_trains_it_alone(framework: str) -> None:
    """Or a change in one framework's engine would train the cells of all again, and a kernel would import them all."""
    notebook = read_notebook(keys.NOTEBOOKS / "binary.ipynb")
    found = {path.relative_to(keys.PACKAGE).as_posix() for path in modules_of(notebook, (framework,))}
    for entry in FRAMEWORKS.values():
        module = entry.module.removeprefix(".").replace(".", "/")
        uses = bool(found & {f"{module}.py", f"{module}/__init__.py"})
        assert uses == (entry.name == framework), entry.name


def test_the_atlas_is_planned_a_backend_a_cell() -> None:
    for protocol in (QUICK, STANDARD, FULL):
        cells = [cell for cell in plan(protocol) if cell.notebook == "numerics.ipynb"]
        assert [cell.parameters["backend"] for cell in cells] == list(protocol.backends)
        assert set(protocol.dtypes) <= set(DTYPES)
        assert set(protocol.backends) <= set(BACKENDS)
    assert STANDARD.backends == BACKENDS
    assert STANDARD.dtypes == ()
    assert not [cell for cell in plan(QUICK, Choice(tasks=("moons",))) if cell.notebook == "numerics.ipynb"]


class TestFrameworks:
    def test_what_is_named_trains_alone_and_with_its_own_arms(self) -> None:
        cells = [c for c in plan(QUICK, Choice(frameworks=("torch",), tasks=("moons",))) if c.parameters]
        assert [cell.id for cell in cells] == ["binary-moons-mlp-sgd-torch", "binary-moons-mlp-adam-torch"]
        assert all(cell.parameters["framework"] == "torch" for cell in cells)
        assert {"sigmoid", "softmax", "softmax_matched", "sigmoid_bceloss"} <= set(cells[0].parameters["heads"])

    def test_two_are_compared_from_equal_weights(self) -> None:
        choice = Choice(frameworks=("torch", "keras-tensorflow"), tasks=("moons",), optimizers=("sgd",))
        named = {cell.id: cell for cell in plan(QUICK, choice)}
        assert {"binary-moons-mlp-sgd", "binary-moons-mlp-sgd-torch", "frameworks-moons-mlp-sgd"} <= set(named)
        both = named["frameworks-moons-mlp-sgd"]
        assert both.parameters["frameworks"] == ["keras-tensorflow", "torch"]
        # two heads a seed, in two frameworks, in float32 and in float64
        assert both.networks == 2 * int(both.parameters["seeds"]) * 2 * 2

    def test_named_tasks_have_those_cells_elsewhere_that_the_preset_has(self) -> None:
        ids = [cell.id for cell in plan(STANDARD, Choice(tasks=("strokes",), optimizers=("adam",)))]
        assert "binary-strokes-cnn-adam-torch" in ids
        assert "binary-strokes-gru-adam" in ids
        assert not any(cell.startswith("binary-strokes-gru-adam-") or "separable" in cell for cell in ids)

    def test_quick_trains_in_the_main_framework_alone(self) -> None:
        assert {cell.parameters.get("framework", MAIN) for cell in plan(QUICK)} == {MAIN}

    def test_an_unknown_name_is_told_with_the_known_ones(self) -> None:
        with pytest.raises(UserError, match=r"Unknown framework 'torhc'\. Did you mean 'torch'\? Known: keras-jax"):
            plan(QUICK, Choice(frameworks=("torhc",)))

    def test_a_key_knows_what_its_framework_needs_and_no_other(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Another version of PyTorch is another result of PyTorch's cells alone."""
        choice = Choice(frameworks=("torch", "keras-tensorflow"), tasks=("moons",), optimizers=("sgd",))
        cells = {cell.id: cell for cell in plan(QUICK, choice)}
        mine, main = cells["binary-moons-mlp-sgd-torch"], cells["binary-moons-mlp-sgd"]
        before = cache_key(mine), cache_key(main)
        real = keys.version
        monkeypatch.setattr(keys, "version", lambda name: "0.0" if name == "torch" else real(name))
        assert cache_key(mine) != before[0]
        assert cache_key(main) == before[1]
