"""A plan like LSST's wide survey, made up: seasons, moon, weather, nightly pairs; no file needed.

Options add a rolling cadence (half of the fields gets most of the visits of a year) and deep fields.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from brokerbench.config import Config
from brokerbench.errors import ConfigError
from brokerbench.tables import Visits
from simulate import dust
from simulate.cadence import RUBIN_LONGITUDE, Cadence, finite_options, table_visits

Array = NDArray[np.float64]
Index = NDArray[np.int64]

BANDS = "ugrizy"
SHARE = np.array([0.070, 0.090, 0.220, 0.220, 0.200, 0.200])
# Ivezic et al. 2019 table 2: C_m, dark sky [mag/arcsec2], extinction [mag/airmass]
C_M = np.array([23.09, 24.42, 24.44, 24.32, 24.16, 23.73])
DARK = np.array([22.99, 22.26, 21.20, 20.48, 19.60, 18.61])
EXTINCTION = np.array([0.491, 0.213, 0.126, 0.096, 0.069, 0.170])
SEEING = np.array([0.92, 0.87, 0.83, 0.80, 0.78, 0.76]) / 0.83  # against r, at zenith
MOONLIGHT = np.array([2.1, 1.6, 0.84, 0.42, 0.18, 0.07])  # mag brighter at full moon
TWILIGHT = np.array([0.0, 0.0, 0.0, 0.15, 0.4, 0.75])  # mag brighter on average: visits near twilight
SITE_LATITUDE = -30.24
SYNODIC = 29.530589


class Options(Config, frozen=True):
    years: float = 1.0
    fields: int = 40
    start_mjd: float = 61041.0
    visits_per_year: float = 80.0
    """Of one field, mean over the fields."""
    season_days: float = 190.0
    clear: float = 0.75
    """Share of nights with clear weather."""
    dither_deg: float = 0.3
    exposure: float = 30.0
    avoid_plane_deg: float = 15.0
    """No field centre lies nearer to the Galactic plane."""
    rolling: float = 0.0
    """0: each year alike. 0.8: one half of the fields gets 1.8 times as many visits, the other 0.2."""
    deep_fields: int = 0
    """The first so many fields are deep ones."""
    deep_visits_per_year: float = 800.0


class Pairs(NamedTuple):
    """Pairs of visits: field and night of each, and the hours that the field is from midnight's meridian."""

    field: Index
    night: Index
    hour: Array


def visits(options: Options, bands: Sequence[str], rng: np.random.Generator) -> Visits:
    check(options)
    nights = int(np.ceil(options.years * 365.25))
    # the first field is opposite to the sun in the middle of the first season
    middle = sun(options) + min(nights, 180) / 2
    ra, dec = centres(options.fields, options.avoid_plane_deg, middle + 180.0)
    pairs = choose(options, rng, ra, nights)
    n = len(pairs.night)
    phase = ((options.start_mjd + pairs.night - 51550.26) % SYNODIC) / SYNODIC
    moon = 0.5 * (1 - np.cos(2 * np.pi * phase))
    band = filters(rng, moon)
    band = np.concatenate([band, np.where(rng.random(n) < 0.35, band, filters(rng, moon))])
    first = options.start_mjd + pairs.night - RUBIN_LONGITUDE / 360.0 + 1.0 + pairs.hour / 24
    second = first + rng.normal(33.0, 5.0, n).clip(20, 50) / 1440
    field, night, moon = (np.tile(x, 2) for x in (pairs.field, pairs.night, moon))
    shift = options.dither_deg * np.sqrt(rng.random(nights))[night]
    turn = (2 * np.pi * rng.random(nights))[night]
    columns = {
        "mjd": np.concatenate([first, second]),
        "ra": ra[field] + shift * np.cos(turn) / np.cos(np.radians(dec[field])),
        "dec": dec[field] + shift * np.sin(turn),
        "band": np.array(list(BANDS))[band],
        "exposure": np.full(2 * n, options.exposure),
        "night": night,
        **conditions(options, rng, night, band, moon, dec[field]),
    }
    order = np.argsort(columns["mjd"], kind="stable")
    columns = {name: value[order] for name, value in columns.items()}
    return table_visits(columns, bands, where="cadence synthetic_wfd")


def check(options: Options) -> None:
    where = "survey.cadence.options"
    finite_options(
        where,
        years=(options.years, 0.02),
        fields=(options.fields, 1),
        visits_per_year=(options.visits_per_year, 2),
        season_days=(options.season_days, 10),
        clear=(options.clear, 0.05),
        deep_fields=(options.deep_fields, 0),
        rolling=(options.rolling, 0),
    )
    highest = {"fields": 20000, "rolling": 1.0, "avoid_plane_deg": 60.0, "deep_fields": options.fields}
    for name, high in highest.items():
        if getattr(options, name) > high:
            raise ConfigError(f"{where}.{name}: expected {high} or less, got {getattr(options, name)}")


def sun(options: Options) -> float:
    """Mean longitude of the sun on the first night [deg]."""
    return 280.46 + 0.9856474 * (options.start_mjd - 51544.5)


def centres(count: int, avoid: float, first: float) -> tuple[Array, Array]:
    """Field centres [deg] on a spiral of equal areas, declination -60 to +3, off the Galactic plane."""
    low, high = np.sin(np.radians([-60.0, 3.0]))
    total = count
    while True:
        k = np.arange(total, dtype="f8") + 0.5
        dec: Array = np.degrees(np.arcsin(low + (high - low) * k / total))
        ra: Array = (first + (k - 0.5) * 360.0 * 0.6180339887498949) % 360.0
        keep = np.abs(dust.galactic_latitude(ra, dec)) >= avoid
        if keep.sum() >= count:
            return ra[keep][:count], dec[keep][:count]
        total += max(1, count - int(keep.sum()))


def choose(options: Options, rng: np.random.Generator, ra: Array, nights: int) -> Pairs:
    """The nights on which each field is observed: clear ones of its season, as often as asked for."""
    clear = rng.random(nights) < options.clear
    # the sun is opposite on the central night of a season
    away = (ra[:, None] - sun(options) - 0.9856474 * np.arange(nights)) % 360.0 - 180.0
    possible = (np.abs(away) < options.season_days / 365.25 * 180.0) & clear
    rate = np.full(options.fields, options.visits_per_year)
    rate[: options.deep_fields] = options.deep_visits_per_year
    pairs = rate * options.years / 2
    chance = (pairs / np.maximum(possible.sum(axis=1), 1))[:, None] * np.ones(nights)
    year = np.arange(nights) // 365.25
    favoured = (np.arange(options.fields)[:, None] + year) % 2 == 0
    wide = np.arange(options.fields) >= options.deep_fields
    chance[wide] *= np.where(favoured, 1 + options.rolling, 1 - options.rolling)[wide]
    # more than a pair in a night where the rate asks for it, as deep fields do
    number = np.floor(chance + rng.random(possible.shape)).astype("i8") * possible
    field, night = np.nonzero(number)
    repeat = number[field, night]
    field, night = np.repeat(field, repeat), np.repeat(night, repeat)
    hour = 0.9 * away[field, night] / 15.0 + rng.normal(0, 1.2, len(night))
    return Pairs(field, night, np.clip(hour, -4.2, 4.2))


def filters(rng: np.random.Generator, moon: Array) -> Index:
    """Filters i8[n]: u and g while the moon is down, z and y while it is bright."""
    dark = np.array([2.0, 1.6, 1.15, 1.0, 0.7, 0.6])
    bright = np.array([0.0, 0.35, 0.85, 1.0, 1.35, 1.45])
    weight = SHARE * (dark + (bright - dark) * moon[:, None])
    weight[:, 0] *= 2.0 * (1 - moon) ** 2  # u is mounted around new moon alone
    cumulative = np.cumsum(weight, axis=1)
    return (cumulative < rng.random(len(moon))[:, None] * cumulative[:, -1:]).sum(axis=1)


def conditions(
    options: Options, rng: np.random.Generator, night: Index, band: Index, moon: Array, dec: Array
) -> dict[str, Array]:
    """Airmass, seeing, sky and depth of each visit (Ivezic et al. 2019 eq. 6)."""
    nights = int(night.max()) + 1 if len(night) else 1
    least = 1 / np.cos(np.radians(dec - SITE_LATITUDE))
    airmass = np.minimum(least + rng.exponential(0.12, len(night)), 2.2)
    of_night = 0.83 * np.exp(0.22 * rng.standard_normal(nights))
    seeing = of_night[night] * SEEING[band] * airmass**0.6 * np.exp(0.1 * rng.standard_normal(len(night)))
    sky = DARK[band] - TWILIGHT[band] - MOONLIGHT[band] * moon**1.5 - 0.25 * (airmass - 1)
    sky += 0.1 * rng.standard_normal(len(night))
    m5 = C_M[band] + 0.5 * (sky - 21.0) + 2.5 * np.log10(0.7 / seeing)
    m5 += 1.25 * np.log10(options.exposure / 30.0) - EXTINCTION[band] * (airmass - 1)
    return {"airmass": airmass, "seeing": seeing, "sky": sky, "m5": m5}


CADENCE = Cadence(
    options=Options,
    visits=visits,
    reference="visit shares and depths of the LSST baseline; noise: Ivezic et al. 2019 eq. 6 and table 2",
)
