"""Light of stars that burst now and then: flares of M dwarfs, outbursts of dwarf novae.

When a burst happens is a property of the star, not of the visits: it follows from the star's number
`path` by hashing, so that any visit at any time sees the same bursts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from simulate.source import Light, Scene
from simulate.stars import nanojansky

__all__ = ["Flares", "Outbursts", "davenport", "flaring_light", "outburst_light"]

Array = NDArray[np.float64]

CELL = 0.25  # d: flares begin in cells of time, and none lasts longer than a cell


@dataclass(frozen=True, eq=False)
class Flares:
    """Flaring stars.

    path: f8[n], whole numbers. rate: f8[n] 1/d above least f8[n] dex(erg). index: f8[n], N(>E) ~
    E^-index. quiet: f8[n, b] mag. bright: f8[n, b] nJy of a flare of 1e30 erg/s.
    """

    path: Array
    rate: Array
    least: Array
    index: Array
    quiet: Array
    bright: Array


@dataclass(frozen=True, eq=False)
class Outbursts:
    """Stars that burst every `recurrence` f8[n] d, give or take a third.

    plateau: f8[n] d. decline: f8[n] mag/d. super_every: f8[n]. quiet, bright: f8[n, b] mag.
    """

    path: Array
    recurrence: Array
    plateau: Array
    decline: Array
    super_every: Array
    quiet: Array
    bright: Array


@numba.njit(cache=True, nogil=True)
def davenport(x):  # type: ignore[no-untyped-def]
    """Flux over that at the peak, x full widths after it (Davenport et al. 2014 eq. 1 and 4)."""
    if x < -1.0:
        return 0.0
    if x <= 0.0:
        return 1 + 1.941 * x - 0.175 * x**2 - 2.246 * x**3 - 1.125 * x**4
    return 0.6890 * np.exp(-1.600 * x) + 0.3030 * np.exp(-0.2783 * x)


def flaring_light(flares: Flares, scene: Scene) -> Light:
    """Light [nJy] of flaring stars; the template is the quiet star.

    Durations: full width 3.5 min x (E / 1e32 erg)^0.39 (Hawley et al. 2014 sec. 4), at most 2 h.
    """
    quiet = nanojansky(flares.quiet)
    flux = np.empty(len(scene.mjd), "f4")
    _flare(
        (flares.path, flares.rate, flares.least, flares.index, quiet, flares.bright),
        (scene.offsets, scene.mjd, scene.band),
        flux,
    )
    return Light(flux, quiet)


def outburst_light(outbursts: Outbursts, scene: Scene) -> Light:
    """Light [nJy] of outbursting stars; the template is the quiet star.

    An outburst rises with 0.35 d an e-fold (mag), stays, declines; a superoutburst is 0.7 mag brighter
    and lasts four times as long, sinking 0.1 mag/d.
    """
    quiet, bright = nanojansky(outbursts.quiet), nanojansky(outbursts.bright)
    o = outbursts
    flux = np.empty(len(scene.mjd), "f4")
    _burst(
        (o.path, o.recurrence, o.plateau, o.decline, o.super_every, quiet, bright),
        (scene.t0, scene.offsets, scene.mjd, scene.band),
        flux,
    )
    return Light(flux, quiet)


@numba.njit(cache=True, nogil=True, inline="always")
def _uniform(path, cell, number):  # type: ignore[no-untyped-def]
    """A number in 0..1 that follows from three whole numbers (splitmix64, Steele et al. 2014)."""
    x = np.uint64(path) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(cell + 1_000_000) * np.uint64(
        0xD1B54A32D192ED03
    )
    x = x + np.uint64(number) * np.uint64(0x8CB92BA72F3D8DD7)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    x = x ^ (x >> np.uint64(31))
    return (x >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@numba.njit(cache=True, nogil=True)
def _flare(flares, scene, flux):  # type: ignore[no-untyped-def]
    path, rate, least, index, quiet, bright = flares
    offsets, mjd, band = scene
    for k in range(path.size):
        none = np.exp(-rate[k] * CELL)
        for i in range(offsets[k], offsets[k + 1]):
            b = band[i]
            total = np.float64(quiet[k, b])
            here = int(np.floor(mjd[i] / CELL))
            for cell in range(here - 1, here + 2):
                # how many begin in this cell: Poisson, by inversion
                u, number, chance = _uniform(path[k], cell, 0), 0, none
                below = chance
                while u > below and number < 30:
                    number += 1
                    chance *= rate[k] * CELL / number
                    below += chance
                for j in range(number):
                    peak = (cell + _uniform(path[k], cell, 1 + 2 * j)) * CELL
                    if abs(mjd[i] - peak) > CELL:
                        continue
                    e = least[k] - np.log10(1.0 - _uniform(path[k], cell, 2 + 2 * j)) / index[k]
                    e = min(e, 36.0)
                    width = min(3.5 / 1440 * 10 ** (0.39 * (e - 32.0)), 2.0 / 24)
                    shape = davenport((mjd[i] - peak) / width)
                    # energy = peak luminosity x width x 1.83 (integral of the template)
                    total += bright[k, b] * 10 ** (e - 30.0) / (width * 86400.0 * 1.83) * shape
            flux[i] = total


@numba.njit(cache=True, nogil=True)
def _burst(outbursts, scene, flux):  # type: ignore[no-untyped-def]
    path, recurrence, plateau, decline, every, quiet, bright = outbursts
    t0, offsets, mjd, band = scene
    for k in range(path.size):
        for i in range(offsets[k], offsets[k + 1]):
            b = band[i]
            cycle = int(np.floor((mjd[i] - t0[k]) / recurrence[k]))
            best = 0.0  # magnitudes below the top of an outburst: the brightest of neighbours counts
            found = False
            for number in range(cycle - 1, cycle + 2):
                start = t0[k] + (number + 0.66 * (_uniform(path[k], number, 0) - 0.5)) * recurrence[k]
                days = mjd[i] - start
                if days < -3.0:
                    continue
                grand = every[k] < 1e5 and (number + np.int64(path[k]) % 1000) % np.int64(every[k]) == 0
                length = plateau[k] * (0.6 + 0.8 * _uniform(path[k], number, 1)) * (4.0 if grand else 1.0)
                length = min(length, 0.6 * recurrence[k])
                down = 0.5 * (_uniform(path[k], number, 2) - 0.5) + (-0.7 if grand else 0.0)
                if days < 0:
                    down += -days / 0.35
                elif days > length:
                    down += (days - length) * decline[k] + (0.1 * length if grand else 0.0)
                else:
                    down += 0.1 * days if grand else 0.0
                if not found or down < best:
                    best, found = down, True
            total = np.float64(quiet[k, b])
            if found and best < 15.0:
                total += bright[k, b] * 10 ** (-0.4 * best)
            flux[i] = total
