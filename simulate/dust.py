"""Dust: how much there is in the Milky Way, and what it takes from each passband."""

from __future__ import annotations

from functools import lru_cache

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from brokerbench.rng import stream
from simulate.photometry import Passbands

__all__ = [
    "MAP_ERROR",
    "band_extinction",
    "odonnell94",
    "ebv",
    "galactic_latitude",
    "tabulated",
    "to_galactic",
]

Array = NDArray[np.float64]

MAP_ERROR = 0.16
"""Relative error of a dust map's E(B-V) (Schlegel, Finkbeiner & Davis 1998)."""

# ICRS to Galactic (Hipparcos catalogue, ESA 1997, vol. 1 eq. 1.5.11)
_TO_GALACTIC = np.array(
    [
        [-0.0548755604, -0.8734370902, -0.4838350155],
        [+0.4941094279, -0.4448296300, +0.7469822445],
        [-0.8676661490, -0.1980763734, +0.4559837762],
    ]
)


def to_galactic(ra: Array, dec: Array) -> Array:
    """Galactic unit vectors f8[n, 3] of ICRS positions f8[n] deg."""
    a, d = np.radians(ra), np.radians(dec)
    icrs = np.stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)], axis=-1)
    return icrs @ _TO_GALACTIC.T


def galactic_latitude(ra: Array, dec: Array) -> Array:
    """Galactic latitudes f8[n] deg."""
    return np.degrees(np.arcsin(np.clip(to_galactic(ra, dec)[:, 2], -1, 1)))


def ebv(ra: Array, dec: Array) -> Array:
    """Galactic E(B-V) f8[n] mag of a smooth model of the dust: no file, no network.

    A layer with 0.020 mag at the pole and csc|b| beyond, softened in the plane where it would
    diverge, times a fixed log-normal texture on scales of 60 to 3 degrees (sigma 0.45). Median at
    |b| > 20 deg is 0.03 mag, as in the sightlines of ELAsTiCC (map of Schlegel et al. 1998).
    """
    place = to_galactic(np.asarray(ra, "f8"), np.asarray(dec, "f8"))
    x, y, z = np.ascontiguousarray(place.T)
    return _ebv(x, y, z, *_texture())


@numba.njit(cache=True, nogil=True)
def _ebv(x, y, z, waves, phases, weights):  # type: ignore[no-untyped-def]
    texture = np.zeros(x.size)
    for k in range(phases.size):  # the inner loop over places has no branch and no call: it is vectorised
        a, b, c, phase, weight = waves[k, 0], waves[k, 1], waves[k, 2], phases[k], weights[k]
        for i in range(x.size):
            turns = (a * x[i] + b * y[i] + c * z[i] + phase) * (1 / np.pi)
            whole = np.floor(turns + 0.5)
            r = (turns - whole) * np.pi  # -pi/2 to pi/2; the series ends at r^13, 7e-10
            q = r * r
            sine = 1 - q / 156
            sine = 1 - q / 110 * sine
            sine = 1 - q / 72 * sine
            sine = 1 - q / 42 * sine
            sine = 1 - q / 20 * sine
            sine = r * (1 - q / 6 * sine)
            odd = whole - 2 * np.floor(0.5 * whole)
            texture[i] += weight * (1 - 2 * odd) * sine
    out = np.empty(x.size)
    for i in range(out.size):
        out[i] = 0.020 / np.sqrt(z[i] * z[i] + 0.015**2) * np.exp(0.45 * texture[i])
    return out


@lru_cache(maxsize=1)
def _texture() -> tuple[Array, Array, Array]:
    """Plane waves that make a Gaussian field of unit variance on the sphere."""
    rng = stream(19980101, "dust texture")
    count = 48
    direction = rng.standard_normal((count, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    scale = 360.0 / np.geomspace(60.0, 3.0, count)
    weight = np.geomspace(1.0, 0.35, count)
    weight *= np.sqrt(2.0 / np.sum(weight**2))
    return direction * scale[:, None], rng.uniform(0, 2 * np.pi, count), weight


def odonnell94(wave: ArrayLike, r_v: float = 3.1) -> Array:
    """A(lambda) / A(V) f8[n] at wavelengths f8[n] A, 1000 A to 3.3 um.

    Cardelli, Clayton & Mathis 1989 eq. 2-5, with the optical polynomials of O'Donnell 1994.
    Beyond either end the value at the end is kept in the ultraviolet and falls as a power law in
    the infrared.
    """
    x = np.clip(1e4 / np.asarray(wave, "f8"), 0.1, 10.0)
    return _a(x) + _b(x) / r_v


_PER_UNIT = 1000  # nodes of the tabulated law per 1/um


@lru_cache(maxsize=4)
def _law_table(r_v: float) -> Array:
    """The law at 1/wavelength from 0 to 10.002 in steps of 1/_PER_UNIT [1/um]."""
    x = np.maximum(np.arange(10 * _PER_UNIT + 3) / _PER_UNIT, 1e-3)
    return odonnell94(1e4 / x, r_v)


def tabulated(wave: Array, r_v: float = 3.1) -> Array:
    """As `odonnell94` for wavelengths f8[n, b] A from a table; within 1e-5 where the law does not jump."""
    return _tabulated(np.ascontiguousarray(wave, "f8").ravel(), _law_table(r_v)).reshape(np.shape(wave))


@numba.njit(cache=True, nogil=True)
def _tabulated(wave, table):  # type: ignore[no-untyped-def]
    out = np.empty(wave.size)
    for i in range(wave.size):
        at = min(max(1e4 / wave[i], 0.1), 10.0) * _PER_UNIT
        low = int(at)
        out[i] = table[low] + (at - low) * (table[low + 1] - table[low])
    return out


def _a(x: Array) -> Array:
    infrared = 0.574 * x**1.61
    optical = np.polyval([-0.505, 1.647, -0.827, -1.718, 1.137, 0.701, -0.609, 0.104, 1.0], x - 1.82)
    near = 1.752 - 0.316 * x - 0.104 / ((x - 4.67) ** 2 + 0.341) + _f_a(x)
    far = np.polyval([-0.070, 0.137, -0.628, -1.073], x - 8.0)
    return np.select([x < 1.1, x < 3.3, x < 8.0], [infrared, optical, near], far)


def _b(x: Array) -> Array:
    infrared = -0.527 * x**1.61
    optical = np.polyval([3.347, -10.805, 5.491, 11.102, -7.985, -3.989, 2.908, 1.952, 0.0], x - 1.82)
    near = -3.090 + 1.825 * x + 1.206 / ((x - 4.62) ** 2 + 0.263) + _f_b(x)
    far = np.polyval([0.374, -0.420, 4.257, 13.670], x - 8.0)
    return np.select([x < 1.1, x < 3.3, x < 8.0], [infrared, optical, near], far)


def _f_a(x: Array) -> Array:
    y = np.maximum(x - 5.9, 0.0)
    return -0.04473 * y**2 - 0.009779 * y**3


def _f_b(x: Array) -> Array:
    y = np.maximum(x - 5.9, 0.0)
    return 0.2130 * y**2 + 0.1207 * y**3


@lru_cache(maxsize=16)
def band_extinction(passbands: Passbands, r_v: float = 3.1) -> Array:
    """A(band) / E(B-V) f8[b], for a spectrum that is flat in f_nu and small E(B-V)."""
    through = [
        np.sum(b.weights / b.wave**2 * odonnell94(b.wave, r_v)) / np.sum(b.weights / b.wave**2)
        for b in passbands.bands
    ]
    extinction = r_v * np.array(through)
    extinction.flags.writeable = False  # one array for all callers
    return extinction
