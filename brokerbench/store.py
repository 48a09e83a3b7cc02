"""Tables in Parquet, in folders whose manifest says what each file holds and its SHA-256.

A stage writes into ``FOLDER.partial`` and renames it to ``FOLDER`` when it is complete, so a folder
is whole or not there. Parts (chunks) are files of their own; a part counts as written when its entry
file is there, so a killed stage goes on at the first missing part. Nothing in a folder depends on
the clock, the machine or the order in which parts were written.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from brokerbench.errors import InputError, TableError
from brokerbench.table import Table, columns, declared
from brokerbench.tables import NO_TIME

__all__ = [
    "Folder",
    "atomic_write",
    "file_sha256",
    "read_column",
    "read_columns",
    "read_table",
    "write_columns",
    "write_table",
]

FORMAT = 1
_OBJECT = "object"  # row number that an item of a ragged table belongs to
T = TypeVar("T", bound=Table)


@contextlib.contextmanager
def atomic_write(path: str | Path, mode: str = "wb") -> Iterator[Any]:
    """A file open for writing that appears at `path` when the block ends, and not if it raises."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, mode) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def file_sha256(path: str | Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_table(path: str | Path, table: Table, *, metadata: Mapping[str, str] | None = None) -> None:
    """Write a table to one Parquet file; null where a float is NaN or a timestamp is NO_TIME.

    metadata: texts kept in the file beside the declaration of the columns.
    """
    arrays: dict[str, pa.Array] = {}
    extra = dict(metadata or {})
    offsets = getattr(table, "offsets", None)
    if offsets is not None:
        extra["rows"] = str(len(offsets) - 1)
        arrays[_OBJECT] = pa.array(np.repeat(np.arange(len(table), dtype="i4"), np.diff(offsets)))
    for c in columns(type(table)):
        if offsets is not None and not c.items:
            raise TableError(f"{type(table).__name__}: expected a ragged table of items alone to store")
        arrays[c.name] = _to_arrow(getattr(table, c.name), c.unit)
    about = {"format": FORMAT, "version": type(table).schema_version, "columns": declared(type(table))}
    _write(path, arrays, {"table": type(table).__name__, "about": json.dumps(about), **extra})


def read_table(path: str | Path, kind: type[T], *, threads: bool = True) -> T:
    """The table in a Parquet file. InputError where the file holds something else.

    threads: columns are decoded side by side: sooner done, at up to twice the CPU time.
    """
    read, metadata = _read(path, threads=threads)
    if metadata.get("table") != kind.__name__:
        raise InputError(
            f"{path}: expected a {kind.__name__} table, got {metadata.get('table', 'another file')}"
        )
    about = json.loads(metadata["about"])
    if about["format"] != FORMAT or about["version"] != kind.schema_version:
        raise InputError(
            f"{path}: expected {kind.__name__} version {kind.schema_version} in format {FORMAT}, got version "
            f"{about['version']} in format {about['format']}; write the run anew"
        )
    arrays: dict[str, np.ndarray] = {}
    for c in columns(kind):
        if c.name not in read.column_names:
            raise InputError(f"{path}: expected a column {c.name!r} in {kind.__name__}, got none")
        arrays[c.name] = _to_numpy(read.column(c.name), c.dtype, f"{path}: {c.name}", c.unit)
    if "rows" in metadata:
        counts = np.bincount(read.column(_OBJECT).to_numpy(), minlength=int(metadata["rows"]))
        arrays["offsets"] = np.concatenate([[0], np.cumsum(counts)]).astype("i8")
    return kind(**arrays)


def read_column(path: str | Path, kind: type[Table], name: str) -> np.ndarray:
    """One column of a table in a Parquet file. InputError where the file does not hold it."""
    (column,) = (c for c in columns(kind) if c.name == name)
    read, _ = _read(path, threads=False, only=[name])
    if name not in read.column_names:
        raise InputError(f"{path}: expected a column {name!r} in {kind.__name__}, got none")
    return _to_numpy(read.column(name), column.dtype, f"{path}: {name}", column.unit)


def read_metadata(path: str | Path) -> dict[str, str]:
    """The texts kept in a Parquet file beside its columns."""
    try:
        raw = pq.read_schema(path).metadata or {}
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error
    return {k.decode(): v.decode() for k, v in raw.items() if k != b"ARROW:schema"}


def write_columns(path: str | Path, values: Mapping[str, np.ndarray], *, units: Mapping[str, str]) -> None:
    """Write named arrays of equal length that no table declares (a class's parameters)."""
    unknown = set(values) - set(units)
    if unknown:
        raise TableError(f"{path}: expected a unit for every column, got none for {sorted(unknown)}")
    arrays = {name: _to_arrow(value, units[name]) for name, value in values.items()}
    _write(path, arrays, {"table": "columns", "units": json.dumps(dict(units), sort_keys=True)})


def read_columns(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays that `write_columns` wrote, and their units."""
    read, metadata = _read(path)
    if metadata.get("table") != "columns":
        raise InputError(f"{path}: expected named columns, got {metadata.get('table', 'another file')}")
    values = {}
    for name in read.column_names:
        chunked = read.column(name)
        numpy_type = chunked.type.to_pandas_dtype()
        values[name] = _to_numpy(chunked, np.dtype(numpy_type), f"{path}: {name}", "")
    return values, json.loads(metadata["units"])


def _to_arrow(value: np.ndarray, unit: str) -> pa.Array:
    if value.ndim == 2:
        flat = pa.array(np.ascontiguousarray(value).ravel(), from_pandas=value.dtype.kind == "f")
        return pa.FixedSizeListArray.from_arrays(flat, value.shape[1])
    if value.dtype.kind == "O":
        return pa.array(value, pa.string())
    if value.dtype.kind == "f":
        return pa.array(value, from_pandas=True)
    if unit == "us":
        return pa.array(value, mask=value == NO_TIME)
    return pa.array(value)


def _to_numpy(chunked: pa.ChunkedArray, dtype: np.dtype, where: str, unit: str) -> np.ndarray:
    joined = chunked.combine_chunks()
    array = joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined
    width = None
    if pa.types.is_fixed_size_list(array.type):
        width, array = array.type.list_size, array.flatten()
    if array.null_count:
        if dtype.kind == "i" and unit == "us":
            array = array.fill_null(NO_TIME)
        elif dtype.kind not in "fO":
            raise InputError(f"{where}: expected values, got {array.null_count} nulls")
    numbers = array.to_numpy(zero_copy_only=False)
    if numbers.dtype != dtype:
        if not np.can_cast(numbers.dtype, dtype, "same_kind"):
            raise InputError(f"{where}: expected {dtype}, got {numbers.dtype}")
        numbers = numbers.astype(dtype)
    return numbers.reshape(-1, width) if width is not None else numbers


def _write(path: str | Path, arrays: Mapping[str, pa.Array], metadata: Mapping[str, str]) -> None:
    table = pa.table(dict(arrays)).replace_schema_metadata(dict(metadata))
    with atomic_write(path) as file:
        pq.write_table(table, file, compression="zstd", compression_level=1, use_dictionary=False)


def _read(
    path: str | Path, *, threads: bool = True, only: list[str] | None = None
) -> tuple[pa.Table, dict[str, str]]:
    try:
        table = pq.ParquetFile(path).read(only, use_threads=threads)
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error
    raw = table.schema.metadata or {}
    return table, {k.decode(): v.decode() for k, v in raw.items() if k != b"ARROW:schema"}


def _unreadable(path: str | Path, error: Exception) -> InputError:
    if not Path(path).is_file():
        return InputError(f"{path}: expected a Parquet file, got nothing there; check the path")
    first = str(error).splitlines()[0]
    return InputError(f"{path}: expected a whole Parquet file, got one that cannot be read ({first})")


class Folder:
    """A folder of tables with a manifest. Parts are named by the caller, e.g. ``"00-00003"``."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    # reading

    @classmethod
    def open(cls, path: str | Path, *, kind: str | None = None) -> Folder:
        """The complete folder at `path`. InputError where there is none, or it is of another kind."""
        folder = cls(path)
        if not folder.path.is_dir():
            raise InputError(f"{path}: expected a folder, got nothing there; check the path")
        if not (folder.path / "manifest.json").is_file():
            raise InputError(f"{path}: expected a brokerbench folder, got one without manifest.json")
        if kind is not None and folder.manifest.get("kind") != kind:
            raise InputError(f"{path}: expected a {kind}, got a {folder.manifest.get('kind')}")
        return folder

    @property
    def manifest(self) -> dict[str, Any]:
        """What manifest.json says."""
        file = self.path / "manifest.json"
        try:
            return json.loads(file.read_bytes())
        except (OSError, ValueError) as error:
            raise InputError(f"{file}: expected a JSON manifest, got one that cannot be read") from error

    @property
    def parts(self) -> list[str]:
        """Names of the parts, sorted."""
        return list(self.manifest["parts"])

    def file(self, table: str, part: str) -> Path:
        """Where the table of one part lies."""
        return self.path / table / f"{part}.parquet"

    def read(self, table: str, part: str, kind: type[T], *, threads: bool = True) -> T:
        """One part of a table; `threads` as in `read_table`."""
        return read_table(self.file(table, part), kind, threads=threads)

    def verify(self) -> None:
        """Raise InputError unless every file is there with the bytes that the manifest states."""
        for name, entry in self.manifest["files"].items():
            file = self.path / name
            if not file.is_file():
                raise InputError(f"{file}: expected the file that the manifest names, got none")
            if file_sha256(file) != entry["sha256"]:
                raise InputError(f"{file}: expected the bytes that the manifest names, got others")

    # writing

    @classmethod
    def begin(cls, path: str | Path, about: Mapping[str, Any]) -> Folder:
        """A folder under construction at ``path.partial``, taken up again where one is there.

        about: what goes into the manifest; a partial folder made of anything else is started anew.
        """
        target = Path(path)
        if target.exists():
            raise InputError(f"{target}: expected no such folder yet, got one; choose another name")
        folder = cls(target.with_name(f"{target.name}.partial"))
        text = _canonical(about)
        begun = folder.path / "begun.json"
        if folder.path.is_dir() and not (begun.is_file() and begun.read_text() == text):
            shutil.rmtree(folder.path)
        if not folder.path.is_dir():
            with atomic_write(begun, "w") as file:
                file.write(text)
        return folder

    def has(self, part: str) -> bool:
        """Whether a part was written whole."""
        return (self.path / ".parts" / f"{part}.json").is_file()

    def commit(self, part: str, files: list[Path], **facts: Any) -> None:
        """Declare a part whole: `files` below this folder, and facts for the manifest.

        A name that begins with an underscore (``"_visits"``) stands for files that are no part:
        they are taken up again and listed in the manifest, but not among the parts.
        """
        entry = {"files": {self._name(f): self._entry(f) for f in files}, "facts": facts}
        with atomic_write(self.path / ".parts" / f"{part}.json", "w") as file:
            file.write(_canonical(entry))

    def complete(self, **facts: Any) -> Folder:
        """Write the manifest, give the folder its name and return it."""
        about = json.loads((self.path / "begun.json").read_text())
        parts, files = {}, {}
        for entry_file in sorted((self.path / ".parts").glob("*.json")):
            entry = json.loads(entry_file.read_text())
            files.update(entry["files"])
            if not entry_file.stem.startswith("_"):
                parts[entry_file.stem] = entry["facts"]
        tables = self._tables(sorted(files))
        manifest = {"format": FORMAT, **about, **facts, "tables": tables, "parts": parts, "files": files}
        with atomic_write(self.path / "manifest.json", "w") as file:
            file.write(_canonical(manifest))
        shutil.rmtree(self.path / ".parts", ignore_errors=True)
        (self.path / "begun.json").unlink()
        target = self.path.with_name(self.path.name.removesuffix(".partial"))
        os.replace(self.path, target)
        return Folder(target)

    def _tables(self, names: list[str]) -> dict[str, Any]:
        """What each table is: its kind, version and units, as the first of its files says."""
        told: dict[str, Any] = {}
        for name in names:
            table = name.rpartition("/")[0] or name
            if table in told or not name.endswith(".parquet"):
                continue
            metadata = read_metadata(self.path / name)
            if "about" in metadata:
                about = json.loads(metadata["about"])
                units = {c: declared["unit"] for c, declared in about["columns"].items()}
                told[table] = {"kind": metadata["table"], "version": about["version"], "units": units}
            elif "units" in metadata:
                told[table] = {"kind": metadata["table"]}  # its units differ from part to part
        return told

    def abandon(self) -> None:
        """Remove a folder under construction that holds no part; one with parts stays, to resume."""
        if self.path.name.endswith(".partial") and not (self.path / ".parts").is_dir():
            shutil.rmtree(self.path, ignore_errors=True)

    def _name(self, file: Path) -> str:
        return file.relative_to(self.path).as_posix()

    @staticmethod
    def _entry(file: Path) -> dict[str, Any]:
        return {"sha256": file_sha256(file), "bytes": file.stat().st_size}


def _canonical(value: Any) -> str:
    return json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n"
