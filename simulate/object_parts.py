"""The objects of a run with what was measured of them, part by part, ready to be written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brokerbench.store import Folder
from brokerbench.tables import DiaObjects, Hosts, LightCurves, Objects, Visits
from simulate.survey import triggered

__all__ = ["ObjectPart", "object_parts"]


@dataclass(frozen=True, eq=False)
class ObjectPart:
    """The exported objects of one part, and their measurements end to end.

    objects: Objects, the truth. offsets i8[n + 1]. mjd f8[R], band i1[R], flux, flux_err f4[R] nJy,
    detected bool[R], flags u1[R]; measurements without a flux are left out.
    """

    name: str
    bands: tuple[str, ...]
    seen: DiaObjects
    hosts: Hosts
    objects: Objects
    offsets: NDArray[np.int64]
    mjd: NDArray[np.float64]
    band: NDArray[np.int8]
    flux: NDArray[np.float32]
    flux_err: NDArray[np.float32]
    detected: NDArray[np.bool_]
    flags: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.seen)

    @property
    def row(self) -> NDArray[np.int64]:
        """The object that each measurement belongs to."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))


def object_parts(run: Folder, *, every: bool = False) -> Iterator[ObjectPart]:
    """The parts of a run with the objects that triggered, or all of them (`every`)."""
    visits = run.read("visits", "all", Visits)
    manifest = run.manifest
    for part in run.parts:
        curves = run.read("light_curves", part, LightCurves)
        row = np.repeat(np.arange(len(curves)), np.diff(curves.offsets))
        keep = np.ones(len(curves), bool) if every else triggered(manifest, curves, visits.mjd)
        rows = keep[row] & np.isfinite(curves.flux)
        counts = np.bincount(row[rows], minlength=len(curves))[keep]
        visit = curves.visit[rows]
        yield ObjectPart(
            name=part,
            bands=tuple(manifest["bands"]),
            seen=run.read("dia_objects", part, DiaObjects).take(keep),
            hosts=run.read("hosts", part, Hosts).take(keep),
            objects=run.read("truth/objects", part, Objects).take(keep),
            offsets=np.concatenate([[0], np.cumsum(counts)]).astype("i8"),
            mjd=visits.mjd[visit],
            band=visits.band[visit],
            flux=curves.flux[rows],
            flux_err=curves.flux_err[rows],
            detected=curves.detected[rows],
            flags=curves.flags[rows],
        )
