"""PLAsTiCC's two CSV files: light_curves.csv and metadata.csv, fluxes at zero point 27.5."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

from brokerbench.taxonomy import PLASTICC
from simulate.export import FLUXCAL, Export, ObjectPart
from simulate.rates import distance_modulus

TARGETS = [t for t in PLASTICC.ids if t < 99]


def targets(class_ids: np.ndarray) -> np.ndarray:
    """PLAsTiCC targets i8[n] of ELAsTiCC2 classes; 99 ("other") where PLAsTiCC had none."""
    by_class: dict[int, int] = {}
    for target, found in zip(TARGETS, PLASTICC.to_elasticc2(TARGETS), strict=True):
        by_class.setdefault(int(found), target)
    return np.array([by_class.get(int(c), 99) for c in class_ids], "i8")


def light_curves(part: ObjectPart) -> pa.Table:
    return pa.table(
        {
            "object_id": np.repeat(part.seen.object_id, np.diff(part.offsets)),
            "mjd": part.mjd,
            "passband": part.band.astype("i4"),
            "flux": part.flux * np.float32(FLUXCAL),
            "flux_err": part.flux_err * np.float32(FLUXCAL),
            "detected_bool": part.detected.astype("i4"),
        }
    )


def metadata(part: ObjectPart, truth: bool) -> pa.Table:
    photo = part.hosts.zphot.astype("f8")
    known = np.isfinite(photo) & (photo > 0)
    modulus = np.full(len(part), np.nan)
    modulus[known] = distance_modulus(photo[known])
    columns = {
        "object_id": part.seen.object_id,
        "ra": part.seen.ra,
        "decl": part.seen.dec,
        "ddf_bool": np.zeros(len(part), "i4"),
        # PLAsTiCC wrote 0 for Galactic objects and those without a host; empty here
        "hostgal_specz": pa.array(part.hosts.zspec, from_pandas=True),
        "hostgal_photoz": pa.array(part.hosts.zphot, from_pandas=True),
        "hostgal_photoz_err": pa.array(part.hosts.zphot_err, from_pandas=True),
        "distmod": pa.array(modulus, from_pandas=True),
        "mwebv": part.seen.mwebv,
    }
    if truth:
        columns["target"] = targets(part.objects.class_id)
        columns["true_z"] = pa.array(part.objects.z, from_pandas=True)
        columns["class_id"] = part.objects.class_id
    return pa.table(columns)


def write(parts: Iterator[ObjectPart], folder: Path, truth: bool) -> None:
    curves = objects = None
    try:
        for part in parts:
            points, heads = light_curves(part), metadata(part, truth)
            if curves is None or objects is None:
                curves = csv.CSVWriter(folder / "light_curves.csv", points.schema)
                objects = csv.CSVWriter(folder / "metadata.csv", heads.schema)
            curves.write_table(points)
            objects.write_table(heads)
    finally:
        for writer in (curves, objects):
            if writer is not None:
                writer.close()


EXPORT = Export(write=write, reference="Allam et al. 2018: columns of training_set.csv and its metadata")
