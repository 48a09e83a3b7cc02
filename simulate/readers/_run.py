"""What every reader of light curves shares: light curves of others become a run (docs/runs.md)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brokerbench import __version__, ids
from brokerbench.errors import BrokerbenchError
from brokerbench.store import Folder, write_columns, write_table
from brokerbench.tables import (
    BANDS,
    DiaObjects,
    Hosts,
    LightCurves,
    Objects,
    Table,
    TrueFluxes,
    Visits,
)
from brokerbench.tables import (
    columns as columns_of,
)

__all__ = [
    "CHUNK",
    "GALACTIC",
    "ImportedPart",
    "absent_as_nan",
    "begin_run",
    "galaxies",
    "joined",
    "nights",
    "object_ids",
    "part_name",
    "redshift_or_nan",
    "unique_visits",
    "visit_rows",
    "write_part",
]

CHUNK = 4096
"""Objects of a part."""

GALACTIC = frozenset({2233, 2234, 2235, 2322, 2323, 2324, 2325, 2326})
"""ELAsTiCC2 classes of the Milky Way: such objects carry no redshift at all."""

SITE_LONGITUDE = -70.7494
"""Degrees east of Cerro Pachon, where a night is counted from noon to noon."""

_SENTINELS = (-9.0, -99.0, -777.0, -999.0, -9999.0)


@dataclass(frozen=True)
class ImportedPart:
    """One part of a run as a reader makes it: all tables of at most CHUNK objects."""

    dia_objects: DiaObjects
    hosts: Hosts
    hosts2: Hosts
    light_curves: LightCurves
    objects: Objects
    true_fluxes: TrueFluxes
    parameters: Mapping[str, NDArray[Any]]
    units: Mapping[str, str]


def absent_as_nan(values: NDArray[Any], *, also: tuple[float, ...] = ()) -> NDArray[np.float32]:
    """Values as f4 with NaN where a file says "absent" by a number: -9, -99, -777, -999, -9999, `also`."""
    numbers = values.astype("f4")
    absent = np.zeros(numbers.shape, bool)
    for sentinel in _SENTINELS + also:
        absent |= numbers == np.float32(sentinel)
    numbers[absent] = np.nan
    return numbers


def redshift_or_nan(values: NDArray[Any]) -> NDArray[np.float32]:
    """Redshifts f4, NaN where absent or not above 0: a Galactic object's 0 would tell its class."""
    z = absent_as_nan(values)
    z[~(z > 0)] = np.nan
    return z


def nights(mjd: NDArray[np.float64]) -> NDArray[np.int32]:
    """Nights i4 of times in MJD, noon to noon in local solar time at Cerro Pachon."""
    return np.floor(mjd + SITE_LONGITUDE / 360 - 0.5).astype("i4")


def object_ids(seed: int, population: int, chunk: int, n: int) -> NDArray[np.int64]:
    """Public ids i8[n] of the objects of one part."""
    return ids.permute(seed, "object", ids.serial(population, chunk, np.arange(n)))


def part_name(population: int, chunk: int) -> str:
    """Name of a part, e.g. ``"00-00003"``."""
    return f"{population:02d}-{chunk:05d}"


def visit_rows(visits: Visits, mjd: NDArray[np.float64], band: NDArray[np.int8]) -> NDArray[np.int32]:
    """Row i4[R] of each (mjd, band) in `visits`, which is sorted by (mjd, band) and holds them all."""
    rows = np.empty(len(mjd), "i4")
    for b in np.unique(band):
        of_band = np.flatnonzero(visits.band == b)
        mine = band == b
        rows[mine] = of_band[np.searchsorted(visits.mjd[of_band], mjd[mine])]
    return rows


def unique_visits(tables: list[Visits]) -> Visits:
    """The visits of all tables, sorted by (mjd, band), one for each; the first where several are."""
    both = Visits.concat(tables)
    order = np.lexsort((both.band, both.mjd))
    mjd, band = both.mjd[order], both.band[order]
    keep = np.ones(len(order), bool)
    keep[1:] = (mjd[1:] != mjd[:-1]) | (band[1:] != band[:-1])
    picked = both.take(order[keep]).as_dict()
    return Visits(**(picked | {"visit_id": np.arange(len(order))[: len(picked["mjd"])]}))


def joined(pieces: list[ImportedPart]) -> ImportedPart:
    """The pieces of one part, end to end; a parameter that a piece does not have is NaN, or -1, or ""."""
    units = {name: unit for piece in pieces for name, unit in piece.units.items()}
    return ImportedPart(
        dia_objects=DiaObjects.concat([p.dia_objects for p in pieces]),
        hosts=Hosts.concat([p.hosts for p in pieces]),
        hosts2=Hosts.concat([p.hosts2 for p in pieces]),
        light_curves=LightCurves.concat([p.light_curves for p in pieces]),
        objects=Objects.concat([p.objects for p in pieces]),
        true_fluxes=TrueFluxes.concat([p.true_fluxes for p in pieces]),
        parameters={name: _joined_parameter(pieces, name) for name in units},
        units=units,
    )


def _joined_parameter(pieces: list[ImportedPart], name: str) -> NDArray[Any]:
    kinds = [p.parameters[name].dtype for p in pieces if name in p.parameters]
    filler = {"f": np.nan, "i": -1}.get(kinds[0].kind, "")
    values = [
        p.parameters.get(name, np.full(len(p.objects), filler, kinds[0])).astype(kinds[0]) for p in pieces
    ]
    return np.concatenate(values)


@contextmanager
def begin_run(out: Path, visits: Visits, about: Mapping[str, Any]) -> Iterator[Folder]:
    """A run under construction, with its visits written; whole when the block ends.

    A killed import goes on at its first missing part. One that finds its input wrong leaves nothing.
    """
    head = {
        "kind": "run",
        "generator": f"brokerbench {__version__}",
        "origin": "import",
        "bands": list(BANDS),
        "taxonomy": "elasticc2",
        # whoever made the light curves has chosen the objects: every one with a detection alerts
        "min_detections": 1,
        "min_gap_days": 0.0,
        "stream_start": float(np.floor(visits.mjd.min())),
    }
    run = Folder.begin(out, head | dict(about))
    all_visits = run.path / "visits" / "all.parquet"
    write_table(all_visits, visits)
    run.commit("_visits", [all_visits])
    try:
        yield run
    except BrokerbenchError:
        shutil.rmtree(run.path, ignore_errors=True)
        raise
    run.complete()


def write_part(run: Folder, part: str, imported: ImportedPart, *, source: str) -> None:
    """Write and commit one part of a run."""
    tables: dict[str, Table] = {
        "dia_objects": imported.dia_objects,
        "hosts": imported.hosts,
        "hosts2": imported.hosts2,
        "light_curves": imported.light_curves,
        "truth/objects": imported.objects,
        "truth/light_curves": imported.true_fluxes,
    }
    files = []
    for name, table in tables.items():
        files.append(run.file(name, part))
        write_table(files[-1], table)
    files.append(run.file("truth/parameters", part))
    write_columns(files[-1], imported.parameters, units=imported.units)
    curves = imported.light_curves
    run.commit(
        part,
        files,
        objects=len(curves),
        rows=int(curves.offsets[-1]),
        triggered=int(_triggered(curves).sum()),
        source=source,
    )


def _triggered(curves: LightCurves) -> NDArray[np.bool_]:
    """Whether each object has a detection, bool[n]."""
    detections = np.concatenate([[0], np.cumsum(curves.detected)])
    return np.diff(detections[curves.offsets]) >= 1


def galaxies(n: int, **columns: NDArray[np.float32]) -> Hosts:
    """Galaxies of n objects of which only `columns` are known; the rest is NaN."""
    empty = {"f8": np.full(n, np.nan), "f4": np.full(n, np.nan, "f4")}
    kinds = {c.name: c for c in columns_of(Hosts)}
    filled = {
        name: np.full((n, c.width), np.nan, "f4") if c.width else empty[c.dtype.str[1:]]
        for name, c in kinds.items()
    }
    return Hosts(**(filled | columns))
