"""Tables of objects in CSV and Parquet files, and what to say of files that cannot be read."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from brokerbench.errors import InputError

__all__ = ["csv_files", "header_of", "numbers", "read_objects", "readable"]

TABLE_BYTES = 4 << 30
"""Bytes that a table of objects may hold once unpacked."""

DAMAGE = (ValueError, KeyError, TypeError, OverflowError, OSError, EOFError, pa.ArrowException)
"""What libraries raise on files that are not what they seem (those of text and pandas are ValueErrors)."""


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turns what libraries raise on a damaged file into an InputError that names the file."""
    try:
        yield
    except DAMAGE as error:
        first = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise InputError(f"{path}: expected a whole and readable file, got one that says: {first}") from error


def csv_files(folders: list[Path], reader: str) -> list[Path]:
    """CSV files below the folders, gzipped or not, in order of name. InputError where there is none."""
    found: list[Path] = []
    for folder in folders:
        if not folder.is_dir():
            raise InputError(
                f"{folder}: expected a folder of {reader} files, got nothing there; check the path"
            )
        names = sorted(p for p in folder.rglob("*") if p.name.endswith((".csv", ".csv.gz")) and p.is_file())
        if not names:
            raise InputError(f"{folder}: expected CSV files, got none; check the path")
        found += names
    return list(dict.fromkeys(found))


def header_of(path: Path) -> list[str]:
    """Column names of a CSV file. InputError where it cannot be read."""
    opener = gzip.open if path.name.endswith(".gz") else open
    try:
        with opener(path, "rb") as file:
            first = next((line for line in iter(lambda: file.readline(1 << 16), b"") if line.strip()), b"")
            return [name.strip().strip('"') for name in first.decode().split(",")]
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: expected a CSV file, got {error}") from error


def read_objects(files: list[Path], key: str) -> pd.DataFrame:
    """The rows of CSV or Parquet tables of objects, one for each different `key`, with its index from 0.

    Raises InputError where a file cannot be read.
    """
    tables = []
    for path in files:
        with readable(path):
            parquet = path.suffix == ".parquet"
            table = pd.read_parquet(path) if parquet else pd.read_csv(_bounded(path), skipinitialspace=True)
            tables.append(table.dropna(subset=[key]))
    return pd.concat(tables).drop_duplicates(key).reset_index(drop=True)


def _bounded(path: Path) -> io.BytesIO:
    """The bytes of a file, unpacked. InputError where they are more than TABLE_BYTES."""
    opener = gzip.open if path.name.endswith(".gz") else open
    pieces: list[bytes] = []
    size = 0
    with opener(path, "rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            size += len(piece)
            if size > TABLE_BYTES:
                raise InputError(f"{path}: expected at most {TABLE_BYTES} bytes, got more; split the file")
            pieces.append(piece)
    return io.BytesIO(b"".join(pieces))


def numbers(rows: pd.DataFrame, name: str, where: str, *, dtype: str = "f4") -> NDArray[Any]:
    """A column as floats, NaN where it is empty or not there. InputError where it holds something else."""
    if name not in rows:
        return np.full(len(rows), np.nan, dtype)
    values = pd.to_numeric(rows[name], errors="coerce")
    wrong = values.isna() & rows[name].notna()
    if wrong.any():
        raise InputError(f"{where}: expected numbers in {name}, got {rows[name][wrong].iloc[0]!r}")
    return values.to_numpy(dtype)
