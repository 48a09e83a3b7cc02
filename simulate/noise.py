"""Photometric errors and the noise drawn from them.

Every model says of each visit: a background (variance that is always there, nJy^2) and a Poisson
coefficient (variance per nJy of light in the aperture, nJy). Template images add one error for an
object and band that all its visits share.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import InputError
from brokerbench.tables import Visits
from simulate.instruments import Instrument

__all__ = ["GAMMA", "VisitNoise", "depth_error", "depth_noise", "measure", "sky_noise"]

Array = NDArray[np.float64]
Flux = NDArray[np.float32]

GAMMA = 0.039
"""Sky and read-noise parameter of LSST's error model in g, r, i, z, y (0.038 in u)."""

ZERO_POINT = 31.4  # AB magnitude of 1 nJy
TEMPLATE_FLOOR = 1e-3  # the least share of a visit's variance that a template has


@dataclass(frozen=True, eq=False)
class VisitNoise:
    """Noise of each visit: background f4[v] nJy^2, poisson f4[v] nJy; area f4[v] arcsec^2 of the aperture."""

    background: Flux
    poisson: Flux
    area: Flux


def depth_error(total: Array, depth: Array) -> Array:
    """Flux errors f8[R] nJy: sigma^2 = (0.04 - g) F F5 + g F5^2, g = `GAMMA`.

    total: f8[R] nJy, all light of the source, values below 0 count as 0. depth: f8[R] nJy, the flux
    F5 at the 5-sigma depth. Ivezic et al. 2019 eq. 5, in flux; sigma = F5 / 5 at F = F5.
    """
    return np.sqrt((0.04 - GAMMA) * np.maximum(total, 0.0) * depth + GAMMA * depth * depth)


def depth_noise(visits: Visits) -> VisitNoise:
    """Noise of each visit by its 5-sigma depth alone: see `depth_error`."""
    depth = 10 ** (0.4 * (ZERO_POINT - visits.m5.astype("f8")))
    seeing = np.where(np.isfinite(visits.seeing), visits.seeing, 0.9)
    return VisitNoise(
        (GAMMA * depth**2).astype("f4"), ((0.04 - GAMMA) * depth).astype("f4"), aperture(seeing)
    )


def aperture(seeing: Array) -> Flux:
    """Noise-equivalent area f4[v] arcsec^2 of a Gaussian image: 4 pi sigma^2 = 2.266 FWHM^2."""
    return (2.266 * np.asarray(seeing, "f8") ** 2).astype("f4")


def sky_noise(visits: Visits, bands: tuple[str, ...], camera: Instrument) -> VisitNoise:
    """Noise of each visit by its sky, seeing, exposure and the camera's read noise and zero points.

    Variance in electrons: sky A + RN^2 A, A = 2.266 (FWHM / pixel)^2; 1 nJy is 10^(0.4 (zp - 31.4)) t
    electrons, zp = zp(1 s) - k (X - 1). Raises InputError where a visit has no sky, seeing or exposure.
    """
    for name in ("sky", "seeing", "exposure"):
        missing = ~np.isfinite(getattr(visits, name))
        if missing.any():
            raise InputError(
                f"survey.noise: expected a {name} for every visit, got {missing.sum()} without; "
                "use noise = 'depth' with this cadence"
            )
    airmass = np.where(np.isfinite(visits.airmass), visits.airmass, 1.2).astype("f8")
    at_one = np.array([camera.zero_point[b] for b in bands])[visits.band]
    zero_point = at_one - np.array([camera.extinction[b] for b in bands])[visits.band] * (airmass - 1)
    exposure = visits.exposure.astype("f8")
    electrons = 10 ** (0.4 * (zero_point - ZERO_POINT)) * exposure  # per nJy
    pixels = 2.266 * (visits.seeing.astype("f8") / camera.pixel) ** 2
    # the sky's magnitude is what reaches the camera: its zero point has no extinction
    sky = 10 ** (0.4 * (at_one - visits.sky.astype("f8"))) * exposure * camera.pixel**2
    variance = (sky + camera.read_noise**2) * pixels
    return VisitNoise(
        (variance / electrons**2).astype("f4"), (1 / electrons).astype("f4"), aperture(visits.seeing)
    )


def template_error(noise: VisitNoise, band: NDArray[np.int8], count: int, visits: int) -> Flux:
    """Error f4[b] nJy of a template made of `visits` images of median noise in each of `count` bands."""
    typical = np.zeros(count)
    for b in range(count):
        here = band == b
        typical[b] = np.median(noise.background[here]) if here.any() else 0.0
    return np.sqrt(typical / visits).astype("f4")


@numba.njit(cache=True, nogil=True)
def measure(light, noise, normal, threshold, out):  # type: ignore[no-untyped-def]
    """Fill flux, flux_err f4[R] nJy and detected bool[R] from true fluxes and unit normals.

    light: (difference, total, shift, shared) f4[R] nJy: what the difference image holds, all light in
    the aperture (its Poisson noise stays when the template is subtracted), the template's error in
    this band as it was drawn, and its size. noise: (background nJy^2, poisson nJy) f4[R]. normal:
    f4[R]. out: (flux, flux_err, detected). A difference that is NaN (no model) stays NaN and is not
    detected.
    """
    difference, total, shift, shared = light
    background, poisson = noise
    flux, flux_err, detected = out
    for i in range(difference.size):
        own = np.float64(background[i])
        if total[i] > 0.0:  # false for NaN too
            own += np.float64(poisson[i]) * np.float64(total[i])
        error = np.sqrt(own + np.float64(shared[i]) * np.float64(shared[i]))
        seen = np.float64(difference[i]) + np.sqrt(own) * normal[i] + shift[i]
        flux[i] = seen
        flux_err[i] = error
        detected[i] = abs(seen) > threshold * error
