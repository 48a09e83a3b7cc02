"""What a survey's galaxy catalogue says around each object: nearest and next galaxy in d_DLR.

Wrong and missing hosts are not flags: field galaxies lie around as a Poisson process, the true host
may be too faint or too far, and the catalogue sorts all of them by d_DLR.
"""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from brokerbench.tables import HOST_QUANTILES, Hosts
from simulate.galaxies import FIELD_COVER, Galaxies, field_galaxies
from simulate.offsets import d_dlr

__all__ = ["FARTHEST", "associate", "no_hosts"]

Array = NDArray[np.float64]

FARTHEST = 4.0
"""Largest d_DLR of a host (Gupta et al. 2016)."""

DEPTH = np.array([26.1, 27.4, 27.5, 26.8, 26.1, 24.9])
"""5-sigma depth of the galaxy catalogue, ugrizy: LSST after ten years, for extended sources."""
SMALLEST = 0.25  # arcsec: below this a galaxy is not resolved


def associate(
    rng: np.random.Generator, ra: Array, dec: Array, galaxies: Galaxies, offsets: tuple[Array, Array]
) -> tuple[Hosts, Hosts, NDArray[np.bool_]]:
    """Nearest and next catalogued galaxy, and whether the nearest is the true host, bool[n].

    ra, dec: f8[n] deg, of the objects. galaxies: their true hosts. offsets: of the objects from the
    hosts' centres, east and north [arcsec].
    """
    n = len(galaxies)
    detected = galaxies.mag[:, 3] < DEPTH[3]
    a = np.maximum(galaxies.radius, SMALLEST)
    b = np.maximum(galaxies.radius * galaxies.axis_ratio, SMALLEST)
    true = np.where(detected, d_dlr(*offsets, a=a, b=b, angle=galaxies.angle), np.inf)
    # arrival "times" of a Poisson process in d_DLR^2: pi * (density x a b) * d^2
    arrivals = np.cumsum(rng.standard_exponential((2, n)), axis=0)
    chance = np.sqrt(arrivals / (np.pi * FIELD_COVER))
    candidates = [(true, galaxies, offsets)]
    for distance in chance:
        galaxy = field_galaxies(rng, n)
        candidates.append((distance, galaxy, _displace(rng, galaxy, distance)))
    far = np.stack([c[0] for c in candidates])
    order = np.argsort(far, axis=0, kind="stable")
    tables = []
    for rank in range(2):
        which = order[rank]
        distance = far[which, np.arange(n)]
        galaxy = _choose([c[1] for c in candidates], which)
        east, north = (np.choose(which, [np.nan_to_num(c[2][i]) for c in candidates]) for i in range(2))
        table = _catalogued(rng, galaxy, ra - east / 3600 / np.cos(np.radians(dec)), dec - north / 3600)
        tables.append(_blank(table, np.hypot(east, north), distance > FARTHEST))
    return tables[0], tables[1], (order[0] == 0) & (far.min(axis=0) <= FARTHEST)


def no_hosts(n: int) -> Hosts:
    """The catalogue around n objects that have no galaxy: all NaN."""
    values = {c: np.full(n, np.nan) for c in ("ra", "dec")}
    single = {f.name: np.full(n, np.nan, "f4") for f in fields(Hosts) if f.name not in values}
    wide = {"zphot_q": 11, "mag": 6, "mag_err": 6}
    return Hosts(
        **values, **{k: np.full((n, wide[k]), np.nan, "f4") if k in wide else v for k, v in single.items()}
    )


def _displace(rng: np.random.Generator, galaxy: Galaxies, distance: Array) -> tuple[Array, Array]:
    """Offsets of an object at a given d_DLR of a galaxy, uniform in elliptical angle."""
    phi = rng.uniform(0, 2 * np.pi, len(galaxy))
    a = np.maximum(galaxy.radius, SMALLEST)
    b = np.maximum(galaxy.radius * galaxy.axis_ratio, SMALLEST)
    along, across = distance * a * np.cos(phi), distance * b * np.sin(phi)
    cos, sin = np.cos(galaxy.angle), np.sin(galaxy.angle)
    return along * cos - across * sin, along * sin + across * cos


def _choose(galaxies: list[Galaxies], which: NDArray[np.int64]) -> Galaxies:
    rows = np.arange(len(which))
    return Galaxies(
        **{f.name: np.stack([getattr(g, f.name) for g in galaxies])[which, rows] for f in fields(Galaxies)}
    )


def _blank(table: Hosts, sep: Array, absent: NDArray[np.bool_]) -> Hosts:
    """The table with its separations, all NaN where no galaxy is near."""
    values = {}
    for name, value in table.as_dict().items():
        value = sep.astype("f4") if name == "sep" else np.array(value)
        value[absent] = np.nan
        values[name] = value
    return Hosts(**values)


def _catalogued(rng: np.random.Generator, galaxy: Galaxies, ra: Array, dec: Array) -> Hosts:
    """Catalogue entries: magnitudes with noise, photometric and (for bright ones) spectroscopic z."""
    n = len(galaxy)
    error = np.hypot(0.01, 0.217 * 10 ** (0.4 * (galaxy.mag - DEPTH)))  # 1.0857 / 5 at the depth
    measured = galaxy.mag + np.minimum(error, 1.0) * rng.standard_normal(galaxy.mag.shape)
    invisible = galaxy.mag > DEPTH + 1.0
    zphot, zphot_err, quantiles = _photometric_redshift(rng, galaxy)
    chance = 0.9 / (1 + np.exp(1.6 * (galaxy.mag[:, 3] - 19.8)))
    observed = rng.random(n) < chance
    zspec_err = 2e-4
    zspec = galaxy.z + zspec_err * rng.standard_normal(n)
    a = np.maximum(galaxy.radius, SMALLEST)
    b = np.maximum(galaxy.radius * galaxy.axis_ratio, SMALLEST)
    return Hosts(
        ra=ra % 360.0,
        dec=dec,
        sep=np.zeros(n, "f4"),
        ellipticity=(1 - b / a).astype("f4"),
        sqradius=(a**2 + b**2).astype("f4"),
        zspec=np.where(observed, zspec, np.nan).astype("f4"),
        zspec_err=np.where(observed, zspec_err, np.nan).astype("f4"),
        zphot=zphot.astype("f4"),
        zphot_err=zphot_err.astype("f4"),
        zphot_q=quantiles.astype("f4"),
        mag=np.where(invisible, np.nan, measured).astype("f4"),
        mag_err=np.where(invisible, np.nan, error).astype("f4"),
    )


def _photometric_redshift(rng: np.random.Generator, galaxy: Galaxies) -> tuple[Array, Array, Array]:
    """Mean, standard deviation f8[n] and quantiles f8[n, 11] of a photometric redshift.

    Scatter 0.02 (1+z) for bright galaxies, growing to 0.06 (1+z) at i = 25.3; bias 0.003 (1+z);
    outliers 2 to 10 % over the same range, anywhere in 0 < z < 3 (LSST Science Book 2009, ch. 3).
    """
    n = len(galaxy)
    faint = np.clip((galaxy.mag[:, 3] - 20.0) / 5.3, 0.0, 1.0)
    sigma = (0.02 + 0.04 * faint**2) * (1 + galaxy.z)
    centre = galaxy.z + 0.003 * (1 + galaxy.z) + sigma * rng.standard_normal(n)
    outlier = rng.random(n) < 0.02 + 0.08 * faint
    centre = np.where(outlier, rng.uniform(0.02, 3.0, n), centre)
    sigma = np.where(outlier, 1.5, 1.0) * sigma
    centre = np.maximum(centre, 0.01)
    low = ndtr(-centre / sigma)  # a redshift is not negative
    levels = np.clip(np.array(HOST_QUANTILES) / 100.0, 1e-3, 1 - 1e-3)
    quantiles = centre[:, None] + sigma[:, None] * ndtri(levels)
    cut = low > 1e-9  # most are far enough from zero not to feel it
    share = low[cut, None] + levels * (1 - low[cut, None])
    quantiles[cut] = np.maximum(centre[cut, None] + sigma[cut, None] * ndtri(share), 0.0)
    hazard = np.exp(-0.5 * (centre / sigma) ** 2) / np.sqrt(2 * np.pi) / (1 - low)
    mean = centre + sigma * hazard
    spread = sigma * np.sqrt(np.maximum(1 - (centre / sigma) * hazard - hazard**2, 0.05))
    return mean, spread, quantiles
