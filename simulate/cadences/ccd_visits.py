"""Real CcdVisit tables of Rubin (DP1 and later): a row a detector and exposure, Parquet or CSV.

A detector is small: give survey.field_radius_deg = 0.1265, the circle of its area.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from brokerbench.config import Config
from brokerbench.errors import InputError
from brokerbench.tables import Visits
from simulate.cadence import Cadence, pick, table_visits

COLUMNS = {
    "visit_id": ("ccdVisitId", "visitId"),
    "mjd": ("expMidptMJD",),
    "ra": ("ra",),
    "dec": ("dec", "decl"),
    "band": ("band",),
    "exposure": ("expTime",),
    "seeing": ("seeing",),
    "m5": ("magLim",),
    "airmass": ("airmass",),
}
OPTIONAL = ("visit_id", "exposure", "seeing", "airmass")
PIXEL = 0.2  # arcsec


class Options(Config, frozen=True):
    path: str
    exposure: float = 30.0
    """Where the table has none."""


def visits(options: Options, bands: Sequence[str], rng: np.random.Generator) -> Visits:
    import pandas as pd

    file = Path(options.path)
    if not file.is_file():
        raise InputError(f"{file}: expected a CcdVisit table, got nothing there; check the path")
    try:
        table = pd.read_parquet(file) if file.suffix == ".parquet" else pd.read_csv(file)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{file}: expected a CcdVisit table, got one that cannot be read ({error})"
        ) from error
    found = pick(list(table.columns), COLUMNS, where=str(file), optional=OPTIONAL)
    columns = {m: table[name].to_numpy(str if m == "band" else "f8") for m, name in found.items()}
    columns.setdefault("exposure", np.full(len(table), options.exposure))
    if {"skyBg", "zeroPoint"} <= set(table.columns):
        # counts a pixel against the zero point of the whole exposure
        background = np.maximum(table["skyBg"].to_numpy("f8"), 1e-3)
        columns["sky"] = table["zeroPoint"].to_numpy("f8") - 2.5 * np.log10(background / PIXEL**2)
    return table_visits(columns, bands, where=str(file))


CADENCE = Cadence(options=Options, visits=visits, reference="Rubin data product CcdVisit (DP1, RTN-095)")
