"""ECSV tables for astropy and sncosmo: one file a part, the light curves of its objects one after another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from astropy.table import Table

from simulate.export import Export, ObjectPart


def tables(part: ObjectPart, *, truth: bool = False) -> Iterator[Table]:
    """A table for each object, with what sncosmo.fit_lc needs: time band flux fluxerr zp zpsys."""
    bands = np.array([f"lsst{b}" for b in part.bands])
    for k in range(len(part)):
        span = slice(part.offsets[k], part.offsets[k + 1])
        n = span.stop - span.start
        meta = {
            "object_id": int(part.seen.object_id[k]),
            "ra": float(part.seen.ra[k]),
            "dec": float(part.seen.dec[k]),
            "mwebv": float(part.seen.mwebv[k]),
            "z_final": float(part.seen.z_final[k]),
        }
        if truth:
            meta["class_id"] = int(part.objects.class_id[k])
        columns = {
            "time": part.mjd[span],
            "band": bands[part.band[span]],
            "flux": part.flux[span].astype("f8"),
            "fluxerr": part.flux_err[span].astype("f8"),
            "zp": np.full(n, 31.4),
            "zpsys": np.full(n, "ab"),
            "detected": part.detected[span],
        }
        yield Table(columns, meta=meta)


def write(parts: Iterator[ObjectPart], folder: Path, truth: bool) -> None:
    for part in parts:
        ids = np.repeat(part.seen.object_id, np.diff(part.offsets))
        columns = {
            "object_id": ids,
            "time": part.mjd,
            "band": np.array([f"lsst{b}" for b in part.bands])[part.band],
            "flux": part.flux.astype("f8"),
            "fluxerr": part.flux_err.astype("f8"),
            "zp": np.full(len(ids), 31.4),
            "zpsys": np.full(len(ids), "ab"),
            "detected": part.detected,
        }
        if truth:
            columns["class_id"] = part.objects.class_id[part.row]
        Table(columns).write(folder / f"{part.name}.ecsv", format="ascii.ecsv")


EXPORT = Export(write=write, reference="astropy ECSV; columns of sncosmo's photometric data")
