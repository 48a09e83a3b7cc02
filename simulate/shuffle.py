"""Objects of a run in the order of their ids, which says nothing of the class, in bounded memory.

A part holds one population, so a file in the order of the parts would be sorted by class. Objects are
spilt to buckets of their id's range, and each bucket is sorted when it is read back.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brokerbench.ids import BITS
from brokerbench.table import Table, items_of
from brokerbench.tables import DiaObjects, Hosts, Objects
from simulate.object_parts import ObjectPart

__all__ = ["by_object_id"]

_TABLES: dict[str, type[Table]] = {"seen": DiaObjects, "hosts": Hosts, "objects": Objects}
_POINTS = ("mjd", "band", "flux", "flux_err", "detected", "flags")
_COUNT = "points"


def by_object_id(parts: Iterator[ObjectPart], scratch: Path, *, buckets: int) -> Iterator[ObjectPart]:
    """The same objects, sorted by id within a part and from part to part; parts are named 00000, 00001 ..

    scratch: an empty folder for the spilt arrays, as large as the run without compression. buckets:
    parts to make; ids are spread evenly (`brokerbench.ids`), so each holds about as many objects.
    """
    if buckets < 1:
        raise ValueError(f"buckets: expected one or more, got {buckets}")
    layout: tuple[np.dtype, np.dtype, tuple[str, ...]] | None = None
    for part in parts:
        objects, points = _rows_of(part), _points_of(part)
        layout = objects.dtype, points.dtype, part.bands
        bucket = np.minimum(objects["seen.object_id"] * buckets >> BITS, buckets - 1)
        for which in np.unique(bucket).tolist():
            chosen = np.flatnonzero(bucket == which)
            _append(scratch / f"{which:05d}.objects", objects[chosen])
            items = items_of(part.offsets[chosen], objects[_COUNT][chosen])
            _append(scratch / f"{which:05d}.points", points[items])
    if layout is not None:
        for file in sorted(scratch.glob("*.objects")):
            yield _read(file, *layout)


def _rows_of(part: ObjectPart) -> NDArray[Any]:
    columns = {f"{table}.{k}": v for table in _TABLES for k, v in getattr(part, table).as_dict().items()}
    return _structured({**columns, _COUNT: np.diff(part.offsets)})


def _points_of(part: ObjectPart) -> NDArray[Any]:
    return _structured({name: getattr(part, name) for name in _POINTS})


def _structured(columns: dict[str, NDArray[Any]]) -> NDArray[Any]:
    """The columns (n, ...) as one array of records [n], which goes to a file in one write."""
    dtype = np.dtype([(name, value.dtype, value.shape[1:]) for name, value in columns.items()])
    records = np.empty(len(next(iter(columns.values()))), dtype)
    for name, value in columns.items():
        records[name] = value
    return records


def _append(path: Path, records: NDArray[Any]) -> None:
    # opened anew each time: a run may have more buckets than a process may have open files
    with path.open("ab") as file:
        file.write(records.tobytes())


def _read(file: Path, objects: np.dtype, points: np.dtype, bands: tuple[str, ...]) -> ObjectPart:
    rows = np.fromfile(file, objects)
    starts = np.cumsum(rows[_COUNT]) - rows[_COUNT]
    order = np.argsort(rows["seen.object_id"], kind="stable")
    rows = rows[order]
    items = np.fromfile(file.with_suffix(".points"), points)[items_of(starts[order], rows[_COUNT])]
    tables: dict[str, Any] = {
        table: kind(**{k: np.ascontiguousarray(rows[f"{table}.{k}"]) for k in _names(rows, table)})
        for table, kind in _TABLES.items()
    }
    measured: dict[str, Any] = {name: np.ascontiguousarray(items[name]) for name in _POINTS}
    return ObjectPart(
        name=file.stem,
        bands=bands,
        offsets=np.concatenate([[0], np.cumsum(rows[_COUNT])]).astype("i8"),
        **tables,
        **measured,
    )


def _names(rows: NDArray[Any], table: str) -> list[str]:
    start = f"{table}."
    return [name.removeprefix(start) for name in rows.dtype.names or () if name.startswith(start)]
