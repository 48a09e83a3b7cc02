"""Parquet and CSV tables, a bounded number of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from brokerbench.errors import ConfigError, InputError, did_you_mean
from scoring.submission import NO_ID

__all__ = ["columns_of", "floats", "ids", "is_table", "need", "tables", "texts"]

ROWS = 131_072


def is_table(path: Path) -> bool:
    """Whether the name is that of a Parquet or CSV file."""
    return path.name.endswith((".parquet", ".csv", ".csv.gz"))


def columns_of(path: Path) -> list[str]:
    """The names of a table's columns; empty where it cannot be read."""
    try:
        if path.suffix == ".parquet":
            return pq.read_schema(path).names
        with pcsv.open_csv(path, read_options=pcsv.ReadOptions(block_size=1 << 20)) as reader:
            return reader.schema.names
    except (OSError, pa.ArrowException):
        return []


def tables(path: Path, columns: Sequence[str] | None = None) -> Iterator[tuple[int, pa.RecordBatch]]:
    """First row number and rows of each batch. InputError where the file cannot be read."""
    row = 0
    try:
        if path.suffix == ".parquet":
            file = pq.ParquetFile(path)
            batches: Iterator[pa.RecordBatch] = file.iter_batches(ROWS, columns=columns)
        else:
            # Everything as text: a column of ids must not become floats, nor a bad cell end the reading.
            names = columns_of(path)
            convert = pcsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True
            )
            batches = iter(pcsv.open_csv(path, convert_options=convert))
        for batch in batches:
            yield row, batch
            row += batch.num_rows
    except (OSError, pa.ArrowException) as error:
        first = str(error).splitlines()[0]
        raise InputError(
            f"{path}: expected a whole table, got one that fails after row {row} ({first})"
        ) from error


def need(path: Path, names: Sequence[str], wanted: str, key: str) -> str:
    """`wanted` where it is a column. ConfigError with a hint otherwise."""
    if wanted not in names:
        raise ConfigError(
            f"{path}: expected the column {wanted!r} that columns.{key} names, got none; "
            f"{did_you_mean(wanted, names)}"
        )
    return wanted


def floats(batch: pa.RecordBatch, name: str) -> NDArray[np.float64]:
    """A column as f8[n], NaN where null or no number."""
    column = batch.column(batch.schema.get_field_index(name))
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        text = column.to_numpy(zero_copy_only=False)
        try:
            return pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False).astype(float)
        except pa.ArrowInvalid:
            return np.array([_float(t) for t in text], float)
    return pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False).astype(float)


def ids(batch: pa.RecordBatch, name: str) -> NDArray[np.int64]:
    """A column of ids as i8[n], NO_ID where null or no whole number."""
    column = batch.column(batch.schema.get_field_index(name))
    if not pa.types.is_integer(column.type):
        try:
            column = pc.cast(column, pa.int64())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return np.array([_int(t) for t in column.to_pylist()], np.int64)
    return pc.fill_null(pc.cast(column, pa.int64()), NO_ID).to_numpy(zero_copy_only=False).astype(np.int64)


def texts(batch: pa.RecordBatch, name: str) -> list[str]:
    """A column as texts, "" where null."""
    column = batch.column(batch.schema.get_field_index(name))
    return ["" if v is None else str(v) for v in column.to_pylist()]


def _float(text: object) -> float:
    try:
        return float(str(text))
    except ValueError:
        return float("nan")


def _int(value: object) -> int:
    try:
        number = int(str(value))
    except ValueError:
        return NO_ID
    return number if 0 <= number < 2**63 else NO_ID
