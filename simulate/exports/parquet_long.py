"""Parquet: light_curves.parquet with a row a measurement (nJy), objects.parquet with a row an object."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from simulate.export import Export, ObjectPart


def objects(part: ObjectPart, truth: bool) -> pa.Table:
    columns = {
        "object_id": pa.array(part.seen.object_id),
        "ra": pa.array(part.seen.ra),
        "dec": pa.array(part.seen.dec),
    }
    for name in ("mwebv", "mwebv_err", "z_final", "z_final_err"):
        columns[name] = pa.array(getattr(part.seen, name), from_pandas=True)
    if truth:
        columns["class_id"] = pa.array(part.objects.class_id)
        columns["true_z"] = pa.array(part.objects.z, from_pandas=True)
    return pa.table(columns)


def measurements(part: ObjectPart) -> dict[str, pa.Array]:
    names = pa.array(part.bands)
    return {
        "mjd": pa.array(part.mjd),
        "band": pa.DictionaryArray.from_arrays(pa.array(part.band), names).cast(pa.string()),
        "flux": pa.array(part.flux),
        "flux_err": pa.array(part.flux_err),
        "detected": pa.array(part.detected),
    }


def write(parts: Iterator[ObjectPart], folder: Path, truth: bool) -> None:
    curves = heads = None
    try:
        for part in parts:
            ids = np.repeat(part.seen.object_id, np.diff(part.offsets))
            points = pa.table({"object_id": pa.array(ids)} | measurements(part))
            about = objects(part, truth)
            if curves is None or heads is None:
                curves = pq.ParquetWriter(folder / "light_curves.parquet", points.schema, compression="zstd")
                heads = pq.ParquetWriter(folder / "objects.parquet", about.schema, compression="zstd")
            curves.write_table(points)
            heads.write_table(about)
    finally:
        for writer in (curves, heads):
            if writer is not None:
                writer.close()


EXPORT = Export(write=write, reference="plain columns, nJy and MJD TAI")
