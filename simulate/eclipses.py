"""Light of eclipsing pairs: overlapping limb-darkened disks, ellipsoidal and reflected light."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from simulate.periodic import TEMPLATE_VISITS
from simulate.source import Light, Scene
from simulate.stars import nanojansky

__all__ = ["Pair", "eclipsing_light"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Pair:
    """Circular orbits of two spheres.

    period: f8[n] d. r1, r2: f8[n], radii over the separation. cos_i: f8[n]. brightness: f8[n, b],
    surface brightness of the second over the first. limb: f8[n, b], linear limb darkening. magnitude:
    f8[n, b], at quadrature without the tidal terms.
    """

    period: Array
    r1: Array
    r2: Array
    cos_i: Array
    brightness: Array
    limb: Array
    magnitude: Array


def eclipsing_light(pair: Pair, scene: Scene, rng: np.random.Generator) -> Light:
    """Light [nJy] of eclipsing pairs; the second star is behind the first at t0.

    Eclipses: the overlap of two disks, weighted with the mean limb darkening of the part that is hidden.
    Ellipsoidal term: -0.5 (1 + limb/4) (r1^3 + r2^3) sin^2 i cos 2 phi; reflection: 0.3 r^2 terms in
    cos phi (leading terms of Morris 1985).
    """
    at = rng.random((len(scene), TEMPLATE_VISITS))
    full = nanojansky(pair.magnitude)
    flux = np.empty(len(scene.mjd), "f4")
    template = np.empty((len(scene), len(scene.passbands)), "f4")
    _eclipse(
        (pair.period, pair.r1, pair.r2, pair.cos_i, pair.brightness, pair.limb, full),
        (scene.t0, scene.offsets, scene.mjd, scene.band),
        at,
        flux,
        template,
    )
    return Light(flux, template)


@numba.njit(cache=True, nogil=True)
def _overlap(d, a, b):  # type: ignore[no-untyped-def]
    """Area that two circles of radii a and b share, their centres d apart."""
    if d >= a + b:
        return 0.0
    if d <= abs(a - b):
        return np.pi * min(a, b) ** 2
    x = (d * d + a * a - b * b) / (2 * d)
    y = (d * d + b * b - a * a) / (2 * d)
    triangle = (-d + a + b) * (d + a - b) * (d - a + b) * (d + a + b)
    return (
        a * a * np.arccos(min(1.0, max(-1.0, x / a)))
        + b * b * np.arccos(min(1.0, max(-1.0, y / b)))
        - 0.5 * np.sqrt(max(triangle, 0.0))
    )


@numba.njit(cache=True, nogil=True)
def _hidden(d, behind, front, limb):  # type: ignore[no-untyped-def]
    """Share of the light of the star behind that the star in front hides."""
    area = _overlap(d, behind, front)
    if area <= 0.0:
        return 0.0
    # the hidden part lies about here on the disk behind; linear law, normalised to its mean
    r = min(max(d - 0.5 * front, 0.0) / behind, 0.95)
    intensity = (1.0 - limb * (1.0 - np.sqrt(1.0 - r * r))) / (1.0 - limb / 3.0)
    # a disk that is not all covered keeps some light, however bright its middle
    return min(area / (np.pi * behind * behind) * intensity, 1.3 * (front / behind) ** 2, 0.999)


@numba.njit(cache=True, nogil=True)
def _relative(turn, r1, r2, cos_i, brightness, limb):  # type: ignore[no-untyped-def]
    """Flux over that at quadrature, at a phase in turns."""
    cos, sin = np.cos(2 * np.pi * turn), np.sin(2 * np.pi * turn)
    d = np.sqrt(sin * sin + cos * cos * cos_i * cos_i)
    l1, l2 = r1 * r1, r2 * r2 * brightness
    if d < r1 + r2:
        if cos > 0:
            l2 *= 1.0 - _hidden(d, r2, r1, limb)
        else:
            l1 *= 1.0 - _hidden(d, r1, r2, limb)
    sin_i2 = 1.0 - cos_i * cos_i
    tide = 0.5 * (1.0 + 0.25 * limb) * (r1**3 + r2**3) * 2.0 * sin_i2 * (2 * cos * cos - 1)
    reflect = 0.15 * (r2 * r2 - r1 * r1 * brightness) * np.sqrt(sin_i2) * cos
    return (l1 + l2) / (r1 * r1 + r2 * r2 * brightness) * (1.0 - tide + reflect)


@numba.njit(cache=True, nogil=True)
def _eclipse(pair, scene, at, flux, template):  # type: ignore[no-untyped-def]
    period, r1, r2, cos_i, brightness, limb, full = pair
    t0, offsets, mjd, band = scene
    for k in range(period.size):
        for i in range(offsets[k], offsets[k + 1]):
            b = band[i]
            turn = (mjd[i] - t0[k]) / period[k]
            flux[i] = full[k, b] * _relative(turn, r1[k], r2[k], cos_i[k], brightness[k, b], limb[k, b])
        for b in range(template.shape[1]):
            total = 0.0
            for j in range(at.shape[1]):
                total += _relative(at[k, j], r1[k], r2[k], cos_i[k], brightness[k, b], limb[k, b])
            template[k, b] = full[k, b] * total / at.shape[1]
