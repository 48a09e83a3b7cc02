"""A run cut in two by object, for training and scoring on imported light curves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import ConfigError
from brokerbench.rng import stream
from brokerbench.store import Folder, read_columns, read_table, write_columns, write_table
from brokerbench.tables import DiaObjects, Hosts, LightCurves, Objects, Table, TrueFluxes, Visits

__all__ = ["split", "split_by"]

_PER_OBJECT: dict[str, type[Table]] = {
    "truth/objects": Objects,
    "dia_objects": DiaObjects,
    "hosts": Hosts,
    "hosts2": Hosts,
}
_RAGGED: dict[str, type[LightCurves] | type[TrueFluxes]] = {
    "light_curves": LightCurves,
    "truth/light_curves": TrueFluxes,
}


def split(run: Folder, fraction: float, *, first: Path, second: Path, seed: int) -> tuple[Folder, Folder]:
    """Two runs with every object of `run` in one of them: about `fraction` of each class in `first`.

    Objects keep their ids. Raises ConfigError unless 0 < fraction < 1.
    """
    if not 0 < fraction < 1:
        raise ConfigError(f"split: expected a fraction between 0 and 1, got {fraction}")
    order = {
        part: stream(seed, "split", part).random(len(run.read("truth/objects", part, Objects)))
        for part in run.parts
    }
    chosen = _choose(run, order, fraction)
    return (
        _write_half(run, {p: np.flatnonzero(m) for p, m in chosen.items()}, first, "first"),
        _write_half(run, {p: np.flatnonzero(~m) for p, m in chosen.items()}, second, "second"),
    )


def split_by(run: Folder, chosen: NDArray[np.int64], *, first: Path, second: Path) -> tuple[Folder, Folder]:
    """Two runs: the objects whose ids i8[k] are chosen in `first`, the others in `second`."""
    masks = {part: np.isin(run.read("truth/objects", part, Objects).object_id, chosen) for part in run.parts}
    return (
        _write_half(run, {p: np.flatnonzero(m) for p, m in masks.items()}, first, "first"),
        _write_half(run, {p: np.flatnonzero(~m) for p, m in masks.items()}, second, "second"),
    )


def _choose(
    run: Folder, order: dict[str, NDArray[np.float64]], fraction: float
) -> dict[str, NDArray[np.bool_]]:
    classes = {part: run.read("truth/objects", part, Objects).class_id for part in run.parts}
    chosen = {part: np.zeros(len(values), bool) for part, values in order.items()}
    for class_id in np.unique(np.concatenate(list(classes.values()))):
        values = np.concatenate([order[p][classes[p] == class_id] for p in run.parts])
        take = round(fraction * len(values))
        limit = np.inf if take == len(values) else np.sort(values)[take]
        for part in run.parts:
            chosen[part] |= (classes[part] == class_id) & (order[part] < limit)
    return chosen


def _write_half(run: Folder, keep: dict[str, NDArray[np.int64]], path: Path, half: str) -> Folder:
    manifest = run.manifest
    about = {k: v for k, v in manifest.items() if k not in {"parts", "files", "format", "tables"}}
    folder = Folder.begin(path, {**about, "half": half})
    visits = folder.file("visits", "all")
    write_table(visits, read_table(run.file("visits", "all"), Visits))
    folder.commit("_visits", [visits])
    for part, rows in keep.items():
        if folder.has(part):
            continue
        files, facts = [], {"objects": len(rows), "rows": 0}
        for table, kind in _PER_OBJECT.items():
            files.append(folder.file(table, part))
            write_table(files[-1], run.read(table, part, kind).take(rows))
        for table, ragged in _RAGGED.items():
            if not run.file(table, part).is_file():
                continue
            files.append(folder.file(table, part))
            taken = run.read(table, part, ragged).take(rows)
            write_table(files[-1], taken)
            facts["rows"] = int(taken.offsets[-1])
        if run.file("truth/parameters", part).is_file():
            files.append(folder.file("truth/parameters", part))
            values, units = read_columns(run.file("truth/parameters", part))
            write_columns(files[-1], {k: v[rows] for k, v in values.items()}, units=units)
        folder.commit(part, files, **facts)
    return folder.complete()
