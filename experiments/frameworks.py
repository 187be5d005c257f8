"""The frameworks that train: what each needs, and the module that trains in it, loaded by name when it is asked for.

Add a framework with one entry here and a module that offers `TRAINER`, see `engines.interface.Trainer`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from experiments.records import require
from experiments.registry import Registry

_INSTALL = "Install what is missing with `./run_all.sh --frameworks`"


@dataclass(frozen=True, kw_only=True)
class Framework:
    """A framework, or Keras on one.

    `packages`: what must be installed, by the name of its distribution and of its module, which are the same.
    `module`: where its `TRAINER` is; a name that begins with a dot is one of this package. `backend`: what Keras must
    run on, "" where there is no Keras. `counterpart`: the field of `Network` and of `Optimizer` that has what this
    framework trains in the place of Keras's; "" where that is Keras's own.
    `programs`: arms that are one of both heads in another program of this framework, each with that head: trained
    beside the two, they show what the program changes. `called`: its name by language.
    """

    name: str
    description: str
    packages: tuple[str, ...]
    module: str
    backend: str = ""
    counterpart: str = ""
    programs: Mapping[str, str] = field(default_factory=dict)
    called: Mapping[str, str] = field(default_factory=dict)

    @property
    def installed(self) -> bool:
        """Whether all it needs can be imported, found out without importing it."""
        return all(find_spec(package) is not None for package in self.packages)

    @property
    def missing(self) -> str:
        """What of it is not installed, and the way to install it: a sentence; empty if all is there."""
        lacking = [package for package in self.packages if find_spec(package) is None]
        return f"not installed: {', '.join(lacking)}. {_INSTALL}." if lacking else ""

    def load(self) -> Any:
        """The `TRAINER` of its module, which is imported now. Raises `ImportError` if what it needs is missing."""
        return import_module(self.module, __package__).TRAINER


FRAMEWORKS: Registry[Framework] = Registry("framework", texts={"framework": lambda record: record.called})


FRAMEWORKS.add(
    Framework(
        name="keras-tensorflow",
        description="Keras on TensorFlow, all networks of a cell stacked; it trains every cell of a preset",
        packages=("tensorflow", "keras"),
        module=".engines.keras_tensorflow",
        backend="tensorflow",
        called={"en": "Keras on TensorFlow", "zh": "Keras（TensorFlow）"},
    )
)
FRAMEWORKS.add(
    Framework(
        name="keras-jax",
        description="the same Keras layers, losses and optimizers on JAX, networks by jax.vmap",
        packages=("keras", "jax"),
        module=".engines.keras_jax",
        backend="jax",
        programs={"sigmoid_logits": "sigmoid", "softmax_logits": "softmax"},
        called={"en": "Keras on JAX", "zh": "Keras（JAX）"},
    )
)
FRAMEWORKS.add(
    Framework(
        name="torch",
        description="PyTorch's own layers, start, losses and optimizers, networks by torch.func",
        packages=("torch",),
        module=".engines.torch",
        counterpart="torch",
        programs={"sigmoid_bceloss": "sigmoid", "softmax_nllloss": "softmax"},
        called={"en": "PyTorch", "zh": "PyTorch"},
    )
)


def require_installed(names: tuple[str, ...]) -> None:
    """Raise `UserError` for a name that is unknown, or whose framework is not installed."""
    for name in names:
        entry = FRAMEWORKS[name]
        usable = ", ".join(framework.name for framework in FRAMEWORKS.values() if framework.installed)
        require(entry.installed, f"The framework {name!r} is {entry.missing} Installed: {usable}.")
