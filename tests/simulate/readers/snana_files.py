"""Small SNANA file pairs, written by astropy: an independent hand from the reader under test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

VERSION = "TMP_abcd_ELASTICC2_TRAIN_01_SNIb-Templates_NONIaMODEL0-0001_7"
SEPARATOR = -777.0


def head_columns(counts: list[int], type_index: int = 20) -> dict[str, np.ndarray]:
    """Columns of a HEAD file of objects with so many rows each."""
    n = len(counts)
    ends = np.cumsum(np.array(counts, "i8") + 1) - 1  # a row of -777 ends each object
    return {
        "SNID": np.array([str(100 + i) for i in range(n)], "S16"),
        "RA": np.full(n, 10.0),
        "DEC": np.full(n, -9.0),  # a declination that looks like "absent"
        "PIXSIZE": np.full(n, 0.2, "f4"),
        "SNTYPE": np.full(n, 100 + type_index, "i4"),
        "NOBS": np.array(counts, "i4"),
        "PTROBS_MIN": (ends - counts + 1).astype("i4"),
        "PTROBS_MAX": ends.astype("i4"),
        "MWEBV": np.full(n, 0.05, "f4"),
        "MWEBV_ERR": np.full(n, 0.01, "f4"),
        "REDSHIFT_FINAL": np.full(n, 0.3, "f4"),
        "REDSHIFT_FINAL_ERR": np.full(n, 0.02, "f4"),
        "HOSTGAL_OBJID": np.full(n, 7, "i8"),
        "HOSTGAL_PHOTOZ": np.full(n, 0.31, "f4"),
        "HOSTGAL_PHOTOZ_ERR": np.full(n, -9.0, "f4"),
        "HOSTGAL_RA": np.full(n, 10.0001),
        "HOSTGAL_DEC": np.full(n, -9.0),
        "HOSTGAL_SNSEP": np.full(n, 0.36, "f4"),
        "HOSTGAL_MAG_r": np.full(n, 999.0, "f4"),
        "SIM_TYPE_INDEX": np.full(n, type_index, "i2"),
        "SIM_REDSHIFT_HELIO": np.full(n, 0.32, "f4"),
        "SIM_RA": np.full(n, 10.0),
        "SIM_DEC": np.full(n, -9.0),
        "SIM_PEAKMJD": np.full(n, 60010.5, "f4"),
        "SIM_MWEBV": np.full(n, 0.06, "f4"),
        "SIM_AV": np.full(n, -9.0, "f4"),
        "SIM_TEMPLATE_INDEX": np.arange(n, dtype="i4"),
    }


def phot_columns(counts: list[int], *, first_mjd: float = 60000.0) -> dict[str, np.ndarray]:
    """Columns of the PHOT file beside it: rows a day apart, then a row of -777 for each object."""
    blocks = []
    for count in counts:
        k = np.arange(count)
        blocks.append(
            {
                "MJD": np.append(first_mjd + 1.25 * k, SEPARATOR),
                "BAND": np.append(np.array(list("ugrizY"), "S2")[k % 6], b"-"),
                "PHOTFLAG": np.append(np.where(k >= 2, 4096, 0), 0).astype("i4"),
                "FLUXCAL": np.append(10.0 + k, SEPARATOR).astype("f4"),
                "FLUXCALERR": np.append(np.full(count, 2.0), SEPARATOR).astype("f4"),
                "PSF_SIG1": np.append(np.full(count, 1.8), -9.0).astype("f4"),
                "SKY_SIG": np.append(np.full(count, 47.0), -9.0).astype("f4"),
                "ZEROPT": np.append(np.full(count, 30.1), -9.0).astype("f4"),
                "SIM_MAGOBS": np.append(27.5 - 2.5 * np.log10(10.0 + k), 99.0).astype("f4"),
            }
        )
    return {name: np.concatenate([b[name] for b in blocks]) for name in blocks[0]}


def write_file(path: Path, columns: dict[str, np.ndarray], header: dict[str, Any]) -> None:
    """Write one table with a primary header."""
    primary = fits.PrimaryHDU()
    primary.header.update({"SURVEY": "LSST", "HIERARCH PHOTFLAG_DETECT": 4096, **header})
    table = fits.BinTableHDU(np.rec.fromarrays(list(columns.values()), names=",".join(columns)))
    fits.HDUList([primary, table]).writeto(path)


def write_pair(
    folder: Path,
    counts: list[int],
    *,
    stem: str = "MODEL-0001",
    version: str = VERSION,
    suffix: str = "FITS.gz",
    head: dict[str, np.ndarray] | None = None,
    phot: dict[str, np.ndarray] | None = None,
) -> Path:
    """Write HEAD and PHOT of objects with so many rows each; the folder. `head`, `phot` replace columns."""
    folder.mkdir(parents=True, exist_ok=True)
    heads = head_columns(counts) | (head or {})
    phots = phot_columns(counts) | (phot or {})
    write_file(folder / f"{stem}_HEAD.{suffix}", heads, {"VERSION": version})
    write_file(folder / f"{stem}_PHOT.{suffix}", phots, {"VERSION": version})
    return folder
