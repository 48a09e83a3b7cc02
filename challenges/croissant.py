"""What a published challenge holds, for machines: Croissant 1.0 (mlcommons.org/croissant), by mlcroissant."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlcroissant as mlc
import pyarrow as pa
from pyarrow import csv, parquet

from challenges.challenge import Challenge

__all__ = ["describe"]

_FORMS = {
    ".avsc": "application/json",
    ".csv": "text/csv",
    ".ecsv": "text/plain",
    ".fits": "application/fits",
    ".json": "application/json",
    ".md": "text/markdown",
    ".parquet": "application/x-parquet",
    ".tar": "application/x-tar",
    ".toml": "application/toml",
}
_CONTEXT = "http://mlcommons.org/croissant/1.0"


def describe(challenge: Challenge, folder: Path, sums: Mapping[str, str]) -> dict[str, Any]:
    """The JSON-LD of a challenge's public folder: every file with its hash, every table's columns.

    sums: SHA-256 by name below the folder. The files of the training run stand in its own manifest and
    are left out here.
    """
    about = challenge.publication
    names = sorted(name for name in sums if not name.startswith("training/run/"))
    tables = [name for name in names if name.endswith((".parquet", ".csv"))]
    metadata = mlc.Metadata(
        ctx=mlc.Context(conforms_to=[_CONTEXT]),
        name=challenge.name,
        description=about.description or challenge.summary,
        version=f"{challenge.version}.0.0",
        license=[about.licence],
        url=about.url or None,
        cite_as=about.cite_as or None,
        creators=[mlc.Organization(name=name) for name in about.creators],
        date_published=datetime.datetime.fromisoformat(about.date) if about.date else None,
        keywords=["astronomy", "transients", "alert stream", "classification"],
        data_limitations=list(about.limitations) or None,
        distribution=[_file(folder, name, sums[name]) for name in names],
        record_sets=[_records(folder, name) for name in tables],
    )
    made: dict[str, Any] = metadata.to_json()
    return made


def _file(folder: Path, name: str, digest: str) -> mlc.FileObject:
    path = folder / name
    return mlc.FileObject(
        id=name,
        name=name,
        content_url=name,
        content_size=f"{path.stat().st_size} B",
        encoding_formats=[_FORMS.get(path.suffix.lower(), "application/octet-stream")],
        sha256=digest,
    )


def _records(folder: Path, name: str) -> mlc.RecordSet:
    path = folder / name
    schema = parquet.read_schema(path) if path.suffix == ".parquet" else _csv_schema(path)
    fields = [_field(column, name) for column in schema if _type(column.type) is not None]
    return mlc.RecordSet(id=f"records/{name}", name=name, fields=fields)


def _csv_schema(path: Path) -> pa.Schema:
    with csv.open_csv(path) as reader:
        return reader.schema


def _field(column: pa.Field, file: str) -> mlc.Field:
    unit = (column.metadata or {}).get(b"unit", b"").decode()
    return mlc.Field(
        id=f"records/{file}/{column.name}",
        name=column.name,
        description=unit or None,
        data_types=[_type(column.type)],
        source=mlc.Source(file_object=file, extract=mlc.Extract(column=column.name)),
    )


def _type(kind: pa.DataType) -> Any:
    """The Croissant type of plain values; None for nested ones, which it has no word for in a column."""
    tests = (
        (pa.types.is_boolean, mlc.DataType.BOOL),
        (pa.types.is_integer, mlc.DataType.INTEGER),
        (pa.types.is_floating, mlc.DataType.FLOAT),
        (pa.types.is_string, mlc.DataType.TEXT),
    )
    return next((found for test, found in tests if test(kind)), None)
