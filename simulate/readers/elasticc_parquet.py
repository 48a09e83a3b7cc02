"""ELAsTiCC alerts in Parquet, an alert a row, as Fink keeps them: merged into light curves."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from brokerbench.config import Config, decode, encode
from brokerbench.errors import ConfigError, InputError
from brokerbench.store import Folder
from brokerbench.tables import Visits
from brokerbench.taxonomy import ELASTICC2
from simulate.readers import _alert_columns as columns
from simulate.readers._long import Block, bare_visits, light_curves, no_truth
from simulate.readers._run import (
    CHUNK,
    ImportedPart,
    begin_run,
    object_ids,
    part_name,
    unique_visits,
    write_part,
)
from simulate.readers._tables import readable

ROWS = 2048
"""Alerts read at a time."""


class Options(Config, frozen=True):
    """How to read what the files do not say."""

    class_id: int | None = None
    """ELAsTiCC2 class of all objects, for alerts without GENTYPE."""


@dataclass(frozen=True)
class ElasticcParquet:
    """Reads folders of ELAsTiCC alerts into a run: a light curve is what an object's alerts hold together."""

    name: str = "elasticc_parquet"
    options: type[Config] = Options

    def read(
        self,
        folders: Sequence[Path],
        out: Path,
        *,
        seed: int,
        name: str,
        options: Mapping[str, Any] | Options | None = None,
    ) -> Folder:
        """The run at `out` that holds the objects of all alerts below `folders`, in order of diaObjectId.

        A measurement is detected where it is a source of any alert. Classes come from GENTYPE, from a
        folder named classId=NNN (ELAsTiCC-1 ids, as Fink's), or from the option. Raises InputError where
        none of them says, or a file cannot be read.
        """
        chosen = (
            options if isinstance(options, Options) else decode(dict(options or {}), Options, where=self.name)
        )
        if chosen.class_id is not None and not ELASTICC2.is_known([chosen.class_id])[0]:
            raise ConfigError(f"{self.name}: class_id: expected an ELAsTiCC2 class, got {chosen.class_id}")
        files = _files([Path(f) for f in folders])
        every = _object_ids(files)
        about = {
            "name": name,
            "seed": seed,
            "config": {"reader": self.name, "options": encode(chosen)},
            "sources": ["ELAsTiCC alerts"],
        }
        out = Path(out)
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as folder:
            spill = _Spill(Path(folder))
            visits = _scatter(files, every, chosen, spill)
            with begin_run(out, visits, about) as run:
                for chunk in range(-(-len(every) // CHUNK)):
                    part = part_name(0, chunk)
                    if not run.has(part):
                        imported = _part(spill, chunk, every, seed, visits)
                        write_part(run, part, imported, source="ELAsTiCC alerts")
        return Folder.open(out, kind="run")


class _Spill:
    """Arrays kept on disk by chunk, because the alerts of an object may lie anywhere in the files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, kind: str, chunks: NDArray[np.int64], rows: NDArray[np.float64]) -> None:
        """Append rows f8[n, k] to their chunks i8[n]."""
        for chunk in np.unique(chunks).tolist():
            with open(self._folder / f"{kind}-{chunk}", "ab") as file:
                file.write(np.ascontiguousarray(rows[chunks == chunk]).tobytes())

    def get(self, kind: str, chunk: int, width: int) -> NDArray[np.float64]:
        """The rows f8[n, width] of one chunk, in the order in which they were added."""
        return np.fromfile(self._folder / f"{kind}-{chunk}").reshape(-1, width)


def _files(folders: list[Path]) -> list[Path]:
    found: list[Path] = []
    for folder in folders:
        if not folder.is_dir():
            raise InputError(
                f"{folder}: expected a folder of Parquet files, got nothing there; check the path"
            )
        names = sorted(p for p in folder.rglob("*.parquet") if p.is_file())
        if not names:
            raise InputError(f"{folder}: expected Parquet files, got none; check the path")
        found += names
    return list(dict.fromkeys(found))


def _batches(path: Path, wanted: list[str]) -> Iterator[pa.RecordBatch]:
    """Record batches with those of the wanted columns that the file has."""
    with readable(path):
        file = pq.ParquetFile(path)
        have = [c for c in wanted if c in file.schema_arrow.names]
        if not {"diaSource", "diaObject"} <= set(have):
            got = ", ".join(file.schema_arrow.names[:5])
            raise InputError(f"{path}: expected alerts with diaSource and diaObject, got columns {got}")
        yield from file.iter_batches(ROWS, columns=have)


def _object_ids(files: list[Path]) -> NDArray[np.int64]:
    """Ids of all objects, ascending."""
    every = np.empty(0, "i8")
    for path in files:
        for batch in _batches(path, ["diaSource", "diaObject"]):
            every = np.union1d(every, columns.field(batch, "diaSource", "diaObjectId", path))
    if not len(every):
        raise InputError(f"{files[0]}: expected alerts, got none in {len(files)} files")
    return every.astype("i8")


def _scatter(files: list[Path], every: NDArray[np.int64], options: Options, spill: _Spill) -> Visits:
    """Send measurements and context of every alert to the chunk of its object; all visits."""
    pending = [Visits.empty()]
    for path in files:
        for batch in _batches(path, [*columns.NESTED, *columns.TRUTH]):
            with readable(path):
                index = np.searchsorted(every, columns.field(batch, "diaSource", "diaObjectId", path))
                owner, rows = columns.measurements(batch, path)
                context = columns.context(batch, path)
                class_id = _classes(batch, path, options)
            spill.add("rows", index[owner] // CHUNK, np.column_stack([index[owner], rows]))
            spill.add("objects", index // CHUNK, np.column_stack([index, class_id, context]))
            pending.append(bare_visits(rows[:, 0].copy(), rows[:, 1].astype("i1")))
            if sum(map(len, pending[1:])) > max(len(pending[0]), 1 << 20):
                pending = [unique_visits(pending)]
    return unique_visits(pending)


def _classes(batch: pa.RecordBatch, path: Path, options: Options) -> NDArray[np.int32]:
    if options.class_id is not None:
        return np.full(len(batch), options.class_id, "i4")
    folder = re.search(r"classId=(\d+)", path.parent.as_posix())
    if "GENTYPE" in batch.schema.names:
        types = batch.column("GENTYPE").to_numpy(zero_copy_only=False)
        class_id = ELASTICC2.from_gentype(types)
    elif folder:
        types = np.full(len(batch), int(folder[1]))
        class_id = ELASTICC2.from_v1(types)
    else:
        raise InputError(
            f"{path}: expected a column GENTYPE or a folder classId=NNN, got neither; set class_id"
        )
    if (class_id < 0).any():
        raise InputError(f"{path}: expected types of ELAsTiCC, got {types[class_id < 0][0]}; set class_id")
    return class_id


def _part(spill: _Spill, chunk: int, every: NDArray[np.int64], seed: int, visits: Visits) -> ImportedPart:
    """The tables of one chunk of objects."""
    rows = spill.get("rows", chunk, 6)
    owner, mjd, band, flux, err, source = rows.T
    order = np.lexsort((-source, band, mjd, owner))  # a source before its forced twin
    owner, mjd, band, source = owner[order], mjd[order], band[order], source[order]
    new = np.concatenate([[True], (np.diff(owner) != 0) | (np.diff(mjd) != 0) | (np.diff(band) != 0)])
    keep = order[new]
    block = Block(
        key=owner[new].astype("i8"),
        mjd=mjd[new],
        band=band[new].astype("i1"),
        flux=flux[keep].astype("f4"),
        flux_err=err[keep].astype("f4"),
        detected=source[new] == 1,
    )
    first = chunk * CHUNK
    here = every[first : first + CHUNK]
    starts = np.searchsorted(block.key, np.arange(first, first + len(here)))
    curves = light_curves(block, starts, visits)
    known = spill.get("objects", chunk, 2 + columns.WIDTH)
    latest = np.lexsort((known[:, 2], known[:, 0]))  # by object, then by time of the alert
    last = latest[np.append(np.flatnonzero(np.diff(known[latest, 0])), len(latest) - 1)]
    ids = object_ids(seed, 0, chunk, len(here))
    return columns.part_of(known[last], ids, here, curves, no_truth(curves))


READER = ElasticcParquet()
