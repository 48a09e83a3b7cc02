"""Light of sources that wander: damped random walks in magnitude, exact at the times of the visits."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from simulate.source import Light, Scene

__all__ = ["Drift", "Walk", "walking_light"]

Array = NDArray[np.float64]

TEMPLATE_DAYS = np.array([-900.0, -700.0, -500.0, -300.0])
"""When, before the first visit, the images were taken that are subtracted."""


@dataclass(frozen=True, eq=False)
class Walk:
    """Damped random walks: mean f8[n, b] mag, sigma f8[n, b] mag (rms), tau f8[n] d (observer's frame)."""

    mean: Array
    sigma: Array
    tau: Array


@dataclass(frozen=True, eq=False)
class Drift:
    """Change of the mean: brighter by step f8[n] mag, half of it by centre f8[n] MJD; width f8[n] d."""

    step: Array
    centre: Array
    width: Array


def walking_light(walk: Walk, scene: Scene, rng: np.random.Generator, *, drift: Drift | None = None) -> Light:
    """Light [nJy] of damped random walks, all bands in step, and its mean in the template images.

    One path x an object with unit variance and correlation exp(-dt / tau) (Kelly, Bechtold &
    Siemiginowska 2009 eq. 1-6); the magnitude in a band is mean + sigma x. The path begins in the
    template images, so that the difference flux is right.
    """
    n = len(scene)
    still = np.zeros(n)
    moving = (drift.step, drift.centre, drift.width) if drift else (still, still, still + 1.0)
    before = rng.standard_normal((n, len(TEMPLATE_DAYS)), dtype="f4")
    steps = rng.standard_normal(len(scene.mjd), dtype="f4")
    flux = np.empty(len(scene.mjd), "f4")
    template = np.zeros((n, len(scene.passbands)), "f4")
    _wander(
        (walk.mean, walk.sigma, walk.tau),
        (scene.offsets, scene.mjd, scene.band),
        (before, TEMPLATE_DAYS, steps),
        moving,
        flux,
        template,
    )
    return Light(flux, template)


@numba.njit(cache=True, nogil=True)
def _wander(walk, scene, draws, drift, flux, template):  # type: ignore[no-untyped-def]
    mean, sigma, tau = walk
    offsets, mjd, band = scene
    before, days, steps = draws
    step, centre, width = drift
    for k in range(tau.size):
        if offsets[k] == offsets[k + 1]:
            continue
        x, last = np.float64(before[k, 0]), days[0]
        for j in range(days.size):
            if j:
                keep = np.exp((last - days[j]) / tau[k])
                x, last = x * keep + np.sqrt(1.0 - keep * keep) * before[k, j], days[j]
            for b in range(template.shape[1]):
                mag = mean[k, b] + sigma[k, b] * x
                if step[k] != 0.0:
                    at = mjd[offsets[k]] + days[j]
                    mag -= step[k] / (1.0 + np.exp(-(at - centre[k]) / width[k]))
                template[k, b] += np.exp(0.921034037197618 * (31.4 - mag)) / days.size
        time = mjd[offsets[k]] + last
        for i in range(offsets[k], offsets[k + 1]):
            keep = np.exp((time - mjd[i]) / tau[k])
            x = x * keep + np.sqrt(1.0 - keep * keep) * steps[i]
            time = mjd[i]
            mag = mean[k, band[i]] + sigma[k, band[i]] * x
            if step[k] != 0.0:
                mag -= step[k] / (1.0 + np.exp(-(time - centre[k]) / width[k]))
            flux[i] = np.exp(0.921034037197618 * (31.4 - mag))
