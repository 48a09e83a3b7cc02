"""Parquet with a row an object and its light curve as lists, as nested-pandas and LSDB read it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from simulate.export import Export, ObjectPart
from simulate.exports.parquet_long import measurements, objects


def write(parts: Iterator[ObjectPart], folder: Path, truth: bool) -> None:
    writer = None
    try:
        for part in parts:
            table = objects(part, truth)
            offsets = pa.array(part.offsets.astype("i4"))
            columns = measurements(part)
            # a struct of lists: the layout of nested-pandas, one list column a field
            lists = [pa.ListArray.from_arrays(offsets, values) for values in columns.values()]
            nested = pa.StructArray.from_arrays(lists, names=list(columns))
            table = table.append_column("lightcurve", nested)
            if writer is None:
                writer = pq.ParquetWriter(folder / "objects.parquet", table.schema, compression="zstd")
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()


EXPORT = Export(write=write, reference="nested-pandas (LSDB): a struct of lists called lightcurve")
