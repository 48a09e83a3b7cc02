"""Any long table of measurements, CSV or Parquet, whose columns are named by options."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from astropy.coordinates import Angle
from numpy.typing import NDArray

from brokerbench.config import Config, decode, encode
from brokerbench.errors import ConfigError, InputError, UnknownName
from brokerbench.store import Folder
from brokerbench.tables import BANDS, DiaObjects, LightCurves, Objects
from brokerbench.taxonomy import ELASTICC2
from simulate.readers._long import Block, long_run, no_truth, stream_csv
from simulate.readers._run import ImportedPart, galaxies, redshift_or_nan
from simulate.readers._tables import header_of, read_objects, readable

MAG_ERR = np.log(10) / 2.5
NJY_ZP = 31.4
ROWS = 1 << 18


class Options(Config, frozen=True):
    """Names of the columns, and what the files do not say."""

    object_id: str = "object_id"
    table_id: str | None = None
    """Column of the object tables with the same ids, where it has another name there."""
    time: str = "mjd"
    time_offset: float = 0.0
    """Added to the times to make them MJD: -2400000.5 for JD."""
    band: str = "band"
    bands: dict[str, str] = {}
    """Names of bands in the files as u g r i z y, e.g. ztfg = "g"; the letters are known."""
    flux: str | None = "flux"
    flux_err: str = "flux_err"
    zero_point: float = NJY_ZP
    """AB magnitude of flux 1: 31.4 for nJy, 23.9 for microjansky, 27.5 for SNANA's FLUXCAL."""
    mag: str | None = None
    """Column of AB magnitudes, instead of fluxes."""
    mag_err: str = "mag_err"
    detected: str | None = None
    """Column of detection flags; without one, detected is flux > detection_snr x error."""
    detection_snr: float = 5.0
    class_id: int | None = None
    """ELAsTiCC2 class of all objects."""
    class_name: str | None = None
    """Column of the object table with the class, by id or by name (ELAsTiCC2's or TNS's)."""
    classes: dict[str, int] = {}
    """Names of classes in the files that ELAsTiCC2 does not know, and their ids."""
    ra: str = "ra"
    dec: str = "dec"
    redshift: str = "redshift"
    true_redshift: str | None = None
    """Column of the true redshift, where `redshift` is what a survey would know of it."""
    mwebv: str = "mwebv"


@dataclass(frozen=True)
class LongTable:
    """Reads folders of long tables, and tables of their objects beside them, into a run.

    A file with the columns of measurements holds light curves; one with object_id alone holds objects.
    """

    name: str = "long_table"
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

        Raises InputError where a column is missing, the rows of an object lie apart, or an object has no
        class; ConfigError for options that contradict each other.
        """
        chosen = (
            options if isinstance(options, Options) else decode(dict(options or {}), Options, where=self.name)
        )
        files = _files([Path(f) for f in folders])
        _check(chosen)
        wanted = set(_columns(chosen))
        curves = [f for f in files if set(_names(f)) >= wanted]
        tables = [f for f in files if f not in curves and (chosen.table_id or chosen.object_id) in _names(f)]
        if not curves:
            where = ", ".join(str(f) for f in folders)
            raise InputError(
                f"{where}: expected columns {', '.join(sorted(wanted))}, got none in {len(files)} files"
            )
        catalogue = _Catalogue(tables, chosen)
        about = {
            "name": name,
            "seed": seed,
            "config": {"reader": self.name, "options": encode(chosen)},
            "sources": [name],
        }
        return long_run(curves, out, blocks=lambda f: _blocks(f, chosen), catalogue=catalogue, about=about)


def _check(options: Options) -> None:
    wrong = {v for v in options.bands.values() if v not in BANDS}
    if wrong:
        raise ConfigError(f"long_table: bands: expected u g r i z y, got {', '.join(sorted(wrong))}")
    if (options.class_id is None) == (options.class_name is None):
        raise ConfigError("long_table: expected either class_id or class_name, got both or neither")
    ids = [*options.classes.values(), *([] if options.class_id is None else [options.class_id])]
    unknown = [i for i in ids if not ELASTICC2.is_known([i])[0]]
    if unknown:
        raise ConfigError(f"long_table: expected ELAsTiCC2 classes, got {unknown}")


def _columns(options: Options) -> dict[str, pa.DataType]:
    light = (options.mag, options.mag_err) if options.mag else (options.flux or "flux", options.flux_err)
    kinds = {options.object_id: pa.string(), options.time: pa.float64(), options.band: pa.string()}
    kinds |= dict.fromkeys(light, pa.float64())
    return kinds | ({options.detected: pa.float64()} if options.detected else {})


def _files(folders: list[Path]) -> list[Path]:
    found: list[Path] = []
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"{folder}: expected a folder of tables, got nothing there; check the path")
        names = sorted(p for p in folder.rglob("*") if p.name.endswith((".csv", ".csv.gz", ".parquet")))
        if not names:
            raise InputError(f"{folder}: expected CSV or Parquet files, got none; check the path")
        found += names
    return list(dict.fromkeys(found))


def _names(path: Path) -> list[str]:
    if path.suffix != ".parquet":
        return header_of(path)
    with readable(path):
        return list(pq.read_schema(path).names)


def _batches(path: Path, kinds: dict[str, pa.DataType]) -> Iterator[pa.RecordBatch]:
    if path.suffix != ".parquet":
        yield from stream_csv(path, kinds)
        return
    for batch in pq.ParquetFile(path).iter_batches(ROWS, columns=list(kinds)):
        yield pa.record_batch([batch.column(n).cast(k) for n, k in kinds.items()], names=list(kinds))


def _blocks(path: Path, options: Options) -> Iterator[Block]:
    kinds = _columns(options)
    with readable(path):
        for batch in _batches(path, kinds):
            key, mjd, names, light, error, *seen = (c.to_numpy(zero_copy_only=False) for c in batch.columns)
            flux, err = _njy(light, error, options)
            detected = np.asarray(seen[0]) == 1 if seen else flux > options.detection_snr * err
            yield Block(
                key=key.astype("O"),
                mjd=mjd + options.time_offset,
                band=_band(names, path, options),
                flux=flux.astype("f4"),
                flux_err=err.astype("f4"),
                detected=detected,
            )


def _njy(light: NDArray[Any], error: NDArray[Any], options: Options) -> tuple[NDArray[Any], NDArray[Any]]:
    """Flux and error in nJy of fluxes, or of AB magnitudes and their errors."""
    if options.mag:
        flux = 10 ** ((NJY_ZP - light) / 2.5)
        return flux, flux * error * MAG_ERR
    scale = 10 ** ((NJY_ZP - options.zero_point) / 2.5)
    return light * scale, error * scale


def _band(names: NDArray[Any], path: Path, options: Options) -> NDArray[np.int8]:
    known = {b: b for b in BANDS} | options.bands
    band = np.full(len(names), -1, "i1")
    for name, letter in known.items():
        band[names == name] = BANDS.index(letter)
    if len(band) and band.min() < 0:
        raise InputError(f"{path}: expected bands {', '.join(known)}, got {names[band < 0][0]!r}; set bands")
    return band


class _Catalogue:
    """What the object tables say, by object_id; all of it may be absent but the class."""

    def __init__(self, files: list[Path], options: Options) -> None:
        self._options, self._where = options, ", ".join(f.name for f in files) or "no object table"
        key = options.table_id or options.object_id
        joined = read_objects(files, key) if files else pd.DataFrame({key: []})
        self._table = joined.astype({key: str}).set_index(key)
        if options.class_name is not None and options.class_name not in self._table:
            raise InputError(f"{self._where}: expected a column {options.class_name} of classes, got none")

    def __call__(self, keys: NDArray[Any], ids: NDArray[np.int64], curves: LightCurves) -> ImportedPart:
        """Tables of the objects of one part."""
        rows = self._table.reindex([str(k) for k in keys])
        options, nan = self._options, np.full(len(keys), np.nan)

        def column(name: str, *, unit: str = "deg") -> NDArray[np.float64]:
            return self._numbers(rows[name], unit) if name in rows else nan

        ra, dec = column(options.ra, unit="hourangle"), column(options.dec)
        z, mwebv = redshift_or_nan(column(options.redshift)), column(options.mwebv).astype("f4")
        true_z = redshift_or_nan(column(options.true_redshift)) if options.true_redshift else z
        unknown = nan.astype("f4")
        return ImportedPart(
            dia_objects=DiaObjects(
                object_id=ids, ra=ra, dec=dec, mwebv=mwebv, mwebv_err=unknown, z_final=z, z_final_err=unknown
            ),
            hosts=galaxies(len(keys)),
            hosts2=galaxies(len(keys)),
            light_curves=curves,
            objects=Objects(
                object_id=ids,
                source=np.zeros(len(keys), "i2"),
                class_id=self._classes(rows),
                ra=ra,
                dec=dec,
                z=true_z,
                t0=nan,
                ebv_mw=mwebv,
                host=np.full(len(keys), -1, "i8"),
            ),
            true_fluxes=no_truth(curves),
            parameters={"object_id": keys.astype("O")},
            units={"object_id": ""},
        )

    def _numbers(self, values: pd.Series, unit: str) -> NDArray[np.float64]:
        """Numbers of a column; angles as 08:29:47.59 become degrees."""
        if values.dtype.kind in "fiu":
            return values.to_numpy("f8")
        out = np.full(len(values), np.nan)
        for i, (key, value) in enumerate(values.items()):
            try:
                if value is not None and value == value:
                    out[i] = Angle(value, unit).deg if ":" in str(value) else float(value)
            except (ValueError, TypeError) as error:
                raise InputError(
                    f"{self._where}: object {key}: expected a number in {values.name}, got {value!r}"
                ) from error
        return out

    def _classes(self, rows: pd.DataFrame) -> NDArray[np.int32]:
        options = self._options
        if options.class_id is not None:
            return np.full(len(rows), options.class_id, "i4")
        return np.array([self._class(key, value) for key, value in rows[options.class_name].items()], "i4")

    def _class(self, key: object, value: object) -> int:
        if value is None or value != value:
            raise InputError(f"{self._where}: expected a class for object {key}, got none")
        if str(value) in self._options.classes:
            return self._options.classes[str(value)]
        try:
            number = str(value).removesuffix(".0")
            if number.isdecimal() and ELASTICC2.is_known([int(number)])[0]:
                return int(number)
            return ELASTICC2.id_of(str(value))
        except UnknownName as error:
            raise InputError(f"{self._where}: object {key}: {error}; set classes") from error


READER = LongTable()
