"""Results on disk: equal tables give equal bytes, and what is committed is whole whatever happens."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from experiments import store
from experiments.records import UserError
from experiments.store import PROGRESS
from experiments.suite import cells as cells_module
from experiments.suite.cells import NOTEBOOK, Cells, Damaged, Failure, Manifest
from experiments.suite.collect import collect, copy_notebooks, save_cells, verify
from experiments.suite.lock import alone, hold
from experiments.tables import SCHEMAS

KEYS = {"framework": "keras-tensorflow", "task": "moons", "network": "mlp", "optimizer": "sgd", "learning_rate": 0.5}


def finals(values: list[float], task: str = "moons", **more: object) -> pd.DataFrame:
    rows = [
        {**KEYS, "task": task, "head": head, "seed": seed, "split": "test", "quantity": "nll", "value": value, **more}
        for seed, value in enumerate(values)
        for head in ("sigmoid", "softmax")
    ]
    return pd.DataFrame(rows)


def content(folder: Path, **tables: pd.DataFrame) -> dict[str, bytes]:
    store.save_tables(folder, tables)
    files = {path.name: path.read_bytes() for path in folder.glob("*.parquet")}
    return {NOTEBOOK: b"{}", "notebook.html": b"<p>", **files}


def stored(cell: str, key: str = "k") -> Manifest:
    return Manifest(cell=cell, kind="binary", key=key, parameters={"seeds": 2}, networks=4, seconds=1.5)


class TestTables:
    def test_equal_tables_are_equal_files(self, tmp_path: Path) -> None:
        table = finals([0.1, 1 / 3, np.nan, np.inf, -np.inf])
        store.save_tables(tmp_path / "a", {"finals": table})
        other = table.sample(frac=1, random_state=0).astype({"head": "category", "task": object})
        other.index = other.index + 7
        store.save_tables(tmp_path / "b", {"finals": other[reversed(list(other.columns))]})
        assert (tmp_path / "a/finals.parquet").read_bytes() == (tmp_path / "b/finals.parquet").read_bytes()
        back = pd.read_parquet(tmp_path / "a/finals.parquet")
        assert list(back.columns) == SCHEMAS["finals"]
        pd.testing.assert_frame_equal(back, table.sort_values(["head", "seed"], ignore_index=True))

    def test_a_different_value_is_a_different_file(self, tmp_path: Path) -> None:
        store.save_tables(tmp_path / "a", {"finals": finals([0.1])})
        store.save_tables(tmp_path / "b", {"finals": finals([np.nextafter(0.1, 1)])})
        assert (tmp_path / "a/finals.parquet").read_bytes() != (tmp_path / "b/finals.parquet").read_bytes()

    def test_a_file_holds_rows_in_groups_of_65536_and_no_note_of_who_wrote_it(self, tmp_path: Path) -> None:
        """A reader may skip a group; a note that pandas or Arrow was there would make equal tables unequal files."""
        store.save_tables(tmp_path, {"long": pd.DataFrame({"a": np.arange(70_000)})})
        written = pq.read_metadata(tmp_path / "long.parquet")
        groups = [written.row_group(number).num_rows for number in range(written.num_row_groups)]
        assert groups == [65_536, 70_000 - 65_536]
        assert written.metadata is None

    def test_a_missing_column_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="'finals' lacks head"):
            store.save_tables(tmp_path, {"finals": finals([0.1]).drop(columns="head")})

    def test_an_empty_table_keeps_its_columns(self, tmp_path: Path) -> None:
        store.save_tables(tmp_path, {"finals": finals([0.1]).iloc[:0], "bare": pd.DataFrame(columns=["a"])})
        assert list(pd.read_parquet(tmp_path / "finals.parquet").columns) == SCHEMAS["finals"]
        assert list(pd.read_parquet(tmp_path / "bare.parquet").columns) == ["a"]

    def test_a_notebook_run_by_hand_stores_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        store.save_tables("", {"finals": finals([0.1])})
        assert store.progress("") is None
        assert list(tmp_path.iterdir()) == []

    def test_progress_is_noted_now_and_then_and_at_the_end(self, tmp_path: Path) -> None:
        tell = store.progress(tmp_path)
        assert tell is not None
        tell(1, 3)
        tell(2, 3)  # too soon after the first
        assert (tmp_path / PROGRESS).read_text() == "1 3"
        tell(3, 3)
        assert (tmp_path / PROGRESS).read_text() == "3 3"


class TestCells:
    def test_a_commit_can_be_read_back(self, tmp_path: Path) -> None:
        cells = Cells(tmp_path / "out")
        assert cells.read("one") is None
        made = cells.commit(stored("one"), content(tmp_path / "t", finals=finals([0.1])))
        assert cells.read("one") == made
        assert set(made.files) == {NOTEBOOK, "notebook.html", "finals.parquet"}
        assert cells.problems("one") == []
        assert cells.problems("two") == [f"{tmp_path / 'out/cells/two'} is missing"]
        assert not any((tmp_path / "out/.work").iterdir())

    def test_the_digest_is_of_the_tables_alone(self, tmp_path: Path) -> None:
        cells = Cells(tmp_path)
        files = content(tmp_path / "t", finals=finals([0.1]))
        first = cells.commit(stored("one"), files)
        assert cells.commit(stored("one"), {**files, NOTEBOOK: b"other"}).digest == first.digest
        changed = content(tmp_path / "u", finals=finals([0.2]))
        assert cells.commit(stored("one"), changed).digest != first.digest

    def test_what_is_not_a_cell_is_refused(self, tmp_path: Path) -> None:
        cells = Cells(tmp_path / "out")
        good = content(tmp_path / "t", finals=finals([0.1]))
        store.save_tables(tmp_path / "u", {"other": pd.DataFrame({"a": [1]})})
        wrong = (tmp_path / "u/other.parquet").read_bytes()
        for files, message in [
            ({"finals.parquet": good["finals.parquet"]}, "needs its notebook.ipynb"),
            ({**good, "a/b": b""}, "no name for a file"),
            ({**good, "curves.parquet": wrong}, "curves.parquet lacks framework, head, learning_rate"),
            ({**good, "finals.parquet": good["finals.parquet"][:-20]}, "Parquet"),
        ]:
            with pytest.raises(ValueError, match=message):
                cells.commit(stored("one"), files)
        assert not (tmp_path / "out").exists()

    def test_each_file_that_is_missing_altered_or_too_much_is_named(self, tmp_path: Path) -> None:
        cells = Cells(tmp_path)
        cells.commit(stored("one"), content(tmp_path / "t", finals=finals([0.1])))
        folder = tmp_path / "cells/one"
        (folder / NOTEBOOK).unlink()
        (folder / "finals.parquet").write_bytes(b"other")
        (folder / "more").touch()
        assert sorted(cells.problems("one")) == [
            f"{folder}/finals.parquet was altered", f"{folder}/more is not part of the cell",
            f"{folder}/{NOTEBOOK} is missing",
        ]  # fmt: skip

    def test_an_altered_manifest_is_seen(self, tmp_path: Path) -> None:
        cells = Cells(tmp_path)
        cells.commit(stored("one"), content(tmp_path / "t"))
        path = tmp_path / "cells/one/manifest.json"
        path.write_text(path.read_text().replace('"key": "k"', '"key": "other"'))
        with pytest.raises(Damaged, match="was altered"):
            cells.read("one")
        assert list(cells.valid()) == []

    def test_a_failure_replaces_a_result_and_a_result_a_failure(self, tmp_path: Path) -> None:
        cells = Cells(tmp_path)
        failure = Failure(cell="one", kind="binary", status="raised", error="e", traceback="t", attempts=1, seconds=0.5)
        cells.commit(stored("one"), content(tmp_path / "t"))
        cells.fail(failure, {NOTEBOOK: b"half"})
        assert (cells.names(), list(cells.failures())) == ([], [failure])
        cells.commit(stored("one"), content(tmp_path / "t"))
        assert (cells.names(), list(cells.failures())) == (["one"], [])

    @pytest.mark.parametrize("step", ["write_durably", "_flush", "rename"])
    def test_a_full_disk_leaves_the_store_as_it_was(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
    ) -> None:
        cells = Cells(tmp_path / "out")
        kept = cells.commit(stored("one"), content(tmp_path / "t", finals=finals([0.1])))

        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        if step == "rename":
            monkeypatch.setattr(Path, "rename", full)
        else:
            monkeypatch.setattr(cells_module, step, full)
        with pytest.raises(OSError, match="No space left"):
            cells.commit(stored("one", key="new"), content(tmp_path / "u", finals=finals([0.2])))
        monkeypatch.undo()
        assert cells.read("one") == kept
        assert verify(tmp_path / "out") == []
        assert not any((tmp_path / "out/.work").iterdir())

    def test_a_disk_that_is_really_full(self, tmp_path: Path) -> None:
        small = tmp_path / "small"
        small.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small)]
        if subprocess.run(mount, capture_output=True, check=False).returncode:
            pytest.skip("no file system can be mounted here")
        try:
            cells = Cells(small / "out")
            cells.commit(stored("one"), content(tmp_path / "t", finals=finals([0.1])))
            large = {**content(tmp_path / "u"), NOTEBOOK: os.urandom(2_000_000)}
            with pytest.raises(OSError, match="No space left"):
                cells.commit(stored("two"), large)
            assert cells.names() == ["one"]
            assert verify(small / "out") == []
            cells.commit(stored("two"), content(tmp_path / "u"))  # there is room again
        finally:
            subprocess.run(["umount", str(small)], check=True)


class TestCollect:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        cells = Cells(tmp_path / "out")
        for name, values in (("b", [0.2]), ("a", [0.1, 0.3])):
            files = content(tmp_path / name, finals=finals(values, task=name))
            cells.commit(stored(name), files)
        more = finals([0.4], task="c", engine="reference")
        cells.commit(stored("c"), content(tmp_path / "c", finals=more, only=pd.DataFrame({"z": [1.5, np.inf]})))
        return tmp_path / "out"

    def test_tables_are_merged_in_the_order_of_cells(self, root: Path) -> None:
        made = collect(root)
        assert [path.name for path in made] == ["finals.parquet", "only.parquet"]
        table = pd.read_parquet(root / "tables/finals.parquet")
        assert list(table["task"].unique()) == ["a", "b", "c"]
        assert list(table.columns) == [*SCHEMAS["finals"], "engine"]
        assert table["engine"].isna().sum() == 6
        assert (root / "tables/only.csv").read_text().splitlines()[1:] == ["1.5", "inf"]

    def test_the_order_of_commits_does_not_show(self, root: Path, tmp_path: Path) -> None:
        collect(root)
        other = Cells(tmp_path / "other")
        for cell in reversed(list(Cells(root).valid())):
            folder = root / "cells" / cell.cell
            other.commit(stored(cell.cell), {name: (folder / name).read_bytes() for name in cell.files})
        collect(tmp_path / "other")
        for name in ("finals.parquet", "finals.csv", "only.parquet"):
            assert (root / "tables" / name).read_bytes() == (tmp_path / "other" / "tables" / name).read_bytes()

    def test_what_is_up_to_date_is_left_alone(self, root: Path) -> None:
        collect(root)
        (root / "tables/mine.txt").write_text("kept")
        before = {path: path.stat().st_mtime_ns for path in (root / "tables").iterdir()}
        assert [path.name for path in collect(root)] == ["finals.parquet", "only.parquet"]
        assert {path: path.stat().st_mtime_ns for path in (root / "tables").iterdir()} == before

    def test_only_a_table_with_new_parts_is_merged(self, root: Path, tmp_path: Path) -> None:
        collect(root)
        only, finals_table = root / "tables/only.parquet", root / "tables/finals.parquet"
        before = only.stat().st_mtime_ns, finals_table.stat().st_mtime_ns
        Cells(root).commit(stored("d"), content(tmp_path / "d", finals=finals([0.7], task="d")))
        collect(root)
        assert only.stat().st_mtime_ns == before[0]
        assert finals_table.stat().st_mtime_ns > before[1]
        assert "d" in set(pd.read_parquet(finals_table)["task"])
        assert verify(root) == []

    def test_a_table_that_no_cell_has_any_more_goes(self, root: Path, tmp_path: Path) -> None:
        collect(root)
        cells = Cells(root)
        cells.commit(stored("c"), content(tmp_path / "again", finals=finals([0.5])))
        assert [path.name for path in collect(root)] == ["finals.parquet"]
        assert not (root / "tables/only.parquet").exists()
        assert not (root / "tables/only.csv").exists()

    def test_curves_have_no_csv(self, tmp_path: Path) -> None:
        curves = finals([0.1]).assign(step=0, scope="")
        Cells(tmp_path / "out").commit(stored("a"), content(tmp_path / "t", curves=curves))
        collect(tmp_path / "out")
        assert (tmp_path / "out/tables/curves.parquet").is_file()
        assert not (tmp_path / "out/tables/curves.csv").exists()

    def test_notebooks_are_copies_and_stale_ones_go(self, root: Path) -> None:
        copy_notebooks(root, list(Cells(root).valid()))
        folder = root / "notebooks"
        assert {path.name for path in folder.iterdir()} == {f"{c}.{e}" for c in "abc" for e in ("ipynb", "html")}
        (folder / "a.ipynb").write_text("edited")
        assert verify(root) == []
        copy_notebooks(root, [cell for cell in Cells(root).valid() if cell.cell != "b"])
        assert (folder / "a.ipynb").read_text() == "{}"
        assert not (folder / "b.ipynb").exists()

    def test_the_table_of_cells_has_its_columns(self, root: Path) -> None:
        save_cells(root, [{"cell": "a", "kind": "binary", "status": "done", "seconds": 1.0, "networks_trained": 3}])
        assert pq.read_schema(root / "tables/cells.parquet").names == [*SCHEMAS["cells"], "attempts"]
        assert (root / "tables/cells.csv").is_file()
        assert pq.read_table(root / "tables/cells.parquet").to_pylist()[0]["seconds"] == 1.0

    def test_a_run_of_which_nothing_is_done_yet_has_a_table_of_cells(self, tmp_path: Path) -> None:
        save_cells(tmp_path / "new/out", [{"cell": "a", "kind": "binary", "status": "failed"}])
        (row,) = pq.read_table(tmp_path / "new/out/tables/cells.parquet").to_pylist()
        assert (row["cell"], row["status"], row["seconds"], row["attempts"]) == ("a", "failed", None, None)


class TestLock:
    def test_a_holder_that_is_killed_holds_no_longer(self, tmp_path: Path) -> None:
        code = (
            "import time; from pathlib import Path; from experiments.suite.lock import hold\n"
            f"with hold(Path({str(tmp_path / 'out')!r})): print('held', flush=True); time.sleep(60)"
        )
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == b"held\n"
            with pytest.raises(UserError, match=f"in use by process {other.pid} on"), hold(tmp_path / "out"):
                pass
            other.kill()
        with hold(tmp_path / "out"):
            pass

    def test_parts_hold_side_by_side_and_not_with_a_whole_run(self, tmp_path: Path) -> None:
        with hold(tmp_path, "1/2"), hold(tmp_path, "2/2"):
            with pytest.raises(UserError, match="in use"), hold(tmp_path, "1/2"):
                pass
            with pytest.raises(UserError, match="in use"), hold(tmp_path):
                pass
        with hold(tmp_path), pytest.raises(UserError, match="in use"), hold(tmp_path, "1/2"):
            pass

    def test_two_that_start_at_once_do_not_both_get_it(self, tmp_path: Path) -> None:
        got, refused = [], []
        start = threading.Barrier(4)

        def take() -> None:
            start.wait()
            try:
                with hold(tmp_path):
                    got.append(1)
                    time.sleep(0.5)
            except UserError:
                refused.append(1)

        threads = [threading.Thread(target=take) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(got), len(refused)) == (1, 3)

    def test_parts_that_collect_wait_for_one_another(self, tmp_path: Path) -> None:
        inside: list[int] = []
        together: list[int] = []

        def collect_alone() -> None:
            with alone(tmp_path, "collect"):
                inside.append(1)
                together.append(len(inside))
                time.sleep(0.1)
                inside.pop()

        with hold(tmp_path, "1/2"):
            threads = [threading.Thread(target=collect_alone) for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert together == [1, 1, 1]

    def test_a_folder_that_cannot_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        message = r"--out '.*/file/out' cannot be written: Not a directory"
        with pytest.raises(UserError, match=message), hold(tmp_path / "file" / "out"):
            pass
