"""Columns of SNANA HEAD and PHOT files as columns of our tables.

The traps: "absent" is a number (-9, -99, -999, -9999, 666, 999); a row of -777 ends each object;
RA and DEC of a simulation made from a library of pointings are the pointing's, not the object's;
the true magnitude of a variable star is that of star and quiescent light together.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import InputError
from brokerbench.tables import HOST_QUANTILES, DiaObjects, Hosts, Objects, Visits
from simulate.readers._fits import FitsTable
from simulate.readers._run import absent_as_nan, nights, redshift_or_nan

__all__ = [
    "bands_of",
    "dia_objects",
    "hosts",
    "need",
    "parameters",
    "spans",
    "to_njy",
    "true_flux",
    "truth",
    "visits_of",
]

FLUXCAL_ZP = 27.5
"""Zero point of FLUXCAL, AB mag (SNANA manual, section 2)."""

NJY_ZP = 31.4
"""AB magnitude of 1 nJy."""

UNDEFINED_MAG = 50.0
"""SIM_MAGOBS from here on stands for no light: 99 for zero flux, 98.x outside the model's range."""

_MAGS = (99.0, 666.0, 999.0)
_LETTERS = "ugrizY"
_USED = {
    "SIM_TYPE_INDEX",
    "SIM_TYPE_NAME",
    "SIM_MODEL_NAME",
    "SIM_RA",
    "SIM_DEC",
    "SIM_DECL",
    "SIM_REDSHIFT_HELIO",
    "SIM_PEAKMJD",
    "SIM_MWEBV",
    "SIM_HOSTLIB_GALID",
}


def need(table: FitsTable, *names: str) -> NDArray[Any]:
    """The column under the first of several names. InputError where the file has none of them."""
    found = optional(table, *names)
    if found is None:
        raise InputError(
            f"{table.path}: expected a column {' or '.join(names)}, got none; is this a file of SNANA?"
        )
    return found


def optional(table: FitsTable, *names: str) -> NDArray[Any] | None:
    """The column under the first of several names, None where the file has none of them."""
    for name in names:
        if table.rows.dtype.names and name in table.rows.dtype.names:
            return table.rows[name]
    return None


def _or_nan(table: FitsTable, *names: str, also: tuple[float, ...] = ()) -> NDArray[np.float32]:
    found = optional(table, *names)
    if found is None:
        return np.full(len(table.rows), np.nan, "f4")
    return absent_as_nan(found, also=also)


def to_njy(fluxcal: NDArray[Any]) -> NDArray[np.float32]:
    """Fluxes f4 in nJy of fluxes with zero point 27.5."""
    return (fluxcal.astype("f8") * 10 ** ((NJY_ZP - FLUXCAL_ZP) / 2.5)).astype("f4")


def spans(head: FitsTable, phot: FitsTable) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First row and number of rows i8[n] in PHOT of each object. InputError where HEAD does not fit."""
    first = need(head, "PTROBS_MIN").astype("i8") - 1
    count = need(head, "PTROBS_MAX").astype("i8") - first
    n_obs = need(head, "NOBS").astype("i8")
    wrong = (first < 0) | (count < 0) | (first + count > len(phot.rows)) | (count != n_obs)
    wrong |= np.diff(first, prepend=-1) <= 0
    if wrong.any():
        i = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"{head.path}: expected rows 1..{len(phot.rows)} of {phot.path.name} in order, got "
            f"{first[i] + 1}..{first[i] + count[i]} for object {i} with NOBS {n_obs[i]}"
        )
    return first, count


def bands_of(phot: FitsTable, rows: NDArray[np.int64]) -> NDArray[np.int8]:
    """Index i1 into u g r i z y of the band of each row, by the last letter of its name."""
    names = np.ascontiguousarray(need(phot, "BAND", "FLT")[rows])
    letters = names.view("u1").reshape(len(names), names.dtype.itemsize)
    last = np.zeros(len(names), "u1")
    for i in range(letters.shape[1]):
        last = np.where(letters[:, i] > ord(" "), letters[:, i], last)
    table = np.full(256, -1, "i1")
    table[np.frombuffer(b"ugrizY", "u1")] = np.arange(6)
    table[ord("y")] = 5
    band = table[last]
    if band.size and band.min() < 0:
        name = names[int(np.flatnonzero(band < 0)[0])].decode("latin-1").strip()
        raise InputError(f"{phot.path}: expected bands u g r i z Y, got {name!r}; only LSST bands are read")
    return band


def visits_of(head: FitsTable, phot: FitsTable, rows: NDArray[np.int64], band: NDArray[np.int8]) -> Visits:
    """One visit for each different (mjd, band) among `rows`, sorted so; what is not given is NaN.

    m5 = ZP - 2.5 log10(5 sky sqrt(4 pi) psf), sky noise in ADU a pixel and PSF sigma in pixels: the
    area of a Gaussian that is equivalent in noise (SNANA manual, section 4.13).
    """
    mjd = need(phot, "MJD").astype("f8")[rows]
    order = np.lexsort((band, mjd))
    m, b = mjd[order], band[order]
    new = np.ones(len(m), bool)
    new[1:] = (m[1:] != m[:-1]) | (b[1:] != b[:-1])
    pick = order[new]
    first = FitsTable(phot.path, phot.primary, phot.header, phot.rows[rows[pick]])
    pixel = float(_or_nan(head, "PIXSIZE")[0]) if len(head.rows) else np.nan
    psf, sky, zero = (_or_nan(first, c).astype("f8") for c in ("PSF_SIG1", "SKY_SIG", "ZEROPT"))
    nan = np.full(len(pick), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        m5 = zero - 2.5 * np.log10(5 * sky * np.sqrt(4 * np.pi) * psf)
        background = zero - 2.5 * np.log10(sky**2 / pixel**2)
    return Visits(
        visit_id=np.arange(len(pick)),
        mjd=mjd[pick],
        ra=nan,
        dec=nan,
        band=band[pick],
        exposure=nan.astype("f4"),
        seeing=(psf * 2 * np.sqrt(2 * np.log(2)) * pixel).astype("f4"),
        m5=np.where(np.isfinite(m5), m5, np.nan).astype("f4"),
        sky=np.where(np.isfinite(background), background, np.nan).astype("f4"),
        airmass=nan.astype("f4"),
        night=nights(mjd[pick]),
    )


def positions(head: FitsTable) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """ra, dec f8[n] of the objects: SIM_RA and SIM_DEC where given, RA and DEC otherwise."""
    ra = optional(head, "SIM_RA")
    dec = optional(head, "SIM_DEC", "SIM_DECL")
    if ra is None or dec is None or (ra < -90).any() or (dec < -90).any():
        ra, dec = need(head, "RA"), need(head, "DEC", "DECL")
    return ra.astype("f8"), dec.astype("f8")


def dia_objects(head: FitsTable, ids: NDArray[np.int64]) -> DiaObjects:
    """What the survey knows of the objects of a HEAD file."""
    ra, dec = positions(head)
    z = redshift_or_nan(_or_nan(head, "REDSHIFT_FINAL"))
    err = _or_nan(head, "REDSHIFT_FINAL_ERR")
    return DiaObjects(
        object_id=ids,
        ra=ra,
        dec=dec,
        mwebv=_or_nan(head, "MWEBV"),
        mwebv_err=_or_nan(head, "MWEBV_ERR"),
        z_final=z,
        z_final_err=np.where(np.isnan(z), np.nan, err).astype("f4"),
    )


def hosts(head: FitsTable, prefix: str) -> Hosts:
    """The galaxies under HOSTGAL or HOSTGAL2, all NaN where OBJID says that an object has none."""
    object_id = optional(head, f"{prefix}_OBJID")
    here = np.ones(len(head.rows), bool) if object_id is None else object_id > 0

    def of(name: str, *, also: tuple[float, ...] = ()) -> NDArray[np.float32]:
        return np.where(here, _or_nan(head, f"{prefix}_{name}", also=also), np.nan).astype("f4")

    def angle(name: str) -> NDArray[np.float64]:
        found = optional(head, f"{prefix}_{name}")
        value = np.full(len(head.rows), np.nan) if found is None else found.astype("f8")
        return np.where(here & (value > -90.5), value, np.nan)

    def table(name: str, keys: tuple[str, ...], also: tuple[float, ...] = ()) -> NDArray[np.float32]:
        return np.stack([of(f"{name}{k}", also=also) for k in keys], axis=1)

    mag_err = table("MAGERR_", tuple(_LETTERS), also=_MAGS)
    mag_err[~(mag_err > 0)] = np.nan  # real files hold a few of -66 .. 0
    mag = table("MAG_", tuple(_LETTERS), also=_MAGS)
    mag[mag >= 90] = np.nan  # 99.7: a flux that is not positive
    zphot, zspec = redshift_or_nan(of("PHOTOZ")), redshift_or_nan(of("SPECZ"))
    return Hosts(
        ra=angle("RA"),
        dec=angle("DEC"),
        sep=of("SNSEP"),
        ellipticity=of("ELLIPTICITY"),
        sqradius=of("SQRADIUS"),
        zspec=zspec,
        zspec_err=np.where(np.isnan(zspec), np.nan, of("SPECZ_ERR")).astype("f4"),
        zphot=zphot,
        zphot_err=np.where(np.isnan(zphot), np.nan, of("PHOTOZ_ERR")).astype("f4"),
        zphot_q=table("ZPHOT_Q", tuple(f"{q:03d}" for q in HOST_QUANTILES)),
        mag=mag,
        mag_err=mag_err,
    )


def truth(head: FitsTable, ids: NDArray[np.int64], class_id: NDArray[np.int32], source: int) -> Objects:
    """Truth of the objects of a HEAD file."""
    ra, dec = positions(head)
    peak = optional(head, "SIM_PEAKMJD")
    host = optional(head, "SIM_HOSTLIB_GALID")
    t0 = np.full(len(ids), np.nan) if peak is None else peak.astype("f8")
    host_id = np.full(len(ids), -1, "i8") if host is None else host.astype("i8")
    return Objects(
        object_id=ids,
        source=np.full(len(ids), source, "i2"),
        class_id=class_id,
        ra=ra,
        dec=dec,
        z=redshift_or_nan(_or_nan(head, "SIM_REDSHIFT_HELIO")),
        t0=np.where(t0 > 0, t0, np.nan),
        ebv_mw=_or_nan(head, "SIM_MWEBV"),
        host=np.where(host_id > 0, host_id, -1),
    )


def true_flux(
    head: FitsTable,
    phot: FitsTable,
    rows: NDArray[np.int64],
    owner: NDArray[np.int64],
    band: NDArray[np.int8],
) -> NDArray[np.float32]:
    """True difference flux f4[R] nJy of PHOT rows, NaN where the files have no truth.

    SIM_MAGOBS less the quiescent light of SIM_TEMPLATEMAG: the flux of a variable star is measured on
    the difference of two images, its SIM_MAGOBS is not.
    """
    mag = optional(phot, "SIM_MAGOBS")
    if mag is None:
        return np.full(len(rows), np.nan, "f4")
    flux = _light(mag[rows])
    for b, letter in enumerate(_LETTERS):
        quiescent = optional(head, f"SIM_TEMPLATEMAG_{letter}")
        if quiescent is not None:
            mine = band == b
            flux[mine] -= _light(quiescent)[owner[mine]]
    return flux.astype("f4")


def _light(mag: NDArray[Any]) -> NDArray[np.float64]:
    """nJy of AB magnitudes; 0 where the magnitude says that there is no light."""
    m = mag.astype("f8")
    return np.where((m > 0) & (m < UNDEFINED_MAG), 10 ** ((NJY_ZP - m) / 2.5), 0.0)


def parameters(head: FitsTable) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """The SIM_ columns that no table holds, with SNID, and their units."""
    columns: dict[str, NDArray[Any]] = {
        "SNID": np.array([s.decode("latin-1").strip() for s in need(head, "SNID")])
    }
    columns["SNID"] = columns["SNID"].astype("O")
    units = {"SNID": ""}
    for name in head.rows.dtype.names or ():
        if not name.startswith("SIM_") or name in _USED:
            continue
        value = head.rows[name]
        if value.ndim != 1 or value.dtype.kind not in "fi":
            continue
        if value.dtype.kind == "f":
            columns[name] = absent_as_nan(value, also=_MAGS if "MAG" in name else ())
        else:
            columns[name] = value.astype("i8")
        units[name] = "mag" if "MAG" in name or name in ("SIM_AV", "SIM_DLMU", "SIM_LENSDMU") else ""
    return columns, units
