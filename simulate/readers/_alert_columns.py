"""Columns of ELAsTiCC alerts as columns of our tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from brokerbench.errors import InputError
from brokerbench.tables import HOST_QUANTILES, DiaObjects, Hosts, LightCurves, Objects, TrueFluxes
from simulate.readers._run import ImportedPart, absent_as_nan, redshift_or_nan

__all__ = ["NESTED", "TRUTH", "WIDTH", "context", "field", "measurements", "part_of"]

NESTED = ("diaSource", "diaObject", "prvDiaSources", "prvDiaForcedSources")
TRUTH = (
    "GENTYPE",
    "ZHELIO",
    "PEAKMJD",
    "MWEBV",
    "GALID",
    "SNID",
    "LIBID",
    "SIM_TEMPLATE_INDEX",
    "AV",
    "RV",
    "MU",
)
_LETTERS = "ugrizY"
_MAG_LIMIT = 90.0  # 99.7 and 999 stand for no flux
_GALAXY = (
    "ra",
    "dec",
    "snsep",
    "ellipticity",
    "sqradius",
    "zspec",
    "zspec_err",
    "zphot",
    "zphot_err",
    *(f"zphot_q{q:03d}" for q in HOST_QUANTILES),
    *(f"mag_{b}" for b in _LETTERS),
    *(f"magerr_{b}" for b in _LETTERS),
)
_OBJECT = (
    *("ra", "decl", "mwebv", "mwebv_err", "z_final", "z_final_err"),
    *(f"{host}_{name}" for host in ("hostgal", "hostgal2") for name in _GALAXY),
)
_NAMES = ("mjd", *_OBJECT, *TRUTH)
WIDTH = len(_NAMES)
"""Numbers of `context`."""


def field(batch: pa.RecordBatch, struct: str, name: str, path: Path) -> NDArray[Any]:
    """A field of a struct column. InputError where it is not there or holds nulls."""
    try:
        values = pc.struct_field(batch.column(struct), name)
    except (pa.ArrowException, KeyError) as error:
        raise InputError(f"{path}: expected {struct}.{name} in every alert, got none") from error
    if values.null_count:
        raise InputError(f"{path}: expected {struct}.{name} in every alert, got {values.null_count} nulls")
    return values.to_numpy(zero_copy_only=False)


def measurements(batch: pa.RecordBatch, path: Path) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Row of the alert i8[m], and mjd, band, flux, error, is-a-source f8[m, 5], of all measurements."""
    owners = [np.arange(len(batch))]
    tables = [_rows(batch.column("diaSource"), path, source=True)]
    for name, source in (("prvDiaSources", True), ("prvDiaForcedSources", False)):
        if name in batch.schema.names and not pa.types.is_null(batch.schema.field(name).type):
            lists = batch.column(name)
            structs = pc.list_flatten(lists)
            if len(structs):
                owners.append(pc.list_parent_indices(lists).to_numpy().astype("i8"))
                tables.append(_rows(structs, path, source=source))
    return np.concatenate(owners), np.concatenate(tables)


def _rows(structs: pa.StructArray, path: Path, *, source: bool) -> NDArray[np.float64]:
    try:
        names = pc.struct_field(structs, "filterName")
        values = [pc.struct_field(structs, n) for n in ("midPointTai", "psFlux", "psFluxErr")]
    except (pa.ArrowException, KeyError) as error:
        raise InputError(
            f"{path}: expected filterName, midPointTai, psFlux, psFluxErr, got {error}"
        ) from error
    band = pc.index_in(pc.replace_substring(names, "Y", "y"), pa.array(["u", "g", "r", "i", "z", "y"]))
    if band.null_count:
        raise InputError(
            f"{path}: expected filters u g r i z Y, got others in {band.null_count} measurements"
        )
    mjd, flux, err = (v.to_numpy(zero_copy_only=False).astype("f8") for v in values)
    return np.column_stack([mjd, band.to_numpy(), flux, err, np.full(len(mjd), float(source))])


def context(batch: pa.RecordBatch, path: Path) -> NDArray[np.float64]:
    """What an alert says of its object, and the truth beside it, f8[n, WIDTH]; NaN where it says nothing."""
    out = np.full((len(batch), WIDTH), np.nan)
    out[:, 0] = field(batch, "diaSource", "midPointTai", path)
    objects = batch.column("diaObject")
    have = {f.name for f in objects.type}
    for i, name in enumerate(_OBJECT, start=1):
        if name in have and not pa.types.is_null(objects.type.field(name).type):
            out[:, i] = pc.struct_field(objects, name).to_numpy(zero_copy_only=False)
    for i, name in enumerate(TRUTH, start=1 + len(_OBJECT)):
        if name in batch.schema.names:
            out[:, i] = batch.column(name).to_numpy(zero_copy_only=False)
    return out


def part_of(
    known: NDArray[np.float64],
    ids: NDArray[np.int64],
    names: NDArray[np.int64],
    curves: LightCurves,
    true: TrueFluxes,
) -> ImportedPart:
    """The tables of one part. known: index, class id and `context` of each object; names: diaObjectIds."""
    of = dict(zip(_NAMES, known[:, 2:].T, strict=True))
    z = redshift_or_nan(of["z_final"])
    host = of["GALID"]
    parameters = {n: absent_as_nan(of[n]) for n in TRUTH[5:] if np.isfinite(of[n]).any()}
    return ImportedPart(
        dia_objects=DiaObjects(
            object_id=ids,
            ra=of["ra"].copy(),
            dec=of["decl"].copy(),
            mwebv=absent_as_nan(of["mwebv"]),
            mwebv_err=absent_as_nan(of["mwebv_err"]),
            z_final=z,
            z_final_err=np.where(np.isnan(z), np.nan, absent_as_nan(of["z_final_err"])).astype("f4"),
        ),
        hosts=_galaxies(of, "hostgal"),
        hosts2=_galaxies(of, "hostgal2"),
        light_curves=curves,
        objects=Objects(
            object_id=ids,
            source=np.zeros(len(ids), "i2"),
            class_id=known[:, 1].astype("i4"),
            ra=of["ra"].copy(),
            dec=of["decl"].copy(),
            z=redshift_or_nan(of["ZHELIO"]),
            t0=np.where(of["PEAKMJD"] > 0, of["PEAKMJD"], np.nan),
            ebv_mw=absent_as_nan(of["MWEBV"]),
            host=np.where(host > 0, np.nan_to_num(host), -1).astype("i8"),
        ),
        true_fluxes=true,
        parameters={"diaObjectId": names} | parameters,
        units={"diaObjectId": ""} | {n: "mag" if n in ("AV", "MU") else "" for n in parameters},
    )


def _galaxies(of: dict[str, NDArray[np.float64]], prefix: str) -> Hosts:
    here = absent_as_nan(of[f"{prefix}_snsep"]) >= 0

    def column(name: str) -> NDArray[np.float32]:
        return np.where(here, absent_as_nan(of[f"{prefix}_{name}"]), np.nan).astype("f4")

    def table(name: str, keys: tuple[str, ...]) -> NDArray[np.float32]:
        return np.stack([column(f"{name}{k}") for k in keys], axis=1)

    def angle(name: str) -> NDArray[np.float64]:
        value = of[f"{prefix}_{name}"]
        return np.where(here & (value > -90.5), value, np.nan)

    zspec, zphot = redshift_or_nan(column("zspec")), redshift_or_nan(column("zphot"))
    mag, mag_err = table("mag_", tuple(_LETTERS)), table("magerr_", tuple(_LETTERS))
    mag[~(mag < _MAG_LIMIT)] = np.nan
    mag_err[~((mag_err > 0) & (mag_err < _MAG_LIMIT))] = np.nan
    return Hosts(
        ra=angle("ra"),
        dec=angle("dec"),
        sep=column("snsep"),
        ellipticity=column("ellipticity"),
        sqradius=column("sqradius"),
        zspec=zspec,
        zspec_err=np.where(np.isnan(zspec), np.nan, column("zspec_err")).astype("f4"),
        zphot=zphot,
        zphot_err=np.where(np.isnan(zphot), np.nan, column("zphot_err")).astype("f4"),
        zphot_q=table("zphot_q", tuple(f"{q:03d}" for q in HOST_QUANTILES)),
        mag=mag,
        mag_err=mag_err,
    )
