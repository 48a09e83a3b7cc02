"""What a published challenge holds, for machines: Croissant 1.0 (mlcommons.org/croissant), by mlcroissant."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import mlcroissant as mlc
import pyarrow as pa
from pyarrow import csv, parquet

from brokerbench.store import file_sha256
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


def describe(challenge: Challenge, folder: Path) -> dict[str, Any]:
    """The JSON-LD of a challenge's public folder: every file with its hash, every table's columns.

    The files of the training run stand in its own manifest and are left out here.
    """
    about = challenge.publication
    files = sorted(
        p for p in folder.rglob("*") if p.is_file() and folder / "training" / "run" not in p.parents
    )
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
        distribution=[_file(path, folder) for path in files],
        record_sets=[_records(path, folder) for path in files if path.suffix in (".parquet", ".csv")],
    )
    made: dict[str, Any] = metadata.to_json()
    return made


def _file(path: Path, folder: Path) -> mlc.FileObject:
    name = path.relative_to(folder).as_posix()
    return mlc.FileObject(
        id=name,
        name=name,
        content_url=name,
        content_size=f"{path.stat().st_size} B",
        encoding_formats=[_FORMS.get(path.suffix.lower(), "application/octet-stream")],
        sha256=file_sha256(path),
    )


def _records(path: Path, folder: Path) -> mlc.RecordSet:
    name = path.relative_to(folder).as_posix()
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
