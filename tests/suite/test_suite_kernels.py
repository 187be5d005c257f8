"""What kernels are forked from, what they cost, and the threads and devices they get."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import dask
import distributed
import nbformat
import psutil
import pytest
import suite_throwaway as throwaway

from experiments.plan import NOTEBOOKS, fingerprint, preload_of, read_notebook
from experiments.records import UserError
from experiments.suite import Options, cluster, notebooks, run, worker
from experiments.suite.execute import ahead, execute
from experiments.suite.forked import Forked, ForkServer, ServerGone
from experiments.suite.jobs import Hooks, Job, JobResult
from experiments.tables import MAIN

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    server = ForkServer(["ipykernel.kernelapp", "experiments.store", "no.such.module"])
    yield server
    server.close()


def job(*sources: str) -> Job:
    v4 = nbformat.v4
    cells = [v4.new_code_cell("out = ''", metadata={"tags": ["parameters"]}), *map(v4.new_code_cell, sources)]
    notebook = v4.new_notebook(cells=cells)
    return Job(cell="c", kind="k", notebook=json.dumps(notebook), parameters={}, code=fingerprint(notebook),
               timeout=600)  # fmt: skip


def said(outcome: JobResult) -> str:
    """What the notebook printed."""
    assert outcome.done, outcome
    cells = json.loads(outcome.files["notebook.ipynb"])["cells"]
    return "".join("".join(output.get("text", "")) for cell in cells for output in cell.get("outputs", ()))


def test_a_kernel_starts_with_what_was_imported_and_with_one_thread(server: ForkServer) -> None:
    names = ["TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"]
    outcome = execute(
        job(
            "import os, sys\nprint('experiments.store' in sys.modules)",
            f"print([os.environ[name] for name in {names}], os.path.basename(os.getcwd())[:4], os.listdir())",
        ),
        server,
        Hooks(),
    )
    first, second = said(outcome).splitlines()
    assert first == "True"
    assert second.startswith("['1', '1', '1', '1'] h2h- ")
    assert "notebook.ipynb" not in second  # it is written once, at the end


def test_garbage_is_collected_in_a_kernel_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the server imports stays: to look through it would take a fifth of the time until the first cell."""
    (tmp_path / "imported.py").write_text("import gc\nlooked_through = gc.isenabled()\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    server = ForkServer(["imported"])
    try:
        outcome = execute(
            job("import gc, imported", "print(imported.looked_through, gc.isenabled(), gc.get_freeze_count() > 0)"),
            server,
            Hooks(),
        )
    finally:
        server.close()
    assert said(outcome) == "False True True\n"


def test_each_cell_has_a_process_and_a_folder_of_its_own(server: ForkServer) -> None:
    source = "import os, builtins\nprint(os.getpid(), os.getcwd(), hasattr(builtins, 'left'))\nbuiltins.left = 1"
    first, second = (said(execute(job(source), server, Hooks())).split() for _ in range(2))
    assert first[0] != second[0]
    assert first[1] != second[1]
    assert first[2] == second[2] == "False"
    assert not psutil.pid_exists(int(first[0])) or psutil.Process(int(first[0])).status() == "zombie"
    assert not Path(first[1]).exists()


def test_a_rendered_notebook_costs_less_than_two_seconds_beyond_its_own_work(server: ForkServer) -> None:
    execute(job("1"), server, Hooks())  # the first one on a worker loads the templates
    costs = []
    for _ in range(3):
        start = time.monotonic()
        outcome = execute(job("import time; time.sleep(0.5)", "print(1)"), server, Hooks())
        costs.append(time.monotonic() - start - 0.5)
        assert "notebook.html" in outcome.files
    assert min(costs) < 2.0, costs


def test_a_worker_with_other_code_refuses(server: ForkServer) -> None:
    wrong = job("print(1)")
    outcome = execute(Job(**{**wrong.__dict__, "code": "other"}), server, Hooks())
    assert outcome.reason == "other code"
    assert "other versions" in outcome.error


def test_a_result_that_nobody_waits_for_is_given_up(server: ForkServer) -> None:
    start = time.monotonic()
    outcome = execute(job("import time; time.sleep(300)"), server, Hooks(wanted=lambda: time.monotonic() < start + 1))
    assert outcome.reason == "cancelled"
    assert time.monotonic() - start < 60


def test_the_last_words_of_a_crash_are_kept(server: ForkServer) -> None:
    outcome = execute(job("print('before')", "import os; os.write(2, b'last words'); os.abort()"), server, Hooks())
    assert outcome.reason == "killed"
    assert "last words" in outcome.traceback
    cells = json.loads(outcome.files["notebook.ipynb"])["cells"]
    assert [output["text"] for cell in cells for output in cell["outputs"]] == [["before\n"]]


def test_a_long_error_is_told_in_one_line(server: ForkServer) -> None:
    outcome = execute(
        job("raise TypeError('in user code:\\n\\n  File x\\n\\n  TypeError: what it is\\n')"), server, Hooks()
    )
    assert outcome.error == "TypeError: in user code: TypeError: what it is"


def test_a_server_that_was_prepared_is_the_one_that_is_warmed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "COMMON", ("no.such.module",))
    worker.close()
    worker.prepare()
    (early,) = worker._servers.values()
    worker.prepare()
    server = worker.warm(("experiments.store",))
    try:
        assert server is early
        assert worker._servers == {(("experiments.store",), "tensorflow"): server}
        outcome = execute(job("import sys", "print('experiments.store' in sys.modules)"), server, Hooks())
        assert said(outcome) == "True\n"
        assert worker.warm(("json",)) is not server
    finally:
        worker.close()
    assert not server.alive
    worker.prepare()
    (early,) = worker._servers.values()
    early.close()  # a server that died is no use
    assert worker.warm(("json",)).alive
    worker.close()


def test_each_keras_backend_has_a_server_of_its_own() -> None:
    """A process has one backend: kernels of another are forked from another process."""
    pytest.importorskip("jax", reason="JAX is not installed")
    try:
        main, other = worker.warm(("keras",)), worker.warm(("keras", "jax"), "jax")
        assert worker.warm(("keras", "jax"), "jax") is other is not main
        for server, backend in ((main, "tensorflow"), (other, "jax")):
            lines = ("import sys, keras", "print(keras.config.backend(), 'jax' in sys.modules)")
            assert said(execute(job(*lines), server, Hooks())) == f"{backend} {backend == 'jax'}\n"
    finally:
        worker.close()


def test_what_the_first_cell_would_wait_for_is_loaded_while_the_server_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []
    monkeypatch.setattr(import_module("experiments.suite.run"), "ahead", lambda: loaded.append("ahead"))
    options = Options(out=tmp_path / "out", notebooks=throwaway.notebooks(tmp_path / "notebooks"))
    with throwaway.kinds():
        for _ in range(2):  # the second time all is stored, and nothing is loaded
            run([throwaway.cell(0)], options)
    assert loaded == ["ahead"]
    notebooks._exporter.cache_clear()
    ahead()
    assert notebooks._exporter.cache_info().currsize == 1
    assert "papermill" in sys.modules


def test_a_function_is_called_in_a_forked_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "called.py").write_text(
        "import os\nfrom experiments.records import UserError\n"
        "def pid(): return os.getpid()\n"
        "def refuse(why): raise UserError(why)\n"
        "def fail(): return {}['no such key']\n"
        "def odd(): return object()\n"
        "def die(): os.kill(os.getpid(), 9)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    server = ForkServer(["called"])
    try:
        both = [server.call("called:pid") for _ in range(2)]  # side by side
        assert len({result() for result in both} - {os.getpid()}) == 2
        with pytest.raises(UserError, match="no such column"):
            server.call("called:refuse", why="no such column")()
        with pytest.raises(RuntimeError, match=r"(?s)Traceback.*KeyError: 'no such key'"):
            server.call("called:fail")()
        for name in ("odd", "die"):
            with pytest.raises(RuntimeError, match=f"The process of called:{name} was killed"):
                server.call(f"called:{name}")()
        assert len({server.call("called:pid")() for _ in range(2)}) == 2
    finally:
        server.close()
    assert not list(Path(tempfile.gettempdir()).glob(f"h2h-call-{os.getpid()}-*"))


def test_functions_are_called_where_a_server_forks(monkeypatch: pytest.MonkeyPatch) -> None:
    worker.close()
    assert worker.caller() is None
    try:
        server = worker.warm(("json",))
        assert worker.caller() == server.call
        server.close()
        assert worker.caller() is None
        monkeypatch.setenv("HEADTOHEAD_KERNELS", "started")
        worker.warm(("csv",))
        assert worker.caller() is None
    finally:
        worker.close()


def test_a_server_that_has_ended_says_so() -> None:
    server = ForkServer()
    server.close()
    assert not server.alive
    with pytest.raises(ServerGone):
        server.ask({"do": "fork"})
    assert Forked(server, 1).poll() == -signal.SIGKILL  # it took its kernels with it


def test_what_a_kernel_started_ends_with_the_server(tmp_path: Path) -> None:
    server, note = ForkServer(), tmp_path / "pid"
    code = "import pathlib, subprocess, time\nchild = subprocess.Popen(['sleep', '600'])\n"
    code += f"pathlib.Path({str(note)!r}).write_text(str(child.pid))\ntime.sleep(600)"
    waiting = threading.Thread(target=execute, args=(job(code), server, Hooks()), daemon=True)
    waiting.start()
    deadline = time.monotonic() + 120
    while not (note.is_file() and note.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    child = psutil.Process(int(note.read_text()))
    assert child.name() == "sleep"
    server.close()
    throwaway.wait_until_ended([child], within=30)
    waiting.join(60)
    assert not waiting.is_alive()


def test_importing_what_a_notebook_needs_computes_nothing() -> None:
    """After an operation TensorFlow has threads, which a forked kernel would lack: it would hang."""
    names = preload_of(read_notebook(NOTEBOOKS / "binary.ipynb"), (MAIN,))
    code = (
        "import sys\nfrom contextlib import suppress\nfrom importlib import import_module\n"
        "for name in sys.argv[1:]:\n    with suppress(ImportError): import_module(name)\n"
        "from tensorflow.python.eager import context\n"
        "print(context.context()._initialized, 'experiments.engines' in sys.modules, 'torch' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", code, *names]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.split() == ["False", "True", "False"]


def test_dask_does_not_watch_what_the_threads_of_a_worker_of_our_own_do() -> None:
    def profiled() -> bool:
        return any("profile" in name for name in distributed.get_worker().periodic_callbacks)

    with cluster.local_workers(1) as workers:
        assert not workers.client.submit(profiled).result()
    assert dask.config.get("distributed.worker.profile.enabled", True)


def test_with_gpus_a_worker_has_one_to_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    devices = tmp_path / "gpus"
    for name in ("0000:01:00.0", "0000:02:00.0"):
        (devices / name).mkdir(parents=True)
    monkeypatch.setattr(cluster, "_GPUS", devices)
    books = throwaway.notebooks(tmp_path / "notebooks")
    shown = "import os, time, pandas as pd\nfrom experiments import store\ntime.sleep(1)\n"
    shown += "store.save_tables(out, {'gpu': pd.DataFrame({'gpu': [os.environ['CUDA_VISIBLE_DEVICES']]})})"
    throwaway.notebook(books / "throwaway.ipynb", ("parameters", throwaway.PARAMETERS), ("train", shown))
    with throwaway.kinds():
        run([throwaway.cell(n) for n in range(3)], Options(out=tmp_path / "out", notebooks=books, workers=4))
    found = (tmp_path / "out" / "tables" / "gpu.csv").read_text().replace('"', "").split()[1:]
    assert set(found) == {"0", "1"}


@pytest.mark.parametrize(
    ("name", "gpus", "address", "environment"),
    [
        ("1", 1.0, "inproc://10.0.0.1/2", {"CUDA_VISIBLE_DEVICES": "1"}),
        ("1", 0.0, "inproc://10.0.0.1/2", {}),  # there is none
        ("1", 1.0, "tcp://10.0.0.1:2", {}),  # somebody else's worker has what it was started with
        ("one", 1.0, "inproc://10.0.0.1/2", {}),
    ],
)
def test_only_a_worker_of_our_own_on_a_machine_with_gpus_is_told_its_one(
    name: str, gpus: float, address: str, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    state = SimpleNamespace(total_resources={"GPU": gpus} if gpus else {}, nthreads=2)
    here = SimpleNamespace(name=name, address=address, state=state, get_current_task=lambda: "key",
                           log_event=lambda *_: None)  # fmt: skip
    monkeypatch.setattr(cluster, "get_worker", lambda: here)
    monkeypatch.setattr(cluster, "_turns", {})
    asked: list[Job] = []
    monkeypatch.setattr(worker, "work", lambda job, hooks: asked.append(job))
    cluster._on_worker(job("1"), "topic")
    assert [job.environment for job in asked] == [environment]


def test_a_kernel_starts_with_a_figure_drawn() -> None:
    server = ForkServer(["experiments.figures"])
    try:
        source = "from experiments.figures import warm_up\nprint(warm_up.cache_info().currsize)"
        assert said(execute(job(source), server, Hooks())).strip() == "1"
    finally:
        server.close()
