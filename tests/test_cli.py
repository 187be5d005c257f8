"""The command line: names, mistakes in one line, and the binary notebook from the command to the report."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from experiments import __main__ as cli
from experiments.records import UserError
from experiments.tables import SCHEMAS

ROOT = Path(__file__).resolve().parent.parent
SMALL = (
    "--tasks breast_cancer --networks linear --optimizers momentum,rmsprop --heads softmax,softmax_matched "
    "--seeds 3 --steps 20"
)


def call(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "experiments", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder, check=False)


def invoke(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run the command in this process; returns its exit code."""
    monkeypatch.setattr(sys, "argv", ["headtohead", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


@pytest.mark.parametrize("what", list(cli.LISTS))
def test_lists_name_what_is_registered(what: str, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    assert invoke(monkeypatch, "list", what) == 0
    known = {
        "tasks": "moons", "networks": "gru", "heads": "softmax_matched",
        "optimizers": "adam", "claims": "binary-identity", "presets": "standard",
        "frameworks": "torch",
    }  # fmt: skip
    lines = capsys.readouterr().out.splitlines()
    assert any(line.split()[0] == known[what] and len(line.split()) > 2 for line in lines)


@pytest.mark.parametrize(
    "verb",
    [["list", "tasks"], ["list", "claims"], ["plan", "--preset", "quick"], ["report", "--help"]],
    ids=lambda verb: " ".join(verb),
)
def test_looking_does_not_start_tensorflow(verb: list[str], tmp_path: Path) -> None:
    code = (
        "import sys; sys.argv = ['headtohead', *sys.argv[1:]]\n"
        "from experiments.__main__ import main\n"
        "try: main()\n"
        "finally: assert not {'tensorflow', 'keras', 'torch', 'jax', 'distributed'} & set(sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, *verb]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_verb_shows_an_example(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    for verb in ("list", "plan", "run", "report", "verify"):
        assert invoke(monkeypatch, verb, "--help") == 0
        assert f"Example: headtohead {verb}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("list heds", "There is no list of 'heds'. Known: tasks, networks, heads"),
        ("rum", "No such command 'rum'. Did you mean 'run'?"),
        ("run --sead 3", "No such option: --sead"),
        ("run --seeds many", "Invalid value for '--seeds'"),
        ("run --preset fast", "Unknown preset 'fast'. Known: full, quick, standard (`headtohead list presets`)"),
        ("run --tasks mons", "Unknown task 'mons'. Did you mean 'moons'?"),
        ("run --tasks moons --networks cnn", "'cnn' cannot take the task 'moons'"),
        ("run --heads sofmax", "Unknown head 'sofmax'"),
        ("run --optimizers adm", "Unknown optimizer 'adm'"),
        ("run --seeds 0", "--seeds is 0"),
        ("plan --steps -1", "--steps is -1"),
        ("run --workers 0", "--workers is 0"),
        ("plan --workers 0", "--workers is 0"),
        ("run --timeout 0", "--timeout is 0"),
        ("run --shard 4/3", "--shard is '4/3'"),
        ("run --preset quick --out file/out", "--out 'file/out' cannot be written: Not a directory"),
        ("verify --out nothing", "nothing holds no results. Make one with `headtohead run`"),
        ("report --out nothing", "nothing holds no results"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(
    arguments: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    assert invoke(monkeypatch, *arguments.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.startswith("Error: ")
    assert len(err.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_scheduler_that_does_not_answer_is_one_line_too(tmp_path: Path) -> None:
    done = call("run", "--preset", "quick", "--scheduler", "nonsense", "--out", str(tmp_path / "out"))
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "No Dask scheduler answers at --scheduler 'nonsense'" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_disk_that_takes_nothing_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    from experiments import suite

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(suite, "run", full)
    monkeypatch.setattr(suite, "prepare", lambda _: None)
    assert invoke(monkeypatch, "run", "--out", str(tmp_path)) == 1
    _, err = capsys.readouterr()
    assert f"Error: {tmp_path} cannot be written: No space left on device. What is stored stays valid" in err


def test_what_kernels_need_is_imported_while_the_run_is_prepared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from experiments import suite

    calls: list[str] = []
    summary = suite.Summary(done=0, cached=0, failed=(), networks=0, seconds=0.0, overhead=None, report=None)
    monkeypatch.setattr(suite, "prepare", lambda _: calls.append("prepare"))
    monkeypatch.setattr(cli, "_settings", lambda *_: calls.append("settings") or {})
    monkeypatch.setattr(suite, "run", lambda *_: calls.append("run") or summary)
    assert invoke(monkeypatch, "run", "--out", str(tmp_path)) == 0
    assert invoke(monkeypatch, "run", "--out", str(tmp_path), "--scheduler", "tcp://127.0.0.1:1") == 0
    assert calls == ["prepare", "settings", "run", "settings", "run"]


def test_stopping_is_no_crash(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "app", stop)
    assert invoke(monkeypatch, "run") == 130
    assert capsys.readouterr().err == "Error: stopped. What is done is stored: the same command goes on from there.\n"


def test_a_name_that_is_given_twice_counts_once() -> None:
    assert cli._names(" moons, bananas,,moons ") == ("moons", "bananas")


def test_results_that_are_there_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results" / "quick" / "cells").mkdir(parents=True)
    with pytest.raises(UserError, match=r"results/standard holds no results. There is: results/quick"):
        cli._existing(None)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Two real cells and the verdicts on them, run by the command."""
    folder = tmp_path_factory.mktemp("real")
    return folder, call("run", *SMALL.split(), "--out", "mine", "--workers", "2", folder=folder)


def test_a_run_ends_with_tables_notebooks_and_a_report(result: tuple[Path, Any]) -> None:
    folder, done = result
    assert done.returncode == 0, done.stderr
    assert "3 cells done, 0 cached, 0 failed; 18 networks trained" in done.stdout
    assert "Report: mine/report.html" in done.stdout
    assert "tensorflow" not in done.stderr.lower()  # no noise of its start-up
    assert sum("binary-breast_cancer-linear-" in line and "done" in line for line in done.stderr.splitlines()) == 2
    out = folder / "mine"
    for name in ("curves", "finals", "runs"):
        table = pd.read_parquet(out / "tables" / f"{name}.parquet")
        assert set(SCHEMAS[name]) <= set(table.columns)
        assert set(table["optimizer"]) == {"momentum", "rmsprop"}
        assert set(table["head"]) == {"sigmoid", "softmax", "softmax_matched"}
    assert (out / "report.html").stat().st_size > 10_000
    assert (out / "report.md").is_file()
    record = json.loads((out / "run.json").read_text())
    assert record["command"].startswith("headtohead run --tasks breast_cancer")
    assert record["settings"]["seeds"] == 3
    assert record["settings"]["margins"]["accuracy"] == 0.01
    assert record["threads_a_worker"] == 1
    assert record["seconds"]["train"] > 0
    assert record["seconds"]["show"] > 0


def test_the_notebook_answers_in_words(result: tuple[Path, Any]) -> None:
    folder, _ = result
    notebook = json.loads((folder / "mine/notebooks/binary-breast_cancer-linear-momentum.ipynb").read_text())
    shown = [output.get("data", {}) for cell in notebook["cells"] for output in cell.get("outputs", ())]
    answer = next("".join(data["text/markdown"]) for data in shown if "text/markdown" in data)
    assert "On breast cancer · linear · momentum, softmax's final test loss is" in answer
    assert "matched" in answer
    page = (folder / "mine/notebooks/binary-breast_cancer-linear-momentum.html").read_text()
    assert page.count("<img") >= 2
    assert "<script" not in page


def test_the_same_command_again_runs_nothing(
    result: tuple[Path, Any], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    folder, _ = result
    monkeypatch.chdir(folder)
    assert invoke(monkeypatch, "plan", *SMALL.split(), "--out", "mine") == 0
    assert "3 cells, 3 of them stored; 0 networks to train" in capsys.readouterr().out
    again = call("run", *SMALL.split(), "--out", "mine", folder=folder)
    assert "0 cells done, 3 cached, 0 failed" in again.stdout
    assert invoke(monkeypatch, "verify", "--out", "mine") == 0
    (folder / "mine/report.html").unlink()
    capsys.readouterr()
    assert invoke(monkeypatch, "report", "--out", "mine") == 0
    assert capsys.readouterr().out.strip() == "mine/report.html"
    assert (folder / "mine/report.html").is_file()


def test_verify_names_what_was_altered(
    result: tuple[Path, Any], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    folder, _ = result
    monkeypatch.chdir(folder)
    path = folder / "mine/tables/finals.csv"
    content = path.read_text()
    path.write_text(content + "more\n")
    code = invoke(monkeypatch, "verify", "--out", "mine")
    path.write_text(content)
    assert (code, capsys.readouterr().out) == (1, "mine/tables/finals.csv was altered\n")


def test_one_core_or_two_real_training_gives_the_same_bytes(result: tuple[Path, Any]) -> None:
    folder, _ = result
    done = call("run", *SMALL.split(), "--out", "part", "--shard", "1/1", folder=folder)
    assert done.returncode == 0, done.stderr
    for name in ("curves.parquet", "finals.parquet", "finals.csv", "runs.parquet"):
        assert (folder / "mine/tables" / name).read_bytes() == (folder / "part/tables" / name).read_bytes()


def test_a_failed_cell_makes_the_exit_code_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    from experiments import suite
    from experiments.suite.cells import Failure

    failure = Failure(
        cell="c", kind="binary", status="raised", error="ValueError: no", traceback="", attempts=1, seconds=1
    )
    summary = suite.Summary(
        done=1, cached=0, failed=(failure,), networks=3, seconds=200.0, overhead=0.1, report=tmp_path / "report.html"
    )
    monkeypatch.setattr(suite, "run", lambda *_: summary)
    monkeypatch.setattr(suite, "prepare", lambda _: None)
    assert invoke(monkeypatch, "run", "--out", str(tmp_path)) == 1
    out = capsys.readouterr().out
    assert "1 cells done, 0 cached, 1 failed; 3 networks trained in 3 min" in out
    assert "FAILED c: raised: ValueError: no" in out
    assert "--retry-failed" in out
