"""Text files of columns, with Arrow's reader: it is strict about ragged rows and takes a quarter of pandas' time."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterable
from contextlib import AbstractContextManager
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv as arrow

from experiments.records import UserError, require
from experiments.tasks.files.formatting import one_line, quoted, quoted_path
from experiments.tasks.files.memory import GIB, SHARE_OF_ROWS, TEXT_FACTOR, VALUE_BYTES, TooLarge, require_memory
from experiments.tasks.files.sampled import sampled

# what is missing in any column; marks such as "?" are so in columns of numbers alone
MISSING = ["", "NA", "N/A", "n/a", "#N/A", "#NA", "<NA>", "NaN", "nan", "-NaN", "-nan", "NULL", "null"]
DELIMITERS = ",;\t|"
SEPARATORS = (b",", b";", b"\t", b"|", b"\n")
BLOCK = 2**20
LONGEST_ROW = 2**24  # bytes: what Arrow reads at a time, and no row may be longer
WAY_OUT = "Give a sample of its rows or fewer columns, or save it as Parquet, which takes less"


def read_csv(
    path: Path, source: str, *, tabs: bool, target: str | None, memory_gib: float, all_rows: bool = False
) -> tuple[pd.DataFrame, str]:
    """Return the columns of a file with a line of names, and a notice; `target` is kept as the text it is.

    Separated by tabs if `tabs`, else by what the first line holds most of: comma, semicolon, tab or bar. Of a file that
    is too large a sample of rows, as the notice says, unless `all_rows` are needed.
    Raises `UserError` for a file that is too large, not UTF-8, binary, ragged or without a row.
    """
    notice = ""
    try:
        data = _bytes(path, source, memory_gib)
    except TooLarge as error:
        head = _head(path)
        if all_rows or b"\0" in head:
            raise
        delimiter = _delimiter_of(head, tabs, source)
        data, notice = _sample(path, source, delimiter, memory_gib, error)
        delimiter = ","
    else:
        head = data[:BLOCK]
        delimiter = _delimiter_of(head, tabs, source)
    return _frame(data, head.decode("utf-8", errors="ignore"), source, delimiter, target), notice


def _delimiter_of(head: bytes, tabs: bool, source: str) -> str:
    text = head.decode("utf-8", errors="ignore")
    first = next((line for line in text.splitlines() if line.strip()), "")
    require(bool(first), f"The file {quoted_path(source)} holds nothing but blank lines.")
    return "\t" if tabs else _delimiter(first)


def _head(path: Path) -> bytes:
    with _opened(path) as file:
        head: bytes = file.read(BLOCK)
        return head


def _opened(path: Path) -> AbstractContextManager[Any]:
    return gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb")


def _sample(path: Path, source: str, delimiter: str, memory_gib: float, error: TooLarge) -> tuple[bytes, str]:
    """A file of commas with some of the rows, as text like the file itself, so that it is read as that would be."""
    head = _head(path)
    factor = TEXT_FACTOR + VALUE_BYTES * sum(head.count(separator) for separator in SEPARATORS) / len(head)
    parse = arrow.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    try:
        with _opened(path) as file:
            read = arrow.ReadOptions(block_size=LONGEST_ROW)
            lines = csv.reader(io.StringIO(head.decode("utf-8-sig", errors="ignore"), newline=""), delimiter=delimiter)
            names = next(line for line in lines if line)
            text = arrow.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
            batches = arrow.open_csv(file, read_options=read, parse_options=parse, convert_options=text)
            table, notice = sampled(batches, SHARE_OF_ROWS * memory_gib * GIB / factor, error)
    except (csv.Error, pa.ArrowException, OSError, EOFError, zlib.error, UnicodeDecodeError) as problem:
        raise UserError(f"{quoted_path(source)} cannot be read as columns of text: {one_line(problem)}.") from problem
    buffer = pa.BufferOutputStream()
    arrow.write_csv(table, buffer)
    return buffer.getvalue().to_pybytes(), notice


def _frame(data: bytes, head: str, source: str, delimiter: str, target: str | None) -> pd.DataFrame:
    comma = re.search(r"(?:^|;)\"?-?\d+,\d+\"?(?:;|$)", head, re.MULTILINE) is not None
    convert = arrow.ConvertOptions(
        null_values=MISSING,
        strings_can_be_null=True,
        column_types={} if target is None else {target: pa.string()},
        decimal_point="," if comma else ".",
    )
    table = _parse(data, source, delimiter, convert)
    names = [name.strip() or f"column {number}" for number, name in enumerate(table.column_names, start=1)]
    columns = [column.to_pandas(date_as_object=False) for column in table.columns]
    return pd.concat(columns, axis=1, keys=range(len(names))).set_axis(names, axis=1)


def _bytes(path: Path, source: str, memory_gib: float) -> bytes:
    """Return all of the file, unpacked; raises `UserError` if it is too large, or no UTF-8 text."""
    packed = path.suffix.lower() == ".gz"
    try:
        with _opened(path) as file:
            first = file.read(BLOCK)
            share = sum(first.count(separator) for separator in SEPARATORS) / max(len(first), 1)
            factor = TEXT_FACTOR + VALUE_BYTES * share
            if not packed:
                require_memory(source, path.stat().st_size * factor, memory_gib, "as text", WAY_OUT)
            return _text(chain([first], iter(lambda: file.read(BLOCK), b"")), source, factor, memory_gib)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{quoted_path(source)} cannot be read: {one_line(error)}.") from error


def _text(file: Iterable[bytes], source: str, factor: float, memory_gib: float) -> bytes:
    decoder = codecs.getincrementaldecoder("utf-8")()
    blocks: list[bytes] = []
    size = lines = 0
    for block in file:
        size += len(block)
        require_memory(
            source, size * factor, memory_gib, "or more as text", WAY_OUT
        )  # of a packed file, known only now
        pending = len(decoder.getstate()[0])
        try:
            decoder.decode(block)
        except UnicodeDecodeError as error:
            at = error.start - pending
            line = lines + block[: max(at, 0)].count(b"\n") + 1
            raise _not_utf8(source, error.object[error.start], size - len(block) + at, line) from error
        require(
            b"\0" not in block,
            f"{quoted_path(source)} is no text: it holds a byte 0. Save it as CSV in UTF-8 (a spreadsheet: as .csv).",
        )
        lines += block.count(b"\n")
        blocks.append(block)
    rest = decoder.getstate()[0]
    if rest:
        raise _not_utf8(source, rest[0], size - len(rest), lines + 1)
    return b"".join(blocks)


def _not_utf8(source: str, byte: int, position: int, line: int) -> UserError:
    utf16 = " (it looks like UTF-16)" if position == 0 and byte in (0xFE, 0xFF) else ""
    return UserError(
        f"{quoted_path(source)} is not in UTF-8{utf16}: byte 0x{byte:02x} at position {position:,}, line {line:,}. "
        "Save it again as UTF-8 (in a spreadsheet: CSV UTF-8)."
    )


def _delimiter(first: str) -> str:
    """Return the separator that the line of names holds most of outside quotes; a comma if it holds none."""
    bare = re.sub(r'"[^"]*"', "", first)
    return max(DELIMITERS, key=bare.count)


def _parse(data: bytes, source: str, delimiter: str, convert: arrow.ConvertOptions) -> pa.Table:
    parse = arrow.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    problem: Exception | None = None
    for threads in (True, False):  # a second time on one thread, for it alone can number the row that is wrong
        try:
            return arrow.read_csv(
                pa.BufferReader(data),
                read_options=arrow.ReadOptions(block_size=LONGEST_ROW, use_threads=threads),
                parse_options=parse,
                convert_options=convert,
            )
        except (pa.ArrowException, UnicodeDecodeError) as error:
            problem = error
    message = one_line(problem) if problem else ""
    ragged = re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", message)
    if ragged:
        row, expected, actual = (int(group) for group in ragged.groups())
        raise UserError(
            f"Row {row:,} of {quoted_path(source)} has {actual:,} values where the first has {expected:,}. Give every "
            f"row as many as there are names, and put quotes around a value that holds {quoted(delimiter)}."
        ) from problem
    raise UserError(f"{quoted_path(source)} cannot be read as columns of text: {message}.") from problem
