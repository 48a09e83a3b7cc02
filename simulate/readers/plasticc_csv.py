"""PLAsTiCC: light curves and metadata in CSV, as on Kaggle and Zenodo."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from brokerbench.config import Config, decode, encode
from brokerbench.errors import InputError
from brokerbench.store import Folder
from brokerbench.tables import DiaObjects, LightCurves, Objects
from brokerbench.taxonomy import PLASTICC
from simulate.readers._long import Block, long_run, no_truth, stream_csv
from simulate.readers._run import ImportedPart, absent_as_nan, galaxies, redshift_or_nan
from simulate.readers._snana_columns import to_njy
from simulate.readers._tables import csv_files, header_of, numbers, read_objects, readable

LIGHT_CURVES = {"object_id", "mjd", "passband", "flux", "flux_err"}
METADATA = {"object_id", "ra", "decl", "mwebv", "hostgal_photoz"}
DETECTED = ("detected_bool", "detected")  # Zenodo's and Kaggle's name


class Options(Config, frozen=True):
    """How to read the files."""

    unlabelled: bool = False
    """Leave out objects whose target is not known, instead of refusing the files."""


@dataclass(frozen=True)
class PlasticcCsv:
    """Reads folders of PLAsTiCC's CSV files, told apart by their column names, into a run."""

    name: str = "plasticc_csv"
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
        """The run at `out` that holds the objects of all light-curve files below `folders`.

        true_target where given, target otherwise. Raises InputError where an object has no metadata or
        no class, or a file is not what its columns say.
        """
        chosen = (
            options if isinstance(options, Options) else decode(dict(options or {}), Options, where=self.name)
        )
        files = csv_files([Path(f) for f in folders], self.name)
        curves = [f for f in files if set(header_of(f)) >= LIGHT_CURVES]
        tables = [f for f in files if set(header_of(f)) >= METADATA]
        if not curves or not tables:
            where = ", ".join(str(f) for f in folders)
            missing = "light curves" if not curves else "metadata"
            raise InputError(
                f"{where}: expected CSV files of light curves and of metadata, got none of {missing}"
            )
        catalogue = _Catalogue(tables)
        about = {
            "name": name,
            "seed": seed,
            "config": {"reader": self.name, "options": encode(chosen)},
            "sources": ["PLAsTiCC"],
        }
        known = catalogue.keys if chosen.unlabelled else None
        return long_run(
            curves, out, blocks=lambda file: _blocks(file, known), catalogue=catalogue, about=about
        )


def _blocks(path: Path, known: NDArray[np.int64] | None) -> Iterator[Block]:
    detected = next((d for d in DETECTED if d in header_of(path)), None)
    if detected is None:
        raise InputError(f"{path}: expected a column {' or '.join(DETECTED)}, got none")
    kinds = {
        "object_id": pa.int64(),
        "mjd": pa.float64(),
        "passband": pa.int8(),
        "flux": pa.float32(),
        "flux_err": pa.float32(),
        detected: pa.int8(),
    }
    with readable(path):
        for batch in stream_csv(path, kinds):
            key, mjd, band, flux, err, seen = (c.to_numpy(zero_copy_only=False) for c in batch.columns)
            if len(band) and not ((band >= 0) & (band < 6)).all():
                raise InputError(
                    f"{path}: expected passbands 0..5, got {band[~((band >= 0) & (band < 6))][0]}"
                )
            keep = slice(None) if known is None else np.isin(key, known)
            columns: tuple[Any, ...] = (key, mjd, band.astype("i1"), to_njy(flux), to_njy(err), seen == 1)
            yield Block(*(c[keep] for c in columns))


class _Catalogue:
    """Metadata by object_id."""

    def __init__(self, files: list[Path]) -> None:
        self._files = ", ".join(f.name for f in files)
        table = read_objects(files, "object_id")
        target = numbers(table, "target", self._files, dtype="f8")
        true = numbers(table, "true_target", self._files, dtype="f8")
        target = np.where(np.isnan(true), target, true)
        class_id = PLASTICC.to_elasticc2(np.nan_to_num(target, nan=-1).astype("i8"))
        if "class_id" in table:  # our own export: ELAsTiCC2 has classes that PLAsTiCC had not
            class_id = np.nan_to_num(numbers(table, "class_id", self._files), nan=-1).astype("i4")
        table["object_id"] = numbers(table, "object_id", self._files, dtype="f8").astype("i8")
        table["class_id"], table["target"] = class_id, target
        self._table = table.sort_values("object_id").reset_index(drop=True)

    @property
    def keys(self) -> NDArray[np.int64]:
        """Ids of the objects with a class."""
        return self._table["object_id"].to_numpy("i8")[self._table["class_id"] >= 0]

    def __call__(self, keys: NDArray[Any], ids: NDArray[np.int64], curves: LightCurves) -> ImportedPart:
        """Tables of the objects of one part."""
        rows = self._rows(keys)

        def column(name: str, dtype: str = "f4") -> NDArray[Any]:
            return numbers(rows, name, self._files, dtype=dtype)

        zspec, zphot = redshift_or_nan(column("hostgal_specz")), redshift_or_nan(column("hostgal_photoz"))
        zphot_err = np.where(np.isnan(zphot), np.nan, absent_as_nan(column("hostgal_photoz_err"))).astype(
            "f4"
        )
        true = [c for c in rows.columns if c.startswith(("true_", "tflux_", "libid"))]
        return ImportedPart(
            dia_objects=DiaObjects(
                object_id=ids,
                ra=column("ra", "f8"),
                dec=column("decl", "f8"),
                mwebv=column("mwebv"),
                mwebv_err=np.full(len(rows), np.nan, "f4"),
                z_final=np.where(np.isnan(zspec), zphot, zspec).astype("f4"),
                z_final_err=np.where(np.isnan(zspec), zphot_err, np.nan).astype("f4"),
            ),
            hosts=galaxies(len(rows), zspec=zspec, zphot=zphot, zphot_err=zphot_err),
            hosts2=galaxies(len(rows)),
            light_curves=curves,
            objects=Objects(
                object_id=ids,
                source=np.zeros(len(rows), "i2"),
                class_id=rows["class_id"].to_numpy("i4"),
                ra=column("ra", "f8"),
                dec=column("decl", "f8"),
                z=redshift_or_nan(column("true_z")),
                t0=column("true_peakmjd", "f8"),
                ebv_mw=column("mwebv"),
                host=np.full(len(rows), -1, "i8"),
            ),
            true_fluxes=no_truth(curves),
            parameters={"object_id": keys.astype("i8")} | {c: column(c, "f8") for c in true},
            units=dict.fromkeys(["object_id", *true], ""),
        )

    def _rows(self, keys: NDArray[Any]) -> pd.DataFrame:
        known = self._table["object_id"].to_numpy("i8")
        missing = ~np.isin(keys, known)
        if missing.any():
            raise InputError(f"{self._files}: expected object {keys[missing][0]}, got no such row")
        rows = self._table.iloc[np.searchsorted(known, keys)]
        if (rows["class_id"] < 0).any():
            first = rows[rows["class_id"] < 0].iloc[0]
            raise InputError(
                f"{self._files}: expected a target of PLAsTiCC for object {first['object_id']:.0f}, "
                f"got {first.get('target', np.nan):.0f}; give unlabelled=true to leave such objects out"
            )
        return rows


READER = PlasticcCsv()
