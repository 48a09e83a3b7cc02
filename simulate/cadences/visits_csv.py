"""Real or planned visits in a CSV file: our own column names, or those of OpSim's Summary table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from brokerbench.config import Config
from brokerbench.errors import InputError
from brokerbench.tables import Visits
from simulate.cadence import Cadence, pick, table_visits

COLUMNS = {
    "visit_id": ("visit_id", "observationId", "obsHistID", "visitId"),
    "mjd": ("mjd", "expMJD", "observationStartMJD", "expMidptMJD"),
    "ra": ("ra", "fieldRA"),
    "dec": ("dec", "fieldDec"),
    "band": ("band", "filter"),
    "exposure": ("exposure", "visitExpTime", "visitExposureTime", "expTime"),
    "seeing": ("seeing", "FWHMeff", "seeingFwhmEff"),
    "m5": ("m5", "fiveSigmaDepth", "magLim"),
    "sky": ("sky", "filtSkyBrightness", "skyBrightness"),
    "airmass": ("airmass",),
    "night": ("night",),
}
OPTIONAL = ("visit_id", "seeing", "sky", "airmass", "night")
STARTS = ("expMJD", "observationStartMJD")  # these name the start of the exposure, not its middle


class Options(Config, frozen=True):
    path: str
    radians: bool = False
    """Whether ra and dec are in radians, as in OpSim's older Summary tables."""


def visits(options: Options, bands: Sequence[str], rng: np.random.Generator) -> Visits:
    import pandas as pd

    file = Path(options.path)
    if not file.is_file():
        raise InputError(f"{file}: expected a CSV file of visits, got nothing there; check the path")
    try:
        table = pd.read_csv(file)
    except (ValueError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: expected a CSV file, got one that cannot be read ({error})") from error
    found = pick(list(table.columns), COLUMNS, where=str(file), optional=OPTIONAL)
    columns = {}
    for meaning, name in found.items():
        try:
            columns[meaning] = table[name].to_numpy(str if meaning == "band" else "f8")
        except ValueError as error:
            raise InputError(f"{file}: {name}: expected numbers, got text ({error})") from error
    if found["mjd"] in STARTS:
        columns["mjd"] = columns["mjd"] + columns["exposure"] / 86400 / 2
    if options.radians:
        columns["ra"], columns["dec"] = np.degrees(columns["ra"]), np.degrees(columns["dec"])
    elif len(table) and np.abs(columns["ra"]).max() <= 2 * np.pi and "fieldRA" in found.values():
        raise InputError(f"{file}: expected fieldRA in degrees, got radians; set radians = true")
    return table_visits(columns, bands, where=str(file))


CADENCE = Cadence(options=Options, visits=visits, reference="any table of visits, e.g. OpSim 4 Summary rows")
