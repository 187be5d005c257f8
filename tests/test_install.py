"""The package as others get it: what its metadata says, what the wheel holds, and its commands as installed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import experiments
import headtohead

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
# what only `headtohead run` needs: its notebooks and its workers
SUITE = ("papermill", "nbclient", "nbconvert", "nbformat", "jupyter_client", "jupyter_core", "ipykernel", "dask",
         "distributed", "mlxtend", "river", "snownlp", "mpmath", "filelock")  # fmt: skip
SCRIPT = """
import keras
import numpy as np

model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
model.compile("sgd", keras.losses.BinaryCrossentropy(from_logits=True))
model.fit(np.eye(8, 3), np.arange(8) % 2)
"""


def pins(*files: str) -> dict[str, str]:
    """The version that a requirements file pins, by the package's canonical name."""
    lines = [line.split("#")[0].strip() for name in files for line in (ROOT / name).read_text().splitlines()]
    return {canonicalize_name(name): pin for name, pin in (line.split("==") for line in lines if line)}


@pytest.mark.parametrize(
    ("required", "files"),
    [
        (PROJECT["dependencies"], ["requirements.txt"]),
        (EXTRAS["torch"] + EXTRAS["jax"], ["requirements-frameworks.txt"]),
        (EXTRAS["test"], ["requirements-dev.txt"]),
    ],
)
def test_what_is_pinned_is_what_the_package_asks_for(required: list[str], files: list[str]) -> None:
    known = {canonicalize_name(one.name): one.specifier for one in map(Requirement, required)}
    pinned = {name: pin for name, pin in pins(*files).items() if name != "setuptools"}  # it builds, and is not imported
    assert known.keys() == pinned.keys()
    assert [name for name, pin in pinned.items() if pin not in known[name]] == []


LOCKED = re.compile(r"([\w.-]+)==([^\s;]+)( ; .+?)?(\s+--hash=sha256:[0-9a-f]{64})+")


def test_the_lock_has_every_pin_and_a_hash_of_all_it_names() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    lines = [line for line in text.replace("\\\n", "").splitlines() if not line.startswith("#")]
    found = [LOCKED.fullmatch(line) for line in lines]
    assert all(found), "no version, no hash, or an option such as an address"
    locked = {(canonicalize_name(entry[1]), entry[2]) for entry in found if entry}
    assert pins("requirements.txt").items() <= locked, "run `make lock`"
    assert len(locked) > 2 * len(pins("requirements.txt"))


def test_the_version_is_said_once() -> None:
    assert PROJECT["dynamic"] == ["version"]
    assert headtohead.__version__ == experiments.__version__
    assert f"\n## [{experiments.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_each_supported_python_is_named() -> None:
    named = {text.rpartition(" ")[2] for text in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", text)}
    assert named == {"3.11", "3.12", "3.13"}
    assert PROJECT["requires-python"] == ">=3.11,<3.14"


# the public face ------------------------------------------------------------------------------------------------------


def output(program: str, folder: Path, *arguments: str, python: str = sys.executable) -> str:
    """What a program prints that runs in the folder and finds the packages of this checkout."""
    done = subprocess.run(
        [python, "-c", program, *arguments], cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_the_face_is_what_experiments_offers_and_starts_no_framework(tmp_path: Path) -> None:
    assert set(headtohead.__all__) - {"__version__"} == set(experiments.__all__)
    assert headtohead.Comparison is experiments.Comparison
    program = "import headtohead, sys; dir(headtohead); print({'keras', 'tensorflow', 'pandas'} & sys.modules.keys())"
    assert output(program, tmp_path) == "set()\n"
    with pytest.raises(AttributeError, match="no attribute 'comparison'"):
        headtohead.comparison  # noqa: B018


def test_a_folder_of_ones_own_named_experiments_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments/__init__.py").write_text("raise RuntimeError('not this one')\n")
    (tmp_path / "experiments/mine.py").write_text("VALUE = 3\n")
    program = "import headtohead, experiments.mine\nprint(headtohead.Comparison.__module__, experiments.mine.VALUE)"
    assert output(program, tmp_path) == "experiments.comparison.result 3\n"
    (tmp_path / "experiments/__init__.py").write_text("")
    told = output("import experiments\ntry: import headtohead\nexcept ImportError as error: print(error)", tmp_path)
    assert "is imported already" in told
    assert "import headtohead first" in told


def test_a_script_beside_such_a_folder_can_be_checked(tmp_path: Path) -> None:
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments/models.py").write_text("UNITS = 1\n")
    (tmp_path / "train.py").write_text(SCRIPT.replace("Dense(1)", "Dense(UNITS)").replace(
        "import keras", "import keras\nfrom experiments.models import UNITS"
    ))  # fmt: skip
    program = "import sys; from headtohead.__main__ import main; sys.argv = ['headtohead', *sys.argv[1:]]; main()"
    assert json.loads(output(program, tmp_path, "check", "train.py", "--json"))["verdict"] == "sound"


# the wheel ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built from a copy of what git knows, so that nothing else can get in."""
    done = subprocess.run(
        ["git", "ls-files", "-z", "experiments", "headtohead", "notebooks", "pyproject.toml", "setup.py", "README.md",
         "LICENSE"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        pytest.skip("not a git checkout")
    source, dist = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in filter(None, done.stdout.split("\0")):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(dist), "."]
    subprocess.run(command, cwd=source, check=True)
    (made,) = dist.iterdir()
    return made


def test_the_wheel_holds_every_file_and_is_small(wheel: Path) -> None:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    tracked = {name for name in done.stdout.split("\0") if (ROOT / name).is_file()}
    wanted = {name for name in tracked if name.startswith(("experiments/", "headtohead/"))}
    wanted |= {f"experiments/{name}" for name in tracked if name.startswith("notebooks/")}
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert held == wanted
    assert wheel.name == f"headtohead-{experiments.__version__}-py3-none-any.whl"
    assert wheel.stat().st_size < 3_000_000


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment into which the wheel was installed; what it needs is borrowed from this one."""
    place = tmp_path_factory.mktemp("fresh") / "venv"
    venv.create(place, with_pip=False)
    python = place / "bin" / "python"
    paths = {"base": str(place), "platbase": str(place)}
    site = Path(sysconfig.get_path("purelib", scheme="venv", vars=paths))
    site.joinpath("borrowed.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    (place / "share").mkdir(exist_ok=True)
    (place / "share/jupyter").symlink_to(Path(sys.prefix) / "share/jupyter")  # nbconvert's templates
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", str(wheel)]
    subprocess.run(command, check=True)
    return python.parent


def command(installed: Path, folder: Path, *arguments: str) -> str:
    """What an installed program prints."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    program = [installed / arguments[0], *arguments[1:]]
    done = subprocess.run(program, cwd=folder, env=environment, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    return done.stdout


def files_of(installed: Path) -> set[Path]:
    """What lies where the package is installed, but compiled modules."""
    return {path for path in installed.parent.rglob("*") if "__pycache__" not in path.parts}


def test_the_three_commands_work_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    """`check` and `compare` in an environment in which nothing can be imported that only `run` needs."""
    before = files_of(installed)
    where = command(installed, tmp_path, "python", "-c", "import experiments as e; print(e.__file__)")
    site = Path(where.strip()).parents[1]
    assert site.is_relative_to(installed.parent)
    rows = [f"{n % 7},{n % 5},{int(n % 7 + n % 5 > 5)}" for n in range(200)]
    (tmp_path / "rows.csv").write_text("\n".join(["visits,age,bought", *rows]) + "\n")
    (tmp_path / "train.py").write_text(SCRIPT)
    (site / "lacking.pth").write_text(f"import sys; sys.modules.update(dict.fromkeys({SUITE!r}))\n")
    assert "Sound" in command(installed, tmp_path, "headtohead", "check", "train.py")
    told = ["--target", "bought", "--network", "linear", "--seeds", "3", "--steps", "20"]
    assert "Which to use?" in command(installed, tmp_path, "headtohead", "compare", "rows.csv", *told)
    assert (tmp_path / "results/compare-rows/report.html").is_file()
    (site / "lacking.pth").unlink()
    small = ["--preset", "quick", "--tasks", "moons", "--networks", "mlp", "--optimizers", "sgd", "--steps", "20"]
    assert "0 failed" in command(installed, tmp_path, "headtohead", "run", *small, "--seeds", "3")
    out = tmp_path / "results/quick"
    assert (out / "report.html").is_file()
    assert (out / "notebooks/binary-moons-mlp-sgd.html").is_file()
    assert json.loads((out / "run.json").read_text())["git"] == {}
    assert files_of(installed) == before


@pytest.mark.slow
def test_the_whole_quick_preset_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    assert "0 failed" in command(installed, tmp_path, "headtohead", "run", "--preset", "quick")
    cells = pd.read_parquet(tmp_path / "results/quick/tables/cells.parquet")
    assert set(cells["status"]) == {"done"}
    assert len(pd.read_parquet(tmp_path / "results/quick/tables/verdicts.parquet"))
