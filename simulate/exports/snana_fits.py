"""SNANA's FITS pairs: a HEAD file with a row an object, a PHOT file with its measurements (FLUXCAL)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from astropy.io import fits

from brokerbench.taxonomy import ELASTICC2
from simulate.export import FLUXCAL, Export, ObjectPart, absent

END = -777.0  # of an object in a PHOT file
DETECTED = 4096  # bit of PHOTFLAG


def gentypes(class_ids: np.ndarray) -> np.ndarray:
    """ELAsTiCC's SNANA gentypes i8[n] of classes; 0 where it had none."""
    numbers = np.arange(1, 100)
    by_class: dict[int, int] = {}
    for number, class_id in zip(numbers.tolist(), ELASTICC2.from_gentype(numbers).tolist(), strict=True):
        by_class.setdefault(class_id, number)
    by_class.pop(-1, None)
    return np.array([by_class.get(int(c), 0) for c in class_ids], "i8")


def heads(part: ObjectPart, truth: bool) -> fits.BinTableHDU:
    """Pointers count from 1; each object is followed by a row that ends it."""
    first = part.offsets[:-1] + np.arange(len(part)) + 1
    last = part.offsets[1:] + np.arange(len(part))
    hosts = part.hosts

    def column(name: str, kind: str, values: np.ndarray) -> fits.Column:
        return fits.Column(name=name, format=kind, array=values)

    columns = [
        column("SNID", "16A", part.seen.object_id.astype("U16")),
        column("FAKE", "1I", np.full(len(part), 2)),
        column("RA", "1D", part.seen.ra),
        column("DEC", "1D", part.seen.dec),
        column("NOBS", "1J", np.diff(part.offsets)),
        column("PTROBS_MIN", "1J", first),
        column("PTROBS_MAX", "1J", last),
        column("MWEBV", "1E", part.seen.mwebv),
        column("MWEBV_ERR", "1E", part.seen.mwebv_err),
        column("REDSHIFT_FINAL", "1E", absent(part.seen.z_final, -9.0)),
        column("REDSHIFT_FINAL_ERR", "1E", absent(part.seen.z_final_err, -9.0)),
        column("HOSTGAL_PHOTOZ", "1E", absent(hosts.zphot, -9.0)),
        column("HOSTGAL_PHOTOZ_ERR", "1E", absent(hosts.zphot_err, -9.0)),
        column("HOSTGAL_SPECZ", "1E", absent(hosts.zspec, -9.0)),
        column("HOSTGAL_SPECZ_ERR", "1E", absent(hosts.zspec_err, -9.0)),
        column("HOSTGAL_SNSEP", "1E", absent(hosts.sep, -9.0)),
    ]
    for b, band in enumerate("ugrizY"):
        columns.append(column(f"HOSTGAL_MAG_{band}", "1E", absent(hosts.mag[:, b], 999.0)))
        columns.append(column(f"HOSTGAL_MAGERR_{band}", "1E", absent(hosts.mag_err[:, b], 999.0)))
    if truth:
        columns.append(column("SIM_TYPE_INDEX", "1J", gentypes(part.objects.class_id)))
        columns.append(column("SIM_REDSHIFT_HELIO", "1E", absent(part.objects.z, -9.0)))
        columns.append(column("SIM_PEAKMJD", "1E", part.objects.t0))
    return fits.BinTableHDU.from_columns(columns)


def photometry(part: ObjectPart) -> fits.BinTableHDU:
    n = len(part.mjd) + len(part)
    end = part.offsets[1:] + np.arange(len(part))
    here = np.ones(n, bool)
    here[end] = False

    def spread(values: np.ndarray, last: float | str, dtype: str) -> np.ndarray:
        out = np.full(n, last, dtype)
        out[here] = values
        return out

    bands = np.array([b.upper() if b == "y" else b for b in part.bands])[part.band]
    return fits.BinTableHDU.from_columns(
        [
            fits.Column(name="MJD", format="1D", array=spread(part.mjd, END, "f8")),
            fits.Column(name="BAND", format="2A", array=spread(bands, "-", "U2")),
            fits.Column(
                name="PHOTFLAG",
                format="1J",
                array=spread(np.where(part.detected, DETECTED, 0), 0, "i4"),
            ),
            fits.Column(name="PHOTPROB", format="1E", array=spread(part.detected.astype("f4"), 0, "f4")),
            fits.Column(name="FLUXCAL", format="1E", array=spread(part.flux * FLUXCAL, END, "f4")),
            fits.Column(name="FLUXCALERR", format="1E", array=spread(part.flux_err * FLUXCAL, END, "f4")),
            fits.Column(name="ZEROPT", format="1E", array=spread(27.5 + 0 * part.flux, END, "f4")),
        ]
    )


def write(parts: Iterator[ObjectPart], folder: Path, truth: bool) -> None:
    names = []
    for part in parts:
        head, phot = f"{part.name}_HEAD.FITS", f"{part.name}_PHOT.FITS"
        header = fits.PrimaryHDU()
        header.header["PHOTFILE"] = phot
        header.header["SURVEY"] = "LSST"
        header.header["FILTERS"] = "".join(b.upper() if b == "y" else b for b in part.bands)
        header.header["DATATYPE"] = "DATA"
        header.header["TYPES"] = "ELASTICC"  # whose numbers SIM_TYPE_INDEX has
        fits.HDUList([header, heads(part, truth)]).writeto(folder / head)
        fits.HDUList([fits.PrimaryHDU(), photometry(part)]).writeto(folder / phot)
        names.append(head)
    (folder / "RUN.LIST").write_text("\n".join(names) + "\n")


EXPORT = Export(write=write, reference="SNANA manual sec. 4 (FITS format)")
