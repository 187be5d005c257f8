"""What is written beside its place takes it whole, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.atomic import replace_folder, replacing, write_file


def test_the_old_content_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "note"
    path.write_text("old")
    with replacing(path) as beside:
        beside.write_text("half")
        assert path.read_text() == "old"
        beside.write_text("new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_the_old_content_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "note"
    write_file(path, b"old")

    def fail() -> None:
        with replacing(path, tmp_path / ".half") as beside:
            assert beside == tmp_path / ".half"
            beside.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_takes_the_place_of_one_that_is_moved_away_or_of_none(tmp_path: Path) -> None:
    folder, old = tmp_path / "result", tmp_path / "old"
    for text in ("first", "second"):
        new = tmp_path / "new"
        new.mkdir()
        (new / "page").write_text(text)
        replace_folder(folder, new, old)
        assert (folder / "page").read_text() == text
        assert not new.exists()
    assert (old / "page").read_text() == "first"
