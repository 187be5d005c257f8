# One verb a chore. Each works in the environment that ./run_tests.sh makes; `make` alone lists them.
PYTHON := .venv/bin/python

.PHONY: help test lint fix types bench accelerators architecture report reference lock strip clean

help:  ## this list
	@sed -n -E 's/^([a-z]+):[^#]*## (.*)/  make \1	\2/p' Makefile

test:  ## every test, with coverage
	./run_tests.sh

lint:  .venv ## ruff over the sources and the notebooks
	.venv/bin/ruff check .

fix:  .venv ## what ruff can put right by itself
	.venv/bin/ruff check --fix .

types:  .venv ## mypy over the package
	.venv/bin/mypy

bench:  .venv ## time this engine against what one would use instead
	$(PYTHON) -m benchmarks

accelerators:  .venv ## time the engines that can use an accelerator on the one of this machine
	$(PYTHON) -m benchmarks.accelerators

report:  .venv ## rebuild results/standard's report from its stored tables
	.venv/bin/headtohead report --out results/standard

reference:  .venv ## keep results/standard's report and small tables as results/reference, and show them in the READMEs
	$(PYTHON) -m experiments.report.reference
	$(PYTHON) -m experiments.check

architecture:  .venv ## draw the picture of docs/architecture.md from what the sources import
	$(PYTHON) tests/house.py

lock:  ## pin what requirements.txt brings along too, with hashes, as requirements.lock (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url \
		--quiet requirements.txt -o requirements.lock

strip:  .venv ## remove outputs and execution counts from the notebooks
	.venv/bin/jupyter-nbconvert --clear-output --inplace --log-level=WARN notebooks/*.ipynb

clean:  ## what tests and tools leave behind; results and .venv stay
	rm -rf .pytest_cache .hypothesis .ruff_cache .mypy_cache build *.egg-info
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

.venv:
	./run_tests.sh --version
