"""MALLORN: the light curves and logs of the 2025 Kaggle challenge (Magill et al., arXiv 2512.04946)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from brokerbench.config import Config, decode, encode
from brokerbench.errors import InputError, UnknownName
from brokerbench.store import Folder
from brokerbench.tables import BANDS, DiaObjects, LightCurves, Objects
from brokerbench.taxonomy import ELASTICC2
from simulate.readers._long import Block, long_run, no_truth, stream_csv
from simulate.readers._run import ImportedPart, galaxies, redshift_or_nan
from simulate.readers._tables import csv_files, header_of, numbers, read_objects, readable

LIGHT_CURVES = {"object_id", "Time (MJD)", "Flux", "Flux_err", "Filter"}
LOG = {"object_id", "Z", "EBV", "SpecType"}
NJY = 1000.0
"""nJy in the files' unit, microjansky: 5 median errors in g are 0.58, AB 24.5, the depth of LSST."""


class Options(Config, frozen=True):
    """How to read the files."""

    detection_snr: float = 5.0
    """Detected is flux > detection_snr x error: the files have no flags."""
    unlabelled: bool = False
    """Leave out objects without SpecType (those of the test set), instead of refusing the files."""


@dataclass(frozen=True)
class Mallorn:
    """Reads folders of MALLORN's CSV files, told apart by their column names, into a run."""

    name: str = "mallorn"
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

        Positions are NaN: the challenge gives none. Raises InputError where an object is in no log or has
        no class, or a file is not what its columns say.
        """
        chosen = (
            options if isinstance(options, Options) else decode(dict(options or {}), Options, where=self.name)
        )
        files = csv_files([Path(f) for f in folders], self.name)
        curves = [f for f in files if set(header_of(f)) >= LIGHT_CURVES]
        logs = [f for f in files if set(header_of(f)) >= LOG]
        if not curves or not logs:
            where = ", ".join(str(f) for f in folders)
            missing = "light curves" if not curves else "logs"
            raise InputError(f"{where}: expected CSV files of light curves and logs, got none of {missing}")
        catalogue = _Catalogue(logs)
        known = catalogue.labelled if chosen.unlabelled else None
        about = {
            "name": name,
            "seed": seed,
            "config": {"reader": self.name, "options": encode(chosen)},
            "sources": ["MALLORN"],
        }
        return long_run(
            curves, out, blocks=lambda file: _blocks(file, chosen, known), catalogue=catalogue, about=about
        )


def _blocks(path: Path, options: Options, known: NDArray[Any] | None) -> Iterator[Block]:
    kinds = {
        "object_id": pa.string(),
        "Time (MJD)": pa.float64(),
        "Flux": pa.float32(),
        "Flux_err": pa.float32(),
        "Filter": pa.string(),
    }
    with readable(path):
        for batch in stream_csv(path, kinds):
            key, mjd, flux, err, names = (c.to_numpy(zero_copy_only=False) for c in batch.columns)
            band = np.full(len(names), -1, "i1")
            for b, letter in enumerate(BANDS):
                band[names == letter] = b
            if len(band) and band.min() < 0:
                raise InputError(f"{path}: expected filters u g r i z y, got {names[band < 0][0]!r}")
            keep = slice(None) if known is None else np.isin(key.astype("U"), known)
            flux, err = flux * np.float32(NJY), err * np.float32(NJY)
            columns: tuple[Any, ...] = (
                key.astype("O"),
                mjd,
                band,
                flux,
                err,
                flux > options.detection_snr * err,
            )
            yield Block(*(c[keep] for c in columns))


class _Catalogue:
    """The logs by object_id."""

    def __init__(self, files: list[Path]) -> None:
        self._files = ", ".join(f.name for f in files)
        self._table = read_objects(files, "object_id").astype({"object_id": str}).set_index("object_id")
        kinds = [str(kind) for kind in self._table["SpecType"].dropna().unique()]
        try:
            self._class_of = {kind: ELASTICC2.id_of(kind) for kind in kinds}
        except UnknownName as error:
            raise InputError(f"{self._files}: SpecType: {error}") from error

    @property
    def labelled(self) -> NDArray[Any]:
        """Names of the objects with a class."""
        return self._table.index[self._table["SpecType"].notna()].to_numpy("U")

    def __call__(self, keys: NDArray[Any], ids: NDArray[np.int64], curves: LightCurves) -> ImportedPart:
        """Tables of the objects of one part."""
        missing = ~np.isin(keys.astype("U"), self._table.index.to_numpy("U"))
        if missing.any():
            raise InputError(f"{self._files}: expected object {keys[missing][0]!r}, got no such row")
        rows = self._table.loc[keys.tolist()]
        if rows["SpecType"].isna().any():
            first = rows.index[rows["SpecType"].isna()][0]
            raise InputError(
                f"{self._files}: expected a SpecType for object {first!r}, got none; "
                "give unlabelled=true to leave such objects out"
            )
        z = redshift_or_nan(numbers(rows, "Z", self._files))
        ebv, nowhere = numbers(rows, "EBV", self._files), np.full(len(rows), np.nan)
        unknown = np.full(len(rows), np.nan, "f4")
        return ImportedPart(
            dia_objects=DiaObjects(
                object_id=ids,
                ra=nowhere,
                dec=nowhere,
                mwebv=ebv,
                mwebv_err=unknown,
                z_final=z,
                z_final_err=numbers(rows, "Z_err", self._files),
            ),
            hosts=galaxies(len(rows)),
            hosts2=galaxies(len(rows)),
            light_curves=curves,
            objects=Objects(
                object_id=ids,
                source=np.zeros(len(rows), "i2"),
                class_id=np.array([self._class_of[str(k)] for k in rows["SpecType"]], "i4"),
                ra=nowhere,
                dec=nowhere,
                z=z,
                t0=nowhere,
                ebv_mw=ebv,
                host=np.full(len(rows), -1, "i8"),
            ),
            true_fluxes=no_truth(curves),
            parameters={"object_id": keys, "SpecType": rows["SpecType"].to_numpy("O")},
            units={"object_id": "", "SpecType": ""},
        )


READER = Mallorn()
