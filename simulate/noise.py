"""Photometric errors and the noise drawn from them.

Every model says of each visit: a background (variance that is always there, nJy^2) and a Poisson
coefficient (variance per nJy of light in the aperture, nJy). Template images add one error for an
object and band that all its visits share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import InputError
from brokerbench.kernels import source_stamp
from brokerbench.tables import FLAG_NO_MODEL, FLAG_SATURATED, Visits
from simulate.instruments import Instrument
from simulate.source import Light

__all__ = [
    "GAMMA",
    "Cuts",
    "Measured",
    "Veil",
    "VisitNoise",
    "Where",
    "depth_error",
    "depth_noise",
    "measure",
    "sky_noise",
    "template_error",
]

Array = NDArray[np.float64]
Flux = NDArray[np.float32]

GAMMA = 0.039
"""Sky and read-noise parameter of LSST's error model in g, r, i, z, y (0.038 in u)."""

ZERO_POINT = 31.4  # AB magnitude of 1 nJy

_SOURCE = source_stamp("brokerbench.tables")


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


@dataclass(frozen=True, eq=False)
class Veil:
    """What is between objects and their measurements, f4[n, b] each.

    dimming: factor that the Milky Way's dust leaves. surface: light of the host under the object
    [nJy/arcsec2]. shift: error of the template image [nJy].
    """

    dimming: Flux
    surface: Flux
    shift: Flux


class Measured(NamedTuple):
    """Measurements f4[R] nJy: true difference, its measurement and error; detected bool[R], flags u1[R]."""

    difference: Flux
    flux: Flux
    flux_err: Flux
    detected: NDArray[np.bool_]
    flags: NDArray[np.uint8]


def measure(light: Light, veil: Veil, where: Where, normal: Flux, cuts: Cuts) -> Measured:
    """Light as a survey measures it, given unit normals f4[R].

    The error has the background of the visit, Poisson noise of all light in the aperture (the
    template's subtraction does not remove it), and the template's error. A flux that is NaN (no model)
    stays NaN and is not detected; neither is what saturates.
    """
    size = len(light.flux)
    template = light.template
    if template is None:
        template = np.zeros(veil.dimming.shape, "f4")
    out = Measured(
        np.empty(size, "f4"),
        np.empty(size, "f4"),
        np.empty(size, "f4"),
        np.empty(size, bool),
        np.empty(size, "u1"),
    )
    _measure(
        (light.flux, template),
        (veil.dimming, veil.surface, veil.shift),
        (where.offsets, where.visit, where.band),
        (where.noise.background, where.noise.poisson, where.noise.area),
        (normal, cuts.shared, cuts.saturation, cuts.threshold),
        tuple(out),
    )
    return out


@dataclass(frozen=True, eq=False)
class Where:
    """Which visit each measurement belongs to: offsets i8[n + 1], visit i4[R], band i1[R]."""

    offsets: NDArray[np.int64]
    visit: NDArray[np.int32]
    band: NDArray[np.int8]
    noise: VisitNoise


@dataclass(frozen=True, eq=False)
class Cuts:
    """By band f4[b]: error of the template, saturation [nJy]; and the S/N that detects."""

    shared: Flux
    saturation: Flux
    threshold: float


@numba.njit(cache=True, nogil=True)
def _measure(light, veil, where, noise, cuts, out, source=_SOURCE):  # type: ignore[no-untyped-def]
    flux, template = light
    dimming, surface, shift = veil
    offsets, visit, band = where
    background, poisson, area = noise
    normal, shared, saturation, threshold = cuts
    difference, measured, error, detected, flags = out
    for k in range(offsets.size - 1):
        for i in range(offsets[k], offsets[k + 1]):
            b, v = band[i], visit[i]
            total = np.float64(flux[i]) * np.float64(dimming[k, b])
            true = total - np.float64(template[k, b]) * np.float64(dimming[k, b])
            own = np.float64(background[v])
            bright = total + np.float64(surface[k, b]) * np.float64(area[v])
            if bright > 0.0:  # false for NaN too
                own += np.float64(poisson[v]) * bright
            sigma = np.sqrt(own + np.float64(shared[b]) ** 2)
            seen = true + np.sqrt(own) * normal[i] + shift[k, b]
            saturated = total > saturation[b]
            difference[i] = true
            measured[i] = seen
            error[i] = sigma
            detected[i] = abs(seen) > threshold * sigma and not saturated
            flags[i] = (FLAG_NO_MODEL if np.isnan(true) else 0) | (FLAG_SATURATED if saturated else 0)
