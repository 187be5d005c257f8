"""Which packages are built, the notebooks beside them among them; all else is said in pyproject.toml."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["headtohead", "experiments", "experiments.*"]), "experiments.notebooks"],
    package_dir={"experiments.notebooks": "notebooks"},
)
