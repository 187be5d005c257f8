"""Where a source lies and what it is, told by its ending."""

from __future__ import annotations

from pathlib import Path

from experiments.records import UserError, require
from experiments.tasks.files.formatting import one_line, quoted, quoted_path
from experiments.tasks.files.texts import holds_texts

# ending -> how it is read
ENDINGS = {
    ".csv": "csv",
    ".csv.gz": "csv",
    ".tsv": "tsv",
    ".tsv.gz": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".npz": "npz",
}
SUPPORTED = f"Known: {', '.join(ENDINGS)}, a folder with --images, or openml:NAME"


def form_of(path: Path) -> str:
    """Return how the file is to be read; raises `UserError` for an ending that is not known."""
    name = path.name.lower()
    for ending, form in ENDINGS.items():
        if name.endswith(ending):
            return form
    ending = "".join(path.suffixes[-2:]) if name.endswith(".gz") else path.suffix
    what = f"the ending {quoted(ending)}" if ending else "no ending"
    raise UserError(f"{quoted_path(path)} has {what}, which tells no kind of data. {SUPPORTED}.")


def existing(source: str, images: bool) -> Path:
    """Return the path of a file, or of a folder of texts, or of images if `images`; raises `UserError` for others."""
    if "://" in source:
        raise UserError(f"{quoted_path(source)} is an address. Download it, and name the file.")
    try:
        path = Path(source).expanduser()
        exists, folder, file = path.exists(), path.is_dir(), path.is_file()
        size = path.stat().st_size if file else 0
    except (OSError, ValueError, RuntimeError) as error:
        raise UserError(f"{quoted_path(source)} cannot be opened: {one_line(error)}.") from error
    if not exists:
        parent = f" The folder {quoted_path(path.parent)} does not exist either." if not path.parent.exists() else ""
        raise UserError(
            f"There is no file {quoted_path(source)}.{parent} Check the name; openml:NAME names a data set."
        )
    if images:
        require(folder, f"{quoted_path(source)} is no folder. --images takes one with a sub-folder of images a class.")
        return path
    if folder and holds_texts(path):
        return path
    require(
        not folder,
        f"{quoted_path(source)} is a folder. Name a file in it; or let it have a sub-folder a class, of files .txt, or "
        "of images with --images.",
    )
    require(file, f"{quoted_path(source)} is no regular file. Save the data as a file first.")
    form_of(path)
    require(size > 0, f"The file {quoted_path(source)} is empty.")
    return path
