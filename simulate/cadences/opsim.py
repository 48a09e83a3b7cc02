"""An observing plan in an OpSim sqlite file, old or new column names."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import numpy as np

from brokerbench.config import Config
from brokerbench.errors import InputError
from brokerbench.tables import Visits
from simulate.cadence import Cadence, pick, table_visits

COLUMNS = {
    "visit_id": ("observationId", "obsHistID"),
    "mjd": ("observationStartMJD", "expMJD"),
    "ra": ("fieldRA",),
    "dec": ("fieldDec",),
    "band": ("band", "filter"),
    "exposure": ("visitExposureTime", "visitExpTime"),
    "seeing": ("seeingFwhmEff", "FWHMeff"),
    "m5": ("fiveSigmaDepth",),
    "sky": ("skyBrightness", "filtSkyBrightness"),
    "airmass": ("airmass",),
    "night": ("night",),
}
OPTIONAL = ("visit_id", "seeing", "sky", "airmass", "night")


class Options(Config, frozen=True):
    path: str
    years: float | None = None
    """Only the first so many years."""


def visits(options: Options, bands: Sequence[str], rng: np.random.Generator) -> Visits:
    file = Path(options.path)
    if not file.is_file():
        raise InputError(f"{file}: expected an OpSim sqlite file, got nothing there; check the path")
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file.resolve()))}?mode=ro", uri=True)) as database:
            tables = {
                row[0] for row in database.execute("select name from sqlite_master where type = 'table'")
            }
            table = next((t for t in ("observations", "SummaryAllProps", "Summary") if t in tables), None)
            if table is None:
                raise InputError(f"{file}: expected a table 'observations', got {', '.join(sorted(tables))}")
            available = [row[1] for row in database.execute(f"pragma table_info({table})")]
            found = pick(available, COLUMNS, where=str(file), optional=OPTIONAL)
            names = ", ".join(f'"{name}"' for name in found.values())
            rows = database.execute(f"select {names} from {table}").fetchall()
    except sqlite3.DatabaseError as error:
        raise InputError(
            f"{file}: expected an OpSim sqlite file, got one that cannot be read ({error})"
        ) from error
    values = list(zip(*rows, strict=True)) or [()] * len(found)
    columns = {m: np.array(v, dtype=str if m == "band" else "f8") for m, v in zip(found, values, strict=True)}
    columns["mjd"] = columns["mjd"] + columns["exposure"] / 86400 / 2
    if options.years is not None and len(columns["mjd"]):
        early = columns["mjd"] < columns["mjd"].min() + 365.25 * options.years
        columns = {name: value[early] for name, value in columns.items()}
    if (np.abs(columns["dec"]) > 90).any():
        raise InputError(f"{file}: expected declinations in degrees, got values beyond 90")
    return table_visits(columns, bands, where=str(file))


CADENCE = Cadence(options=Options, visits=visits, reference="OpSim / FBS output (table observations)")
