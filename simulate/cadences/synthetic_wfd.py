"""A plan like LSST's wide survey, made up: seasons, moon, weather, nightly pairs; no file needed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from brokerbench.config import Config
from brokerbench.errors import ConfigError
from brokerbench.tables import Visits
from simulate.cadence import RUBIN_LONGITUDE, Cadence, finite_options, table_visits

BANDS = "ugrizy"
SHARE = np.array([0.070, 0.090, 0.220, 0.220, 0.200, 0.200])
# Ivezic et al. 2019 table 2: C_m, dark sky [mag/arcsec2], extinction [mag/airmass]
C_M = np.array([23.09, 24.42, 24.44, 24.32, 24.16, 23.73])
DARK = np.array([22.99, 22.26, 21.20, 20.48, 19.60, 18.61])
EXTINCTION = np.array([0.491, 0.213, 0.126, 0.096, 0.069, 0.170])
SEEING = np.array([0.92, 0.87, 0.83, 0.80, 0.78, 0.76]) / 0.83  # against r, at zenith
MOONLIGHT = np.array([3.0, 2.3, 1.2, 0.6, 0.25, 0.1])  # mag brighter at full moon
TWILIGHT = np.array([0.0, 0.0, 0.0, 0.15, 0.4, 0.75])  # mag brighter on average: visits near twilight
SITE_LATITUDE = -30.24
SYNODIC = 29.530589


class Options(Config, frozen=True):
    years: float = 1.0
    fields: int = 40
    start_mjd: float = 61041.0
    visits_per_year: float = 80.0
    """Mean over fields, of one field."""
    season_days: float = 190.0
    clear: float = 0.75
    """Share of nights with clear weather."""
    dither_deg: float = 0.3
    exposure: float = 30.0


def centres(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Field centres [deg] on a spiral of equal areas, declination -60 to +3."""
    k = np.arange(count) + 0.5
    low, high = np.sin(np.radians([-60.0, 3.0]))
    dec = np.degrees(np.arcsin(low + (high - low) * k / count))
    return (k * 360.0 * 0.6180339887498949) % 360.0, dec


def visits(options: Options, bands: Sequence[str], rng: np.random.Generator) -> Visits:
    finite_options(
        "survey.cadence.options", years=(options.years, 0.02), fields=(options.fields, 1),
        visits_per_year=(options.visits_per_year, 2), season_days=(options.season_days, 10),
        clear=(options.clear, 0.05),
    )  # fmt: skip
    if options.fields > 20000:
        raise ConfigError(f"survey.cadence.options.fields: expected 20000 or less, got {options.fields}")
    nights = int(np.ceil(options.years * 365.25))
    clear = rng.random(nights) < options.clear
    ra, dec = centres(options.fields)
    # hour angle at local midnight decides the season: the sun is opposite on its central night
    sun = 280.46 + 0.9856474 * (options.start_mjd - 51544.5 + np.arange(nights))
    away = (ra[:, None] - sun) % 360.0 - 180.0
    in_season = (np.abs(away) < options.season_days / 365.25 * 180.0) & clear
    pairs = options.visits_per_year * options.years / 2
    chance = pairs / np.maximum(in_season.sum(axis=1, keepdims=True), 1)
    field, night = np.nonzero(in_season & (rng.random(in_season.shape) < np.minimum(chance, 1.0)))
    n = len(night)
    moon = 0.5 * (1 - np.cos(2 * np.pi * ((options.start_mjd + night - 51550.26) % SYNODIC) / SYNODIC))
    band = _bands(rng, moon)
    second = np.where(rng.random(n) < 0.35, band, _bands(rng, moon))
    hour = 0.9 * away[field, night] / 15.0 + rng.normal(0, 1.2, n)  # of the night, from midnight
    hour = np.clip(hour, -4.2, 4.2)
    mjd = options.start_mjd + night - RUBIN_LONGITUDE / 360.0 + 1.0 + hour / 24
    mjd = np.concatenate([mjd, mjd + rng.normal(33.0, 5.0, n).clip(20, 50) / 1440])
    field, night, band, moon = (
        np.concatenate(p) for p in ([field] * 2, [night] * 2, [band, second], [moon] * 2)
    )
    shift = options.dither_deg * np.sqrt(rng.random(nights))[night]
    turn = (2 * np.pi * rng.random(nights))[night]
    conditions = _conditions(options, rng, night, band, moon, dec[field])
    east = shift * np.cos(turn) / np.cos(np.radians(dec[field]))
    columns = {
        "mjd": mjd,
        "ra": ra[field] + east,
        "dec": dec[field] + shift * np.sin(turn),
        "band": np.array(list(BANDS))[band],
        "exposure": np.full(2 * n, options.exposure),
        "night": night,
        **conditions,
    }
    order = np.argsort(mjd, kind="stable")
    columns = {name: value[order] for name, value in columns.items()}
    return table_visits(columns, bands, where="cadence synthetic_wfd")


def _bands(rng: np.random.Generator, moon: np.ndarray) -> np.ndarray:
    """Filters i8[n]: u and g while the moon is down, z and y while it is bright."""
    dark = np.array([2.0, 1.6, 1.15, 1.0, 0.7, 0.6])
    bright = np.array([0.0, 0.35, 0.85, 1.0, 1.35, 1.45])
    weight = SHARE * (dark + (bright - dark) * moon[:, None])
    weight[:, 0] *= 2.0 * (1 - moon) ** 2  # u is mounted around new moon alone
    cumulative = np.cumsum(weight, axis=1)
    return (cumulative < rng.random(len(moon))[:, None] * cumulative[:, -1:]).sum(axis=1)


def _conditions(options: Options, rng: np.random.Generator, night: np.ndarray, band: np.ndarray,
                moon: np.ndarray, dec: np.ndarray) -> dict[str, np.ndarray]:  # fmt: skip
    """Airmass, seeing, sky and depth of each visit (Ivezic et al. 2019 eq. 6)."""
    nights = int(night.max()) + 1 if len(night) else 1
    least = 1 / np.cos(np.radians(dec - SITE_LATITUDE))
    airmass = np.minimum(least + rng.exponential(0.12, len(night)), 2.2)
    of_night = 0.83 * np.exp(0.22 * rng.standard_normal(nights))
    seeing = of_night[night] * SEEING[band] * airmass**0.6 * np.exp(0.1 * rng.standard_normal(len(night)))
    sky = (
        DARK[band]
        - TWILIGHT[band]
        - MOONLIGHT[band] * moon**1.5 * 0.7
        - 0.25 * (airmass - 1)
        + 0.1 * rng.standard_normal(len(night))
    )
    m5 = C_M[band] + 0.5 * (sky - 21.0) + 2.5 * np.log10(0.7 / seeing)
    m5 += 1.25 * np.log10(options.exposure / 30.0) - EXTINCTION[band] * (airmass - 1)
    return {"airmass": airmass, "seeing": seeing, "sky": sky, "m5": m5}


CADENCE = Cadence(
    options=Options,
    visits=visits,
    reference="visit shares and depths of the LSST baseline; noise: Ivezic et al. 2019 eq. 6 and table 2",
)
