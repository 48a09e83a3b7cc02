"""What a column table is: a frozen dataclass of numpy arrays, each declared once with unit and meaning."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import TableError

__all__ = ["Array", "Column", "Table", "column", "columns", "declared", "items_of", "offsets_column"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Column:
    """What a table declares of one column."""

    name: str
    dtype: np.dtype
    unit: str
    doc: str
    width: int | None  # second dimension: None for a plain column, 0 for any width
    items: bool  # one value an item of a ragged table, not one a row


def column(dtype: str, unit: str, doc: str, *, width: int | None = None, items: bool = False) -> Any:
    """Declare a column. dtype "O" is text. width: None plain, k for (n, k), 0 for (n, any)."""
    return field(metadata={"dtype": dtype, "unit": unit, "doc": doc, "width": width, "items": items})


def columns(kind: type[Table]) -> tuple[Column, ...]:
    """The columns that a table class declares, in order; nested tables and offsets left out."""
    if kind not in _COLUMNS:
        _COLUMNS[kind] = _declared_columns(kind)
    return _COLUMNS[kind]


_COLUMNS: dict[type, tuple[Column, ...]] = {}


def _declared_columns(kind: type[Table]) -> tuple[Column, ...]:
    return tuple(
        Column(
            name=f.name,
            dtype=np.dtype(f.metadata["dtype"]),
            unit=f.metadata["unit"],
            doc=f.metadata["doc"],
            width=f.metadata["width"],
            items=f.metadata["items"],
        )
        for f in dataclasses.fields(kind)
        if "dtype" in f.metadata and f.name != "offsets"
    )


def items_of(starts: Array, counts: Array) -> Array:
    """Items i8[sum of counts] of ragged rows, end to end: row k owns counts[k] of them from starts[k]."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) + np.repeat(np.asarray(starts, "i8") - (ends - counts), counts)


def offsets_column() -> Any:
    """Declare the offsets i8[n + 1] that make a table ragged."""
    return column("i8", "", "row i owns items offsets[i]:offsets[i + 1]")


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of equal length; subclasses are frozen dataclasses of `column`s."""

    schema_version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        offsets = getattr(self, "offsets", None)
        if offsets is not None:
            self._check_offsets(offsets)
        n_rows = None if offsets is None else len(offsets) - 1
        n_items = None if offsets is None else int(offsets[-1])
        first = ""
        for declared in columns(type(self)):
            where = f"{type(self).__name__}.{declared.name}"
            value = getattr(self, declared.name)
            _check_array(value, declared, where)
            value.flags.writeable = False
            want = n_items if declared.items else n_rows
            if want is None:
                n_rows, first = len(value), declared.name
            elif len(value) != want:
                after = f"as many as {first}" if first else "as the offsets say"
                raise TableError(f"{where}: expected {want} values, {after}, got {len(value)}")

    def _check_offsets(self, offsets: Array) -> None:
        where = f"{type(self).__name__}.offsets"
        if not isinstance(offsets, np.ndarray) or offsets.dtype != np.dtype("i8"):
            raise TableError(f"{where}: expected an int64 array, got {_kind(offsets)}")
        if offsets.ndim != 1 or not len(offsets) or offsets[0] != 0 or (np.diff(offsets) < 0).any():
            raise TableError(f"{where}: expected numbers that start at 0 and never fall")
        offsets.flags.writeable = False

    def __len__(self) -> int:
        offsets = getattr(self, "offsets", None)
        if offsets is not None:
            return len(offsets) - 1
        return len(getattr(self, columns(type(self))[0].name))

    def as_dict(self) -> dict[str, Array]:
        """The columns by name (the offsets of a ragged table too)."""
        names = [c.name for c in columns(type(self))]
        if hasattr(self, "offsets"):
            names.insert(0, "offsets")
        return {name: getattr(self, name) for name in names}

    def take(self, rows: Array) -> Self:
        """The table of the given rows, i8[k] indices or bool[n], with their items and nested tables."""
        if rows.dtype == bool:
            rows = np.flatnonzero(rows)
        taken: dict[str, Any] = {}
        items = rows
        offsets = getattr(self, "offsets", None)
        if offsets is not None:
            counts = np.diff(offsets)[rows]
            items = items_of(offsets[rows], counts)
            taken["offsets"] = np.concatenate([[0], np.cumsum(counts)]).astype("i8")
        for c in columns(type(self)):
            taken[c.name] = getattr(self, c.name)[items if c.items else rows]
        for f in dataclasses.fields(self):
            if isinstance(nested := getattr(self, f.name), Table):
                taken[f.name] = nested.take(rows)
        return type(self)(**taken)

    @classmethod
    def empty(cls, **widths: int) -> Self:
        """A table without rows; `widths` gives the width of columns that have no fixed one."""
        arrays: dict[str, Array] = {}
        if any(f.name == "offsets" for f in dataclasses.fields(cls)):
            arrays["offsets"] = np.zeros(1, "i8")
        for c in columns(cls):
            shape = (0,) if c.width is None else (0, c.width or widths[c.name])
            arrays[c.name] = np.empty(shape, c.dtype)
        return cls(**arrays)

    @classmethod
    def concat(cls, tables: list[Self]) -> Self:
        """The rows of several tables, one after the other; at least one table."""
        if not tables:
            raise TableError(f"{cls.__name__}.concat: expected at least one table, got none")
        arrays = {c.name: np.concatenate([getattr(t, c.name) for t in tables]) for c in columns(cls)}
        if hasattr(tables[0], "offsets"):
            counts = [np.diff(t.offsets) for t in tables]  # type: ignore[attr-defined]
            arrays["offsets"] = np.concatenate([[0], np.cumsum(np.concatenate(counts))]).astype("i8")
        return cls(**arrays)


def _kind(value: object) -> str:
    return str(value.dtype) if isinstance(value, np.ndarray) else type(value).__name__


def _check_array(value: object, declared: Column, where: str) -> None:
    if not isinstance(value, np.ndarray) or value.dtype != declared.dtype:
        raise TableError(f"{where}: expected a {declared.dtype} array, got {_kind(value)}")
    if declared.width is None:
        if value.ndim != 1:
            raise TableError(f"{where}: expected one dimension, got shape {value.shape}")
    elif value.ndim != 2 or (declared.width and value.shape[1] != declared.width):
        width = declared.width or "any"
        raise TableError(f"{where}: expected shape (n, {width}), got {value.shape}")


def declared(kind: type[Table]) -> Mapping[str, Mapping[str, Any]]:
    """The declaration of a table as plain dicts, for a manifest or a docs page."""
    return {c.name: {"dtype": c.dtype.str, "unit": c.unit, "doc": c.doc} for c in columns(kind)}
