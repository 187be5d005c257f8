"""A folder of images, one sub-folder a class."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from experiments.records import UserError, require
from experiments.tasks.files.formatting import counted, listed, one_line, quoted_path
from experiments.tasks.files.memory import require_memory
from experiments.tasks.files.table import Raw

DEEP = ("I", "F")  # modes with more than eight bits a pixel start so; only those of 16 bits are known in unit


def read_images(folder: Path, source: str, *, image_side: int, memory_gib: float) -> Raw:
    """Return the images of every sub-folder as (n, side, side, 1 or 3) float32 of 0 .. 255, and its name as target.

    Each is stretched to a square of `image_side`, or of the longest side of any image if that is less. All are grey
    if every one is, else all are RGB. Hidden files are passed over; a file that is no image is left out and named.
    Raises `UserError` if there are no two sub-folders with images.
    """
    try:
        classes = sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
        files = [
            (entry.name, file)
            for entry in classes
            for file in sorted(entry.iterdir())
            if file.is_file() and not file.name.startswith(".")
        ]
    except OSError as error:
        raise UserError(f"The folder {quoted_path(source)} cannot be read: {one_line(error)}.") from error
    require(
        len(classes) > 1,
        f"The folder {quoted_path(source)} has {counted(len(classes), 'sub-folder')} "
        f"{f'({listed(entry.name for entry in classes)})' if classes else ''}".rstrip()
        + ". There must be one a class, two at least, with the images in them.",
    )
    sizes = {file: size for _, file in files if (size := _size(file)) is not None}
    require(len(sizes) > 0, f"The sub-folders of {quoted_path(source)} hold no image that can be read.")
    side = min(image_side, max(max(wide, high) for wide, high, _ in sizes.values()))
    mode = "L" if all(grey for _, _, grey in sizes.values()) else "RGB"
    channels = len(mode)
    require_memory(source, 4.0 * len(sizes) * side * side * channels * 4, memory_gib, "as images")
    x = np.empty((len(sizes), side, side, channels), dtype=np.float32)
    names: list[str] = []
    bad: list[str] = []
    for name, file in files:
        pixels = _pixels(file, side, mode) if file in sizes else None
        if pixels is None:
            bad.append(f"{name}/{file.name}")
        else:
            x[len(names)] = pixels.reshape(side, side, channels)
            names.append(name)
    require(len(names) > 0, f"The sub-folders of {quoted_path(source)} hold no image that can be read.")
    notices = [f"Left out {counted(len(bad), 'file')} that cannot be read as an image: {listed(bad)}."] if bad else []
    empty = [entry.name for entry in classes if entry.name not in names]
    notices += [f"No image in {counted(len(empty), 'sub-folder')}: {listed(empty)}."] if empty else []
    return Raw(
        x=x[: len(names)],
        y=pd.Series(names, dtype=object),
        groups=None,
        weights=None,
        source=source,
        target=f"The folder {quoted_path(source)}",
        notices=tuple(notices),
    )


def _size(file: Path) -> tuple[int, int, bool] | None:
    """Return width, height and whether it is grey, from the head of the file; None if it is no image."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Image.open(file) as image:
                return image.width, image.height, image.mode in ("1", "L", "LA", "La") or image.mode.startswith(DEEP)
    except Exception:  # a damaged image raises errors of many kinds
        return None


def _pixels(file: Path, side: int, mode: str) -> np.ndarray | None:
    """Return the image as (side, side) or (side, side, 3) of 0 .. 255, each pixel the mean over its area."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Image.open(file) as image:
                image.draft(mode, (side, side))  # a JPEG is decoded at a fraction of its size
                shallow = _eight_bits(image) if image.mode.startswith(DEEP) else image
                return np.asarray(shallow.convert(mode).resize((side, side), Image.Resampling.BOX), dtype=np.float32)
    except Exception:  # a damaged image raises errors of many kinds
        return None


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return a grey image of 16 bits as one of eight; others of that family are clipped to 0 .. 255."""
    values = np.asarray(image, dtype=np.float64)
    if image.mode.startswith("I"):
        values = values / 257.0
    return Image.fromarray(np.clip(np.nan_to_num(values), 0, 255).astype(np.uint8))
